#pragma once

/*
 * Worker - one thread that serves: a loop, a store, a listener.
 *
 * Its life is told to the main thread by posts into the main loop, so that
 * nobody waits for a lock.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

struct config;
struct knowledge;
struct listen_address;
struct loop;
struct policy;
struct worker;

enum worker_state { WORKER_STARTING, WORKER_READY, WORKER_FAILED, WORKER_STOPPED };

struct worker_config {
    const struct config *config;
    const struct listen_address *address;
    const char *base;
    const struct policy *policy;
    const struct knowledge *knowledge; /* to begin with */
    struct loop *main_loop;
    /* Called in the main loop at READY, FAILED and STOPPED. */
    void (*changed)(struct worker *worker, void *context);
    void *context;
};

/* Starts the thread; `config` is copied, what it points to is borrowed. */
struct worker *worker_start(const struct worker_config *config, unsigned number);

/* From the main thread: new requests know this from now on. The worker holds it itself. */
void worker_teach(struct worker *worker, const struct knowledge *knowledge);

/* From the main thread: stop listening, let requests finish, close, end. */
void worker_stop(struct worker *worker);

/* Waits for the thread's end (blocking) and frees; whether all requests were finished. */
bool worker_join(struct worker *worker);

enum worker_state worker_state(const struct worker *worker);

/* Why it FAILED. */
const struct err *worker_err(const struct worker *worker);
