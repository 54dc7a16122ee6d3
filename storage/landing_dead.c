/*
 * Landing, dead letters - what could not be applied, until somebody decides.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "storage/body.h"
#include "storage/landing_batch.h"

static bool ask_which_are_known(struct landing_batch *batch, const struct text *bodies,
                                struct landed **dying, size_t count, struct err *err);
static void fill(const struct pg_result *result, struct arena *arena, struct landing_dead **dead,
                 size_t *count);

#define COLUMNS                                                                                    \
    "d.number, d.partner, u.window_number, d.class, d.rule, d.place, d.type, d.id, d.first,"       \
    " d.tries, d.decided, d.decider, d.reason, d.critical, d.decided_at from f_dead d join "       \
    "f_sync_unit u"                                                                                \
    " on u.number = d.unit"

bool landing_dead_list(struct store *store, const struct landing_dead_filter *filter,
                       unsigned limit, struct arena *arena, struct landing_dead **dead,
                       size_t *count, struct err *err)
{
    static const struct pg_statement list = {
        "select " COLUMNS " where" LANDING_DEAD_FILTER " and (d.decided is null or $7::bool)"
        " order by (d.critical and d.decided is null) desc, d.number limit $8::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    landing_add_dead_filter(&params, filter->partner, filter);
    pg_add_bool(&params, filter->decided);
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &list, &params, arena, &result, err))
        return false;
    fill(result, arena, dead, count);
    return true;
}

static void fill(const struct pg_result *result, struct arena *arena, struct landing_dead **dead,
                 size_t *count)
{
    *count = (size_t)pg_rows(result);
    *dead = arena_many(arena, struct landing_dead, *count);
    for (size_t i = 0; i < *count; i++) {
        int row = (int)i;

        (*dead)[i] = (struct landing_dead){
            .number = pg_int8(result, row, 0),
            .partner = pg_int4(result, row, 1),
            .window = pg_int8(result, row, 2),
            .class = pg_text(result, row, 3).data,
            .rule = pg_text(result, row, 4).data,
            .where = pg_text(result, row, 5).data,
            .type = pg_text(result, row, 6).data,
            .id = pg_text(result, row, 7).data,
            .first = pg_timestamp(result, row, 8),
            .tries = pg_int4(result, row, 9),
            .decided = pg_text(result, row, 10).data,
            .decider = pg_text(result, row, 11).data,
            .reason = pg_text(result, row, 12).data,
            .critical = pg_bool(result, row, 13),
            .decided_at = landing_time(result, row, 14),
        };
    }
}

bool landing_dead_about(struct store *store, const char *type, const char *id, unsigned limit,
                        struct arena *arena, struct landing_dead **dead, size_t *count,
                        struct err *err)
{
    static const struct pg_statement about = {
        "select " COLUMNS " where d.decided is null and d.concerns && array(select local"
        " from f_identity where rtype = $1::int2 and linked = $3::text union all select $2::bytea)"
        " order by d.number limit $4::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    if (!landing_add_resource(&params, type, id, err))
        return false;
    pg_add_int8(&params, limit);
    if (!pg_query(store->read, &about, &params, arena, &result, err))
        return false;
    fill(result, arena, dead, count);
    return true;
}

bool landing_dead_unread(struct store *store, int32_t partner, int64_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select count(*) from f_dead where partner = $1::int4 and decided is null"
        " and concerns is null"};
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = landing_of_partner(store, &statement, partner, arena, &result, err);

    if (good)
        *count = pg_int8(result, 0, 0);
    arena_free(arena);
    return good;
}

bool landing_dead_classes(struct store *store, int32_t partner, struct arena *arena,
                          struct landing_dead_class **classes, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select class, rule, count(*), min(first), count(*) filter (where critical) from f_dead"
        " where partner = $1::int4 and decided is null group by class, rule"
        " order by 3 desc, 1, 2"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *classes = arena_many(arena, struct landing_dead_class, *count);
    for (size_t i = 0; i < *count; i++)
        (*classes)[i] = (struct landing_dead_class){
            .class = pg_text(result, (int)i, 0).data,
            .rule = pg_text(result, (int)i, 1).data,
            .count = pg_int8(result, (int)i, 2),
            .oldest = pg_timestamp(result, (int)i, 3),
            .critical = pg_int8(result, (int)i, 4),
        };
    return true;
}

bool landing_dead_body(struct store *store, int32_t partner, int64_t number, struct arena *arena,
                       struct text *body, struct err *err)
{
    static const struct pg_statement statement = {
        "select body from f_dead where partner = $1::int4 and number = $2::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    struct landing_row row;
    struct text bytes;

    pg_add_int4(&params, partner);
    pg_add_int8(&params, number);
    if (!pg_query(store->read, &statement, &params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no such dead letter.");
    if (!body_unpack(store->codec, pg_bytea(result, 0, 0), arena, &bytes, err) ||
        !landing_rows_next(&bytes, &row, err))
        return false;
    *body = row.body;
    return true;
}

bool landing_dead_discard(struct store *store, const struct landing_dead_filter *filter,
                          const char *decider, const char *reason, int64_t *discarded,
                          struct err *err)
{
    static const struct pg_statement discard = {
        "update f_dead d set decided = 'discarded', decided_at = clock_timestamp(),"
        " decider = $7::text, reason = $8::text where" LANDING_DEAD_FILTER
        " and d.decided is null"};
    struct pg_params params = pg_params_in(arena_new());
    int affected;

    landing_add_dead_filter(&params, filter->partner, filter);
    pg_add_text(&params, text_of(decider));
    pg_add_text(&params, text_of(reason));
    if (!landing_run_alone(store, &discard, &params, &affected, err))
        return false;
    *discarded = affected;
    return true;
}

/* An overlap, a chain that began again, and every snapshot bring a broken row once more. Those who
 * look at dead letters are to see it once, and not again after they have discarded it. */
bool batch_pass_over_dead(struct landing_batch *batch, struct err *err)
{
    struct landed **dying = arena_many(batch->arena, struct landed *, batch->count);
    struct text *bodies = arena_many(batch->arena, struct text, batch->count);
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct landed *landed = &batch->rows[i];
        struct buf row = buf_in(batch->arena);
        size_t same = 0;

        if (landed->after != 'd' || landed->dead)
            continue;
        landing_rows_write(&landed->row, 1, &row);
        bodies[count] =
            body_pack(batch->store->codec, (struct text){row.data, row.size}, batch->arena);
        while (same < count && !text_equals(bodies[same], bodies[count]))
            same++;
        if (same < count)
            landed->after = 'u';
        else
            dying[count++] = landed;
    }
    return count == 0 || ask_which_are_known(batch, bodies, dying, count, err);
}

static bool ask_which_are_known(struct landing_batch *batch, const struct text *bodies,
                                struct landed **dying, size_t count, struct err *err)
{
    static const struct pg_statement known = {
        "select x.n from unnest($2::bytea[]) with ordinality x(body, n) where exists"
        " (select from f_dead d where d.partner = $1::int4 and md5(d.body) = md5(x.body)"
        "  and d.body = x.body and coalesce(d.decided, 'discarded') = 'discarded')"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    pg_add_int4(&params, batch->apply->partner);
    pg_add_bytea_array(&params, bodies, count);
    if (!pg_query(batch->pg, &known, &params, batch->arena, &result, err))
        return false;
    for (int i = 0; i < pg_rows(result); i++)
        dying[pg_int8(result, i, 0) - 1]->after = 'u';
    return true;
}

void landing_add_dead_filter(struct pg_params *params, int32_t partner,
                             const struct landing_dead_filter *filter)
{
    pg_add_int4(params, partner);
    pg_add_int8(params, filter->number);
    pg_add_text(params, text_of(filter->class));
    landing_add_time(params, filter->since ? filter->since : INT64_MIN);
    landing_add_time(params, filter->until ? filter->until : INT64_MIN);
    pg_add_int8(params, filter->window);
}
