#pragma once

/*
 * Search, inside - how a query is answered:
 *
 *   search_term*.c   its criteria become hashes and ranges
 *   search_stats.c   how frequent a token is
 *   search_plan.c    which of them drives (search_cost.c), in which order rows come
 *                    (search_order.c), between which dates (search_dates.c): the
 *                    program chooses, not the planner
 *   search_sql.c     predicates, and who may see a row
 *   search_source*.c the statement, one file for each kind of order
 *   search_row.c     its rows
 *   search_include.c what comes along with a page
 *   search_contained.c what resources contain
 *   search_paging.c  runs all this: the rows of one page, or their number
 *   search_ask.c     by one statement, whose answer may change the plan
 *   search_cursor.c  where the next page goes on
 *   search.c         the whole answer
 *
 * And finding what a condition means, in the middle of a transaction
 * (R4 http.html#ccreate, #trules).
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct access;
struct arena;
struct pg;
struct query;
struct store;
struct store_version;

/* Whether the query may be answered: its parameters were whole when it was read, but may be on
 * their way out since. To be asked between member_begin() and member_end(). */
bool search_is_whole(const struct query *query, struct err *err);

/*
 * Waits. The first `limit` resources that the query matches, in no order, on a
 * connection of the caller's, whose own changes it sees. Each was looked at itself
 * and not only found by its index (fhir/query_match.h). `found` has room for `limit`.
 */
bool search_find(struct store *store, struct pg *pg, const struct access *access,
                 const struct query *query, size_t limit, struct arena *arena,
                 struct store_version *found, size_t *count, struct err *err);
