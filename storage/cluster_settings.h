#pragma once

/*
 * Cluster settings - how our PostgreSQL is configured.
 */

#include "storage/cluster_place.h"

/* Writes isthmus.conf into the cluster, and its line into postgresql.conf once. ERR_INVALID when
 * that cannot be. */
bool cluster_write_settings(const struct cluster_place *place, struct err *err);
