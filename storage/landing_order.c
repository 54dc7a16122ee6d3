/*
 * Landing batch, order - several batches under way at once, so that PostgreSQL writes with more
 * than one processor, and still what is committed is always what one after the other would have
 * committed by then.
 *
 * A batch decides once all before it have: from then on it is certain what each of them
 * writes. A resource that several mention is written down by the first; a batch that has rows
 * of what one before it has rows of, waits until that is committed. So two that are under way
 * write nothing in common until it is their turn: identities that are known, states, counters
 * and dead letters follow when the one before is committed.
 *
 * Rows are read without a lock. A number of the partner counts its batches; one that finds
 * it changed since the one before had its turn is not the only one at work, and begins again.
 */

#include "base/arena.h"
#include "storage/landing_batch.h"

static void let_go(struct landing_batch *batch);
static bool await(struct landing_batch *batch, enum batch_state state, struct err *err);
static bool must_wait(const struct landing_batch *batch, struct landing_batch *before);
static void note_mention(struct identity *identity, const struct landing_batch *before);
static bool await_ticket(struct landing_batch *batch, struct err *err);
static bool lock_and_confirm(struct landing_batch *batch, struct err *err);
static bool still_waits(struct landing_batch *batch, const struct pg_result *result);
static bool count_turn(struct landing_batch *batch, struct err *err);
static bool query(struct landing_batch *batch, const struct pg_statement *statement,
                  const struct pg_params *params, const struct pg_result **result, struct err *err);

void batch_follow(struct landing_batch *batch, struct landing_batch *before)
{
    batch->before = before;
    before->behind = batch;
    if (before->state != BATCH_BEGUN)
        batch_tell(before, before->state);
}

void batch_tell(struct landing_batch *batch, enum batch_state state)
{
    struct landing_batch *behind = batch->behind;

    batch->state = state;
    if (!behind)
        return;
    behind->dropped |= batch->cut || state == BATCH_FAILED;
    if (state == BATCH_DONE)
        let_go(batch);
    fiber_wake(&behind->waiter);
}

static void let_go(struct landing_batch *batch)
{
    batch->behind->turn = batch->turn;
    batch->behind->before = NULL;
    batch->behind = NULL;
}

static bool await(struct landing_batch *batch, enum batch_state state, struct err *err)
{
    while (!batch->dropped && batch->before && batch->before->state < state) {
        struct err ignored = {0};
        (void)!fiber_wait(&batch->waiter, -1, &ignored);
    }
    batch->raced = batch->dropped;
    return !batch->dropped ||
           err_set(err, ERR_CONFLICT, NULL, "What landed before it was not applied.");
}

bool batch_await_before(struct landing_batch *batch, struct err *err)
{
    return await(batch, BATCH_DONE, err);
}

bool batch_take_place(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement take = {"select pg_advisory_xact_lock($1::int8)::text"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    if (batch->ticket) {
        pg_add_int8(&params, batch->ticket);
        if (!query(batch, &take, &params, &result, err))
            return false;
    }
    if (!await(batch, BATCH_DECIDED, err))
        return false;
    for (struct landing_batch *before = batch->before; before; before = before->before)
        if (must_wait(batch, before))
            return await(batch, BATCH_DONE, err);
    return true;
}

/* A resource of ours that a row says it is a copy of may be among what is being written. */
static bool must_wait(const struct landing_batch *batch, struct landing_batch *before)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->rows[i].in.local.size > 0)
            return true;
    for (struct identity *identity = batch->first; identity; identity = identity->next) {
        const struct identity *other = map_find(&before->map, identity->name);

        if (!other)
            continue;
        if (other->link || (identity->named && other->named))
            return true;
        identity->coming |= other->write;
        if (other->write && !other->named)
            note_mention(identity, before);
    }
    return false;
}

/* As it will be found when that one is committed. */
static void note_mention(struct identity *identity, const struct landing_batch *before)
{
    identity->known = true;
    identity->presence = LANDING_MENTIONED;
    identity->unit = before->units[0].number;
}

bool batch_take_turn(struct landing_batch *batch, struct err *err)
{
    if (batch->ticket && (!await_ticket(batch, err) || !lock_and_confirm(batch, err)))
        return false;
    return count_turn(batch, err);
}

/* In PostgreSQL, so that it sees when those before wait for somebody who waits for this one. */
static bool await_ticket(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement wait = {"select pg_advisory_xact_lock_shared($1::int8)::text"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    if (!batch->before)
        return true;
    pg_add_int8(&params, batch->before->ticket);
    return query(batch, &wait, &params, &result, err) && batch_await_before(batch, err);
}

static bool lock_and_confirm(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement read = {
        "select states from f_sync_unit where number = any($1::int8[]) order by number"};
    struct pg_params params = pg_params_in(batch->arena);
    int64_t *units = arena_many(batch->arena, int64_t, batch->unit_count);
    const struct pg_result *result;

    for (size_t i = 0; i < batch->unit_count; i++)
        units[i] = batch->units[i].number;
    pg_add_int8_array(&params, units, NULL, batch->unit_count);
    if (!batch_lock(batch, err) || !query(batch, &read, &params, &result, err))
        return false;
    batch->raced = !still_waits(batch, result);
    return !batch->raced ||
           err_set(err, ERR_CONFLICT, NULL, "Somebody else has applied what landed here.");
}

/* What became of the other rows of the units, the batches before have written meanwhile. */
static bool still_waits(struct landing_batch *batch, const struct pg_result *result)
{
    if ((size_t)pg_rows(result) != batch->unit_count)
        return false;
    for (size_t i = 0; i < batch->unit_count; i++) {
        struct unit *unit = &batch->units[i];
        struct text states = pg_bytea(result, (int)i, 0);

        if (states.size != unit->rows)
            return false;
        memcpy(unit->states, states.data, states.size);
    }
    for (size_t i = 0; i < batch->count; i++)
        if (batch->rows[i].unit->states[batch->rows[i].line] != batch->rows[i].before)
            return false;
    return true;
}

static bool count_turn(struct landing_batch *batch, struct err *err)
{
    static const struct pg_statement count = {
        "update f_partner set turn = turn + 1 where number = $1::int4"
        " and ($2::int8 = 0 or turn = $2::int8) returning turn"};
    struct pg_params params = pg_params_in(batch->arena);
    const struct pg_result *result;

    pg_add_int4(&params, batch->apply->partner);
    pg_add_int8(&params, batch->turn);
    if (!query(batch, &count, &params, &result, err))
        return false;
    batch->raced = pg_rows(result) == 0;
    if (batch->raced)
        return err_set(err, ERR_CONFLICT, NULL, "Somebody else is applying what landed here.");
    batch->turn = pg_int8(result, 0, 0);
    return true;
}

static bool query(struct landing_batch *batch, const struct pg_statement *statement,
                  const struct pg_params *params, const struct pg_result **result, struct err *err)
{
    struct pg_reply reply = {0};

    pg_send(batch->pg, statement, params, batch->arena, &reply);
    bool good = pg_wait(&reply, result, err);
    if (!good)
        memcpy(batch->sqlstate, reply.sqlstate, sizeof(batch->sqlstate));
    return good;
}
