/*
 * Profile checks - walks a profile's rules and the nodes together.
 */

#include "fhir/profile_check.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/binding.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"
#include "fhir/validate.h"

#include <stdint.h>

static bool type_fits(struct check *check, const struct profile *profile, const struct node *node);
static void check_children(struct check *check, const struct rule *rule, const struct node *node);
static void check_element(struct check *check, const struct rule *rule, const struct node *node);
static void check_count(struct check *check, const struct rule *rule, const struct node *node,
                        const struct node *first, unsigned count);
static bool structure_says_so(const struct rule *rule, const struct node *node, unsigned count);
static struct verdict *find_verdict(struct check *check, const struct profile *profile,
                                    const struct node *node);
static bool is_being_asked(const struct check *check, const struct profile *profile,
                           const struct node *node);

void profile_check_node(const struct profile *profile, const struct node *node,
                        const struct validation *validation, unsigned depth, struct issues *issues)
{
    struct profile_work work = {.steps = PROFILE_STEPS, .depth = depth};
    struct check check = {.validation = validation, .work = &work, .issues = issues};

    check_profile(&check, profile, node);
}

bool profile_holds(const struct profile *profile, const struct node *node,
                   const struct validation *validation, unsigned depth)
{
    struct profile_work work = {.steps = PROFILE_STEPS, .depth = depth};

    return profile_holds_within(profile, node, validation, &work);
}

bool profile_holds_within(const struct profile *profile, const struct node *node,
                          const struct validation *validation, struct profile_work *work)
{
    struct arena *arena = arena_new();
    struct verdict *verdicts = work->verdicts;
    struct issues issues;
    struct check check = {.validation = validation, .work = work, .issues = &issues, .quiet = true};
    bool holds;

    issues_init(&issues, arena, 0);
    holds = check_profile_holds(&check, profile, node);
    work->verdicts = verdicts; /* new ones went into the arena of this question */
    arena_free(arena);
    return holds;
}

bool check_step(struct check *check, const struct node *node)
{
    if (check->work->steps > 0) {
        check->work->steps--;
        return true;
    }
    if (!check->work->spent || check->quiet)
        issue_add_at(check->issues, ISSUE_ERROR, "too-costly", node,
                     "Checking the profiles takes too much work; what follows was not checked.");
    check->work->spent = true;
    return false;
}

bool check_is_over(const struct check *check)
{
    return check->quiet && check->issues->errors > 0;
}

void check_profile(struct check *check, const struct profile *profile, const struct node *node)
{
    if (!profile->root || !check_step(check, node) || !type_fits(check, profile, node))
        return;
    if (check->work->depth >= PROFILE_DEPTH) {
        issue_add_at(check->issues, ISSUE_ERROR, "too-costly", node,
                     "Profiles are nested too deeply here; %s was not checked.", profile->url);
        return;
    }
    check->work->depth++;
    check_node(check, profile->root, node);
    check->work->depth--;
}

static bool type_fits(struct check *check, const struct profile *profile, const struct node *node)
{
    if (!profile->type || !node->type || type_is(node->type, profile->type))
        return true;
    issue_add_at(check->issues, ISSUE_ERROR, "structure", node,
                 "The profile %s is for %s; this is %s.", profile->url, profile->type->name,
                 node->type->name);
    return false;
}

bool check_profile_holds(struct check *check, const struct profile *profile,
                         const struct node *node)
{
    struct verdict *verdict = find_verdict(check, profile, node);
    struct asked asked = {profile, node, check->work->asked};
    struct check question = *check;
    struct issues issues;

    if (verdict->profile == profile && verdict->node == node)
        return verdict->holds;
    if (is_being_asked(check, profile, node))
        return true; /* as far as this question goes: what is wrong is found further up */

    issues_init(&issues, check->issues->arena, 0);
    question.issues = &issues;
    question.quiet = true;
    check->work->asked = &asked;
    check_profile(&question, profile, node);
    check->work->asked = asked.outer;
    *verdict = (struct verdict){profile, node, issues.errors == 0};
    return verdict->holds;
}

/* Where the answer is, or goes: some other one may be in its place. */
static struct verdict *find_verdict(struct check *check, const struct profile *profile,
                                    const struct node *node)
{
    size_t slot = ((uintptr_t)node / 16 * 31 + (uintptr_t)profile / 16) % VERDICTS;

    if (!check->work->verdicts)
        check->work->verdicts = arena_many(check->issues->arena, struct verdict, VERDICTS);
    return &check->work->verdicts[slot];
}

static bool is_being_asked(const struct check *check, const struct profile *profile,
                           const struct node *node)
{
    for (const struct asked *asked = check->work->asked; asked; asked = asked->outer)
        if (asked->profile == profile && asked->node == node)
            return true;
    return false;
}

void check_node(struct check *check, const struct rule *rule, const struct node *node)
{
    if (node->flags & NODE_RAW || !check_step(check, node))
        return; /* what has no place in the tree was reported by the reader */
    if (rule->types)
        check_types(check, rule, node);
    if (rule->fixed || rule->pattern || rule->min_value || rule->max_value || rule->max_length)
        check_value(check, rule, node);
    if (rule->binding.value_set || rule->binding.max_value_set)
        binding_check_rule(check->validation->definitions, rule, node, check->issues);
    if (rule->constraint_count > 0 && !check_is_over(check))
        check_constraints(check, rule, node);
    if (rule->children)
        check_children(check, rule, node);
}

static void check_children(struct check *check, const struct rule *rule, const struct node *node)
{
    for (const struct rule *child = rule->children; child && !check_is_over(check);
         child = child->next)
        check_element(check, child, node);
}

/* All children that a rule is about: of a choice, whatever their type. */
static void check_element(struct check *check, const struct rule *rule, const struct node *node)
{
    const struct node *first = NULL;
    unsigned count = 0;

    if (!check_step(check, node))
        return;
    for (const struct node *child = node->first; child; child = child->next) {
        if (!child->element || child->element->name_id != rule->name_id)
            continue;
        first = first ? first : child;
        count++;
        check_node(check, rule, child);
    }
    check_count(check, rule, node, first, count);
    if (rule->slices && (count > 0 || rule->min == 0)) /* else that it is missing says enough */
        check_slices(check, rule, node);
}

static void check_count(struct check *check, const struct rule *rule, const struct node *node,
                        const struct node *first, unsigned count)
{
    if (structure_says_so(rule, node, count))
        return;
    if (count < rule->min && count == 0)
        finding_add(check->issues, ISSUE_ERROR, "required", node, rule,
                    "%.*s is missing; the profile demands it.", TEXT_ARGS(rule->name));
    else if (count < rule->min)
        finding_add(check->issues, ISSUE_ERROR, "required", first, rule,
                    "%.*s stands here %u times; the profile demands at least %u.",
                    TEXT_ARGS(rule->name), count, rule->min);
    else if (rule->max == 0 && count > 0)
        finding_add(check->issues, ISSUE_ERROR, "structure", first, rule,
                    "The profile does not allow %.*s; leave it out.", TEXT_ARGS(rule->name));
    else if (rule->max != ELEMENT_MANY && count > rule->max)
        finding_add(check->issues, ISSUE_ERROR, "structure", first, rule,
                    "%.*s stands here %u times; the profile allows at most %u.",
                    TEXT_ARGS(rule->name), count, rule->max);
}

/* Whether R4 itself demands or forbids as much: then the structure checks have found it. */
static bool structure_says_so(const struct rule *rule, const struct node *node, unsigned count)
{
    if ((count >= rule->min && count <= rule->max) || !node->type)
        return false;
    for (unsigned i = 0; i < node->type->element_count; i++) {
        const struct element *element = &node->type->elements[i];

        if (element->name_id == rule->name_id)
            return count < element->min || count > element->max;
    }
    return false;
}

const struct rule *rule_child(const struct rule *rule, struct text name)
{
    for (const struct rule *child = rule->children; child; child = child->next)
        if (text_equals(child->name, name))
            return child;
    return NULL;
}
