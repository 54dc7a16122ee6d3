/*
 * Feed - all changes in an order that can be followed.
 *
 * f_log is ordered by (xact, seq). A row with a smaller place can still become
 * visible as long as its transaction runs, so only what lies below the
 * oldest running transaction (pg_snapshot_xmin) is shown: nothing can appear
 * before it any more. Ordered by seq alone, late commits would be skipped.
 *
 * No version comes before its predecessor, because the transaction of a
 * version got its id later: whoever writes has read the predecessor, which was
 * committed, before it had an id itself, and takes no row lock before it has
 * read everything (lane.h, transaction.c).
 */

#include "base/arena.h"
#include "base/clock.h"
#include "storage/store_internal.h"

enum { FEED_MAX = 10000 };

static const struct pg_statement changes_behind = {
    "select xact, seq, rtype, id, ver, updated, op from f_log"
    " where (xact, seq) > ($1::xid8, $2::int8) and xact < pg_snapshot_xmin(pg_current_snapshot())"
    " and tenant = $3::int4 order by xact, seq limit $4::int4"};

/* The oldest change that is committed but not shown yet. */
static const struct pg_statement first_hidden = {
    "select updated from f_log where xact >= pg_snapshot_xmin(pg_current_snapshot())"
    " order by xact, seq limit 1"};

static void take_changes(struct store *store, const struct pg_result *result,
                         struct store_change *changes);
static void note_lag(struct store *store, const struct pg_result *hidden);

bool store_feed(struct store *store, const struct access *access,
                const struct store_feed_position *after, unsigned limit, struct arena *arena,
                struct store_change **changes, size_t *count, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    struct pg_reply shown = {0}, hidden = {0};
    const struct pg_result *result;
    struct err unimportant = {0};

    if (after->epoch != store->epoch && (after->epoch || after->transaction || after->sequence))
        return err_set(err, ERR_GONE, NULL,
                       "The feed has begun anew since this position, because the database was "
                       "restored. Start from its beginning.");
    pg_add_int8(&params, (int64_t)after->transaction);
    pg_add_int8(&params, after->sequence);
    pg_add_int4(&params, access->tenant);
    pg_add_int4(&params, (int32_t)(limit < FEED_MAX ? limit : FEED_MAX));
    pg_send(store->search, &changes_behind, &params, arena, &shown);
    pg_send(store->search, &first_hidden, NULL, arena, &hidden);
    if (!pg_wait(&shown, &result, err)) {
        pg_drop(&hidden);
        return false;
    }
    *count = (size_t)pg_rows(result);
    *changes = arena_many(arena, struct store_change, *count);
    take_changes(store, result, *changes);
    if (pg_wait(&hidden, &result, &unimportant))
        note_lag(store, result);
    return true;
}

static void take_changes(struct store *store, const struct pg_result *result,
                         struct store_change *changes)
{
    for (int row = 0; row < pg_rows(result); row++) {
        changes[row] = (struct store_change){
            .position = {.epoch = store->epoch,
                         .transaction = (uint64_t)pg_int8(result, row, 0),
                         .sequence = pg_int8(result, row, 1)},
            .type = table_type_name(pg_int2(result, row, 2)),
            .id = pg_text(result, row, 3).data,
            .version = pg_int4(result, row, 4),
            .last_updated = pg_timestamp(result, row, 5),
            .method = store_method_of(pg_char(result, row, 6)),
        };
    }
    store->counters.feed_pages++;
    store->counters.feed_changes += (uint64_t)pg_rows(result);
}

static void note_lag(struct store *store, const struct pg_result *hidden)
{
    int64_t lag = pg_rows(hidden) ? clock_now() - pg_timestamp(hidden, 0, 0) : 0;

    store->counters.horizon_lag_us = lag > 0 ? (uint64_t)lag : 0;
}
