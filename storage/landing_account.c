/*
 * Landing, accounts - the balance of a partner.
 */

#include "base/arena.h"
#include "storage/landing_internal.h"

static bool read_presences(struct store *store, int32_t partner, struct arena *arena,
                           struct landing_presences **presences, size_t *count, struct err *err);
bool landing_accounts(struct store *store, int32_t partner, struct arena *arena,
                      struct landing_account **accounts, size_t *account_count,
                      struct landing_presences **presences, size_t *presence_count,
                      struct landing_pushed *pushed, int64_t *dead_open, struct err *err)
{
    return landing_pulls(store, partner, arena, accounts, account_count, err) &&
           read_presences(store, partner, arena, presences, presence_count, err) &&
           landing_ledger(store, partner, arena, pushed, dead_open, err);
}

/* Windows that are there, added up without sorting them, and what others have left
 * (landing_tidy.c). */
bool landing_pulls(struct store *store, int32_t partner, struct arena *arena,
                   struct landing_account **accounts, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "with w as (select mode, type, query_hash, min(query) as query, sum(expected) as expected,"
        "  sum(landed) as landed, sum(applied) as applied, sum(unchanged) as unchanged,"
        "  sum(older) as older, sum(dead) as dead, sum(waiting) as waiting,"
        "  count(*) filter (where state = 'O') as o, count(*) filter (where state = 'L') as l,"
        "  count(*) filter (where state = 'C') as c, count(*) filter (where state = 'I') as i,"
        "  max(closed) filter (where state = 'C') as completed, max(number) as newest,"
        "  coalesce(max(number) filter (where state in ('L', 'C')), 0) as good"
        "  from f_sync_window where partner = $1::int4 group by mode, type, query_hash),"
        " a as (select * from f_sync_account where partner = $1::int4)"
        " select mode, type, coalesce(w.query, a.query),"
        " (coalesce(w.expected, 0) + coalesce(a.expected, 0))::int8,"
        " (coalesce(w.landed, 0) + coalesce(a.landed, 0))::int8,"
        " (coalesce(w.applied, 0) + coalesce(a.applied, 0))::int8,"
        " (coalesce(w.unchanged, 0) + coalesce(a.unchanged, 0))::int8,"
        " (coalesce(w.older, 0) + coalesce(a.older, 0))::int8,"
        " (coalesce(w.dead, 0) + coalesce(a.dead, 0))::int8, coalesce(w.waiting, 0)::int8,"
        " coalesce(w.o, 0)::int4, coalesce(w.l, 0)::int4,"
        " (coalesce(w.c, 0) + coalesce(a.complete, 0))::int4,"
        " (coalesce(w.i, 0) + coalesce(a.incomplete, 0))::int4,"
        " greatest(w.completed, a.completed),"
        " n.reason,"
        " (select count(*) from f_sync_window g where g.partner = $1::int4 and g.state = 'I'"
        "  and g.number > w.good and g.mode = w.mode and g.type = w.type"
        "  and g.query_hash = w.query_hash)::int4, n.opened,"
        " (select count(*) from f_sync_window g where g.partner = $1::int4 and g.partial"
        "  and g.state in ('L', 'C') and g.mode = w.mode and g.type = w.type"
        "  and g.query_hash = w.query_hash and g.number > coalesce((select max(number)"
        "   from f_sync_window s where s.partner = $1::int4 and s.mode = 'snapshot'"
        "   and s.type = w.type and s.query = '' and s.state in ('L', 'C') and not s.partial), 0)"
        "  )::int4"
        " from w full join a using (mode, type, query_hash)"
        " left join (select number, reason, opened from f_sync_window) n on n.number = w.newest"
        " order by mode, type, 3"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *accounts = arena_many(arena, struct landing_account, *count);
    for (size_t i = 0; i < *count; i++) {
        int row = (int)i;

        (*accounts)[i] = (struct landing_account){
            .key =
                {
                    .partner = partner,
                    .mode = pg_text(result, row, 0).data,
                    .type = pg_text(result, row, 1).data,
                    .query = pg_text(result, row, 2),
                },
            .counts = landing_counts_of(result, row, 3),
            .open = pg_int4(result, row, 10),
            .landed = pg_int4(result, row, 11),
            .complete = pg_int4(result, row, 12),
            .incomplete = pg_int4(result, row, 13),
            .completed = landing_time(result, row, 14),
            .reason = pg_text(result, row, 15).data,
            .gaps = pg_int4(result, row, 16),
            .opened = landing_time(result, row, 17),
            .partial = pg_int4(result, row, 18),
        };
    }
    return true;
}

static bool read_presences(struct store *store, int32_t partner, struct arena *arena,
                           struct landing_presences **presences, size_t *count, struct err *err)
{
    static const struct pg_statement statement = {
        "select rtype, count(*) filter (where presence = 'M'),"
        " count(*) filter (where presence = 'P'), count(*) filter (where presence = 'A'),"
        " count(*) filter (where presence = 'G'), count(*) filter (where presence = 'D'),"
        " count(*) filter (where presence = 'F'), count(linked) from f_identity where partner = "
        "$1::int4 group by rtype order by rtype"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    *count = (size_t)pg_rows(result);
    *presences = arena_many(arena, struct landing_presences, *count);
    for (size_t i = 0; i < *count; i++) {
        int row = (int)i;

        (*presences)[i] = (struct landing_presences){
            .type = table_type_name(pg_int2(result, row, 0)),
            .mentioned = pg_int8(result, row, 1),
            .present = pg_int8(result, row, 2),
            .missing = pg_int8(result, row, 3),
            .gone = pg_int8(result, row, 4),
            .deleted = pg_int8(result, row, 5),
            .forwarded = pg_int8(result, row, 6),
            .linked = pg_int8(result, row, 7),
        };
    }
    return true;
}

bool landing_ledger(struct store *store, int32_t partner, struct arena *arena,
                    struct landing_pushed *pushed, int64_t *dead_open, struct err *err)
{
    static const struct pg_statement statement = {
        "select count(*) filter (where state = 'P'), count(*) filter (where state = 'S'),"
        " count(*) filter (where state = 'U'), count(*) filter (where state = 'C'),"
        " count(*) filter (where state = 'F'), min(planned) filter (where state in ('P', 'S', "
        "'U')),"
        " (select count(*) from f_dead where partner = $1::int4 and decided is null)"
        " from f_push where partner = $1::int4"};
    const struct pg_result *result;

    if (!landing_of_partner(store, &statement, partner, arena, &result, err))
        return false;
    *pushed = (struct landing_pushed){
        .planned = pg_int8(result, 0, 0),
        .sent = pg_int8(result, 0, 1),
        .unknown = pg_int8(result, 0, 2),
        .confirmed = pg_int8(result, 0, 3),
        .failed = pg_int8(result, 0, 4),
        .oldest = pg_is_null(result, 0, 5) ? INT64_MAX : pg_timestamp(result, 0, 5),
    };
    *dead_open = pg_int8(result, 0, 6);
    return true;
}
