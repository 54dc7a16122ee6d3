/*
 * Holds - see hold.h.
 */

#include "storage/hold.h"

#include "base/arena.h"
#include "storage/pg.h"

#define TIMEOUT_MS 10000

struct hold {
    struct pg *pg;
};

struct hold *hold_new(struct loop *loop, const char *conninfo)
{
    const struct pg_config config = {
        .conninfo = conninfo,
        .lane = "hold",
        .timeout_ms = TIMEOUT_MS,
        .mode = PG_SHARED,
    };
    struct hold *hold = calloc(1, sizeof(*hold));

    if (!hold)
        abort();
    hold->pg = pg_new(loop, &config);
    return hold;
}

void hold_free(struct hold *hold)
{
    if (!hold)
        return;
    pg_free(hold->pg);
    free(hold);
}

/* Locks are counted: one that this session has is not taken a second time. */
static const struct pg_statement take = {
    "select case when exists (select from pg_locks where locktype = 'advisory' and objsubid = 2"
    " and classid = x'69737473'::int4::oid and objid = $1::int4::oid and granted"
    " and pid = pg_backend_pid()"
    " and database = (select oid from pg_database where datname = current_database()))"
    " then true else pg_try_advisory_lock(x'69737473'::int4, $1::int4) end"};

bool hold_take(struct hold *hold, int32_t number, bool *held, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, number);
    bool good =
        pg_connect(hold->pg, err) && pg_query(hold->pg, &take, &params, arena, &result, err);
    *held = good && pg_bool(result, 0, 0);
    arena_free(arena);
    return good;
}
