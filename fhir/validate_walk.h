#pragma once

/*
 * The walk of validation - what its parts share while they go over one
 * resource once (fhir/validate.h).
 */

#include "base/text.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/validate.h"

#include <stdbool.h>

struct arena;
struct document_index;

/* How much work invariants may be (struct fhirpath_context). What a document may cost grows with
 * its elements, and no more. */
#define INVARIANT_STEPS 50000000U

struct walk_work {
    unsigned left, most; /* what is left of how much */
    uint64_t taken;
    bool spent; /* and that was reported */
};

/* The ids of the elements of one resource. */
struct element_id {
    const struct node *node;
    size_t number;
    struct element_id *next;
};

struct element_ids {
    struct element_id *first;
    size_t count;
};

struct walk {
    const struct validation *validation;
    struct walk_work *work;
    struct issues *issues;
    struct arena *arena;          /* as long as the walk */
    struct arena *scratch;        /* emptied after each resource */
    const struct node *document;  /* the outermost resource */
    const struct node *resource;  /* R4 fhirpath.html#variables: %resource */
    const struct node *container; /* %rootResource: the one that contains `resource`, or itself */
    const struct node *entry;     /* of the innermost Bundle around, or NULL */
    const struct document_index *bundle; /* that Bundle, or NULL */
    struct element_ids *ids;             /* of `resource`, those that the walk has passed */
};

/*
 * Invariants (validate_invariants.c): those of the type, of what it
 * specialises, and of the element as a part of its parent.
 */
void invariants_check(struct walk *walk, const struct node *node);

/* An empty result decides nothing: comparing 2012 with 2012-05 is no fault. */
enum verdict { VERDICT_HOLDS, VERDICT_FAILS, VERDICT_OPEN };

/* Every invariant has an expression; the most frequent also have a function (validate_native.c)
 * that decides the same, or leaves it open for the expression. By key, or NULL. */
typedef enum verdict native_fn(const struct walk *walk, const struct node *node);
native_fn *native_find(struct text key);

/* What the expression in row `number` of the table says of the node; open also when it cannot be
 * applied. For tests, which compare it with the functions: the rows, their keys, and whether a
 * row is to be asked about a node. */
enum verdict invariant_verdict(struct walk *walk, unsigned number, const struct node *node);
unsigned invariant_count(void);
const char *invariant_key(unsigned number);
bool invariant_applies(unsigned number, const struct node *node);

/* References (validate_references.c): what they may point at, and whether it is there. */
void reference_check(struct walk *walk, const struct node *reference);
void canonical_check(struct walk *walk, const struct node *canonical);

/* Extensions (validate_extensions.c): urls, where they may be used, what they may hold. */
void extension_check(struct walk *walk, const struct node *extension);

/* Values (validate_values.c). */
void attachment_check(struct walk *walk, const struct node *attachment);
void coding_value_check(struct walk *walk, const struct node *coding);
void identifier_check(struct walk *walk, const struct node *identifier);
void value_set_include_check(struct walk *walk, const struct node *include);
void string_check(struct walk *walk, const struct node *string);
void uri_check(struct walk *walk, const struct node *uri);
void narrative_element_check(struct walk *walk, const struct node *div);

/* Whether a text begins with the scheme of a URI: "http:", "urn:", ... */
bool uri_is_absolute(struct text uri);

/* Definitions (validate_definitions.c) that contradict R4. */
void element_definition_check(struct walk *walk, const struct node *element);
void search_parameter_check(struct walk *walk, const struct node *parameter);
void capability_resource_check(struct walk *walk, const struct node *resource);

/* Ids (validate_ids.c): notes one; when the resource is through, finds those that are there twice.
 */
void element_id_note(struct walk *walk, const struct node *id);
void element_ids_check(struct walk *walk);
void contained_id_check(struct walk *walk, const struct node *contained);

/* Vital signs (validate_vitals.c), which have profiles of R4 to meet without claiming them. */
void observation_check(struct walk *walk, const struct node *observation);

/* Bundles (validate_bundle.c): the rules of R4 bundle.html that are no invariants. */
void bundle_check(struct walk *walk, const struct node *bundle);
