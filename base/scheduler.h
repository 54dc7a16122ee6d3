#pragma once

/*
 * Scheduler - the fibers of one loop. What base/loop.c and base/fiber.c know
 * of each other; nobody else includes this.
 */

#include "base/deadline.h"
#include "base/err.h"

struct fiber;
struct loop;

struct fiber_queue {
    struct fiber *first, *last;
};

/* Embedded in the loop; zero-initialised but for `loop`. */
struct scheduler {
    struct loop *loop;          /* borrowed */
    struct fiber_queue ready;   /* to run in this turn */
    struct fiber_queue yielded; /* to run in the next turn */
    struct deadlines deadlines; /* of the fibers that wait */
    struct fiber *idle;         /* fibers that returned, kept with their stacks */
    unsigned alive, idle_count;
};

struct scheduler *loop_scheduler(struct loop *loop);

/* Makes sure that the loop turns when `when` (clock_monotonic()) has come. */
void loop_turn_at(struct loop *loop, int64_t when);

/* Wakes the fibers whose deadline has passed. */
void scheduler_expire(struct scheduler *scheduler, int64_t now);

/* Runs every fiber that is ready, until none is left. */
void scheduler_run(struct scheduler *scheduler);

/* Whether a fiber wants to run without waiting for an event. */
bool scheduler_is_busy(const struct scheduler *scheduler);

/* Frees the stacks; no fiber may be left. */
void scheduler_release(struct scheduler *scheduler);
