#pragma once

/*
 * Search sort - an order that no index and no column knows (_sort by a token, a
 * reference, a uri, or the union of two parameters), or of several types: made by looking at
 * all matches, of which there may be SEARCH_SORT_MAX.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct access;
struct arena;
struct query;
struct store;
struct store_page;

/* Whether the query's matches must be sorted so. */
bool search_sort_is_needed(const struct query *query);

/* Waits. One page, of matches only; `rkeys` gets their keys. */
bool search_sort(struct store *store, const struct access *access, const struct query *query,
                 struct arena *arena, struct store_page *page, int64_t **rkeys, struct err *err);
