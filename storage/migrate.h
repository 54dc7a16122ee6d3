#pragma once

/*
 * Migrate - brings the database to the tables this program knows, and reads
 * what belongs to the database as a whole. Many processes may do it at once:
 * an advisory lock lets one after the other.
 */

#include "base/err.h"
#include "base/hash.h"

#include <stdint.h>

struct loop;

struct migrated {
    struct hash_key key; /* of all hashes; made by the first */
    uint32_t epoch;      /* of the feed: rises after a restore, or in another cluster */
    unsigned applied;    /* migrations that were missing */
};

/*
 * Waits. Refuses a database that would lose what was confirmed (fsync,
 * full_page_writes, synchronous_commit; unless `unsafe_durability`), is not
 * UTF-8 or older than PostgreSQL 15, was migrated by a newer program, or by
 * migrations that differ from ours.
 */
bool migrate(struct loop *loop, const char *conninfo, bool unsafe_durability,
             struct migrated *migrated, struct err *err);
