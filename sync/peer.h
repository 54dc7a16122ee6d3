#pragma once

/* Peer - one partner while the worker runs: its configuration, its tasks, its
 * conversation. For worker.c and peer*.c. */

#include "base/err.h"
#include "base/fiber.h"
#include "base/log.h"
#include "storage/landing.h"
#include "sync/partner.h"
#include "sync/pull.h"
#include "sync/push.h"
#include "sync/talk.h"
#include "sync/worker.h"

struct arena;
struct peer;

/* What the database says of a partner, as it was a moment ago. */
struct peer_books {
    struct arena *arena; /* NULL: nothing was read yet, or somebody else is in charge */
    struct landing_account *accounts;
    struct landing_presences *presences;
    struct landing_dead_class *dead;
    struct landing_pushed pushed;
    size_t account_count, presence_count, dead_count;
    int64_t due; /* clock_now() of the next look */
};

/* One query of one mode. */
struct task {
    struct peer *peer;
    struct pull pull;
    int64_t every; /* microseconds */
    int64_t due;   /* clock_now() */
    bool running;
    bool done;           /* at least once */
    int64_t complete;    /* when a pull last reached the present; INT64_MIN: never */
    uint64_t incomplete; /* windows given up */
};

struct peer {
    const struct sync_config *config; /* borrowed */
    struct arena *arena;              /* of this configuration */
    struct landing_partner *landed;
    struct partner partner;
    struct talk *talk;
    struct task *tasks;
    size_t task_count;
    unsigned running; /* tasks */
    struct log log;
    struct hydration hydration;

    struct landing_counts counts; /* of what was applied since the start */
    int64_t linked, deleted, findings, guard_trips;
    int64_t landed_rows;
    int64_t tripped; /* the newest snapshot that the guard has refused */

    struct push push;
    int64_t push_due; /* clock_now() */
    bool pushing;
    bool pushed; /* at least once, after all was pulled */

    struct peer_books books; /* for metrics */

    int64_t tidy_due; /* clock_now(): what is old is to be removed */

    bool dirty;    /* rows wait to be applied */
    bool applying; /* now */
    bool fresh;    /* something was pulled or applied since references were last followed */
    bool following;
    bool paused, held, stopping, failed;
    bool over;  /* its tending fiber has ended */
    bool ended; /* and the applying one */
    struct waiter tend, apply;
    struct peer *next; /* of the worker's list */
};

/* peer.c */

/* Starts its fibers; `landed` is copied. NULL with ERR_INVALID when its document cannot be read. */
struct peer *peer_start(const struct sync_config *config, const struct landing_partner *landed,
                        struct err *err);
void peer_stop(struct peer *peer);
void peer_free(struct peer *peer);

/* Another version of its document, paused or not: takes effect when no task runs. */
bool peer_is_current(const struct peer *peer, const struct landing_partner *landed);

/* Whether its document has a pull of this key. */
bool peer_asks_for(const struct peer *peer, const struct landing_cursor_key *key);

/* peer_work.c */

/* Waits. In a fiber each. */
void peer_run_task(void *context);
void peer_apply(void *context);

/* Waits. What comes after pulls, when all has been applied; in a fiber of its own, since references
 * may be many and the partner slow. */
void peer_follow(void *context);

/* Waits. Removes what is too old, when it is time; some of it each time. */
void peer_tidy(struct peer *peer);

/* peer_push.c */

/* Before tasks run. */
void peer_prepare_push(struct peer *peer);

/* Waits. In a fiber of its own. */
void peer_run_push(void *context);

/* peer_metrics.c */
void peer_write_metrics(const struct peer *first, struct buf *out);

/* peer_books.c */

/* Waits. Looks again when it is time; without metrics never. */
void peer_look(struct peer *peer);
void peer_forget_books(struct peer *peer);

/* A line of metrics; `labels` follow that of the partner. */
void peer_write_line(struct buf *out, const char *name, const struct peer *peer, const char *labels,
                     double value);

/* All lines of one metric. */
typedef void peer_write_fn(const struct peer *peer, const char *name, struct buf *out);
peer_write_fn peer_write_rows, peer_write_gaps, peer_write_partial, peer_write_pending,
    peer_write_ledger, peer_write_dead, peer_write_critical, peer_write_outbox;
