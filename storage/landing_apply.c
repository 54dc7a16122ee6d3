/*
 * Landing, applying - batches, one after the other, until none waits; smaller ones around a row
 * that PostgreSQL refuses, until it is alone.
 */

#include "base/arena.h"
#include "storage/landing_batch.h"

enum {
    BATCH = 1000,
    BATCH_BYTES = 4 * 1024 * 1024,
    ATTEMPTS = 8, /* of one batch, when others are in the way */
};

typedef void took_fn(void *context, const struct landing_replayed *replayed);

/* A run over what waits, or over dead letters. */
struct run {
    struct store *store;
    struct landing_apply apply; /* without zeros */
    const struct landing_dead_filter *dead;
    bool dry_run;
    took_fn *took;
    void *took_context;
    struct landing_result *result;

    struct landing_ahead *ahead; /* of the next batch; NULL */
    int64_t after;
    size_t limit; /* rows of the next batch */
    unsigned failures;
    bool done;
};

static bool run_all(struct run *run, struct err *err);
static size_t next_size(const struct run *run);
static struct landing_batch *next_batch(struct run *run);
static void drop_ahead(struct run *run);
static bool run_batch(struct run *run, struct landing_batch *batch, struct err *err);
static bool run_phases(struct run *run, struct landing_batch *batch, struct err *err);
static bool read_rows(const struct run *run, struct landing_batch *batch, struct err *err);
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
    struct err failure;

    *run->result = (struct landing_result){0};
    if (run->apply.batch == 0)
        run->apply.batch = BATCH;
    if (run->apply.bytes == 0)
        run->apply.bytes = BATCH_BYTES;
    run->limit = run->apply.batch;
    while (!run->done && next_size(run) > 0 &&
           !(run->apply.stop && run->apply.stop(run->apply.stop_context))) {
        struct landing_batch *batch = next_batch(run);
        bool good;

        failure = (struct err){0};
        unsigned began = member_begin(run->store);
        good = run_batch(run, batch, &failure);
        if (!good) {
            drop_ahead(run);
            good = recover(run, batch, &failure);
        }
        member_end(run->store, began);
        arena_free(batch->arena);
        if (!good) {
            *err = failure;
            return false;
        }
    }
    drop_ahead(run);
    return count_waiting(run, err);
}

static struct landing_batch *next_batch(struct run *run)
{
    struct landing_batch *batch = run->ahead ? ahead_take(run->ahead) : NULL;

    run->ahead = NULL;
    if (batch)
        return batch;
    batch = batch_new(run->store, &run->apply, next_size(run));
    batch->dead = run->dead;
    batch->after = run->after;
    return batch;
}

static void drop_ahead(struct run *run)
{
    struct landing_batch *batch = run->ahead ? ahead_take(run->ahead) : NULL;

    run->ahead = NULL;
    if (batch)
        arena_free(batch->arena);
}

static size_t next_size(const struct run *run)
{
    size_t done = (size_t)run->result->counts.landed;

    if (run->apply.most == 0 || run->apply.most - done > run->limit)
        return run->limit;
    return run->apply.most > done ? run->apply.most - done : 0;
}

static bool run_batch(struct run *run, struct landing_batch *batch, struct err *err)
{
    batch->pg = pool_acquire(run->store->transactions, err);
    if (!batch->pg)
        return false;
    pg_begin(batch->pg);
    bool good = run_phases(run, batch, err);
    if (good && batch->count > 0 && !run->dry_run)
        good = pg_commit(batch->pg, err);
    pool_release(run->store->transactions, batch->pg);
    if (!good)
        return false;

    tell(run, batch);
    batch_count(batch, run->result);
    run->done = batch->count == 0;
    run->after = batch->after;
    run->failures = 0;
    if (batch->cut) {
        drop_ahead(run);
        run->limit = run->limit > 1 ? run->limit / 2 : 1;
    } else
        run->limit = run->limit * 2 < run->apply.batch ? run->limit * 2 : run->apply.batch;
    return true;
}

static bool run_phases(struct run *run, struct landing_batch *batch, struct err *err)
{
    if (!read_rows(run, batch, err))
        return false;
    if (batch->count == 0)
        return true;
    if (!batch->converted)
        batch_convert(batch);
    if (batch->more && batch->most == run->apply.batch && !run->dead && !batch->fatal &&
        run->apply.most == 0)
        run->ahead = ahead_start(batch);
    if (!batch_identify(batch, err))
        return false;
    batch_decide(batch);
    return batch_pass_over_dead(batch, err) && batch_write(batch, err) &&
           (run->dry_run || batch_settle(batch, err));
}

/* Where somebody else was at work between reading ahead and now, it is read anew. */
static bool read_rows(const struct run *run, struct landing_batch *batch, struct err *err)
{
    bool same = false;

    if (run->dead)
        return batch_read_dead(batch, err);
    if (batch->count == 0)
        return batch_read(batch, err);
    if (!batch_confirm(batch, &same, err))
        return false;
    if (same)
        return true;
    *batch = (struct landing_batch){
        .store = batch->store,
        .apply = batch->apply,
        .arena = batch->arena,
        .pg = batch->pg,
        .most = batch->most,
        .map.arena = batch->arena,
    };
    return batch_read(batch, err);
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
        /* Not PostgreSQL's: two ids with one key (version.h). */
        .fatal_class =
            failure->kind == ERR_CONFLICT && !batch->sqlstate[0] ? "identity_conflict" : "storage",
        .arena = arena_new(),
        .most = 1,
    };
    struct err fatal = {0};
    alone.map.arena = alone.arena;
    bool good = run_batch(run, &alone, &fatal);
    arena_free(alone.arena);
    if (!good)
        *failure = fatal;
    return good;
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
