/*
 * Landing, applying - batches, until none waits; smaller ones around a row that PostgreSQL
 * refuses, until it is alone.
 *
 * The first is read under a lock. Behind it others follow, several at once, and the next is read
 * and converted meanwhile (landing_order.c). After a failure it is one again.
 */

#include "base/arena.h"
#include "base/random.h"
#include "storage/landing_batch.h"

enum {
    BATCH = 500, /* a page, mostly */
    BATCH_BYTES = 2 * 1024 * 1024,
    ATTEMPTS = 8, /* of one batch, when others are in the way */
    AT_ONCE = 4,  /* batches; also one less than there are connections, which landing needs, too */
};

typedef void took_fn(void *context, const struct landing_replayed *replayed);

/* A batch under way, with a fiber of its own. */
struct flight {
    struct run *run;
    struct landing_batch *batch;
    struct err err;
    bool ended, good;
    struct flight *next;
};

/* A run over what waits, or over dead letters. */
struct run {
    struct store *store;
    struct landing_apply apply; /* without zeros */
    const struct landing_dead_filter *dead;
    bool dry_run;
    took_fn *took;
    void *took_context;
    struct landing_result *result;

    int64_t after;
    size_t limit; /* rows of the next batch */
    unsigned failures;
    bool done;

    /* Behind a batch. */
    bool streams;
    int64_t unit; /* of the last row that was read */
    int32_t line;
    int64_t turn; /* after the last commit */
    int64_t ticket;
    struct flight *oldest, *newest;
    unsigned flying;
    struct waiter landed;
};

static bool run_all(struct run *run, struct err *err);
static bool may_go_on(const struct run *run);
static size_t next_size(const struct run *run);
static struct landing_batch *step(struct run *run, struct err *err);
static struct landing_batch *stream(struct run *run, struct err *err);
static unsigned at_once(const struct run *run);
static struct landing_batch *read_next(struct run *run);
static void note_last(struct run *run, const struct landing_batch *batch);
static void launch(struct run *run, struct landing_batch *batch);
static void fly(void *context);
static void await_end(struct run *run, const struct flight *flight);
static struct landing_batch *take_oldest(struct run *run, struct err *err);
static bool run_batch(struct run *run, struct landing_batch *batch, struct err *err);
static bool run_phases(struct run *run, struct landing_batch *batch, struct err *err);
static bool read_rows(const struct run *run, struct landing_batch *batch, struct err *err);
static bool pass_over_dead(struct landing_batch *batch, struct err *err);
static void take(struct run *run, struct landing_batch *batch);
static bool recover(struct run *run, const struct landing_batch *batch, struct err *failure);
static void tell(const struct run *run, const struct landing_batch *batch);
static bool count_waiting(const struct run *run, struct err *err);

bool landing_apply(struct store *store, const struct landing_apply *apply,
                   struct landing_result *result, struct err *err)
{
    struct run run = {.store = store, .apply = *apply, .result = result};

    return run_all(&run, err);
}

bool landing_dead_replay(struct store *store, const struct landing_apply *apply,
                         const struct landing_dead_filter *filter, bool dry_run,
                         void (*took)(void *context, const struct landing_replayed *replayed),
                         void *took_context, struct landing_result *result, struct err *err)
{
    struct run run = {
        .store = store,
        .apply = *apply,
        .dead = filter,
        .dry_run = dry_run,
        .took = took,
        .took_context = took_context,
        .result = result,
    };

    return run_all(&run, err);
}

static bool run_all(struct run *run, struct err *err)
{
    *run->result = (struct landing_result){0};
    if (run->apply.batch == 0)
        run->apply.batch = BATCH;
    if (run->apply.bytes == 0)
        run->apply.bytes = BATCH_BYTES;
    run->limit = run->apply.batch;
    while (may_go_on(run) && next_size(run) > 0) {
        struct err failure = {0};
        struct landing_batch *failed = run->streams ? stream(run, &failure) : step(run, &failure);

        if (!failed)
            continue;
        bool good = recover(run, failed, &failure);
        arena_free(failed->arena);
        if (!good) {
            *err = failure;
            return false;
        }
    }
    return count_waiting(run, err);
}

static bool may_go_on(const struct run *run)
{
    return !run->done && !(run->apply.stop && run->apply.stop(run->apply.stop_context));
}

static size_t next_size(const struct run *run)
{
    size_t done = (size_t)run->result->counts.landed;

    if (run->apply.most == 0 || run->apply.most - done > run->limit)
        return run->limit;
    return run->apply.most > done ? run->apply.most - done : 0;
}

/* One batch alone. Returns it when it failed. */
static struct landing_batch *step(struct run *run, struct err *err)
{
    struct landing_batch *batch = batch_new(run->store, &run->apply, next_size(run));

    batch->dead = run->dead;
    batch->after = run->after;
    if (!run_batch(run, batch, err))
        return batch;
    run->done = batch->count == 0;
    run->after = batch->after;
    run->streams = batch->count > 0 && batch->most == run->apply.batch && !run->dead &&
                   run->apply.most == 0 && at_once(run) > 0;
    if (run->streams)
        note_last(run, batch);
    take(run, batch);
    return NULL;
}

/* As many as there are rows for. Returns the one that failed first; then all behind it have, too.
 */
static struct landing_batch *stream(struct run *run, struct err *err)
{
    struct landing_batch *failed = NULL, *batch;

    run->ticket = (int64_t)random_number();
    while (!failed && may_go_on(run)) {
        if (run->oldest && run->oldest->ended) {
            failed = take_oldest(run, err); /* its memory is not kept while others are read */
            continue;
        }
        if (!(batch = read_next(run)))
            break;
        while (!failed && run->flying == at_once(run))
            failed = take_oldest(run, err);
        if (failed)
            arena_free(batch->arena);
        else
            launch(run, batch);
    }
    while (!failed && run->flying > 0)
        failed = take_oldest(run, err);
    run->streams = false;
    return failed;
}

static unsigned at_once(const struct run *run)
{
    unsigned lanes = run->store->config.transaction_lanes;

    return lanes > AT_ONCE ? AT_ONCE : lanes > 1 ? lanes - 1 : 0;
}

/* NULL: there is nothing behind what was read, or it cannot be read. */
static struct landing_batch *read_next(struct run *run)
{
    struct landing_batch *batch = batch_new(run->store, &run->apply, run->apply.batch);
    struct err ignored = {0};

    if (!batch_read_behind(batch, run->unit, run->line, (size_t)run->line + 1, &ignored) ||
        batch->count == 0) {
        arena_free(batch->arena);
        return NULL;
    }
    batch_convert(batch);
    return batch;
}

/* A unit that was read to its end is not read again. */
static void note_last(struct run *run, const struct landing_batch *batch)
{
    const struct landed *last = &batch->rows[batch->count - 1];
    bool whole = (size_t)last->line + 1 == last->unit->rows;

    run->unit = last->unit->number + whole;
    run->line = whole ? -1 : last->line;
}

static void launch(struct run *run, struct landing_batch *batch)
{
    struct flight *flight = arena_one(batch->arena, struct flight);

    *flight = (struct flight){.run = run, .batch = batch};
    batch->ticket = ++run->ticket;
    batch->turn = run->turn;
    if (run->newest)
        batch_follow(batch, run->newest->batch);
    note_last(run, batch);
    if (run->newest)
        run->newest->next = flight;
    else
        run->oldest = flight;
    run->newest = flight;
    run->flying++;
    fiber_spawn(fiber_loop(), fly, flight);
}

static void fly(void *context)
{
    struct flight *flight = context;

    flight->good = run_batch(flight->run, flight->batch, &flight->err);
    flight->ended = true;
    fiber_wake(&flight->run->landed);
}

static void await_end(struct run *run, const struct flight *flight)
{
    struct err ignored = {0};

    while (!flight->ended)
        (void)!fiber_wait(&run->landed, -1, &ignored);
}

/* Waits for it. When it failed, for the others too: they look at it until they end. */
static struct landing_batch *take_oldest(struct run *run, struct err *err)
{
    struct flight *flight = run->oldest;
    struct landing_batch *batch = flight->batch;

    await_end(run, flight);
    run->oldest = flight->next;
    if (!run->oldest)
        run->newest = NULL;
    run->flying--;
    if (flight->good) {
        take(run, batch);
        return NULL;
    }
    *err = flight->err;
    for (struct flight *other = run->oldest, *next; other; other = next) {
        next = other->next;
        await_end(run, other);
    }
    while (run->oldest) {
        flight = run->oldest;
        run->oldest = flight->next;
        arena_free(flight->batch->arena);
    }
    run->newest = NULL;
    run->flying = 0;
    return batch;
}

static bool run_batch(struct run *run, struct landing_batch *batch, struct err *err)
{
    unsigned began = member_begin(run->store);
    bool good = false;

    batch->pg = pool_acquire(run->store->transactions, err);
    if (batch->pg) {
        pg_begin(batch->pg);
        good = run_phases(run, batch, err);
        if (good && batch->count > 0 && !run->dry_run)
            good = pg_commit(batch->pg, err);
        pool_release(run->store->transactions, batch->pg);
    }
    member_end(run->store, began);
    batch_tell(batch, good ? BATCH_DONE : BATCH_FAILED);
    return good;
}

static bool run_phases(struct run *run, struct landing_batch *batch, struct err *err)
{
    if (!batch->converted && !read_rows(run, batch, err))
        return false;
    if (batch->count == 0)
        return true;
    if (!batch->converted)
        batch_convert(batch);
    if (!batch_take_place(batch, err) || !batch_identify(batch, err))
        return false;
    batch_decide(batch);
    batch_tell(batch, BATCH_DECIDED);
    if (!pass_over_dead(batch, err) || !batch_write(batch, err))
        return false;
    return run->dry_run || (batch_write_new(batch, err) && batch_take_turn(batch, err) &&
                            batch_take_keys(batch, err) && batch_take_owners(batch, err) &&
                            batch_settle(batch, err));
}

static bool read_rows(const struct run *run, struct landing_batch *batch, struct err *err)
{
    return run->dead ? batch_read_dead(batch, err) : batch_read(batch, err);
}

/* The same may have died in a batch before. */
static bool pass_over_dead(struct landing_batch *batch, struct err *err)
{
    bool dies = false;

    for (size_t i = 0; i < batch->count; i++)
        dies |= batch->rows[i].after == 'd';
    return !dies || (batch_await_before(batch, err) && batch_pass_over_dead(batch, err));
}

/* What it did; and it ends. */
static void take(struct run *run, struct landing_batch *batch)
{
    tell(run, batch);
    batch_count(batch, run->result);
    run->turn = batch->turn;
    run->failures = 0;
    run->limit = run->limit * 2 < run->apply.batch ? run->limit * 2 : run->apply.batch;
    arena_free(batch->arena);
}

/* After a failure: whether to go on, and how. A commit whose answer was lost was made or not: the
 * states of its rows say so, to whoever reads them next. */
static bool recover(struct run *run, const struct landing_batch *batch, struct err *failure)
{
    bool again = batch->raced || pg_is_retryable(batch->sqlstate) || failure->kind == ERR_UNKNOWN;

    if (again && ++run->failures < ATTEMPTS) {
        run->store->counters.transaction_retries++;
        return true;
    }
    if (again || failure->kind == ERR_BUSY || batch->count == 0)
        return false;
    if (batch->count > 1) {
        run->limit = batch->count / 2;
        return true;
    }
    if (failure->kind == ERR_TIMEOUT)
        return false;

    struct landing_batch alone = {
        .store = run->store,
        .apply = &run->apply,
        .dead = run->dead,
        .after = run->after,
        .fatal = failure,
        .fatal_unit = batch->rows[0].unit->number,
        .fatal_line = batch->rows[0].line,
        /* Not PostgreSQL's: two ids with one key (version.h). */
        .fatal_class =
            failure->kind == ERR_CONFLICT && !batch->sqlstate[0] ? "identity_conflict" : "storage",
        .arena = arena_new(),
        .most = 1,
    };
    struct err fatal = {0};
    alone.map.arena = alone.arena;
    if (run_batch(run, &alone, &fatal)) {
        run->after = alone.after;
        take(run, &alone);
        return true;
    }
    arena_free(alone.arena);
    *failure = fatal;
    return false;
}

static void tell(const struct run *run, const struct landing_batch *batch)
{
    for (size_t i = 0; run->took && i < batch->count; i++) {
        const struct landed *landed = &batch->rows[i];
        bool dead = landed->after == 'd';
        struct landing_replayed replayed = {
            .number = landed->dead,
            .outcome = landed->after,
            .class = landed->in.refused,
            .rule = landed->in.rule,
            .where = landed->in.where,
            .type = dead ? NULL : text_dup(batch->arena, landed->in.type),
            .local = dead                        ? NULL
                     : landed->self->linked.data ? landed->self->linked.data
                                                 : landed->self->local,
            .before = landed->stored,
        };

        if (landed->write)
            replayed.after =
                (struct text){landed->write->version.json, landed->write->version.json_size};
        run->took(run->took_context, &replayed);
    }
}

static bool count_waiting(const struct run *run, struct err *err)
{
    static const struct pg_statement statement = {
        "select coalesce(sum(waiting), 0)::int8 from f_sync_unit where partner = $1::int4"
        " and waiting > 0"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int4(&params, run->apply.partner);
    bool good = pg_query(run->store->read, &statement, &params, arena, &result, err);
    if (good)
        run->result->counts.waiting = pg_int8(result, 0, 0);
    arena_free(arena);
    return good;
}
