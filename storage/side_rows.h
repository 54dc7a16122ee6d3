#pragma once

/*
 * Side rows - the rows of f_str, f_date and f_qty, and the words, of one or several resources, as
 * parameters of a statement that unnests them.
 */

#include "storage/pg.h"
#include "storage/row.h"

enum side_kind {
    SIDE_STRINGS,    /* h[] norm[] */
    SIDE_DATES,      /* h[] lo[] hi[] */
    SIDE_QUANTITIES, /* h[] lo[] hi[] unit[] */
    SIDE_WORDS,      /* configuration[] h[] words[] */
    SIDES,
};

/* Adds the lists of one kind, empty ones where the resources have no such rows; how many rows
 * there are. What is added borrows from the rows. */
size_t side_rows_add(const struct row *const *rows, size_t count, enum side_kind side,
                     struct pg_params *params);

/* The same, and behind them rkey[]: of which resource each row is. */
size_t side_rows_add_keyed(const struct row *const *rows, size_t count, enum side_kind side,
                           struct pg_params *params);
