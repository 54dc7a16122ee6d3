/*
 * Pool - who has which connection, and who waits for one.
 */

#include "storage/pool.h"

#include <assert.h>

struct claim {
    struct claim *next;
    struct waiter waiter;
    struct pg *pg; /* handed over */
};

struct pool {
    int timeout_ms;
    unsigned size, free_count, waiting, queue;
    uint64_t refused;
    struct claim *first, **end;
    struct pg **all;
    struct pg **free;
};

static struct pg *wait_in_line(struct pool *pool, struct err *err);
static void leave_line(struct pool *pool, struct claim *claim);

struct pool *pool_new(struct loop *loop, const char *conninfo, const char *name, unsigned count,
                      unsigned queue, int timeout_ms, const struct pg_member *member)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    struct pg_config config = {
        .conninfo = conninfo,
        .lane = name,
        .timeout_ms = timeout_ms,
        .mode = PG_EXCLUSIVE,
        .member = member,
    };

    if (!pool)
        abort();
    pool->timeout_ms = timeout_ms;
    pool->queue = queue;
    pool->end = &pool->first;
    pool->all = calloc(count, sizeof(struct pg *));
    pool->free = calloc(count, sizeof(struct pg *));
    if (!pool->all || !pool->free)
        abort();
    for (; pool->size < count; pool->size++)
        pool->free[pool->free_count++] = pool->all[pool->size] = pg_new(loop, &config);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    assert(pool->free_count == pool->size && !pool->first);
    for (unsigned i = 0; i < pool->size; i++)
        pg_free(pool->all[i]);
    free(pool->all);
    free(pool->free);
    free(pool);
}

struct pg *pool_acquire(struct pool *pool, struct err *err)
{
    struct pg *pg = pool->free_count ? pool->free[--pool->free_count] : wait_in_line(pool, err);

    if (!pg)
        return NULL;
    struct err why = {0};
    if (pg_connect(pg, &why))
        return pg;
    pool_release(pool, pg);
    err_set(err, ERR_BUSY, NULL, "The database is not available at the moment.");
    return NULL;
}

static struct pg *wait_in_line(struct pool *pool, struct err *err)
{
    struct claim claim = {0};
    struct err late = {0};

    if (pool->waiting >= pool->queue) {
        pool->refused++;
        err_set(err, ERR_BUSY, NULL, "too many transactions at once");
        return NULL;
    }
    *pool->end = &claim;
    pool->end = &claim.next;
    pool->waiting++;
    bool woken = fiber_wait(&claim.waiter, pool->timeout_ms, &late);
    if (!woken && !claim.pg) {
        leave_line(pool, &claim);
        pool->refused++;
        err_set(err, ERR_BUSY, NULL, "too many transactions at once");
    }
    return claim.pg;
}

static void leave_line(struct pool *pool, struct claim *claim)
{
    struct claim **link = &pool->first;

    while (*link != claim)
        link = &(*link)->next;
    *link = claim->next;
    if (!*link)
        pool->end = link;
    pool->waiting--;
}

void pool_release(struct pool *pool, struct pg *pg)
{
    pg_rollback(pg);
    struct claim *claim = pool->first;
    if (!claim) {
        pool->free[pool->free_count++] = pg;
        return;
    }
    leave_line(pool, claim);
    claim->pg = pg;
    fiber_wake(&claim->waiter);
}

bool pool_run(struct pool *pool, const struct pg_statement *before,
              const struct pg_statement *statement, const struct pg_params *params,
              struct arena *arena, const struct pg_result **result, struct err *err)
{
    struct pg *pg = pool_acquire(pool, err);

    if (!pg)
        return false;
    pg_begin(pg);
    bool good = (!before || pg_query(pg, before, NULL, arena, result, err)) &&
                pg_query(pg, statement, params, arena, result, err) && pg_commit(pg, err);
    pool_release(pool, pg);
    return good;
}

void pool_count(const struct pool *pool, struct pool_counters *counters,
                struct pg_counters *connections)
{
    *counters = (struct pool_counters){
        .size = pool->size,
        .taken = pool->size - pool->free_count,
        .waiting = pool->waiting,
        .refused = pool->refused,
    };
    *connections = (struct pg_counters){0};
    for (unsigned i = 0; i < pool->size; i++) {
        struct pg_counters one;

        pg_count(pool->all[i], &one);
        connections->statements += one.statements;
        connections->syncs += one.syncs;
        connections->failures += one.failures;
        connections->timeouts += one.timeouts;
        connections->connects += one.connects;
        connections->under_way += one.under_way;
        connections->again += one.again;
        connections->open += one.open;
    }
}
