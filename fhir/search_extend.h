#pragma once

/*
 * Search extend - SearchParameters of packages, made into rows beside the
 * published ones.
 *
 *     struct search_extender *extender = search_extender_new(arena);
 *     search_extender_add(extender, resource, issues), in the order of installation
 *     additions = search_extender_finish(extender, &count);
 *
 * Where R4 has a parameter of the same type and code, that one stays. Of two packages that
 * define the same code differently, the one that was added later counts. Composite and special
 * parameters are not taken: their index cannot be made beside the old one (storage/reindex.h).
 */

#include "fhir/search_param.h"

struct arena;
struct issues;
struct node;
struct search_extender;

/* Everything, results included, lives in the arena. */
struct search_extender *search_extender_new(struct arena *arena);

/* `issues` gets a warning for what is not taken, and why; it begins with the definition's url. */
void search_extender_add(struct search_extender *extender, const struct node *resource,
                         struct issues *issues);

/*
 * Whether a SearchParameter resource can be put to use beside what is in force now: what
 * search_extender_add() would not take is an error, so are an expression that fits none of its base
 * types, and a code that another definition (by url) has for the same type.
 */
void search_extend_check(const struct node *resource, struct issues *issues);

/* For search_params_make(). */
const struct search_addition *search_extender_finish(struct search_extender *extender,
                                                     size_t *count);
