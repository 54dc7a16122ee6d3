#pragma once

/*
 * Cluster processes - the programs of PostgreSQL as children of ours, and the postmaster of a data
 * folder, whoever started it. These block, but for cluster_sleep() in a fiber.
 */

#include "storage/cluster_place.h"

#include <stddef.h>
#include <sys/types.h>

/* Starts a program of PostgreSQL as its account, output to the log; it stops when we are gone.
 * `arguments` begin with the path and end with NULL. Not above 0 when it could not be started. */
pid_t cluster_spawn(const struct cluster_place *place, const char *const *arguments);

/* Until the child ends. ERR_INTERNAL, which names `what`, when it does not exit with 0. */
bool cluster_wait(pid_t child, const char *what, struct err *err);

/* The postmaster that `data`/postmaster.pid names, 0 when there is none, and the state it is in:
 * "starting", "ready", ... */
pid_t cluster_read_pid(const char *data, char *state, size_t room);

/* A pid is reused after a reboot: whether the process is a postgres that runs. */
bool cluster_is_postgres(pid_t pid);

/* Whether no such postgres runs any more, after that many milliseconds at the most. */
bool cluster_wait_gone(pid_t pid, int limit_ms);

/* Whether processes of a postmaster that is gone are still at work in `data`; each gets the signal,
 * 0: none. */
bool cluster_is_used(const char *data, int signal);

/* Waits in a fiber, and blocks where there is none. */
void cluster_sleep(int ms);
