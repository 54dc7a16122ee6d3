#pragma once

/*
 * Search include - what comes along with a page of matches (R4 search.html#revinclude):
 * one statement for each table, all sent together, each authorized within itself.
 */

#include "storage/search_plan.h"

/* At most this many with one page, if the configuration of the store does not say; more are
 * refused, with advice. */
enum { SEARCH_INCLUDES_MAX = 10000 };

/* Waits. Appends what the matches of the page refer to and what refers to
 * them, as the query says, each resource once. `rkeys` are the keys of the page's entries. */
bool search_include(const struct search_plan *plan, const int64_t *rkeys, struct store_page *page,
                    struct err *err);
