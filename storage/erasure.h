#pragma once

/*
 * Erasure - takes a resource out of the database for good: all versions, what
 * searches find it by, its lines in the change log. What stays is a row of f_erasure that
 * says who did it, when, why, the type, and a keyed hash of the id.
 *
 * For an administrator at the machine, never for a partner: DELETE keeps the history.
 */

#include "storage/store.h"

struct erasure {
    const char *type, *id;
    const char *account; /* who does it */
    const char *reason;

    /* What came of it. */
    int64_t versions;   /* current, superseded, deletions; 0: there was nothing, and nothing is
                           written */
    int64_t index_rows; /* tokens and side rows */
    int64_t log_lines;
    int64_t answers; /* of asynchronous requests that are kept still, and may hold copies */
};

/* Waits. One transaction; the rules of store.h hold. */
bool store_erase(struct store *store, const struct access *access, struct erasure *erasure,
                 struct arena *arena, struct err *err);
