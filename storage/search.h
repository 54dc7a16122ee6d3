#pragma once

/*
 * Search, inside - how a query is answered.
 *
 *   search_term.c    its criteria become hashes and ranges
 *   search_stats.c   how frequent a token is
 *   search_plan.c    which of the criteria drives: the program chooses, not the planner
 *   search_source.c  the statement
 *   search.c         runs it, page by page
 *   search_include.c what comes along with a page
 */

#include "storage/store_internal.h"

struct arena;

/*
 * Waits. The resources that match, for a caller to whom it matters whether
 * there is none, one, or several: at most `limit` of them, in no order.
 * Every hit has been looked at itself, not only found by a hash.
 *
 * Runs on `pg`, so that it sees what the transaction there sees. Results,
 * with their json, live in `arena`.
 */
bool search_find(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t limit, struct arena *arena,
                 struct store_version *found, size_t *count, struct err *err);
