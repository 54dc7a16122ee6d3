/*
 * Lane - gathers writes and carries them to a commit.
 *
 * Two carriers, each a fiber, take turns: while one waits for its sync, the
 * other sends what has arrived meanwhile. So at most two batches are under
 * way, and their size follows from how long a commit takes.
 */

#include "storage/lane.h"

#include "base/arena.h"

#include <assert.h>

enum {
    CARRIERS = 2,
    BATCH_MAX = 256, /* writes; bounds how long a batch keeps its locks */
    PENDING_MAX = 5000,
    ATTEMPTS_MAX = 4, /* of one write alone, against deadlocks */
};

struct write {
    struct write *next;
    struct lane_call *calls;
    size_t count;
    struct arena *arena;
    struct pg_reply *replies; /* one a call */
    struct pg_reply sync;     /* when sent alone */
    struct waiter waiter;
    bool done;
    enum err_kind kind;
    char sqlstate[6];
};

struct carrier {
    struct lane *lane;
    struct waiter waiter;
    bool idle;
};

struct lane {
    struct pg *pg;
    struct carrier carriers[CARRIERS];
    struct write *first, **end; /* pending */
    unsigned pending;
    unsigned running; /* carriers that have not returned */
    bool closing;
    struct waiter closed;
    struct lane_counters counters;
};

static void wake_one(struct lane *lane);
static void carry(void *context);
static void carry_batch(struct lane *lane, struct write *batch, unsigned count);
static struct write *take_batch(struct lane *lane, unsigned *count);
static struct write *sort_batch(struct write *batch, unsigned count);
static int by_contested(const void *a, const void *b);
static void carry_alone(struct lane *lane, struct write *batch);
static void carry_again(struct lane *lane, struct write *write);
static void send(struct lane *lane, struct write *write);
static enum err_kind wait_for(struct lane *lane, struct pg_reply *sync);
static void finish_all(struct write *batch, enum err_kind kind, const char *sqlstate);
static void finish(struct write *write, enum err_kind kind, const char *sqlstate);

struct lane *lane_new(struct loop *loop, const char *conninfo, int timeout_ms,
                      const struct pg_member *member)
{
    struct lane *lane = calloc(1, sizeof(*lane));
    struct pg_config config = {
        .conninfo = conninfo,
        .lane = "write",
        .timeout_ms = timeout_ms,
        .mode = PG_BATCH,
        .member = member,
    };

    if (!lane)
        abort();
    lane->end = &lane->first;
    lane->pg = pg_new(loop, &config);
    lane->running = CARRIERS;
    for (int i = 0; i < CARRIERS; i++) {
        lane->carriers[i].lane = lane;
        fiber_spawn(loop, carry, &lane->carriers[i]);
    }
    return lane;
}

void lane_free(struct lane *lane)
{
    struct err err = {0};

    if (!lane)
        return;
    lane->closing = true;
    for (int i = 0; i < CARRIERS; i++)
        fiber_wake(&lane->carriers[i].waiter);
    while (lane->running)
        if (!fiber_wait(&lane->closed, -1, &err))
            break;
    pg_free(lane->pg);
    free(lane);
}

bool lane_connect(struct lane *lane, struct err *err)
{
    return pg_connect(lane->pg, err);
}

bool lane_write(struct lane *lane, struct lane_call *calls, size_t count, struct arena *arena,
                char sqlstate[6], struct err *err)
{
    static const char *const sentences[] = {
        [ERR_TIMEOUT] = "The database did not write in time",
        [ERR_CONFLICT] = "The database refused the write because of a simultaneous change",
        [ERR_BUSY] = "The database is not available at the moment",
        [ERR_UNKNOWN] = "The connection was lost during the commit: it may have happened",
        [ERR_INTERNAL] = "The database refused the write",
    };
    struct write write = {.calls = calls, .count = count, .arena = arena};

    if (lane->closing || lane->pending >= PENDING_MAX)
        return err_set(err, ERR_BUSY, NULL, "Too many writes are waiting.");
    write.replies = arena_many(arena, struct pg_reply, count);
    *lane->end = &write;
    lane->end = &write.next;
    lane->pending++;
    wake_one(lane);
    while (!write.done)
        if (!fiber_wait(&write.waiter, -1, err))
            return false;

    if (sqlstate)
        memcpy(sqlstate, write.sqlstate, sizeof(write.sqlstate));
    if (write.kind == ERR_NONE)
        return true;
    return err_set(err, write.kind, NULL, "%s%s%s%s", sentences[write.kind],
                   *write.sqlstate ? " (SQLSTATE " : "", write.sqlstate,
                   *write.sqlstate ? ")." : ".");
}

static void wake_one(struct lane *lane)
{
    for (int i = 0; i < CARRIERS; i++) {
        if (!lane->carriers[i].idle)
            continue;
        lane->carriers[i].idle = false;
        fiber_wake(&lane->carriers[i].waiter);
        return;
    }
}

static void carry(void *context)
{
    struct carrier *carrier = context;
    struct lane *lane = carrier->lane;

    while (lane->first || !lane->closing) {
        struct err err = {0};
        unsigned count = 0;

        if (!lane->first) {
            carrier->idle = true;
            if (!fiber_wait(&carrier->waiter, -1, &err))
                break;
            carrier->idle = false;
            fiber_yield(); /* what else this turn writes comes along */
            continue;
        }
        bool connected = pg_connect(lane->pg, &err);
        struct write *batch = take_batch(lane, &count);
        if (!connected)
            finish_all(batch, ERR_BUSY, "");
        else if (batch)
            carry_batch(lane, batch, count);
    }
    if (--lane->running == 0)
        fiber_wake(&lane->closed);
}

static struct write *take_batch(struct lane *lane, unsigned *count)
{
    struct write *batch = lane->first;
    struct write **end = &lane->first;

    for (*count = 0; *end && *count < BATCH_MAX; ++*count)
        end = &(*end)->next;
    lane->first = *end;
    if (!lane->first)
        lane->end = &lane->first;
    else
        *end = NULL;
    lane->pending -= *count;
    return batch;
}

static void carry_batch(struct lane *lane, struct write *batch, unsigned count)
{
    struct pg_reply sync = {0};

    batch = sort_batch(batch, count);
    lane->counters.batches++;
    lane->counters.writes += count;
    for (struct write *write = batch; write; write = write->next)
        send(lane, write);
    pg_sync(lane->pg, &sync);

    enum err_kind kind = wait_for(lane, &sync);
    if (kind == ERR_NONE || kind == ERR_UNKNOWN || (kind == ERR_BUSY && !*sync.sqlstate) ||
        (count == 1 && !pg_is_retryable(sync.sqlstate)))
        finish_all(batch, kind, sync.sqlstate);
    else
        carry_alone(lane, batch);
}

static struct write *sort_batch(struct write *batch, unsigned count)
{
    struct write *sorted[BATCH_MAX];
    unsigned i = 0;

    for (struct write *write = batch; write; write = write->next)
        sorted[i++] = write;
    assert(i == count && count > 0);
    qsort(sorted, count, sizeof(sorted[0]), by_contested);
    for (i = 0; i < count; i++)
        sorted[i]->next = i + 1 < count ? sorted[i + 1] : NULL;
    return sorted[0];
}

static int by_contested(const void *a, const void *b)
{
    const struct write *const *left = a, *const *right = b;
    int64_t one = (*left)->calls[0].contested, other = (*right)->calls[0].contested;

    return (one > other) - (one < other);
}

/* Somebody in the batch failed, so nobody's rows are there: one sync each. */
static void carry_alone(struct lane *lane, struct write *batch)
{
    for (struct write *write = batch; write; write = write->next) {
        lane->counters.alone++;
        send(lane, write);
        pg_sync(lane->pg, &write->sync);
    }
    while (batch) {
        struct write *write = batch;

        batch = write->next; /* a finished one is gone */
        enum err_kind kind = wait_for(lane, &write->sync);
        if (pg_is_retryable(write->sync.sqlstate))
            carry_again(lane, write);
        else
            finish(write, kind, write->sync.sqlstate);
    }
}

static void carry_again(struct lane *lane, struct write *write)
{
    enum err_kind kind = ERR_CONFLICT;

    for (int i = 0; i < ATTEMPTS_MAX && pg_is_retryable(write->sync.sqlstate); i++) {
        lane->counters.alone++;
        send(lane, write);
        pg_sync(lane->pg, &write->sync);
        kind = wait_for(lane, &write->sync);
    }
    finish(write, kind, write->sync.sqlstate);
}

static void send(struct lane *lane, struct write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        write->replies[i] = (struct pg_reply){0};
        pg_send(lane->pg, write->calls[i].statement, write->calls[i].params, write->arena,
                &write->replies[i]);
    }
    write->sync = (struct pg_reply){0};
}

/* A commit that is only late may still happen. */
static enum err_kind wait_for(struct lane *lane, struct pg_reply *sync)
{
    struct err err = {0};

    if (pg_wait(sync, NULL, &err))
        return ERR_NONE;
    if (err.kind == ERR_TIMEOUT && !*sync->sqlstate)
        sync->kind = ERR_UNKNOWN;
    if (sync->kind == ERR_UNKNOWN)
        lane->counters.unknown++;
    return sync->kind;
}

static void finish_all(struct write *batch, enum err_kind kind, const char *sqlstate)
{
    while (batch) {
        struct write *write = batch;

        batch = write->next;
        finish(write, kind, sqlstate);
    }
}

static void finish(struct write *write, enum err_kind kind, const char *sqlstate)
{
    for (size_t i = 0; i < write->count; i++) {
        struct pg_reply *reply = &write->replies[i];

        assert(kind != ERR_NONE || (!reply->request && reply->kind == ERR_NONE));
        pg_drop(reply);
        write->calls[i].result = kind == ERR_NONE ? reply->result : NULL;
    }
    write->kind = kind;
    snprintf(write->sqlstate, sizeof(write->sqlstate), "%s", sqlstate);
    write->done = true;
    fiber_wake(&write->waiter);
}

void lane_count(const struct lane *lane, struct lane_counters *counters,
                struct pg_counters *connection)
{
    *counters = lane->counters;
    pg_count(lane->pg, connection);
}
