/*
 * Discriminators - whether a node belongs to a slice (R4 profiling.html#discriminator).
 *
 * The path of a discriminator is followed in the node and in the slice's own
 * rules at the same time: what the rules state at its end is what the node
 * must have there. Where the rules of the slice end, those of the profile
 * that it names for its type go on.
 */

#include "fhir/profile_check.h"

#include "base/err.h"
#include "fhir/binding.h"
#include "fhir/definitions.h"
#include "fhir/discriminator_path.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/terminology.h"
#include "fhir/validate.h"

static enum match match_discriminator(struct check *check, enum discriminator_type type,
                                      const struct rule *rule, const struct node *node,
                                      struct text path);
static enum match match_children(struct check *check, enum discriminator_type type,
                                 const struct rule *rule, const struct node *node,
                                 struct path_step step, struct text path);
static enum match match_candidate(struct check *check, enum discriminator_type type,
                                  const struct rule *rule, const struct node *node,
                                  struct path_step step, struct text path);
static enum match match_target(struct check *check, enum discriminator_type type,
                               const struct rule *rule, const struct node *node, struct text path);
static enum match match_within_targets(struct check *check, enum discriminator_type type,
                                       const struct rule *rule, const struct node *resource,
                                       struct text path);
static enum match decide(struct check *check, enum discriminator_type type, const struct rule *rule,
                         const struct node *node);
static enum match decide_existence(const struct rule *rule, bool exists);
static enum match decide_type(const struct rule *rule, const struct node *node);
static enum match decide_profile(struct check *check, const struct rule *rule,
                                 const struct node *node);
static enum match decide_value(struct check *check, const struct rule *rule,
                               const struct node *node);
static enum match decide_binding(const struct check *check, const struct rule *rule,
                                 const struct node *node);
static enum match decide_children(struct check *check, const struct rule *rule,
                                  const struct node *node);
static enum match decide_as_a_whole(struct check *check, const struct rule *slice,
                                    const struct node *node);
static const struct rule *root_of_type(const struct check *check, const struct rule *rule,
                                       const struct node *node);

enum match slice_matches(struct check *check, const struct rule *rule, const struct rule *slice,
                         const struct node *node)
{
    enum match all = MATCH_YES;

    if (rule->discriminator_count == 0)
        return decide_as_a_whole(check, slice, node);
    for (unsigned i = 0; i < rule->discriminator_count; i++) {
        const struct discriminator *discriminator = &rule->discriminators[i];
        enum match match = match_discriminator(check, discriminator->type, slice, node,
                                               text_of(discriminator->path));

        if (match == MATCH_NO)
            return match;
        if (match == MATCH_OPEN)
            all = match;
    }
    return all;
}

bool slicing_is_by_url(const struct rule *rule)
{
    return rule->discriminator_count == 1 &&
           rule->discriminators[0].type <= DISCRIMINATOR_PATTERN &&
           strcmp(rule->discriminators[0].path, "url") == 0 &&
           (text_is(rule->name, "extension") || text_is(rule->name, "modifierExtension"));
}

/* From the profile of the extension, or what the slice itself says. */
struct text slice_url(const struct rule *slice)
{
    const struct rule *url = rule_child(slice, TEXT("url"));
    struct text canonical = {NULL, 0}, version;

    if (url && url->fixed)
        return url->fixed->value;
    if (slice->type_count > 0 && slice->types[0].profiles)
        canonical = text_of(slice->types[0].profiles[0]);
    text_split(canonical, '|', &canonical, &version);
    return canonical;
}

static enum match match_discriminator(struct check *check, enum discriminator_type type,
                                      const struct rule *rule, const struct node *node,
                                      struct text path)
{
    struct path_step step;

    if (!check_step(check, node))
        return MATCH_OPEN;
    if (!path_next(&path, &step))
        return decide(check, type, rule, node);
    switch (step.kind) {
    case STEP_THIS:
        return match_discriminator(check, type, rule, node, path);
    case STEP_NAME:
    case STEP_EXTENSION:
        return match_children(check, type, rule, node, step, path);
    case STEP_RESOLVE:
        return match_target(check, type, rule, node, path);
    case STEP_OF_TYPE:
        if (!node->type || !text_is(step.text, node->type->name))
            return MATCH_NO;
        return match_discriminator(check, type, rule, node, path);
    case STEP_UNKNOWN:
        break;
    }
    return MATCH_OPEN;
}

/* The rule of this name, and of its slices those that state something. */
static enum match match_children(struct check *check, enum discriminator_type type,
                                 const struct rule *rule, const struct node *node,
                                 struct path_step step, struct text path)
{
    struct text name = step.kind == STEP_EXTENSION ? TEXT("extension") : step.text;
    const struct rule *child = rule_child(rule, name), *root;
    enum match match = MATCH_OPEN;

    if (child && step.kind == STEP_NAME)
        match = match_candidate(check, type, child, node, step, path);
    for (const struct rule *slice = child ? child->slices : NULL; slice && match == MATCH_OPEN;
         slice = slice->next)
        if (step.kind == STEP_NAME || text_equals(slice_url(slice), step.text))
            match = match_candidate(check, type, slice, node, step, path);
    if (match != MATCH_OPEN)
        return match;

    root = root_of_type(check, rule, node);
    return root ? match_children(check, type, root, node, step, path) : MATCH_OPEN;
}

/* One of the children that the rule is about must fit. */
static enum match match_candidate(struct check *check, enum discriminator_type type,
                                  const struct rule *rule, const struct node *node,
                                  struct path_step step, struct text path)
{
    bool exists = false, open = false;

    for (const struct node *child = node->first; child; child = child->next) {
        enum match match;

        if (!path_step_fits(child, step))
            continue;
        exists = true;
        if (type == DISCRIMINATOR_EXISTS && path.size == 0)
            break;
        match = match_discriminator(check, type, rule, child, path);
        if (match == MATCH_YES)
            return match;
        open = open || match == MATCH_OPEN;
    }
    if (path.size > 0)
        return open ? MATCH_OPEN : MATCH_NO;
    if (type == DISCRIMINATOR_EXISTS ||
        (type <= DISCRIMINATOR_PATTERN && (open || (!exists && rule->max == 0))))
        return decide_existence(rule, exists);
    return open ? MATCH_OPEN : MATCH_NO;
}

/* A rule that states no value, only that something is there, or not. */
static enum match decide_existence(const struct rule *rule, bool exists)
{
    if (rule->max == 0)
        return exists ? MATCH_NO : MATCH_YES;
    if (rule->min > 0)
        return exists ? MATCH_YES : MATCH_NO;
    return MATCH_OPEN;
}

/* Goes on in the resource that a reference means. */
static enum match match_target(struct check *check, enum discriminator_type type,
                               const struct rule *rule, const struct node *node, struct text path)
{
    struct referenced referenced;

    reference_follow(check, node, &referenced);
    if (reference_fits(check, rule, &referenced, true) == MATCH_NO)
        return MATCH_NO;
    if (path.size > 0 && referenced.resource)
        return match_within_targets(check, type, rule, referenced.resource, path);
    if (path.size > 0)
        return MATCH_OPEN;
    if (type == DISCRIMINATOR_TYPE || type == DISCRIMINATOR_PROFILE)
        return reference_fits(check, rule, &referenced, type == DISCRIMINATOR_TYPE);
    return MATCH_OPEN;
}

static enum match match_within_targets(struct check *check, enum discriminator_type type,
                                       const struct rule *rule, const struct node *resource,
                                       struct text path)
{
    enum match best = MATCH_NO;
    bool any = false;

    for (unsigned i = 0; i < rule->type_count; i++) {
        for (const char *const *target = rule->types[i].targets; target && *target; target++) {
            const struct profile *profile =
                definitions_profile(check->validation->definitions, text_of(*target));
            enum match match = profile && profile->root
                                   ? match_discriminator(check, type, profile->root, resource, path)
                                   : MATCH_OPEN;

            any = true;
            if (match == MATCH_YES)
                return match;
            if (match == MATCH_OPEN)
                best = match;
        }
    }
    return any ? best : MATCH_OPEN;
}

/* At the end of the path. */
static enum match decide(struct check *check, enum discriminator_type type, const struct rule *rule,
                         const struct node *node)
{
    switch (type) {
    case DISCRIMINATOR_VALUE:
    case DISCRIMINATOR_PATTERN:
        return decide_value(check, rule, node);
    case DISCRIMINATOR_EXISTS:
        return decide_existence(rule, true);
    case DISCRIMINATOR_TYPE:
        return decide_type(rule, node);
    case DISCRIMINATOR_PROFILE:
        return decide_profile(check, rule, node);
    }
    return MATCH_OPEN;
}

static enum match decide_type(const struct rule *rule, const struct node *node)
{
    if (rule->type_count == 0 || !node->type)
        return MATCH_OPEN;
    for (unsigned i = 0; i < rule->type_count; i++)
        if (rule_type_fits(&rule->types[i], node))
            return MATCH_YES;
    return MATCH_NO;
}

static enum match decide_profile(struct check *check, const struct rule *rule,
                                 const struct node *node)
{
    enum match best = decide_type(rule, node);
    bool any = false;

    for (unsigned i = 0; best == MATCH_YES && i < rule->type_count; i++)
        any = any || (rule_type_fits(&rule->types[i], node) && rule->types[i].profiles);
    if (!any)
        return best; /* the type is all there is */

    best = MATCH_NO;
    for (unsigned i = 0; i < rule->type_count; i++) {
        if (!rule_type_fits(&rule->types[i], node))
            continue;
        for (const char *const *canonical = rule->types[i].profiles; canonical && *canonical;
             canonical++) {
            const struct profile *profile =
                definitions_profile(check->validation->definitions, text_of(*canonical));

            if (!profile)
                best = MATCH_OPEN;
            else if (check_profile_holds(check, profile, node))
                return MATCH_YES;
        }
    }
    return best;
}

static enum match decide_value(struct check *check, const struct rule *rule,
                               const struct node *node)
{
    const struct rule *root;
    enum match match;

    if (!check_step(check, node))
        return MATCH_OPEN;
    if (rule->fixed)
        return node_is_fixed(check, rule->fixed, node) ? MATCH_YES : MATCH_NO;
    if (rule->pattern)
        return node_has_pattern(check, rule->pattern, node) ? MATCH_YES : MATCH_NO;
    match = decide_children(check, rule, node);
    if (match == MATCH_OPEN && rule->binding.value_set &&
        rule->binding.strength == BINDING_REQUIRED)
        match = decide_binding(check, rule, node);
    if (match != MATCH_OPEN)
        return match;
    root = root_of_type(check, rule, node);
    return root ? decide_value(check, root, node) : MATCH_OPEN;
}

/* A value may also be stated piece by piece: coding.system, coding.code. */
static enum match decide_children(struct check *check, const struct rule *rule,
                                  const struct node *node)
{
    enum match all = MATCH_OPEN;

    for (const struct rule *child = rule->children; child; child = child->next) {
        struct path_step step = {STEP_NAME, child->name};
        enum match match = MATCH_OPEN;

        if (child->fixed || child->pattern || child->children)
            match = match_candidate(check, DISCRIMINATOR_VALUE, child, node, step, TEXT(""));
        if (match == MATCH_NO)
            return match;
        if (match == MATCH_YES)
            all = match;
    }
    return all;
}

static enum match decide_binding(const struct check *check, const struct rule *rule,
                                 const struct node *node)
{
    struct text missing;

    switch (binding_answer(check->validation->definitions, text_of(rule->binding.value_set), node,
                           &missing)) {
    case CODE_YES:
        return MATCH_YES;
    case CODE_NO:
        return MATCH_NO;
    case CODE_UNKNOWN:
        break;
    }
    return MATCH_OPEN;
}

/* Without discriminators: slices of a choice go by type, others by all that they demand. */
static enum match decide_as_a_whole(struct check *check, const struct rule *slice,
                                    const struct node *node)
{
    struct check question = *check;
    struct issues issues;

    if (node->element && node->element->flags & ELEMENT_CHOICE && slice->type_count > 0)
        return decide_type(slice, node);
    issues_init(&issues, check->issues->arena, 0);
    question.issues = &issues;
    question.quiet = true;
    check_node(&question, slice, node);
    return issues.errors == 0 ? MATCH_YES : MATCH_NO;
}

/* The rules of the one profile that a rule names for the node's type, or NULL. */
static const struct rule *root_of_type(const struct check *check, const struct rule *rule,
                                       const struct node *node)
{
    const struct profile *profile = NULL;

    for (unsigned i = 0; i < rule->type_count; i++) {
        const struct rule_type *type = &rule->types[i];

        if (!type->profiles || !node->type || !rule_type_fits(type, node))
            continue;
        if (profile || type->profiles[1])
            return NULL; /* several: the path does not say through which */
        profile = definitions_profile(check->validation->definitions, text_of(type->profiles[0]));
        if (!profile)
            return NULL;
    }
    return profile ? profile->root : NULL;
}
