#pragma once

/*
 * Search types - searches over several types (R4 http.html#search, _type): one
 * type after the other, each by a plan of its own, on pages that go on across them.
 */

#include "base/err.h"

#include <stdbool.h>

struct access;
struct arena;
struct query;
struct store;
struct store_page;

/* Waits. One page of a query that has types. */
bool search_types(struct store *store, const struct access *access, const struct query *query,
                  struct arena *arena, struct store_page *page, struct err *err);
