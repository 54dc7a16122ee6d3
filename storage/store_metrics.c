/*
 * Metrics - what the stores of this process have done, summed.
 *
 * A scrape reaches one thread, and a counter must not jump from one thread's
 * value to another's, so the stores stand in a list. Their numbers are read
 * while other threads count on: each is right, or one behind.
 */

#include "base/buf.h"
#include "base/count.h"
#include "storage/store_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>

enum { STORES_MAX = 256 };

enum lane_name { LANE_READ, LANE_SEARCH, LANE_WRITE, LANE_TRANSACTION, LANES };

struct sums {
    struct pg_counters lanes[LANES];
    struct lane_counters write;
    struct pool_counters pool;
    struct store_counters store;
    uint64_t stores;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const struct store *stores[STORES_MAX];
static unsigned store_count;

static void sum_all(struct sums *sums);
static void sum_store(struct sums *sums, const struct store *store);
static void sum_connection(struct pg_counters *sum, const struct pg_counters *one);
static void write_store(struct buf *out, const struct sums *sums);
static void write_lanes(struct buf *out, const struct sums *sums);
static void write_series(struct buf *out, const char *name, const char *type, const char *help,
                         const struct sums *sums, size_t offset);
static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      uint64_t value);

void store_metrics_add(const struct store *store)
{
    pthread_mutex_lock(&mutex);
    assert(store_count < STORES_MAX);
    stores[store_count++] = store;
    pthread_mutex_unlock(&mutex);
}

void store_metrics_remove(const struct store *store)
{
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < store_count; i++)
        if (stores[i] == store)
            stores[i--] = stores[--store_count];
    pthread_mutex_unlock(&mutex);
}

void store_write_metrics(const struct store *store, struct buf *out)
{
    struct sums sums = {0};

    (void)store; /* a store is needed to ask, and all are answered for */
    sum_all(&sums);
    write_store(out, &sums);
    write_lanes(out, &sums);
}

static void sum_all(struct sums *sums)
{
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < store_count; i++)
        sum_store(sums, stores[i]);
    sums->stores = store_count;
    pthread_mutex_unlock(&mutex);
}

static void sum_store(struct sums *sums, const struct store *store)
{
    const struct store_counters *from = &store->counters;
    struct store_counters *to = &sums->store;
    struct pg_counters one;
    struct lane_counters write;
    struct pool_counters pool;

    pg_count(store->read, &one);
    sum_connection(&sums->lanes[LANE_READ], &one);
    pg_count(store->search, &one);
    sum_connection(&sums->lanes[LANE_SEARCH], &one);
    lane_count(store->write, &write, &one);
    sum_connection(&sums->lanes[LANE_WRITE], &one);
    pool_count(store->transactions, &pool, &one);
    sum_connection(&sums->lanes[LANE_TRANSACTION], &one);

    for (size_t i = 0; i < sizeof(write) / sizeof(uint64_t); i++)
        ((uint64_t *)&sums->write)[i] += ((const uint64_t *)&write)[i];
    sums->pool.size += pool.size;
    sums->pool.taken += pool.taken;
    sums->pool.waiting += pool.waiting;
    sums->pool.refused += pool.refused;

    uint64_t lag = to->horizon_lag_us; /* not a count: the largest says it */
    for (size_t i = 0; i < sizeof(*from) / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
    to->horizon_lag_us = lag > from->horizon_lag_us ? lag : from->horizon_lag_us;
}

static void sum_connection(struct pg_counters *sum, const struct pg_counters *one)
{
    sum->statements += one->statements;
    sum->syncs += one->syncs;
    sum->failures += one->failures;
    sum->again += one->again;
    sum->timeouts += one->timeouts;
    sum->connects += one->connects;
    sum->under_way += one->under_way;
    sum->open += one->open;
}

static void write_store(struct buf *out, const struct sums *sums)
{
    const struct store_counters *c = &sums->store;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"reads_total", "counter", "Reads and version reads.", c->reads},
        {"searches_total", "counter", "Pages of searches.", c->searches},
        {"history_pages_total", "counter", "Pages of histories.", c->history_pages},
        {"feed_pages_total", "counter", "Pages of the change feed.", c->feed_pages},
        {"feed_changes_total", "counter", "Changes shown by the feed.", c->feed_changes},
        {"writes_total", "counter", "Versions written.", c->writes},
        {"unchanged_total", "counter", "Updates that changed nothing.", c->unchanged},
        {"transactions_total", "counter", "Transactions committed.", c->transactions},
        {"transaction_retries_total", "counter",
         "Transactions run again after a deadlock or a simultaneous change.",
         c->transaction_retries},
        {"unknown_resolved_total", "counter", "Lost answers to commits that were found out.",
         c->unknown_resolved},
        {"commits_total", "counter", "Commits that writes shared.", sums->write.batches},
        {"commit_writes_total", "counter", "Writes in those commits.", sums->write.writes},
        {"commit_alone_total", "counter", "Writes run again alone because their commit failed.",
         sums->write.alone},
        {"commit_unknown_total", "counter", "Commits whose answer was lost.", sums->write.unknown},
        {"transaction_connections", "gauge", "Connections for transactions.", sums->pool.size},
        {"transaction_connections_taken", "gauge", "Those in use.", sums->pool.taken},
        {"transactions_waiting", "gauge", "Transactions that wait for a connection.",
         sums->pool.waiting},
        {"transactions_refused_total", "counter", "Transactions refused for want of a connection.",
         sums->pool.refused},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        write_one(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    buf_printf(out,
               "# HELP isthmus_store_feed_lag_seconds Age of the oldest change that the feed must "
               "hold back.\n# TYPE isthmus_store_feed_lag_seconds gauge\n"
               "isthmus_store_feed_lag_seconds %.6f\n",
               (double)c->horizon_lag_us / 1e6);
}

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    buf_printf(out,
               "# HELP isthmus_store_%s %s\n# TYPE isthmus_store_%s %s\nisthmus_store_%s %" PRIu64
               "\n",
               name, help, name, type, name, value);
}

static void write_lanes(struct buf *out, const struct sums *sums)
{
    write_series(out, "statements_total", "counter", "Statements sent.", sums,
                 offsetof(struct pg_counters, statements));
    write_series(out, "syncs_total", "counter", "Syncs sent.", sums,
                 offsetof(struct pg_counters, syncs));
    write_series(out, "failures_total", "counter", "Statements answered with an error.", sums,
                 offsetof(struct pg_counters, failures));
    write_series(out, "again_total", "counter",
                 "Statements sent again because of a neighbour or a lost connection.", sums,
                 offsetof(struct pg_counters, again));
    write_series(out, "timeouts_total", "counter", "Answers that came too late.", sums,
                 offsetof(struct pg_counters, timeouts));
    write_series(out, "connects_total", "counter", "Attempts to connect.", sums,
                 offsetof(struct pg_counters, connects));
    write_series(out, "under_way", "gauge", "Requests sent and not answered.", sums,
                 offsetof(struct pg_counters, under_way));
    write_series(out, "connections", "gauge", "Connections that are open.", sums,
                 offsetof(struct pg_counters, open));
}

/* One value a lane, found at `offset` in its counters. */
static void write_series(struct buf *out, const char *name, const char *type, const char *help,
                         const struct sums *sums, size_t offset)
{
    static const char *const names[LANES] = {"read", "search", "write", "transaction"};

    buf_printf(out, "# HELP isthmus_database_%s %s\n# TYPE isthmus_database_%s %s\n", name, help,
               name, type);
    for (int lane = 0; lane < LANES; lane++) {
        uint64_t value;

        memcpy(&value, (const char *)&sums->lanes[lane] + offset, sizeof(value));
        buf_printf(out, "isthmus_database_%s{lane=\"%s\"} %" PRIu64 "\n", name, names[lane], value);
    }
}
