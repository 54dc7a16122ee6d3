#pragma once

/*
 * Current - the version of a resource that a write is about to supersede,
 * deletions included.
 */

#include "storage/pg.h"
#include "storage/table.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct row;
struct search_values;
struct store;
struct tokens;
struct type;

struct current {
    int64_t rkey;
    bool exists;  /* there is a row: everything below counts */
    bool deleted; /* there is none, but there was: number, updated, op and id count */
    int64_t number, updated;
    char op;
    struct text id;   /* another than asked for when two ids have the same key */
    struct text body; /* packed */
};

/* Waits. Without a lock, on a connection for reads. */
bool current_read(struct pg *pg, const struct table *table, int64_t rkey, struct arena *arena,
                  struct current *current, struct err *err);

/* Waits. For many at once, in an open transaction: rows that exist are locked until it
 * ends. `currents` have their rkey set; sorted by it on return. `sqlstate` gets that of a failure.
 */
bool current_lock(struct pg *pg, const struct table *table, struct current *currents, size_t count,
                  struct arena *arena, char sqlstate[6], struct err *err);

/* The one with this key, which is there. */
struct current *current_find(struct current *currents, size_t count, int64_t rkey)
    __attribute__((returns_nonnull));

/* The bytes and the search values of the version, which exists. */
bool current_values(struct store *store, const struct current *current, struct arena *arena,
                    struct text *json, struct search_values *values, struct err *err);

/* The bytes and the row. `row` may be NULL. */
bool current_unpack(struct store *store, const struct tokens *tokens, const struct type *type,
                    const struct current *current, struct arena *arena, struct text *json,
                    const struct row **row, struct err *err);
