#pragma once

/*
 * Side rows - the rows of f_str, f_date and f_qty, and the words, of several resources, as the
 * parameters of one statement: h[] norm[] rkey[]; h[] lo[] hi[] rkey[]; h[] lo[] hi[] unit[]
 * rkey[]; configuration[] h[] words[] rkey[].
 */

#include "storage/pg.h"
#include "storage/row.h"

/* Each adds its parameters and returns how many rows there are; when there are none, it may have
 * added empty lists. */
size_t side_rows_strings(const struct row *const *rows, size_t count, struct pg_params *params);
size_t side_rows_dates(const struct row *const *rows, size_t count, struct pg_params *params);
size_t side_rows_quantities(const struct row *const *rows, size_t count, struct pg_params *params);
size_t side_rows_words(const struct row *const *rows, size_t count, struct pg_params *params);
