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
    const struct table *table;
    int64_t rkey;
    bool exists;  /* there is a row: everything below counts */
    bool deleted; /* there is none, but there was: number, updated, op and id count */
    int64_t number, updated;
    char op;
    struct text id;   /* another than asked for when two ids have the same key */
    struct text body; /* packed */
};

/*
 * Waits. Takes no lock, and must not: a transaction that locked a row would have its number from
 * then on, and if it then waited for another one to write the next row, its version of that
 * would stand before its predecessor in the change feed. Who writes says which version
 * he read, and begins again when it is not current any more.
 */
bool current_read(struct pg *pg, const struct table *table, int64_t rkey, struct arena *arena,
                  struct current *current, struct err *err);

/* Waits, once. The same for many, whose table and rkey are set, those of a table next to each
 * other; sorted by rkey on return. `sqlstate` gets that of a failure. */
bool current_read_many(struct pg *pg, struct current *currents, size_t count, struct arena *arena,
                       char sqlstate[6], struct err *err);

/* The one with this key, which is there. */
struct current *current_find(struct current *currents, size_t count, int64_t rkey)
    __attribute__((returns_nonnull));

/* The bytes and the row of the version, which exists; either may be NULL. */
bool current_unpack(struct store *store, const struct tokens *tokens, const struct type *type,
                    const struct current *current, struct arena *arena, struct text *json,
                    const struct row **row, struct err *err);
