#pragma once

/*
 * Reindex - what resources can be found by, made anew from their content:
 * for parameters that packages brought, and after a change of what is extracted. No
 * version is made, and nothing is told to readers of the history or the feed.
 *
 * It goes through a type by key, a batch in a transaction, which also says how far it is: killed
 * at any moment, the next one goes on from there. Servers read and write meanwhile. Several
 * at once do no harm, but the same work.
 */

#include "base/err.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stdint.h>

struct reindex_progress {
    const char *type;
    int64_t done, total; /* resources of the type; `total` as counted at the beginning */
    int64_t waiting;     /* connections of processes that do not know the parameters: waits for
                            their end; 0 otherwise */
};

/* May wait. False: stop here; the next one goes on. */
typedef bool reindex_tell_fn(void *context, const struct reindex_progress *progress);

/* In place of a type: those of which resources lack what this program extracts. */
#define REINDEX_BEHIND "?"

/* Whether there are such, as this process knows; it looks every second. */
bool reindex_is_needed(void);

/*
 * Waits, as long as it takes. `type` NULL: all. What is under way is gone on with, what was
 * finished is begun again. `*rewritten` gets how many rows changed. ERR_CONFLICT when packages
 * were changed meanwhile, ERR_BUSY when `tell` said stop.
 */
bool store_reindex(struct store *store, const struct access *access, const char *type,
                   reindex_tell_fn *tell, void *context, int64_t *rewritten, struct err *err);
