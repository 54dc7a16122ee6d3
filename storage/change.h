#pragma once

/*
 * Change - one write, worked out to the last byte before it is sent: what
 * write.c sends through the lane and transaction.c within a transaction.
 *
 * A change is one statement: the resource's row, and everything that follows
 * from it (side rows, the superseded version in f_hist, the line in f_log) as
 * data-modifying CTEs that hang on that row. It returns one row when it
 * was made, and none when the version to supersede is not current any more (or,
 * for an insert, when there is a row already); then nothing was written at all.
 */

#include "base/text.h"
#include "storage/key.h"
#include "storage/pg.h"
#include "storage/row.h"
#include "storage/side_rows.h"
#include "storage/table.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum change_kind {
    CHANGE_INSERT, /* there is no row */
    CHANGE_BODY,   /* the row's search values stay: the update touches no index */
    CHANGE_ALL,    /* the row and its side rows */
    CHANGE_REMOVE, /* the row goes; a deletion is added to the history */
};

struct change {
    enum change_kind kind;
    char op; /* 'C', 'U', 'D' */
    int32_t tenant;
    int64_t write_id;
    const struct table *table;
    const struct row *row; /* of the new version; REMOVE: of the old one */
    int64_t number, updated;
    struct text body;      /* packed; REMOVE: absent */
    const struct key *key; /* INSERT: taken with it, or nothing is written; NULL: none */

    /* The version superseded; nothing of it for INSERT. */
    const struct row *old_row;
    int64_t old_number, old_updated;
    char old_op;
    struct text old_body;
};

/* The statement of a change and its parameters, which live in `arena` and
 * borrow from the change. */
const struct pg_statement *change_statement(const struct change *change, struct arena *arena,
                                            struct pg_params *params)
    __attribute__((returns_nonnull));

/*
 * For an insert under an id that a client chose, to be sent behind it: fails with SQLSTATE
 * CHANGE_STALE when the history already has this version or a later one. That
 * is so when others created and deleted the resource after we had looked; only now, with the
 * row inserted, can nobody do it again.
 */
const struct pg_statement *change_check(const struct change *change, struct arena *arena,
                                        struct pg_params *params) __attribute__((returns_nonnull));

#define CHANGE_STALE "22012"

/* Writes anew what is contained in a resource that is locked: of `change` count row, tenant,
 * number, updated and op. */
const struct pg_statement *change_contained(const struct change *change, struct arena *arena,
                                            struct pg_params *params)
    __attribute__((returns_nonnull));

/* The parameters of a row: its columns with toks, the lists of a side table, and code[] of[]. */
void change_add_columns(const struct row *row, struct pg_params *params);
void change_add_side(const struct row *row, enum side_kind side, struct pg_params *params);
void change_add_codes(const struct row *row, struct arena *arena, struct pg_params *params);
