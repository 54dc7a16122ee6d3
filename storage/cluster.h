#pragma once

/*
 * Cluster - a private PostgreSQL that lives in a data folder and runs as our child.
 *
 *     DIR/isthmus.lock   held while somebody uses the folder
 *     DIR/postgres/      the cluster, made by initdb: data checksums, C locale, UTF-8
 *     DIR/postgres.log   what PostgreSQL says; no statements, no values
 *     DIR/socket/        its only way in: a unix socket (mode 0700, no TCP)
 *
 * PostgreSQL refuses to run as root: then it runs as another account, which
 * owns the three last of these. Debian's own clusters are never touched.
 *
 * Starting and stopping block; both happen outside of any loop.
 */

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct cluster;
struct loop;

struct cluster_config {
    const char *folder;   /* DIR; made when missing */
    const char *bin;      /* folder with postgres and initdb; "" or NULL: the newest installed */
    const char *account;  /* to run as when we are root */
    const char *instance; /* name of the cluster in DIR; NULL: "postgres" */
};

/*
 * Locks the folder, makes the cluster if there is none, stops one that a
 * killed server left behind, starts PostgreSQL and returns when it accepts connections. NULL with
 * `err`: ERR_CONFLICT when the folder is in use, ERR_INVALID when folder, account or
 * version do not fit, ERR_INTERNAL when PostgreSQL does not start (the text
 * names its log).
 */
struct cluster *cluster_start(const struct cluster_config *config, struct err *err);

/* How to connect, for libpq. */
const char *cluster_conninfo(const struct cluster *cluster);

/* Path of a program of the same PostgreSQL, such as pg_dump, in static storage. */
const char *cluster_program(const struct cluster *cluster, const char *name);

/* From now on a PostgreSQL that dies is started again, every few seconds until it runs;
 * `died(context, problem)` is called in the loop when it is found dead and at each
 * attempt that fails. Needs the loop until cluster_stop(). */
void cluster_watch(struct cluster *cluster, struct loop *loop,
                   void (*died)(void *context, const char *problem), void *context);

/* Stops PostgreSQL (fast shutdown), waits for it, unlocks the folder. NULL is a no-op. */
void cluster_stop(struct cluster *cluster);

/* The major version of the cluster in the folder, 0 if there is none. */
int cluster_version(const char *folder, const char *instance);

/* The newest installed major version, 0 if there is none. */
int cluster_newest(void);

/* The conninfo of the cluster in a folder that another process runs now; NULL
 * in static storage when nobody does. */
const char *cluster_running(const char *folder);

/* Runs a program and waits for it; its standard output and error are ours. ERR_INTERNAL when
 * it does not exit with 0. */
bool cluster_run(const char *program, const char *const *arguments, struct err *err);
