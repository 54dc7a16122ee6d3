#pragma once

/*
 * Profiles - StructureDefinitions as rules (R4 profiling.html,
 * structuredefinition.html, elementdefinition.html).
 *
 * A profile is a tree of rules along the elements it says something about.
 * What the tables of R4 say already (fhir/type.h) is not repeated: an element
 * without own rules below it has no rule. Rules of the profile's bases are
 * merged in, so that one walk over one tree decides. Immutable; lives as long
 * as the definitions it came from.
 */

#include "base/text.h"
#include "fhir/type.h"

#include <stdbool.h>
#include <stddef.h>

struct definitions;
struct fhirpath;
struct issues;
struct node;
struct profile;
struct rule;
struct validation;

enum aggregation { AGGREGATION_CONTAINED = 1, AGGREGATION_REFERENCED = 2, AGGREGATION_BUNDLED = 4 };

/* One allowed type of an element (ElementDefinition.type). */
struct rule_type {
    const struct type *type; /* NULL: a type that R4 does not have */
    const char *const
        *profiles;              /* one of them must hold for the value; NULL-ended, or NULL: none */
    const char *const *targets; /* Reference, canonical: one must hold for the target; or NULL */
    unsigned aggregations;      /* enum aggregation, or'ed; 0: any */
};

struct rule_binding {
    const char *value_set;     /* canonical, or NULL when there is no binding here */
    const char *max_value_set; /* extension elementdefinition-maxValueSet, or NULL */
    enum binding_strength strength;
};

/* An invariant (ElementDefinition.constraint). */
struct rule_constraint {
    const char *key, *human, *expression;
    const char *source; /* canonical of the definition that states it; or NULL */
    bool is_error;      /* else a warning */
    bool best_practice; /* extension elementdefinition-bestpractice */
    const struct fhirpath *compiled;
};

enum discriminator_type {
    DISCRIMINATOR_VALUE,
    DISCRIMINATOR_PATTERN,
    DISCRIMINATOR_EXISTS,
    DISCRIMINATOR_TYPE,
    DISCRIMINATOR_PROFILE,
};

struct discriminator {
    enum discriminator_type type;
    const char *path;                /* as written: "code", "value.ofType(Coding)", "$this" */
    const struct fhirpath *compiled; /* of `path` */
};

enum slicing_rules { SLICING_OPEN, SLICING_CLOSED, SLICING_OPEN_AT_END };

struct rule {
    const struct profile *profile; /* where it stands */
    const char *id;    /* ElementDefinition.id: "Patient.extension:race", for messages */
    struct text name;  /* FHIRPath name ("value" for value[x]); of the root: empty */
    uint16_t name_id;  /* see name_find() */
    const char *slice; /* sliceName, or NULL */
    const char *label; /* `short` of the definition, or NULL */
    unsigned min,
        max; /* max ELEMENT_MANY: any number. As the profile says, whole choice together */
    bool must_support;
    const struct rule_type *types; /* NULL: as R4 has it */
    unsigned type_count;
    const struct node *fixed, *pattern; /* trees under no parent, or NULL */
    const struct node *min_value, *max_value;
    unsigned max_length; /* 0: any */
    struct rule_binding binding;
    const struct rule_constraint *constraints; /* those that R4's own tables do not have already */
    unsigned constraint_count;

    /* Slicing of this element's repetitions (R4 profiling.html#slicing). A slice's rule comes on
     * top of that of the sliced element, which counts for all repetitions: it holds only what is
     * said of the slice beyond that. */
    bool sliced;
    enum slicing_rules slicing_rules;
    bool ordered;
    const struct discriminator *discriminators;
    unsigned discriminator_count;
    const struct rule *slices; /* linked by `next`; a slice may be sliced again (re-slicing) */

    const struct rule *children, *next;
};

/* Where an extension may be used (StructureDefinition.context). */
enum context_type { CONTEXT_ELEMENT, CONTEXT_EXTENSION, CONTEXT_FHIRPATH };

struct extension_context {
    enum context_type type;
    const char *expression;
    const struct fhirpath *compiled; /* FHIRPATH */
};

struct profile {
    const char *url, *version, *name, *title; /* version, title may be NULL */
    const char *package;                      /* NULL: of R4 itself */
    const struct type *type;                  /* what it constrains */
    bool abstract;
    bool modifier;              /* an extension that isModifier */
    const struct profile *base; /* NULL when that is a type of R4 itself */
    const struct rule *root;
    const struct extension_context *contexts;
    unsigned context_count;
    const struct rule_constraint *context_invariants; /* StructureDefinition.contextInvariant */
    unsigned context_invariant_count;
};

/*
 * Checks a resource or element against a profile: cardinalities, types, fixed
 * and pattern values, bindings, slicing, invariants, and the profiles named by
 * types, recursively. What the base type demands is not checked again.
 * Findings go to `issues` with the profile's url and the slice in the text.
 * `depth` bounds profiles within profiles.
 */
void profile_check_node(const struct profile *profile, const struct node *node,
                        const struct validation *validation, unsigned depth, struct issues *issues);

/* The same, only yes or no: for slices by profile, targets, conformsTo(). */
bool profile_holds(const struct profile *profile, const struct node *node,
                   const struct validation *validation, unsigned depth);
