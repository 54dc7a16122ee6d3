/*
 * Landing, partners - their configuration in versions, and their cursors.
 */

#include "base/arena.h"
#include "storage/landing_internal.h"

#define PARTNER                                                                                    \
    "select p.number, p.name, p.tenant, c.version, c.config, c.made, p.paused, p.pause_reason,"    \
    " p.not_before from f_partner p join f_partner_config c on c.partner = p.number"

static bool put(struct store *store, const struct access *access, const char *name,
                struct text config, int32_t expected, struct pg *pg, struct arena *arena,
                struct landing_partner *partner, struct err *err);
static bool insert_version(struct pg *pg, int32_t partner, int32_t version, struct text config,
                           struct arena *arena, struct err *err);
static bool find(struct pg *pg, const struct access *access, const char *name, int32_t version,
                 struct arena *arena, struct landing_partner **partner, struct err *err);
static void fill_partner(const struct pg_result *result, int row, struct landing_partner *partner);
static void fill_cursor(const struct pg_result *result, int row, struct landing_cursor *cursor);

bool landing_partner_put(struct store *store, const struct access *access, const char *name,
                         struct text config, int32_t expected, struct arena *arena,
                         struct landing_partner *partner, struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);

    if (!pg)
        return false;
    pg_begin(pg);
    bool good =
        put(store, access, name, config, expected, pg, arena, partner, err) && pg_commit(pg, err);
    pool_release(store->transactions, pg);
    return good;
}

/* The row is there, and locked, before anything is compared. */
static bool put(struct store *store, const struct access *access, const char *name,
                struct text config, int32_t expected, struct pg *pg, struct arena *arena,
                struct landing_partner *partner, struct err *err)
{
    static const struct pg_statement insert = {
        "insert into f_partner (tenant, name, version) values ($1::int4, $2::text, 0)"
        " on conflict (tenant, name) do update set version = f_partner.version"
        " returning number, version"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    struct landing_partner *found;

    (void)store;
    pg_add_int4(&params, access->tenant);
    pg_add_text(&params, text_of(name));
    if (!pg_query(pg, &insert, &params, arena, &result, err))
        return false;

    int32_t number = pg_int4(result, 0, 0), version = pg_int4(result, 0, 1);
    if (expected >= 0 && version != expected)
        return err_set(err, ERR_CONFLICT, NULL,
                       expected == 0 ? "There is a partner of this name already."
                                     : "Somebody else changed the partner meanwhile.");
    if (!find(pg, access, name, 0, arena, &found, err))
        return false;
    if ((!found || !text_equals(found->config, config)) &&
        (!insert_version(pg, number, version + 1, config, arena, err) ||
         !find(pg, access, name, 0, arena, &found, err)))
        return false;
    *partner = *found;
    return true;
}

static bool insert_version(struct pg *pg, int32_t partner, int32_t version, struct text config,
                           struct arena *arena, struct err *err)
{
    static const struct pg_statement insert = {
        "with c as (insert into f_partner_config (partner, version, config)"
        " values ($1::int4, $2::int4, $3::text) returning partner, version)"
        " update f_partner p set version = c.version from c where p.number = c.partner"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    pg_add_int4(&params, version);
    pg_add_text(&params, config);
    return pg_query(pg, &insert, &params, arena, &result, err);
}

bool landing_partner_get(struct store *store, const struct access *access, const char *name,
                         int32_t version, struct arena *arena, struct landing_partner **partner,
                         struct err *err)
{
    return find(store->read, access, name, version, arena, partner, err);
}

static bool find(struct pg *pg, const struct access *access, const char *name, int32_t version,
                 struct arena *arena, struct landing_partner **partner, struct err *err)
{
    static const struct pg_statement statement = {
        PARTNER " and c.version = case $3::int4 when 0 then p.version else $3::int4 end"
                " where p.tenant = $1::int4 and p.name = $2::text"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    *partner = NULL;
    pg_add_int4(&params, access->tenant);
    pg_add_text(&params, text_of(name));
    pg_add_int4(&params, version);
    if (!pg_query(pg, &statement, &params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0)
        return true;
    *partner = arena_one(arena, struct landing_partner);
    fill_partner(result, 0, *partner);
    return true;
}

bool landing_partner_list(struct store *store, const struct access *access, struct arena *arena,
                          struct landing_partner **partners, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        PARTNER " and c.version = p.version where p.tenant = $1::int4 order by p.name"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, access->tenant);
    if (!pg_query(store->read, &statement, &params, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *partners = arena_many(arena, struct landing_partner, *count);
    for (size_t i = 0; i < *count; i++)
        fill_partner(result, (int)i, &(*partners)[i]);
    return true;
}

static void fill_partner(const struct pg_result *result, int row, struct landing_partner *partner)
{
    *partner = (struct landing_partner){
        .number = pg_int4(result, row, 0),
        .name = pg_text(result, row, 1).data,
        .tenant = pg_int4(result, row, 2),
        .version = pg_int4(result, row, 3),
        .config = pg_text(result, row, 4),
        .configured = pg_timestamp(result, row, 5),
        .paused = pg_bool(result, row, 6),
        .pause_reason = pg_text(result, row, 7).data,
        .not_before = landing_time(result, row, 8),
    };
}

bool landing_partner_pause(struct store *store, int32_t partner, const char *reason,
                           struct err *err)
{
    static const struct pg_statement pause = {
        "update f_partner set paused = true, pause_reason = $2::text where number = $1::int4"};
    struct pg_params params = pg_params_in(arena_new());

    pg_add_int4(&params, partner);
    pg_add_text(&params, text_of(reason));
    return landing_run_alone(store, &pause, &params, NULL, err);
}

bool landing_partner_resume(struct store *store, int32_t partner, struct err *err)
{
    static const struct pg_statement resume = {
        "update f_partner set paused = false, pause_reason = null where number = $1::int4"};
    struct pg_params params = pg_params_in(arena_new());

    pg_add_int4(&params, partner);
    return landing_run_alone(store, &resume, &params, NULL, err);
}

bool landing_partner_not_before(struct store *store, int32_t partner, int64_t time, struct err *err)
{
    static const struct pg_statement update = {
        "update f_partner set not_before = $2::timestamptz where number = $1::int4"};
    struct pg_params params = pg_params_in(arena_new());

    pg_add_int4(&params, partner);
    landing_add_time(&params, time);
    return landing_run_alone(store, &update, &params, NULL, err);
}

bool landing_cursor_get(struct store *store, const struct landing_cursor_key *key,
                        struct arena *arena, struct landing_cursor *cursor, struct err *err)
{
    static const struct pg_statement statement = {
        "select partner, mode, type, query, revision, value, moved from f_sync_cursor"
        " where partner = $1::int4 and mode = $2::text and type = $3::text"
        " and query_hash = $4::int8 and query = $5::text"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    landing_add_key(&params, store, key);
    if (!pg_query(store->read, &statement, &params, arena, &result, err))
        return false;
    *cursor = (struct landing_cursor){.key = *key, .moved = INT64_MIN};
    if (pg_rows(result) > 0)
        fill_cursor(result, 0, cursor);
    return true;
}

bool landing_cursor_set(struct store *store, const struct landing_cursor *cursor, bool *moved,
                        struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);

    if (!pg)
        return false;
    pg_begin(pg);
    bool good = landing_move_cursor(store, pg, cursor, moved, err) && pg_commit(pg, err);
    pool_release(store->transactions, pg);
    return good;
}

/* The first one inserts; after it, revision 0 meets a row and changes nothing. */
bool landing_move_cursor(struct store *store, struct pg *pg, const struct landing_cursor *cursor,
                         bool *moved, struct err *err)
{
    static const struct pg_statement statement = {
        "insert into f_sync_cursor as c (partner, mode, type, query_hash, query, revision, value)"
        " values ($1::int4, $2::text, $3::text, $4::int8, $5::text, 1, $6::text)"
        " on conflict (partner, mode, type, query_hash) do update set value = excluded.value,"
        " revision = c.revision + 1, moved = clock_timestamp() where c.revision = $7::int8"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    landing_add_key(&params, store, &cursor->key);
    pg_add_text(&params, cursor->value);
    pg_add_int8(&params, cursor->revision);
    bool good = pg_query(pg, &statement, &params, arena, &result, err);
    *moved = good && pg_affected(result) == 1;
    arena_free(arena);
    return good;
}

bool landing_cursor_list(struct store *store, int32_t partner, struct arena *arena,
                         struct landing_cursor **cursors, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select partner, mode, type, query, revision, value, moved from f_sync_cursor"
        " where partner = $1::int4 order by mode, type, query"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    if (!pg_query(store->read, &statement, &params, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *cursors = arena_many(arena, struct landing_cursor, *count);
    for (size_t i = 0; i < *count; i++)
        fill_cursor(result, (int)i, &(*cursors)[i]);
    return true;
}

static void fill_cursor(const struct pg_result *result, int row, struct landing_cursor *cursor)
{
    *cursor = (struct landing_cursor){
        .key =
            {
                .partner = pg_int4(result, row, 0),
                .mode = pg_text(result, row, 1).data,
                .type = pg_text(result, row, 2).data,
                .query = pg_text(result, row, 3),
            },
        .revision = pg_int8(result, row, 4),
        .value = pg_text(result, row, 5),
        .moved = pg_timestamp(result, row, 6),
    };
}
