#pragma once

/*
 * Fiber - a function with a stack of its own, so that code which waits for
 * the database or the network still reads from top to bottom.
 *
 * A fiber belongs to the loop (and so the thread) that spawned it. It runs
 * until it waits or returns; nothing else in its thread runs meanwhile. A
 * function that may wait says "Waits." first in its header comment; across a
 * wait everything shared may have changed.
 */

#include "base/err.h"

#include <stdbool.h>

struct fiber;
struct loop;

/* A place where one fiber waits for one result. Embed it in the operation;
 * zero is valid. */
struct waiter {
    struct fiber *fiber; /* borrowed; NULL when nobody waits */
    bool woken;          /* fiber_wake() came before fiber_wait(): the wait returns at once */
};

/* Starts `run(context)` when the loop next turns, never inside this call. */
void fiber_spawn(struct loop *loop, void (*run)(void *context), void *context);

/* Waits. Parks the calling fiber until fiber_wake(waiter), or fails with
 * ERR_TIMEOUT after `timeout_ms` (negative: never). The waiter can be used again. */
bool fiber_wait(struct waiter *waiter, int timeout_ms, struct err *err)
    __attribute__((warn_unused_result));

/* For callbacks of the event loop and for other fibers: the waiting fiber
 * goes on when the loop next turns, never inside this call. When nobody
 * waits yet, the next fiber_wait() returns at once. */
void fiber_wake(struct waiter *waiter);

/* Waits. */
void fiber_sleep(int ms);

/* Waits until every other fiber that is ready has run. */
void fiber_yield(void);

/* The loop of the running fiber; NULL outside of one. */
struct loop *fiber_loop(void);
