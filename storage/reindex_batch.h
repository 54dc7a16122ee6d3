#pragma once

/*
 * Reindex batch - a few hundred rows of a type, rewritten where they differ from what
 * is extracted now.
 */

#include "base/err.h"
#include "storage/pg.h"
#include "storage/table.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct store;
struct type;

#define REINDEX_OVERTAKEN                                                                          \
    "Packages were changed, or another reindexing was faster: reindex again if parameters are "    \
    "still not ready."

struct reindex_batch {
    struct store *store;
    const struct type *type;
    const struct table *table;
    int64_t last;      /* rkey up to which it is done; INT64_MIN: not begun (no hash is that) */
    int64_t taken;     /* resources of the last batch */
    int64_t rewritten; /* of all batches */
};

/* Waits. How many resources of the type there are. */
bool reindex_count(const struct reindex_batch *batch, struct pg *pg, struct arena *arena,
                   int64_t *count, struct err *err);

/* Waits. The next ones, in one transaction with the note of how far the run `number` is.
 * `*more` false: that was the end. */
bool reindex_batch(struct reindex_batch *batch, int64_t number, bool *more, struct err *err);
