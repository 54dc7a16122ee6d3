#pragma once

/*
 * Search extend - SearchParameters of packages, made into rows beside the
 * published ones.
 *
 *     struct search_extender *extender = search_extender_new(arena);
 *     search_extender_add(extender, resource), in the order of installation
 *     additions = search_extender_finish(extender, &issues, &count);
 *
 * Where R4 has a parameter of the same type and code, that one stays. Of two packages that
 * define the same code differently, the one that was added later counts. The parts of a composite
 * may be defined by R4 or by any of those that were added; of these definitions only the type
 * counts. Special parameters are not taken.
 */

#include "fhir/search_param.h"

struct arena;
struct issues;
struct node;
struct search_extender;

/* Everything, results included, lives in the arena. */
struct search_extender *search_extender_new(struct arena *arena);

/* The resource lives as long as the extender. */
void search_extender_add(struct search_extender *extender, const struct node *resource);

/* For search_params_make(). `issues` gets a warning for what is not taken, and why; it begins with
 * the definition's url. */
const struct search_addition *search_extender_finish(struct search_extender *extender,
                                                     struct issues *issues, size_t *count);

/*
 * Whether a SearchParameter resource can be put to use beside what is in force now: what
 * search_extender_finish() would not take is an error, so are an expression that fits none of its
 * base types, and a code that another definition (by url) has for the same type.
 */
void search_extend_check(const struct node *resource, struct issues *issues);
