#pragma once

/*
 * Everything, inside - what the files everything*.c share: the statement for
 * the compartment, and what its resources refer to.
 *
 * A compartment is read place by place: first the resource itself, then each
 * table, in it the rows of the patient by date (index (patient, d)), those without a date,
 * and those that belong to the patient by another reference (GIN of toks). One
 * statement has them all as a union, in this order, and PostgreSQL goes on to the next only while
 * the page is not full. What is referred to comes last.
 */

#include "storage/search_sql.h"
#include "storage/store_internal.h"

#include <stdbool.h>

enum everything_place_kind {
    PLACE_DATED,   /* column patient, by date; those without one last */
    PLACE_UNDATED, /* those without one, where a page begins behind some with one */
    PLACE_MEMBER,  /* by a token */
    PLACE_KINDS,
};

enum {
    PLACE_ITSELF = 0,
    PLACE_TABLES = 1, /* that of a table and kind: + table * PLACE_KINDS + kind */
    PLACE_REFERRED = PLACE_TABLES + TABLE_COUNT * PLACE_KINDS,
};

/* Behind which row a page begins. */
struct everything_position {
    int64_t place;
    int64_t d;    /* PLACE_DATED */
    int64_t type; /* PLACE_REFERRED: number of the type */
    int64_t rkey;
};

struct everything {
    struct store *store;
    const struct access *access;
    const struct store_everything_query *query;
    struct arena *arena;
    struct tokens tokens;
    const struct type *type;
    bool of_encounter;
    int64_t rkey;     /* of the resource itself */
    bool has_patient; /* of an encounter: whose it is */
    int64_t patient;
    bool *wanted; /* by number of type; all true without _type */
    bool any_type;
    struct everything_position from;
};

/* Columns of the compartment's rows behind those of SEARCH_COLUMNS. */
enum { EVERYTHING_RTYPE = 6, EVERYTHING_PLACE, EVERYTHING_D };

/* The rows behind `from`, of wanted types or, with `all_types`, of all. False when no table can
 * have any. */
bool everything_compartment(const struct everything *everything,
                            const struct everything_position *from, bool all_types, unsigned limit,
                            struct search_sql *sql);

/* Where a row of that statement stands. */
struct everything_position everything_place_of(const struct pg_result *result, int row);

/* ` and not ...`: the row of this table belongs to the compartment. */
void everything_and_outside(const struct everything *everything, enum table_id id,
                            struct search_sql *sql);

/* Waits. Fills the page with what the compartment's resources refer to: those of the page, if it
 * holds them all, else all are read again. Sets `next` to the last entry when there is more. */
bool everything_referred(const struct everything *everything, bool page_has_all,
                         struct store_page *page, struct everything_position *next, bool *more,
                         struct err *err);
