#pragma once

/*
 * Extraction - what rows the program makes of a resource, as a number; and by which number the
 * resources that are stored are indexed, type by type (f_extraction). A database that is new
 * begins with the program's number. In one that an earlier program filled the types are behind
 * until reindex.c has been through them; what the earlier one did not extract is not searched until
 * then.
 *
 * Who changes what is extracted from resources that are stored already raises the number and
 * holds in extraction.c what cannot be answered before, with a migration beside it, so that no
 * earlier program begins to write on the database any more.
 *
 *   1  positions of Location (near), contained resources
 *   2  strings without their punctuation, units in composites that were added. Until then strings
 *      are found as they were before, and no unit is known to be absent (search_units.c).
 */

#include "base/err.h"

#include <stdbool.h>

struct arena;
struct pg;
struct type;

#define EXTRACTION "2" /* as SQL */

/* Waits. The database has no resources yet. */
bool extraction_begin(struct pg *pg, struct arena *arena, struct err *err);

/* Waits. What of the database is behind, for this process. */
bool extraction_learn(struct pg *pg, struct arena *arena, struct err *err);

/* Whether a parameter of the type is not listed while the type is behind. */
bool extraction_holds(const struct type *type);

/* As learned last: of a type, of any. */
bool extraction_is_behind(const struct type *type);
bool extraction_any_behind(void);

/* Whether some type's contained resources are not indexed. */
bool extraction_lacks_contained(void);
