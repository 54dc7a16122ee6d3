#pragma once

/*
 * Query match - whether one resource meets the criteria of a query, decided
 * from its own values and not from an index. Used where an index may find too
 * much: a hit that decides a write, `:exact`, strings longer than an index holds.
 */

#include "fhir/query.h"

struct arena;
struct search_values;

struct query_candidate {
    const char *type, *id;
    int64_t last_updated; /* microseconds since 1970 */
    const struct search_values *values;
};

/* Whether it does, as far as can be seen: what a chain asks of other resources is taken to hold,
 * and so is what _text and _content ask, which an index of words tells (query_options.rechecked).
 */
bool query_matches(const struct query *query, const struct query_candidate *candidate,
                   struct arena *arena);

/* Whether a time, or number, from `low` to `high` stands to the wanted value
 * as its prefix says (R4 search.html#prefix). */
bool query_date_matches(const struct query_value *wanted, int64_t low, int64_t high);
bool query_number_matches(const struct query_value *wanted, double low, double high);
