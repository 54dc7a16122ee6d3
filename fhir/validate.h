#pragma once

/*
 * Validation - whether a resource is right: structure (fhir/check.h),
 * bindings, invariants, reference targets, contained resources, extensions,
 * narrative, Bundle rules, and the profiles it claims or is asked to meet
 * (R4 validation.html).
 *
 * Findings are errors when the standard says SHALL, warnings for what should
 * be and for what cannot be decided (a code system or profile that is not
 * loaded), information for the rest. Never quotes values that may be health
 * data. No wait, no I/O.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct definitions;
struct document_index;
struct issues;
struct node;

enum validation_level {
    VALIDATION_OFF,
    VALIDATION_STRUCTURE, /* check_structure() only */
    VALIDATION_FULL,
};

struct validation {
    const struct definitions *definitions;
    enum validation_level level;
    const char *const *profiles; /* canonicals to meet beside meta.profile; NULL-ended, or NULL */
    bool ignore_claimed;         /* do not look at meta.profile */
    bool best_practice;          /* report invariants that are best practice as warnings; else
                                    they are left out */
    bool refuse_displays;        /* a display that is not the code's is an error, not a warning */
    bool refuse_examples;        /* urls of example.org and the like are errors: nobody has them */
    /* A referenced resource that is not in the document, or NULL; may be NULL itself. The tree
     * must live as long as the arena of the issues. */
    const struct node *(*resolve)(struct text reference, void *context);
    void *context;
    unsigned max_steps; /* of FHIRPath for the invariants, and some more for each element; 0: the
                           default */
    uint64_t *work;     /* gets how many steps of FHIRPath the invariants took; or NULL */
    const struct document_index *index; /* of the document, set while it is validated; NULL */
};

/* Validates a whole resource; of a Bundle or Parameters also the resources inside. A profile in
 * `profiles` that is not loaded is an error, one that is only claimed a warning. */
void validate_resource(const struct node *resource, const struct validation *validation,
                       struct issues *issues);
