/*
 * Landing, tidying - what is old is counted, and then kept no longer. Dead letters stay, with
 * their windows; so does the newest window of a pull that landed, which says whether an earlier
 * one that was given up has been made up for.
 */

#include "base/arena.h"
#include "base/count.h"
#include "storage/landing_internal.h"

enum { WINDOWS = 500 }; /* in one transaction */

static bool choose(struct pg *pg, int32_t partner, int64_t age, struct arena *arena,
                   struct pg_params *numbers, int *count, struct err *err);
static bool remove_them(struct pg *pg, const struct pg_params *numbers, struct arena *arena,
                        struct err *err);

bool landing_tidy(struct store *store, int32_t partner, int64_t age, bool *more, struct err *err)
{
    struct pg *pg = pool_acquire(store->transactions, err);
    struct arena *arena = arena_new();
    struct pg_params numbers;
    int windows = 0;

    if (pg)
        pg_begin(pg);
    bool good = pg && choose(pg, partner, age, arena, &numbers, &windows, err);
    if (good && windows > 0)
        good = remove_them(pg, &numbers, arena, err) && pg_commit(pg, err);
    if (pg)
        pool_release(store->transactions, pg);
    arena_free(arena);
    *more = windows == WINDOWS;
    return good;
}

/* Of those in which nothing came there are most, and they say nothing after an hour. */
static bool choose(struct pg *pg, int32_t partner, int64_t age, struct arena *arena,
                   struct pg_params *numbers, int *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select number from f_sync_window w where partner = $1::int4 and state in ('C', 'I')"
        " and waiting = 0 and (closed < clock_timestamp() - $2::int8 * interval '1 microsecond'"
        "  or (state = 'C' and landed = 0 and reason is null and not snapshot"
        "   and closed < clock_timestamp() - interval '1 hour'))"
        " and number < (select max(number) from f_sync_window n where n.partner = w.partner"
        "  and n.mode = w.mode and n.type = w.type and n.query_hash = w.query_hash"
        "  and n.state in ('L', 'C'))"
        " and not exists (select from f_sync_unit u join f_dead d on d.unit = u.number"
        "  where u.window_number = w.number)"
        " order by number limit $3::int4 for update skip locked"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, partner);
    pg_add_int8(&params, age);
    pg_add_int4(&params, WINDOWS);
    if (!pg_query(pg, &statement, &params, arena, &result, err))
        return false;
    *count = pg_rows(result);
    int64_t *chosen = arena_many(arena, int64_t, (size_t)*count);
    for (int i = 0; i < *count; i++)
        chosen[i] = pg_int8(result, i, 0);
    *numbers = pg_params_in(arena);
    pg_add_int8_array(numbers, chosen, NULL, (size_t)*count);
    return true;
}

static bool remove_them(struct pg *pg, const struct pg_params *numbers, struct arena *arena,
                        struct err *err)
{
    static const struct pg_statement statements[] = {
        {"delete from f_sync_seen where window_number = any($1::int8[])"},
        {"delete from f_landing l using f_sync_unit u where u.number = l.unit"
         " and u.window_number = any($1::int8[])"},
        {"delete from f_sync_unit where window_number = any($1::int8[])"},
        {"with w as (delete from f_sync_window where number = any($1::int8[]) returning *)"
         " insert into f_sync_account as a (partner, mode, type, query_hash, query, complete,"
         " incomplete, completed, expected, landed, applied, unchanged, older, dead)"
         " select partner, mode, type, query_hash, query, count(*) filter (where state = 'C'),"
         " count(*) filter (where state = 'I'), max(closed) filter (where state = 'C'),"
         " sum(expected), sum(landed), sum(applied), sum(unchanged), sum(older), sum(dead)"
         " from w group by partner, mode, type, query_hash, query"
         " on conflict (partner, mode, type, query_hash) do update set"
         " complete = a.complete + excluded.complete,"
         " incomplete = a.incomplete + excluded.incomplete,"
         " completed = greatest(a.completed, excluded.completed),"
         " expected = a.expected + excluded.expected, landed = a.landed + excluded.landed,"
         " applied = a.applied + excluded.applied, unchanged = a.unchanged + excluded.unchanged,"
         " older = a.older + excluded.older, dead = a.dead + excluded.dead"},
    };
    const struct pg_result *result;

    for (size_t i = 0; i < COUNT(statements); i++)
        if (!pg_query(pg, &statements[i], numbers, arena, &result, err))
            return false;
    return true;
}
