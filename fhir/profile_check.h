#pragma once

/*
 * Profile checks, inside - what the files share that hold a document against
 * rules: profile_check.c walks, profile_types.c judges types and references,
 * profile_value.c values, profile_slicing.c and profile_discriminator.c slices.
 */

#include "base/text.h"
#include "fhir/profile.h"

#include <stdbool.h>

struct issues;
struct node;
struct validation;

/* Profiles within profiles, and how much work a check may be. */
#define PROFILE_DEPTH 24
#define PROFILE_STEPS 5000000U

/* An answer to "does this node meet this profile" that is kept for the next time. */
struct verdict {
    const struct profile *profile;
    const struct node *node;
    bool holds;
};

#define VERDICTS 64

/* A question that is being answered further up: Observation.hasMember may form a ring. */
struct asked {
    const struct profile *profile;
    const struct node *node;
    const struct asked *outer;
};

/* What one check may still do, shared by all the checks within. */
struct profile_work {
    unsigned steps; /* left */
    bool spent;     /* and that was reported */
    unsigned depth;
    bool outside; /* looking at a resource that is not part of the document */
    const struct asked *asked;
    struct verdict *verdicts; /* VERDICTS of them, or NULL before the first */
};

struct check {
    const struct validation *validation;
    struct profile_work *work;
    struct issues *issues;
    bool quiet; /* only whether there are errors matters */
};

/* Counts work; false, and an error once, when there was too much of it. */
bool check_step(struct check *check, const struct node *node);

/* Whether a quiet check is decided already. */
bool check_is_over(const struct check *check);

/* Everything the profile says of the node. */
void check_profile(struct check *check, const struct profile *profile, const struct node *node);

/* The same as a question, within a check. */
bool check_profile_holds(struct check *check, const struct profile *profile,
                         const struct node *node);

/* For conformsTo(): as profile_holds(), within the work of the check that evaluates. */
bool profile_holds_within(const struct profile *profile, const struct node *node,
                          const struct validation *validation, struct profile_work *work);

/* For slice(): whether an element of the profile has a slice of that name; and whether the node, of
 * such an element, is in it. */
bool profile_has_slice(const struct profile *profile, struct text name);
bool slice_holds_within(const struct profile *profile, struct text name, const struct node *node,
                        const struct validation *validation, struct profile_work *work);

/* What a rule, or a slice, says of one of its nodes: types, values, constraints, children. */
void check_node(struct check *check, const struct rule *rule, const struct node *node);

/* profile_types.c: the type is allowed, and one of its profiles holds. */
void check_types(struct check *check, const struct rule *rule, const struct node *node);

/* Whether one of a rule's types is the node's. */
bool rule_type_fits(const struct rule_type *type, const struct node *node);

/* profile_reference.c: what the reference means is of a type and profile that is allowed. */
void check_reference(struct check *check, const struct rule *rule, const struct node *node);

/* What a reference means, as far as one can know. */
struct referenced {
    const struct node *resource; /* NULL: not to be had */
    const struct type *type; /* also without the resource, when the reference names it; or NULL */
    bool contained, bundled;
};

void reference_follow(const struct check *check, const struct node *reference,
                      struct referenced *referenced);

enum match {
    MATCH_NO,
    MATCH_YES,
    MATCH_OPEN, /* cannot be decided */
};

/* Whether one of the targets of the rule's reference types fits. */
enum match reference_fits(struct check *check, const struct rule *rule,
                          const struct referenced *referenced, bool type_only);

/* profile_value.c: fixed, pattern, smallest, largest, longest. */
void check_value(struct check *check, const struct rule *rule, const struct node *node);

/* R4 elementdefinition.html#ElementDefinition.fixed_x_ and .pattern_x_ */
bool node_is_fixed(struct check *check, const struct node *fixed, const struct node *node);
bool node_has_pattern(struct check *check, const struct node *pattern, const struct node *node);

/* profile_constraint.c */
void check_constraints(struct check *check, const struct rule *rule, const struct node *node);

/* profile_slicing.c: sorts the children that the rule is about into its slices. */
void check_slices(struct check *check, const struct rule *rule, const struct node *parent);

/* profile_discriminator.c: whether a node belongs to a slice of `rule`. */
enum match slice_matches(struct check *check, const struct rule *rule, const struct rule *slice,
                         const struct node *node);

/* Extensions are told apart by their url; fast. */
bool slicing_is_by_url(const struct rule *rule);
struct text slice_url(const struct rule *slice);

/* The first child rule with this name, or NULL. */
const struct rule *rule_child(const struct rule *rule, struct text name);
