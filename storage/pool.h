#pragma once

/*
 * Pool - connections for interactive transactions; each belongs to one fiber at a time.
 *
 *     struct pg *pg = pool_acquire(pool, err);
 *     if (!pg)
 *         return false;
 *     pg_begin(pg);
 *     ok = pg_query(pg, ...) && ... && pg_commit(pg, err);
 *     pool_release(pool, pg);   (rolls back what is still open)
 */

#include "storage/pg.h"

struct pool;

/* `queue` fibers may wait for a connection; more get ERR_BUSY at once. `member` may be NULL; see
 * pg.h. */
struct pool *pool_new(struct loop *loop, const char *conninfo, const char *name, unsigned count,
                      unsigned queue, int timeout_ms, const struct pg_member *member);

/* Nobody may hold or wait for a connection. NULL is a no-op. */
void pool_free(struct pool *pool);

/* Waits for a free connection, first come first served. NULL on failure. */
struct pg *pool_acquire(struct pool *pool, struct err *err) __attribute__((warn_unused_result));

/* Waits for the rollback of what is still open. */
void pool_release(struct pool *pool, struct pg *pg);

/*
 * Waits. One statement as a transaction of its own, durable when it returns;
 * after `before`, which has no parameters and may be NULL.
 */
bool pool_run(struct pool *pool, const struct pg_statement *before,
              const struct pg_statement *statement, const struct pg_params *params,
              struct arena *arena, const struct pg_result **result, struct err *err);

struct pool_counters {
    unsigned size, taken, waiting;
    uint64_t refused;
};
void pool_count(const struct pool *pool, struct pool_counters *counters,
                struct pg_counters *connections);
