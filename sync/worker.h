#pragma once

/*
 * Sync worker - keeps up with all partners: pulls when it is time, applies what
 * has landed, fetches what is referred to, compares snapshots. One loop, one store.
 *
 *     worker.c  which partners there are      peer.c        the schedule of one of them
 *                                             peer_work.c   its pulls, and applying
 *                                             peer_metrics.c, peer_books.c
 *
 * Several workers may run on one database: each partner belongs to whichever
 * has its lock (storage/hold.h), and another one takes over when that ends.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct definitions;
struct fetcher;
struct hold;
struct loop;
struct store;

/* What all partners share: connections for transactions are few. */
struct sync_turns {
    unsigned applying;
};

/* All borrowed for the life of the worker. */
struct sync_config {
    struct loop *loop;
    struct store *store;
    struct fetcher *fetcher;
    struct hold *hold;
    int32_t tenant;
    const char *partner;  /* only this one; NULL: all */
    bool once;            /* everything is pulled now, and then the worker ends */
    bool metrics;         /* sync_worker_write_metrics() will be asked for them */
    struct text own_base; /* of the server whose database it is; absent: not known */
    const struct definitions *definitions; /* for validation `full` */
    struct sync_turns *turns;              /* the worker's own */
    void (*ended)(void *context);          /* the last fiber ends with this call */
    void *context;
};

struct sync_worker;

struct sync_worker *sync_worker_start(const struct sync_config *config);

/* Everything under way is brought to a point from which it can go on, and then `ended` is called.
 */
void sync_worker_stop(struct sync_worker *worker);

/* After `ended`. False when with `once` something could not be pulled to its end, or failed. */
bool sync_worker_is_good(const struct sync_worker *worker);
void sync_worker_free(struct sync_worker *worker);

/* Whether it is at work: the database has answered lately, so that it knows its partners. */
bool sync_worker_is_ready(const struct sync_worker *worker);

/* Prometheus text. Labels are ids of partners, modes and types; nothing of what they sent. */
void sync_worker_write_metrics(const struct sync_worker *worker, struct buf *out);
