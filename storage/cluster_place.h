#pragma once

/*
 * Cluster place - where a cluster's files are, whose they are, and which binaries fit
 * it. Internal to cluster*.c.
 */

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct cluster_config;

struct cluster_place {
    char folder[PATH_MAX / 2]; /* absolute */
    char data[PATH_MAX];       /* DIR/postgres */
    char log[PATH_MAX];
    char socket[PATH_MAX]; /* folder of the socket */
    char bin[PATH_MAX];
    uid_t uid; /* to run as */
    gid_t gid;
    const char *account; /* its name; NULL when it is us */
};

/* Makes the folders, finds account and binaries; says what does not fit. */
bool cluster_place_find(struct cluster_place *place, const struct cluster_config *config,
                        struct err *err);

/* Only the paths of a folder, nothing made or checked. False when it does not exist. */
bool cluster_place_paths(struct cluster_place *place, const char *folder, const char *instance);
