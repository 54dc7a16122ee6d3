/*
 * Landing, the push ledger - what partners are to get of ours, and what became of it.
 */

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/landing_internal.h"

#define COLUMNS                                                                                    \
    "partner, rtype, id, version, deletion, state, confirmed, content, remote_id, remote_version," \
    " attempts, not_before, reason"

static const char letters[] = "PSUCF"; /* enum landing_push_state */

static bool plan(struct pg *pg, int32_t partner, const struct landing_push *pushes, size_t count,
                 struct arena *arena, struct err *err);
static bool move_position(struct pg *pg, int32_t partner, const struct store_feed_position *from,
                          const struct store_feed_position *to, struct arena *arena, bool *moved,
                          struct err *err);
static bool mark(struct pg *pg, const struct landing_push *pushes, size_t count,
                 struct arena *arena, struct err *err);
static bool link_remotes(struct store *store, struct pg *pg, const struct landing_push *pushes,
                         size_t count, struct arena *arena, struct err *err);
static void fill(const struct pg_result *result, int row, int column, struct landing_push *push);
static void fill_list(const struct pg_result *result, struct arena *arena,
                      struct landing_push **pushes, size_t *count);

bool landing_push_position(struct store *store, int32_t partner,
                           struct store_feed_position *position, struct err *err)
{
    static const struct pg_statement ask = {
        "select push_epoch, push_xact::text::int8, push_seq from f_partner"
        " where number = $1::int4"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    bool good =
        pg_query(store->read, &ask, &params, arena, &result, err) &&
        (pg_rows(result) > 0 || err_set(err, ERR_NOT_FOUND, NULL, "There is no such partner."));
    if (good)
        *position = (struct store_feed_position){
            .epoch = (uint32_t)pg_int8(result, 0, 0),
            .transaction = (uint64_t)pg_int8(result, 0, 1),
            .sequence = pg_int8(result, 0, 2),
        };
    arena_free(arena);
    return good;
}

bool landing_push_plan(struct store *store, int32_t partner, const struct landing_push *pushes,
                       size_t count, const struct store_feed_position *from,
                       const struct store_feed_position *to, bool *moved, struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);
    struct arena *arena;

    if (!pg)
        return false;
    arena = arena_new();
    pg_begin(pg);
    bool good = move_position(pg, partner, from, to, arena, moved, err);
    if (good && *moved)
        good = plan(pg, partner, pushes, count, arena, err) && pg_commit(pg, err);
    pool_release(store->transactions, pg);
    arena_free(arena);
    return good;
}

static bool move_position(struct pg *pg, int32_t partner, const struct store_feed_position *from,
                          const struct store_feed_position *to, struct arena *arena, bool *moved,
                          struct err *err)
{
    static const struct pg_statement move = {
        "update f_partner set push_epoch = $5::int8, push_xact = $6::int8::text::xid8,"
        " push_seq = $7::int8 where number = $1::int4 and push_epoch = $2::int8"
        " and push_xact = $3::int8::text::xid8 and push_seq = $4::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    pg_add_int8(&params, from->epoch);
    pg_add_int8(&params, (int64_t)from->transaction);
    pg_add_int8(&params, from->sequence);
    pg_add_int8(&params, to->epoch);
    pg_add_int8(&params, (int64_t)to->transaction);
    pg_add_int8(&params, to->sequence);
    if (!pg_query(pg, &move, &params, arena, &result, err))
        return false;
    *moved = pg_affected(result) == 1;
    return true;
}

/* Of several versions of one resource the newest; while one is under way the next one waits in
 * `wanted`. */
static bool plan(struct pg *pg, int32_t partner, const struct landing_push *pushes, size_t count,
                 struct arena *arena, struct err *err)
{
    static const struct pg_statement insert = {
        "insert into f_push as p (partner, rtype, id, state, deletion, wanted_deletion, version,"
        " wanted) select distinct on (rtype, id) $1::int4, rtype, id, 'P'::\"char\", deletion <> 0,"
        " deletion <> 0, version, version from unnest($2::int2[], $3::text[], $4::int2[],"
        " $5::int8[]) x(rtype, id, deletion, version) order by rtype, id, version desc"
        " on conflict (partner, rtype, id) do update set wanted = excluded.wanted,"
        " wanted_deletion = excluded.deletion,"
        " version = case when p.state in ('S', 'U') then p.version else excluded.version end,"
        " deletion = case when p.state in ('S', 'U') then p.deletion else excluded.deletion end,"
        " state = case when p.state in ('S', 'U') then p.state else 'P'::\"char\" end,"
        " attempts = case when p.state in ('S', 'U', 'P') then p.attempts else 0 end,"
        " planned = case when p.state = 'P' then p.planned else clock_timestamp() end,"
        " not_before = case when p.state in ('S', 'U', 'P') then p.not_before end"
        " where p.wanted < excluded.wanted and p.confirmed < excluded.wanted"};
    struct pg_params params = pg_params_in(arena);
    int16_t *rtypes = arena_many(arena, int16_t, count);
    int16_t *deletions = arena_many(arena, int16_t, count);
    int64_t *versions = arena_many(arena, int64_t, count);
    struct text *ids = arena_many(arena, struct text, count);
    const struct pg_result *result;

    for (size_t i = 0; i < count; i++) {
        if (!landing_type(pushes[i].type, &rtypes[i], err))
            return false;
        deletions[i] = pushes[i].deletion;
        versions[i] = pushes[i].version;
        ids[i] = text_of(pushes[i].id);
    }
    pg_add_int4(&params, partner);
    pg_add_int2_array(&params, rtypes, count);
    pg_add_text_array(&params, ids, count);
    pg_add_int2_array(&params, deletions, count);
    pg_add_int8_array(&params, versions, NULL, count);
    return count == 0 || pg_query(pg, &insert, &params, arena, &result, err);
}

bool landing_push_due(struct store *store, int32_t partner, unsigned limit, struct arena *arena,
                      struct landing_push **pushes, size_t *count, struct err *err)
{
    static const struct pg_statement due = {
        "select " COLUMNS " from f_push where partner = $1::int4 and state in ('P', 'S', 'U')"
        " and (not_before is null or not_before <= clock_timestamp()) order by planned"
        " limit $2::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &due, &params, arena, &result, err))
        return false;
    fill_list(result, arena, pushes, count);
    return true;
}

bool landing_push_next(struct store *store, int32_t partner, int64_t *time, struct err *err)
{
    static const struct pg_statement next = {
        "select min(coalesce(not_before, planned)) from f_push where partner = $1::int4"
        " and state in ('P', 'S', 'U')"};
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = landing_of_partner(store, &next, partner, arena, &result, err);

    if (good)
        *time = pg_is_null(result, 0, 0) ? INT64_MAX : pg_timestamp(result, 0, 0);
    arena_free(arena);
    return good;
}

bool landing_push_read(struct store *store, int32_t partner, const char *type,
                       const struct text *ids, size_t count, struct arena *arena,
                       struct landing_push **pushes, struct err *err)
{
    static const struct pg_statement read = {
        "select k.place, " COLUMNS " from unnest($3::text[]) with ordinality k(key, place)"
        " join f_push on partner = $1::int4 and rtype = $2::int2 and id = k.key"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    int16_t rtype;

    if (!landing_type(type, &rtype, err))
        return false;
    pg_add_int4(&params, partner);
    pg_add_int2(&params, rtype);
    pg_add_text_array(&params, ids, count);
    if (!pg_query(store->read, &read, &params, arena, &result, err))
        return false;
    memset(pushes, 0, count * sizeof(struct landing_push *));
    for (int i = 0; i < pg_rows(result); i++) {
        struct landing_push *push = arena_one(arena, struct landing_push);

        fill(result, i, 1, push);
        pushes[pg_int8(result, i, 0) - 1] = push;
    }
    return true;
}

bool landing_push_mark(struct store *store, const struct landing_push *pushes, size_t count,
                       struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);
    struct arena *arena;

    if (!pg)
        return false;
    arena = arena_new();
    pg_begin(pg);
    bool good =
        count == 0 || (mark(pg, pushes, count, arena, err) &&
                       link_remotes(store, pg, pushes, count, arena, err) && pg_commit(pg, err));
    pool_release(store->transactions, pg);
    arena_free(arena);
    return good;
}

/* Only of the version it names: a ledger that knows better is left alone. What ends makes way for
 * a newer version that waits. */
static bool mark(struct pg *pg, const struct landing_push *pushes, size_t count,
                 struct arena *arena, struct err *err)
{
    static const struct pg_statement statement = {
        "update f_push p set"
        " state = case when ended and p.wanted > p.version then 'P'::\"char\""
        "  else x.state::\"char\" end,"
        " version = case when ended then p.wanted else p.version end,"
        " deletion = case when ended then p.wanted_deletion else p.deletion end,"
        " confirmed = case when x.state = 'C' then p.version else p.confirmed end,"
        " attempts = case when x.state = 'S' then p.attempts + 1"
        "  when ended and p.wanted > p.version then 0 else p.attempts end,"
        " planned = case when ended and p.wanted > p.version then clock_timestamp()"
        "  else p.planned end,"
        " content = coalesce(nullif(x.content, 0), p.content),"
        " remote_id = coalesce(x.remote_id, p.remote_id),"
        " remote_version = coalesce(x.remote_version, p.remote_version),"
        " not_before = case when p.wanted > p.version and ended then null else x.not_before end, "
        "reason = x.reason"
        " from unnest($1::int4[], $2::int2[], $3::text[], $4::int8[], $5::text[], $6::int8[],"
        " $7::text[], $8::text[], $9::timestamptz[], $10::text[])"
        " x(partner, rtype, id, version, state, content, remote_id, remote_version, not_before,"
        " reason), lateral (select x.state in ('C', 'F', 'P') as ended) e"
        " where p.partner = x.partner and p.rtype = x.rtype and p.id = x.id"
        " and p.version = x.version"};
    struct pg_params params = pg_params_in(arena);
    int32_t *partners = arena_many(arena, int32_t, count);
    int16_t *rtypes = arena_many(arena, int16_t, count);
    int64_t *versions = arena_many(arena, int64_t, count);
    int64_t *contents = arena_many(arena, int64_t, count);
    int64_t *times = arena_many(arena, int64_t, count);
    bool *no_times = arena_many(arena, bool, count);
    struct text *texts = arena_many(arena, struct text, 5 * count);
    const struct pg_result *result;

    for (size_t i = 0; i < count; i++) {
        const struct landing_push *push = &pushes[i];

        partners[i] = push->partner;
        if (!landing_type(push->type, &rtypes[i], err))
            return false;
        versions[i] = push->version;
        contents[i] = (int64_t)push->content;
        times[i] = push->not_before;
        no_times[i] = push->not_before == INT64_MIN || push->not_before == 0;
        texts[i] = text_of(push->id);
        texts[count + i] = (struct text){&letters[push->state], 1};
        texts[2 * count + i] = text_of(push->remote_id);
        texts[3 * count + i] = text_of(push->remote_version);
        texts[4 * count + i] = text_of(push->reason);
    }
    pg_add_int4_array(&params, partners, count);
    pg_add_int2_array(&params, rtypes, count);
    pg_add_text_array(&params, texts, count);
    pg_add_int8_array(&params, versions, NULL, count);
    pg_add_text_array(&params, texts + count, count);
    pg_add_int8_array(&params, contents, NULL, count);
    pg_add_text_array(&params, texts + 2 * count, count);
    pg_add_text_array(&params, texts + 3 * count, count);
    pg_add_timestamp_array(&params, times, no_times, count);
    pg_add_text_array(&params, texts + 4 * count, count);
    return pg_query(pg, &statement, &params, arena, &result, err);
}

/* What comes back under the partner's id is ours. Where it is known as the partner's own already,
 * it stays that; and where others have mentioned it, mentioned until it comes: what they say of it
 * is applied again then. */
static bool link_remotes(struct store *store, struct pg *pg, const struct landing_push *pushes,
                         size_t count, struct arena *arena, struct err *err)
{
    static const struct pg_statement statement = {
        "insert into f_identity as f (local, unit, partner, rtype, presence, id, linked)"
        " select local, 0, partner, rtype, 'P', id, linked from unnest($1::bytea[], $2::int4[],"
        " $3::int2[], $4::text[], $5::text[]) x(local, partner, rtype, id, linked)"
        " on conflict (local) do update set linked = excluded.linked where f.presence = 'M'"};
    struct pg_params params = pg_params_in(arena);
    struct local *keys = arena_many(arena, struct local, count);
    int32_t *partners = arena_many(arena, int32_t, count);
    int16_t *rtypes = arena_many(arena, int16_t, count);
    struct text *texts = arena_many(arena, struct text, 3 * count);
    const struct pg_result *result;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        const struct landing_push *push = &pushes[i];

        if (push->state != LANDING_CONFIRMED || !push->remote_id || push->deletion)
            continue;
        if (!landing_type(push->type, &rtypes[used], err))
            return false;
        keys[used] = local_of(store, push->partner, text_of(push->type), text_of(push->remote_id));
        partners[used] = push->partner;
        texts[used] = (struct text){(const char *)keys[used].bytes, LOCAL_SIZE};
        texts[count + used] = text_of(push->remote_id);
        texts[2 * count + used] = text_of(push->id);
        used++;
    }
    pg_add_bytea_array(&params, texts, used);
    pg_add_int4_array(&params, partners, used);
    pg_add_int2_array(&params, rtypes, used);
    pg_add_text_array(&params, texts + count, used);
    pg_add_text_array(&params, texts + 2 * count, used);
    return used == 0 || pg_query(pg, &statement, &params, arena, &result, err);
}

bool landing_push_list(struct store *store, int32_t partner, int state, unsigned limit,
                       struct arena *arena, struct landing_push **pushes, size_t *count,
                       struct err *err)
{
    static const struct pg_statement list = {
        "select " COLUMNS " from f_push where partner = $1::int4"
        " and state = coalesce($2::\"char\", state) and ($2::\"char\" is not null or state <> 'C')"
        " order by planned limit $3::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    if (state < 0)
        pg_add_null(&params);
    else
        pg_add_char(&params, letters[state]);
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &list, &params, arena, &result, err))
        return false;
    fill_list(result, arena, pushes, count);
    return true;
}

static void fill_list(const struct pg_result *result, struct arena *arena,
                      struct landing_push **pushes, size_t *count)
{
    *count = (size_t)pg_rows(result);
    *pushes = arena_many(arena, struct landing_push, *count);
    for (size_t i = 0; i < *count; i++)
        fill(result, (int)i, 0, &(*pushes)[i]);
}

static void fill(const struct pg_result *result, int row, int column, struct landing_push *push)
{
    const char *letter = strchr(letters, pg_char(result, row, column + 5));

    *push = (struct landing_push){
        .partner = pg_int4(result, row, column),
        .type = table_type_name(pg_int2(result, row, column + 1)),
        .id = pg_text(result, row, column + 2).data,
        .version = pg_int8(result, row, column + 3),
        .deletion = pg_bool(result, row, column + 4),
        .state = letter ? (enum landing_push_state)(letter - letters) : LANDING_FAILED,
        .confirmed = pg_int8(result, row, column + 6),
        .content =
            pg_is_null(result, row, column + 7) ? 0 : (uint64_t)pg_int8(result, row, column + 7),
        .remote_id = pg_text(result, row, column + 8).data,
        .remote_version = pg_text(result, row, column + 9).data,
        .attempts = pg_int4(result, row, column + 10),
        .not_before = landing_time(result, row, column + 11),
        .reason = pg_text(result, row, column + 12).data,
    };
}
