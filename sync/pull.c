/*
 * Pull - see pull.h.
 */

#include "sync/pull.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "sync/partner.h"
#include "sync/pull_internal.h"
#include "sync/talk.h"

#define MICRO       INT64_C(1000000)
#define RESTARTS    3
#define SHORTEST    (MICRO / 100) /* no window is made shorter */
#define HOUR        (3600 * MICRO)
#define WINDOWS_MAX 100000

enum step { STEP_ON, STEP_DONE, STEP_FAILED };

struct run {
    const struct pull *pull;
    struct pull_result *result;
    struct arena *arena;           /* of one window */
    struct pull_position position; /* the cursor's */
    int64_t reached; /* by short windows of this run; the cursor stays behind, for the overlap */
    bool resumed;    /* from where an earlier run ended */
};

static enum step run_window(struct run *run, struct err *err);
static enum step conclude(struct run *run, struct chain *chain, enum chain_end end,
                          struct err *err);

bool pull_run(const struct pull *pull, struct pull_result *result, struct err *err)
{
    struct run run = {.pull = pull, .result = result, .arena = arena_new(), .reached = INT64_MIN};
    enum step step = STEP_ON;

    *result = (struct pull_result){.outcome = PULL_LATER};
    while (step == STEP_ON && result->windows < WINDOWS_MAX) {
        step = run_window(&run, err);
        arena_reset(run.arena);
    }
    arena_free(run.arena);
    return step != STEP_FAILED;
}

/* The range that comes next. From the beginning of time, a span begins in 1970. */
static struct pull_range next_range(const struct run *run)
{
    struct pull_range range = {run->position.since, INT64_MAX};

    if (run->pull->mode == PULL_SNAPSHOT)
        range.since = INT64_MIN;
    else if (run->reached > range.since)
        range.since = run->reached;
    int64_t begin = range.since == INT64_MIN ? 0 : range.since;
    if (run->position.span && pull_has_range(run->pull) && begin + run->position.span < clock_now())
        range.until = begin + run->position.span;
    return range;
}

/* How long the next window may be when this one lands. */
int64_t pull_next_span(const struct chain *chain)
{
    int64_t since = chain->range.since, until = chain->range.until;

    if (until == INT64_MAX)
        return 0;
    if (since == INT64_MIN && chain->first != INT64_MIN && chain->first < until)
        since = chain->first;
    return since == INT64_MIN ? HOUR : (until - since) * 2;
}

static bool open_window(struct run *run, struct chain *chain, struct err *err)
{
    const struct pull *pull = run->pull;
    const struct landing_cursor_key key = pull_key(pull);

    while (!landing_cursor_get(pull->store, &key, run->arena, &chain->cursor, err))
        if (!talk_wait_for_database(pull->talk, err))
            return false;
    run->position = pull_position_read(chain->cursor.value);
    chain->range = next_range(run);
    while (!landing_window_open(pull->store, &key, pull_range_text(run->arena, &chain->range),
                                pull->mode == PULL_SNAPSHOT, run->arena, &chain->window, err))
        if (!talk_wait_for_database(pull->talk, err))
            return false;
    chain->range = pull_range_read(chain->window.since);
    chain->floor = run->position.since;
    run->resumed = chain->window.units > 0;
    return true;
}

/* A window that somebody else began has no answer of ours to take the time from. */
static int64_t time_of_opening(const struct run *run, const struct chain *chain)
{
    const struct talk_counts *counts = talk_counts(run->pull->talk);

    if (!run->resumed)
        return INT64_MIN;
    return chain->window.opened + (counts->skew_known ? counts->skew_ms * 1000 : 0) - MICRO;
}

static enum step begin_again(const struct run *run, const struct chain *chain, struct err *err)
{
    return landing_window_give_up(run->pull->store, chain->window.number,
                                  "Its address has changed meanwhile; it begins again.", err)
               ? STEP_ON
               : STEP_FAILED;
}

static enum step run_window(struct run *run, struct err *err)
{
    struct chain chain = {
        .pull = run->pull, .arena = run->arena, .seen = INT64_MIN, .first = INT64_MIN};
    enum chain_end end = CHAIN_BROKEN;

    if (!open_window(run, &chain, err))
        return STEP_FAILED;
    chain.t0 = time_of_opening(run, &chain);
    const char *from = chain.window.next.size ? text_dup(run->arena, chain.window.next) : NULL;
    if (from && !pull_may_go_on(run->pull, from, chain.window.opened < run->pull->configured))
        return begin_again(run, &chain, err);
    int32_t tag = chain.window.units;
    run->result->windows++;
    for (unsigned attempt = 0; end == CHAIN_BROKEN && attempt <= RESTARTS; attempt++) {
        run->result->restarts += attempt > 0;
        end = chain_run(&chain, from, tag, err);
        from = NULL;
        tag = chain.window.units + chain.units;
    }
    run->result->rows += chain.rows;
    run->result->pages += chain.pages;
    if (end == CHAIN_FAILED)
        return STEP_FAILED;
    return conclude(run, &chain, end, err);
}

static enum step finish(struct run *run, enum pull_outcome outcome, const char *reason)
{
    run->result->outcome = outcome;
    snprintf(run->result->reason, sizeof(run->result->reason), "%s", reason);
    return STEP_DONE;
}

/* Where the time of a chain begins, for halving: from the beginning of time there is no middle, but
 * there is one of what was seen. */
static int64_t begin_of(const struct chain *chain)
{
    return chain->range.since != INT64_MIN ? chain->range.since : chain->first;
}

static int64_t end_of(const struct chain *chain)
{
    return chain->range.until != INT64_MAX ? chain->range.until : chain->t0;
}

/* The cursor stays, but the next window ends in the middle. */
static enum step halve(struct run *run, struct chain *chain, struct err *err)
{
    int64_t half = (end_of(chain) - begin_of(chain)) / 2;
    struct pull_position position = {run->position.since, half};
    struct landing_cursor cursor = chain->cursor;
    bool moved;

    if (chain->range.since == INT64_MIN)
        position.span = begin_of(chain) + half;
    cursor.value = pull_position_text(run->arena, &position);
    log_info(run->pull->log, "smaller windows", "why", chain->reason, NULL);
    if (!landing_window_give_up(run->pull->store, chain->window.number,
                                "Its pages end too early; taken again in smaller windows.", err) ||
        !landing_cursor_set(run->pull->store, &cursor, &moved, err))
        return STEP_FAILED;
    return STEP_ON;
}

static bool can_halve(const struct run *run, const struct chain *chain)
{
    return pull_has_range(run->pull) && !chain->astray && begin_of(chain) != INT64_MIN &&
           end_of(chain) != INT64_MIN && (end_of(chain) - begin_of(chain)) / 2 >= SHORTEST;
}

/* The window has landed: the next, when this one was kept short. */
static enum step go_on(struct run *run, const struct chain *chain)
{
    run->reached = chain->range.until;
    if (chain->range.until != INT64_MAX && chain->range.until < chain->t0)
        return STEP_ON;
    return finish(run, PULL_COMPLETE, chain->note);
}

static enum step conclude(struct run *run, struct chain *chain, enum chain_end end, struct err *err)
{
    switch (end) {
    case CHAIN_LANDED:
        return go_on(run, chain);
    case CHAIN_LATER:
        return finish(run, PULL_LATER, chain->reason);
    case CHAIN_BROKEN:
        if (can_halve(run, chain))
            return halve(run, chain, err);
        break;
    default:
        break;
    }
    while (!landing_window_give_up(run->pull->store, chain->window.number, chain->reason, err))
        if (!talk_wait_for_database(run->pull->talk, err))
            return STEP_FAILED;
    return finish(run, PULL_INCOMPLETE, chain->reason);
}
