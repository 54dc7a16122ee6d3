#pragma once

/*
 * Search merge - several types in the order of their last update, without gathering all matches
 * first: each type is asked for a page behind the same time, and the first of all make the page.
 */

#include "storage/search_source.h"

struct store_page;

/* Waits. Fills `page` but for its total, and `rkeys` of its entries. Leaves `*merged` false when
 * that is not how the query is answered: it is sorted by something else, some type has a cheaper
 * way to its matches than time, or the page's cursor is of another making. */
bool search_merge(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, int64_t **rkeys, bool *merged,
                  struct err *err);
