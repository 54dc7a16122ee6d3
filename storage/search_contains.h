#pragma once

/*
 * Search contains - strings that hold a text somewhere, found by the trigrams of the text, where an
 * operator has chosen to keep them (isthmus index contains=on): an index of all strings, of
 * whatever parameter. Without it, and for texts without three ASCII letters or digits in a row, all
 * strings of the parameter are looked at.
 */

#include "base/err.h"
#include "storage/search_plan.h"
#include "storage/search_sql.h"

#include <stdbool.h>

struct pg;

/* Whether the index finds what the atom asks for; or all atoms of a term. */
bool search_contains_is_indexed(const struct search_plan *plan, const struct search_atom *atom);
bool search_contains_all_indexed(const struct search_plan *plan, const struct search_term *term);

/* `select ...`: the keys that the index gives for the atoms of a term, each once. All of them
 * are indexed. */
void search_contains_keys(const struct search_term *term, struct search_sql *sql);

/* Waits, as long as it takes. Makes the index beside readers and writers, or drops it; on a
 * connection that does nothing else meanwhile. */
bool search_contains_make(struct pg *pg, bool wanted, struct err *err);
