#pragma once

/*
 * Search without - indexes of the rows that lack what nearly all rows have.
 *
 * `:not` and `:missing` ask for rows without a token, which no index of tokens finds. Where nearly
 * all rows have it, an index of the others is small and costs writers nearly nothing; it is made,
 * beside them, when a search has first asked for such rows. Until it is there, all are looked at.
 */

#include "storage/search_plan.h"
#include "storage/search_sql.h"

/* The token that nearly all rows have and that the rows of term `i` lack; there is an index of the
 * rows without it. False: there is none such. */
bool search_without_index(const struct search_plan *plan, int i, int64_t *token);

/* ` t.toks ...`: the rows without a token, as its index says it. */
void search_without_condition(struct search_sql *sql, int64_t token);

/* Has the indexes made that the plan could use, as far as they are worth it. */
void search_without_want(const struct search_plan *plan);

/* Waits until nothing is being made any more; for store_close(). */
void search_without_stop(struct store *store);
