#pragma once

/*
 * Profile compilation - from a StructureDefinition to a profile.
 */

#include "fhir/profile.h"

struct compiler;
struct node;

/*
 * Compiles from the snapshot, or from the differential on top of `base` (NULL:
 * a type of R4 itself, or not loaded). NULL, with the reason in the compiler's
 * issues, when it cannot be used. `base_known` is false when neither is at hand.
 */
struct profile *profile_compile(struct compiler *compiler, const struct node *definition,
                                const char *package, const struct profile *base, bool base_known);

/* The resource or datatype of R4 with this canonical, or NULL. */
const struct type *profile_type_of_r4(struct text url);
