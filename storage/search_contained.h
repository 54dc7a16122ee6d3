#pragma once

/*
 * Search contained - searches for what resources contain (R4 search.html#contained, _contained).
 *
 * It is indexed in a table of its own, which ordinary searches never read. A query that wants
 * nothing else is answered like any other, by a plan over that table. One that wants containers,
 * or resources as well, is made into several, which follow one another as those of several types
 * do.
 */

#include "base/err.h"

struct access;
struct arena;
struct query;
struct store;

/* Waits. The query that search_types() answers, or the query itself when it is a single one; NULL
 * for an error. */
const struct query *search_contained(struct store *store, const struct access *access,
                                     const struct query *query, struct arena *arena,
                                     struct err *err);
