#pragma once

/*
 * Loop - one libevent loop, owned by one thread, and the fibers on it.
 *
 * A turn of the loop is: dispatch what libevent has ready, run every fiber
 * that was woken (until none is left), then call the turn-end hooks. Hooks
 * are where storage/pg.c sends one sync for everything a turn has queued.
 */

#include "base/err.h"

#include <stdbool.h>

struct event_base;
struct loop;

struct loop *loop_new(void);

/* The loop must have stopped, and no fiber may be left. NULL is a no-op. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/* From the loop's own thread: ends loop_run() after the current turn. */
void loop_stop(struct loop *loop);

/* From any thread: wakes the loop and calls `run(context)` in it, in the order
 * of the posts. Not from a signal handler: that is what loop_on_signal() is for. */
void loop_post(struct loop *loop, void (*run)(void *context), void *context);

/* Calls `run(context)` in the loop, as any event, whenever the process gets
 * the signal. One loop of a process can do this. */
void loop_on_signal(struct loop *loop, int signum, void (*run)(void *context), void *context);

struct event_base *loop_base(struct loop *loop);

/* Calls `hook(context)` at the end of every turn until removed. */
void loop_add_turn_end(struct loop *loop, void (*hook)(void *context), void *context);
void loop_remove_turn_end(struct loop *loop, void (*hook)(void *context), void *context);

/* Fibers that have not returned yet. */
unsigned loop_fibers(const struct loop *loop);
