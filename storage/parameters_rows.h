#pragma once

/*
 * Parameters, rows - the side rows that are stored by parameters which were added, of resources and
 * of what these contain: under token_param_named(), and those of composites under hashes that
 * f_code lists (row.h).
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;

/* Waits. Deletes some side rows of the parameters, in the transaction that is under way if there is
 * one; `*more` when there may be others. */
bool parameters_delete_rows(struct pg *pg, const int64_t *hashes, size_t count, bool *more,
                            struct err *err);

/* Waits. Forgets what f_code lists: there are no side rows any more, and nobody writes some. */
bool parameters_delete_codes(struct pg *pg, const int64_t *hashes, size_t count, struct err *err);
