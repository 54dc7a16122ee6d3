#pragma once

/*
 * Search units - leaves out of a query the units of which there are no values.
 *
 * A quantity in a unit of UCUM is searched for in all units of its kind (fhir/query_units.c). A
 * range of one says little in another: what is above 5 mg/dL is above 0.05 g/L, and so is nearly
 * all that is measured in anything else. A type knows few units, and the tokens of its rows tell
 * which. It is left out at any depth, of chains, _has and filters, and of composites.
 */

#include "base/err.h"

struct access;
struct arena;
struct pg;
struct query;
struct store;

/* Waits, if there is something to leave out, on the connection on which the query is going to be
 * answered. The query itself, or one with fewer values; NULL for an error. */
const struct query *search_units(struct store *store, struct pg *pg, const struct access *access,
                                 const struct query *query, struct arena *arena, struct err *err);
