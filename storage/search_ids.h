#pragma once

/*
 * Search ids - rows in the order of their ids, where an operator has chosen an index of them
 * (isthmus index ids=Patient,Observation). Keys are hashes, so that nothing else gives this order:
 * without it `_sort=_id` sorts all matches, up to SEARCH_SORT_MAX.
 */

#include "base/err.h"
#include "base/text.h"
#include "storage/search_source.h"

#include <stdbool.h>

struct pg;

/* Whether the plan's rows are wanted in this order, and there is an index. */
bool search_ids_give_order(const struct search_plan *plan);

/* The page, as search_source_page() has it. An id is there once: no key is needed behind it. */
void search_ids_page(const struct search_plan *plan, const struct search_position *position,
                     unsigned limit, struct search_sql *sql);

/* Waits, as long as it takes. Makes, beside readers and writers, the indexes of the tables that
 * hold these types ("Patient,Observation", "all", "none"), and drops the others; on a connection
 * that does nothing else meanwhile. */
bool search_ids_make(struct pg *pg, struct text types, struct err *err);
