/*
 * Freezing - from a stripped draft to the rules that are kept.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/fhirpath.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_draft.h"

/* What came of an expression. */
struct path {
    const char *text;
    const struct fhirpath *compiled; /* NULL: it is none */
    const char *problem;
};

static struct rule *freeze(struct drafting *drafting, const struct draft *draft);
static const struct rule *freeze_list(struct drafting *drafting, const struct draft *list);
static void keep_strings(struct compiler *compiler, struct rule *rule);
static const char *keep_string(struct compiler *compiler, const char *string);
static void keep_types(struct compiler *compiler, struct rule *rule);
static const char *const *keep_list(struct compiler *compiler, const char *const *list);
static void keep_values(struct compiler *compiler, struct rule *rule);
static void keep_discriminators(struct compiler *compiler, struct rule *rule);
static void keep_constraints(struct compiler *compiler, struct rule *rule);
static const struct node *keep_node(struct compiler *compiler, const struct node *node);
static struct node *copy_node(struct compiler *compiler, const struct node *node);

const struct rule *draft_freeze(struct drafting *drafting)
{
    return freeze(drafting, drafting->root);
}

/* NULL for what adds nothing, nor anything below it. */
static struct rule *freeze(struct drafting *drafting, const struct draft *draft)
{
    const struct rule *children = freeze_list(drafting, draft->children);
    const struct rule *slices = freeze_list(drafting, draft->slices);
    struct compiler *compiler = drafting->compiler;
    struct rule *rule;

    if (!children && !slices && !draft_adds(draft))
        return NULL;
    rule = arena_one(compiler->arena, struct rule);
    *rule = draft->kept;
    rule->children = children;
    rule->slices = slices;
    keep_strings(compiler, rule);
    keep_types(compiler, rule);
    keep_values(compiler, rule);
    keep_constraints(compiler, rule);
    if (!slices && rule->slicing_rules != SLICING_CLOSED) {
        rule->sliced = false;
        rule->discriminators = NULL;
        rule->discriminator_count = 0;
    }
    keep_discriminators(compiler, rule);
    return rule;
}

static const struct rule *freeze_list(struct drafting *drafting, const struct draft *list)
{
    const struct rule *first = NULL, **link = &first;

    for (const struct draft *draft = list; draft; draft = draft->next) {
        struct rule *rule = freeze(drafting, draft);

        if (!rule)
            continue;
        rule->next = NULL;
        *link = rule;
        link = &rule->next;
    }
    return first;
}

static void keep_strings(struct compiler *compiler, struct rule *rule)
{
    rule->id = keep_string(compiler, rule->id);
    rule->slice = keep_string(compiler, rule->slice);
    rule->label = keep_string(compiler, rule->label);
    rule->binding.value_set = keep_string(compiler, rule->binding.value_set);
    rule->binding.max_value_set = keep_string(compiler, rule->binding.max_value_set);
}

static const char *keep_string(struct compiler *compiler, const char *string)
{
    return compiler_string(compiler, text_of(string));
}

const char *compiler_string(struct compiler *compiler, struct text text)
{
    struct map_entry *entry;

    if (!text.data)
        return NULL;
    entry = map_entry(&compiler->strings, text);
    if (!entry->value) {
        entry->value = arena_strndup(compiler->arena, text.data, text.size);
        entry->key.data = entry->value;
    }
    return entry->value;
}

static void keep_types(struct compiler *compiler, struct rule *rule)
{
    struct rule_type *types;

    if (!rule->types)
        return;
    types = arena_many(compiler->arena, struct rule_type, rule->type_count);
    for (unsigned i = 0; i < rule->type_count; i++) {
        types[i] = rule->types[i];
        types[i].profiles = keep_list(compiler, types[i].profiles);
        types[i].targets = keep_list(compiler, types[i].targets);
    }
    rule->types = types;
}

static const char *const *keep_list(struct compiler *compiler, const char *const *list)
{
    const char **kept;
    size_t count = 0;

    if (!list)
        return NULL;
    while (list[count])
        count++;
    kept = arena_many(compiler->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        kept[i] = keep_string(compiler, list[i]);
    return kept;
}

static void keep_values(struct compiler *compiler, struct rule *rule)
{
    const struct node **values[] = {&rule->fixed, &rule->pattern, &rule->min_value,
                                    &rule->max_value};

    for (size_t i = 0; i < COUNT(values); i++)
        if (*values[i])
            *values[i] = keep_node(compiler, *values[i]);
}

/* Under no parent in the definitions' arena, values included. What is so already has been copied
 * before. */
static const struct node *keep_node(struct compiler *compiler, const struct node *node)
{
    return node->parent ? copy_node(compiler, node) : node;
}

static struct node *copy_node(struct compiler *compiler, const struct node *node)
{
    struct node *copy = arena_one(compiler->arena, struct node);

    *copy = *node;
    copy->parent = copy->next = copy->first = copy->last = NULL;
    if (node->value.data)
        copy->value.data = compiler_string(compiler, node->value);
    copy->name.data = compiler_string(compiler, node->name);
    for (const struct node *child = node->first; child; child = child->next) {
        struct node *made = copy_node(compiler, child);

        made->parent = copy;
        if (copy->last)
            copy->last->next = made;
        else
            copy->first = made;
        copy->last = made;
    }
    return copy;
}

static void keep_discriminators(struct compiler *compiler, struct rule *rule)
{
    struct discriminator *list;

    if (rule->discriminator_count == 0)
        return;
    list = arena_many(compiler->arena, struct discriminator, rule->discriminator_count);
    for (unsigned i = 0; i < rule->discriminator_count; i++) {
        list[i] = rule->discriminators[i];
        list[i].path = keep_string(compiler, list[i].path);
        list[i].compiled = compiler_path(compiler, rule->profile, list[i].path);
    }
    rule->discriminators = list;
}

static void keep_constraints(struct compiler *compiler, struct rule *rule)
{
    struct rule_constraint *list;
    unsigned left = 0;

    if (rule->constraint_count == 0)
        return;
    list = arena_many(compiler->arena, struct rule_constraint, rule->constraint_count);
    for (unsigned i = 0; i < rule->constraint_count; i++) {
        struct rule_constraint constraint = rule->constraints[i];

        constraint.compiled = compiler_path(compiler, rule->profile, constraint.expression);
        if (!constraint.compiled)
            continue;
        constraint.key = keep_string(compiler, constraint.key);
        constraint.human = keep_string(compiler, constraint.human);
        constraint.expression = keep_string(compiler, constraint.expression);
        constraint.source = keep_string(compiler, constraint.source);
        list[left++] = constraint;
    }
    rule->constraints = left > 0 ? list : NULL;
    rule->constraint_count = left;
}

const struct fhirpath *compiler_path(struct compiler *compiler, const struct profile *profile,
                                     const char *expression)
{
    const char *text = keep_string(compiler, expression);
    struct map_entry *entry = map_entry(&compiler->paths, text_of(text));
    struct path *path = entry->value;
    struct err err = {0};

    if (!path) {
        path = entry->value = arena_one(compiler->paths.arena, struct path);
        path->text = text;
        path->compiled = fhirpath_compile(compiler->arena, text_of(text), &err);
        path->problem = path->compiled ? NULL : arena_strdup(compiler->paths.arena, err.text);
    }
    if (!path->compiled)
        issue_add(compiler->issues, ISSUE_WARNING, "not-supported", NULL,
                  "%s: an expression cannot be used and is left out: %s", profile->url,
                  path->problem);
    return path->compiled;
}
