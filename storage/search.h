#pragma once

/*
 * Search, inside - finding what a condition means, in the middle of a
 * transaction (R4 http.html#ccreate, #trules).
 */

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

struct access;
struct arena;
struct pg;
struct query;
struct store;

struct search_hit {
    int64_t rkey;
    struct text id;
};

/*
 * Waits. At most `limit` resources that the query matches by its index rows, on a connection
 * of the caller's, whose own changes it sees; in no order. Codes in second place are looked up
 * afresh and not in a cache. Whoever writes because of a hit checks it
 * against the resource itself (fhir/query_match.h).
 */
bool search_find(struct pg *pg, struct store *store, const struct access *access,
                 const struct query *query, unsigned limit, struct arena *arena,
                 struct search_hit **hits, size_t *count, struct err *err);
