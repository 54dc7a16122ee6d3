#pragma once

/*
 * Jobs - work that goes on behind an answer: asynchronous requests now, other
 * kinds by their name. A job is durable before anybody is told of it; any
 * process on the database may take it, and takes it again when the heartbeat of the one
 * that had it stops. So a job may be begun several times: what must happen
 * once is written with access.once (store.h).
 *
 * Everything here waits, uses the connections for transactions, and follows
 * the rules of store.h. Other headers of storage/ are not needed for it.
 */

#include "base/err.h"
#include "base/text.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE };

struct job {
    int64_t number;
    const char *name; /* for URLs; nobody can guess it */
    const char *kind;
    struct access access; /* whose it is: tenant and client */
    enum job_state state;
    const char *progress; /* NULL: none was told */
    int64_t steps;        /* that are done */
    int64_t created;
    int64_t expires; /* DONE */
    int64_t runner;  /* RUNNING: who has it */
    int takes;       /* how often it was begun */
    struct text payload;
    struct text result; /* DONE */
};

/* `most`: refused with ERR_THROTTLED when so many of the kind wait or run already. */
bool jobs_add(struct store *store, const struct access *access, const char *kind,
              struct text payload, int64_t most, struct arena *arena, const char **name,
              struct err *err);

/* Without its payload. `*job` NULL: there is none of that name, tenant and client. */
bool jobs_find(struct store *store, const struct access *access, const char *name,
               struct arena *arena, struct job **job, struct err *err);

/* Cancels or forgets it: from now on none of its writes is made. */
bool jobs_remove(struct store *store, const struct access *access, const char *name,
                 struct arena *arena, bool *removed, struct err *err);

/* The oldest job that waits, or whose heartbeat stopped `stale_ms` ago; with its payload. It
 * belongs to `runner` (not 0) from now on. `*job` NULL: there is nothing to do. */
bool jobs_take(struct store *store, int64_t runner, int64_t stale_ms, struct arena *arena,
               struct job **job, struct err *err);

/* Tells that the runner is alive, and how far it is (`progress` NULL: as before). `*mine` false:
 * the job is somebody else's by now, or gone. */
bool jobs_beat(struct store *store, const struct job *job, const char *progress, bool *mine,
               struct err *err);

/* Puts it back: somebody takes it at once. */
bool jobs_release(struct store *store, const struct job *job, struct err *err);

/* Keeps the result for `keep_ms`. Nothing happens when it is not the runner's any more. */
bool jobs_finish(struct store *store, const struct job *job, struct text result, int64_t keep_ms,
                 struct err *err);

/* Forgets results that nobody asked for in time. */
bool jobs_expire(struct store *store, struct err *err);
