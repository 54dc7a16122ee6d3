/*
 * Landing, snapshots - what a partner does not have any more. Nothing here deletes: absence is
 * noted, and told.
 */

#include "base/arena.h"
#include "storage/landing_internal.h"

static bool compare(struct pg *pg, int64_t window, struct arena *arena, bool *done,
                    struct landing_reconciled *reconciled, struct err *err);
static bool note(struct pg *pg, int64_t window, struct arena *arena, struct err *err);
static bool finish(struct pg *pg, int64_t window, struct arena *arena, struct err *err);

bool landing_seen(struct store *store, int64_t window, const char *type, const struct text *ids,
                  size_t count, struct err *err)
{
    /* Whoever sends the same twice does no harm. */
    static const struct pg_statement seen = {
        "insert into f_sync_seen (window_number, rtype, locals) values ($1::int8, $2::int2,"
        " $3::bytea)"};
    static const struct pg_statement ask = {
        "select partner from f_sync_window where number = $1::int8"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    int16_t rtype;

    pg_add_int8(&params, window);
    bool good = landing_type(type, &rtype, err) &&
                pg_query(store->read, &ask, &params, arena, &result, err);
    if (good && pg_rows(result) == 0)
        good = err_set(err, ERR_NOT_FOUND, NULL, "There is no such window.");
    if (!good) {
        arena_free(arena);
        return false;
    }
    struct local *locals = arena_many(arena, struct local, count);
    for (size_t i = 0; i < count; i++)
        locals[i] = local_of(store, pg_int4(result, 0, 0), text_of(type), ids[i]);
    pg_add_int2(&params, rtype);
    pg_add_bytea(&params, locals, count * sizeof(*locals));
    return landing_run_alone(store, &seen, &params, NULL, err);
}

bool landing_reconcile(struct store *store, int64_t window, unsigned most_percent, int64_t most,
                       struct landing_reconciled *reconciled, struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);
    struct arena *arena = arena_new();
    bool done = false;

    *reconciled = (struct landing_reconciled){0};
    if (pg)
        pg_begin(pg);
    bool good = pg && compare(pg, window, arena, &done, reconciled, err);
    if (good && !done) {
        int64_t share = reconciled->known * most_percent / 100;
        int64_t allowed = share > most ? share : most;

        reconciled->guard_trips = reconciled->missing + reconciled->gone > allowed;
        if (reconciled->guard_trips)
            good = err_set(err, ERR_CONFLICT, NULL,
                           "More is missing than the guard allows; nothing was noted.");
        good = good && note(pg, window, arena, err) && finish(pg, window, arena, err) &&
               pg_commit(pg, err);
    }
    if (pg)
        pool_release(store->transactions, pg);
    arena_free(arena);
    return good;
}

/* What the window has seen; and what was there before but is not among it. */
#define SEEN                                                                                       \
    "s as materialized (select distinct substring(locals from 16 * i + 1 for 16) as local"         \
    " from f_sync_seen, generate_series(0, length(locals) / 16 - 1) i"                             \
    " where window_number = $1::int8)"
#define KNOWN                                                                                      \
    "k as materialized (select f.local, f.presence from f_identity f, f_sync_window w"             \
    " where w.number = $1::int8 and f.partner = w.partner and f.presence in ('P', 'A', 'G')"       \
    " and (w.type = '' or f.rtype = $2::int2))"

static bool add_window(struct pg *pg, int64_t window, struct arena *arena, struct pg_params *params,
                       bool *complete, bool *done, struct err *err)
{
    static const struct pg_statement ask = {
        "select type, state = 'C' and snapshot and not partial, reconciled from f_sync_window"
        " where number = $1::int8"};
    const struct pg_result *result;
    int16_t rtype = 0;

    *params = pg_params_in(arena);
    pg_add_int8(params, window);
    if (!pg_query(pg, &ask, params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no such window.");
    struct text type = pg_text(result, 0, 0);
    *complete = pg_bool(result, 0, 1);
    *done = pg_bool(result, 0, 2);
    if (type.size > 0 && !landing_type(type.data, &rtype, err))
        return false;
    pg_add_int2(params, rtype);
    return true;
}

static bool compare(struct pg *pg, int64_t window, struct arena *arena, bool *done,
                    struct landing_reconciled *reconciled, struct err *err)
{
    static const struct pg_statement statement = {
        "with " SEEN ", " KNOWN
        " select count(*) filter (where presence <> 'G'), count(*) filter (where presence = 'P' and"
        " s.local is null), count(*) filter (where presence = 'A' and s.local is null)"
        " from k left join s using (local)"};
    struct pg_params params;
    const struct pg_result *result;
    bool complete = false;

    if (!add_window(pg, window, arena, &params, &complete, done, err) || *done)
        return !err->kind;
    if (!complete)
        return err_set(err, ERR_CONFLICT, NULL, "The window is no complete and whole snapshot.");
    if (!pg_query(pg, &statement, &params, arena, &result, err))
        return false;
    reconciled->known = pg_int8(result, 0, 0);
    reconciled->missing = pg_int8(result, 0, 1);
    reconciled->gone = pg_int8(result, 0, 2);
    return true;
}

/* What was seen is present: also when only its id came. */
static bool note(struct pg *pg, int64_t window, struct arena *arena, struct err *err)
{
    static const struct pg_statement statement = {
        "with " SEEN ", " KNOWN " update f_identity f set presence = case"
        " when s.local is not null then 'P'::\"char\" when k.presence = 'P' then 'A'::\"char\""
        " else 'G'::\"char\" end from k left join s using (local) where f.local = k.local"
        " and case when s.local is null then k.presence <> 'G' else k.presence <> 'P' end"};
    struct pg_params params;
    const struct pg_result *result;
    bool complete, done;

    return add_window(pg, window, arena, &params, &complete, &done, err) &&
           pg_query(pg, &statement, &params, arena, &result, err);
}

static bool finish(struct pg *pg, int64_t window, struct arena *arena, struct err *err)
{
    static const struct pg_statement statement = {
        "with d as (delete from f_sync_seen where window_number = $1::int8)"
        " update f_sync_window set reconciled = true where number = $1::int8"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, window);
    return pg_query(pg, &statement, &params, arena, &result, err);
}
