/*
 * Landing batch, ahead - the rows behind a batch, read and converted while PostgreSQL writes that
 * one. Nothing is locked and nothing decided here: what a row means follows from its bytes alone.
 * Whether it still waits is asked again when it is its turn (batch_confirm()).
 */

#include "base/arena.h"
#include "base/fiber.h"
#include "storage/landing_batch.h"

struct landing_ahead {
    struct landing_batch *batch;
    int64_t unit; /* of the last row before */
    int32_t line;
    size_t before; /* rows that wait there, and are in the batch before */
    bool good, finished;
    struct waiter waiter;
};

static void run(void *context);
static bool matches(const struct landing_batch *batch, const struct pg_result *result);

struct landing_ahead *ahead_start(const struct landing_batch *before)
{
    const struct landed *last = &before->rows[before->count - 1];
    struct landing_batch *batch = batch_new(before->store, before->apply, before->most);
    struct landing_ahead *ahead = arena_one(batch->arena, struct landing_ahead);

    *ahead = (struct landing_ahead){
        .batch = batch, .unit = last->unit->number, .line = last->line, .before = before->count};
    fiber_spawn(fiber_loop(), run, ahead);
    return ahead;
}

static void run(void *context)
{
    struct landing_ahead *ahead = context;
    struct err ignored = {0};

    ahead->good =
        batch_read_behind(ahead->batch, ahead->unit, ahead->line, ahead->before, &ignored);
    if (ahead->good)
        batch_convert(ahead->batch);
    ahead->finished = true;
    fiber_wake(&ahead->waiter);
}

struct landing_batch *ahead_take(struct landing_ahead *ahead)
{
    struct landing_batch *batch;
    struct err ignored = {0};

    while (!ahead->finished)
        (void)!fiber_wait(&ahead->waiter, -1, &ignored);
    batch = ahead->batch;
    if (ahead->good && batch->count > 0)
        return batch;
    arena_free(batch->arena);
    return NULL;
}

bool batch_confirm(struct landing_batch *batch, bool *same, struct err *err)
{
    static const struct pg_statement read = {
        "select number, states from f_sync_unit where partner = $1::int4 and waiting > 0"
        " order by number limit $2::int8"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8(&params, (int64_t)batch->unit_count);
    if (!batch_lock(batch, err) || !pg_query(batch->pg, &read, &params, batch->arena, &result, err))
        return false;
    *same = matches(batch, result);
    return true;
}

/* What waits now must begin with the rows of the batch. */
static bool matches(const struct landing_batch *batch, const struct pg_result *result)
{
    size_t at = 0;

    if ((size_t)pg_rows(result) != batch->unit_count)
        return false;
    for (size_t i = 0; i < batch->unit_count; i++) {
        struct unit *unit = &batch->units[i];
        struct text states = pg_bytea(result, (int)i, 1);

        if (pg_int8(result, (int)i, 0) != unit->number || states.size != unit->rows)
            return false;
        memcpy(unit->states, states.data, states.size);
        for (size_t line = 0; line < unit->rows && at < batch->count; line++) {
            const struct landed *landed = &batch->rows[at];

            if (!batch_waits(unit->states[line]))
                continue;
            if (landed->unit != unit || (size_t)landed->line != line ||
                landed->before != unit->states[line])
                return false;
            at++;
        }
    }
    return at == batch->count;
}
