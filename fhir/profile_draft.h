#pragma once

/*
 * Drafts - a profile while it is being compiled: rules that can still change,
 * and know where they stand. profile_draft.c makes the tree, profile_element.c
 * reads ElementDefinitions into it, profile_strip.c takes out what is said
 * elsewhere already, profile_freeze.c makes the rules of what is left.
 *
 * A draft holds what has been said of its element, nothing more: what is not
 * said (types NULL, no binding, ...) is as in its model, and at last as in R4.
 */

#include "base/map.h"
#include "fhir/profile.h"

#include <stdbool.h>

struct arena;
struct definitions;
struct fhirpath;
struct issues;
struct node;

/* What compiling a set of definitions needs and remembers. */
struct compiler {
    struct arena *arena;   /* borrowed; of the definitions: what is kept */
    struct arena *scratch; /* borrowed; of one profile */
    struct issues *issues; /* borrowed */
    struct map strings;    /* text -> itself as a string in `arena` */
    struct map paths;      /* expression -> struct path */
};

struct draft {
    struct rule rule;              /* strings and arrays in scratch, or kept already */
    const struct type *owner;      /* the type that has the element; NULL for the root */
    const struct element *element; /* of a choice: its first row; NULL for the root */
    struct rule kept;              /* after draft_strip(): `rule` without what is said elsewhere */
    struct draft *parent;          /* the element above */
    struct draft *general;         /* of a slice: what is sliced; else NULL */
    struct draft *model;           /* the next less special draft for the same nodes, or NULL: of a
                                      slice, what is sliced; below a slice, the same without it */
    struct draft *children, *slices, *next;
};

/* One profile being compiled. */
struct drafting {
    struct compiler *compiler;
    struct profile *profile;
    struct draft *root;
    unsigned count;   /* drafts made */
    unsigned unknown; /* elements that R4 does not have */
};

/* A root without content. */
void drafting_start(struct drafting *drafting, struct compiler *compiler, struct profile *profile);

/* Begins with what a compiled profile says. */
void draft_thaw(struct drafting *drafting, const struct rule *root);

/* The draft of an element named as in ElementDefinition.path and .id ("value[x]",
 * "valueQuantity", "component"), made when there is none. NULL when R4 has no
 * such element, or the profile has become too large. */
struct draft *draft_child(struct drafting *drafting, struct draft *parent, struct text name);

/* The same for a slice; "a/b" is a slice of the slice "a". */
struct draft *draft_slice(struct drafting *drafting, struct draft *general, struct text name);

/* Looks for the model anew, when more has been drafted since. Those above first. */
void draft_link(struct draft *draft);

/* The rows of R4 for an element: the first, and the next one of a choice, or NULL. */
const struct element *draft_first_row(const struct draft *draft);
const struct element *draft_next_row(const struct draft *draft, const struct element *row);

/* Reads an ElementDefinition into its draft. */
void draft_read_element(struct drafting *drafting, struct draft *draft, const struct node *element);

/* Fills `kept` in the whole tree: what neither the models nor R4 say already. */
void draft_strip(struct drafting *drafting);

/* Whether a stripped draft says anything itself. */
bool draft_adds(const struct draft *draft);

/* The rules of a stripped tree, in the definitions' arena. */
const struct rule *draft_freeze(struct drafting *drafting);

/* A NUL-terminated copy that is kept, the same one for the same text; NULL when absent. */
const char *compiler_string(struct compiler *compiler, struct text text);

/* Compiles an expression, once for all that are the same. NULL, and a warning, when it is none. */
const struct fhirpath *compiler_path(struct compiler *compiler, const struct profile *profile,
                                     const char *expression);
