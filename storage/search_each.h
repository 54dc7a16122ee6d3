#pragma once

/*
 * Search, match by match - for what must look at all of them: an order that no
 * index knows, several types in one order.
 */

#include "storage/search_plan.h"

struct pg;

/* The version lives until the function returns. */
typedef void search_visit_fn(void *context, const struct search_plan *plan, int64_t rkey,
                             const struct store_version *version);

/* Waits. Shows every match, in no order, but not more than `most`: then `*more` is true. */
bool search_each(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t most, struct arena *arena,
                 search_visit_fn *visit, void *context, bool *more, struct err *err);
