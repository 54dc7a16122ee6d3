#pragma once

/* Row sets - the lists of a row as sorted sets, so that two versions can be compared. */

#include "storage/row.h"

/* Sorts, removes what is double, and returns how many are left. */
size_t row_sort_set(int64_t *items, size_t count);

/* The lists of strings, dates and quantities. */
void row_sort(struct row *row);

/* What is in the side tables for `a` and not for `b`: strings, dates,
 * quantities and second codes; all else is zero. */
void row_difference(const struct row *a, const struct row *b, struct arena *arena, struct row *out);
