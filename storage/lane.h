#pragma once

/*
 * Lane - writes of many fibers that share commits.
 *
 * A write is a few statements that belong together. The lane gathers what
 * arrives while earlier commits are under way and sends it as one batch with
 * one sync, which is one transaction. A write has succeeded when the sync has
 * come, not before: until then a neighbour's error rolls it back too. When a
 * batch fails, each of its writes is run again alone, so that only the guilty
 * one gets its error.
 *
 * What a write must be, so that this is right:
 *  - It raises no error in the ordinary course: `on conflict do nothing`,
 *    `where ver = $n`; look at pg_affected() or `returning`.
 *  - It may run twice, and then writes the same: id, version and write id are
 *    chosen before.
 *  - The version it supersedes was read before (never `ver = ver + 1` in SQL).
 *    The change feed is ordered by transaction, and only so does the
 *    transaction of a version come behind that of its predecessor.
 *  - It touches its rows without waiting for long: locks are kept until the
 *    batch commits. Writes of a batch are sent in the order of `contested`, so
 *    that lanes which fight for the same rows wait for each other; those that
 *    deadlock all the same (PostgreSQL ends one, after a second) are run again.
 */

#include "storage/pg.h"

struct lane;

/* One statement of a write. All but the result is the caller's. */
struct lane_call {
    const struct pg_statement *statement;
    const struct pg_params *params; /* borrowed until lane_write() returns */
    int64_t contested; /* of the first: the key of the row that others may write, too */
    const struct pg_result *result; /* filled on success; lives in the arena */
};

/* `member` may be NULL; see pg.h. */
struct lane *lane_new(struct loop *loop, const char *conninfo, int timeout_ms,
                      const struct pg_member *member);

/* Waits until what is under way has ended. NULL is a no-op. */
void lane_free(struct lane *lane);

/* Waits until the lane is connected. */
bool lane_connect(struct lane *lane, struct err *err);

/*
 * Waits until all calls are durable. On failure `sqlstate` (may be NULL)
 * holds PostgreSQL's code or "". ERR_UNKNOWN: the answer to the commit was
 * lost or late, look the write up by its write id; it cannot become durable
 * any more once the lookup has seen that its transaction is gone (look
 * with a lock, or after the statement timeout). Every other failure means that
 * nothing was written; ERR_BUSY that it may be sent again.
 */
bool lane_write(struct lane *lane, struct lane_call *calls, size_t count, struct arena *arena,
                char sqlstate[6], struct err *err) __attribute__((warn_unused_result));

struct lane_counters {
    uint64_t writes;
    uint64_t batches;
    uint64_t alone; /* run again alone, because a batch failed */
    uint64_t unknown;
};
void lane_count(const struct lane *lane, struct lane_counters *counters,
                struct pg_counters *connection);
