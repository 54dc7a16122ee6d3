#pragma once

/*
 * Search rows - from a row of a statement with SEARCH_COLUMNS to a version, and
 * a closer look at it.
 */

#include "storage/search_source.h"

struct node;

/* Unpacks one row. Lives in the plan's arena. */
bool search_version(const struct search_plan *plan, const struct type *type,
                    const struct pg_result *result, int row, struct store_version *version,
                    struct err *err);

/* The resource as a tree; NULL when what is stored is damaged. */
struct node *search_parse(const struct store_version *version, struct arena *arena);

/* Whether the resource itself, and not only its hashes, is what the query asks for. */
bool search_holds(const struct search_plan *plan, const struct store_version *version);
