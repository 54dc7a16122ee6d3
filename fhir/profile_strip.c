/*
 * Stripping - takes out of a drafted profile what is said elsewhere already:
 * by R4's own tables, or by the model of the draft (what is sliced speaks for
 * its slices too). What is left is the same whether it came from a snapshot,
 * which repeats everything, or from a differential.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/canonical.h"
#include "fhir/element_rule.h"
#include "fhir/node.h"
#include "fhir/profile_draft.h"

#define TYPE_PREFIX TEXT("http://hl7.org/fhir/StructureDefinition/")

struct invariant_key {
    const char *key, *expression;
};

/* Sorted by key. */
static const struct invariant_key invariants[] = {
#include "fhir/invariant_key_table.inc"
};

static void strip_list(struct drafting *drafting, struct draft *list);
static void strip(struct drafting *drafting, struct draft *draft);
static void bound_by_model(struct draft *draft);
static void settle_choice(struct draft *draft, const struct draft *slice);
static bool types_are_said(const struct draft *draft);
static bool same_types(const struct rule *a, const struct rule *b);
static bool has_type(const struct rule *rule, const struct rule_type *type);
static bool same_lists(const char *const *a, const char *const *b);
static bool lists(const char *const *list, const char *item);
static bool types_are_of_r4(const struct draft *draft);
static bool type_is_row(const struct draft *draft, const struct rule_type *type,
                        const struct element *row);
static bool same_targets(const char *const *canonicals, const char *const *names);
static bool lists_type(const char *const *canonicals, const char *name);
static void strip_binding(struct draft *draft);
static bool binding_is_of_r4(const struct draft *draft);
static bool max_value_set_is_of_r4(const struct draft *draft);
static void strip_values(struct draft *draft);
static bool said_by_model(const struct draft *draft, size_t field);
static bool same_node(const struct node *a, const struct node *b);
static void strip_constraints(struct drafting *drafting, struct draft *draft);
static bool constraint_is_said(const struct draft *draft, const struct rule_constraint *constraint);
static bool constraint_is_of_type(const struct draft *draft,
                                  const struct rule_constraint *constraint);
static bool constraint_is_of_r4(const struct rule_constraint *constraint);
static bool same_expression(struct text a, struct text b);
static bool counts_are_said(const struct draft *draft);

void draft_strip(struct drafting *drafting)
{
    strip_list(drafting, drafting->root);
}

static void strip_list(struct drafting *drafting, struct draft *list)
{
    for (struct draft *draft = list; draft; draft = draft->next) {
        strip(drafting, draft);
        strip_list(drafting, draft->children);
        strip_list(drafting, draft->slices);
    }
}

static void strip(struct drafting *drafting, struct draft *draft)
{
    if (draft->element)
        draft_link(draft);
    for (struct draft *slice = draft->slices; slice; slice = slice->next)
        settle_choice(draft, slice);
    draft->kept = draft->rule;
    bound_by_model(draft);
    if (draft->rule.types && types_are_said(draft)) {
        draft->kept.types = NULL;
        draft->kept.type_count = 0;
    }
    if (draft->model && draft->model->rule.must_support)
        draft->kept.must_support = false;
    strip_binding(draft);
    strip_values(draft);
    strip_constraints(drafting, draft);
}

/* Below a slice the element without the slice counts as well: snapshots may say less there. */
static void bound_by_model(struct draft *draft)
{
    const struct draft *model = draft->model;

    if (!model || model == draft->general)
        return;
    if (draft->kept.min < model->rule.min)
        draft->kept.min = model->rule.min;
    if (draft->kept.max > model->rule.max)
        draft->kept.max = model->rule.max;
}

/* Where one type of a choice must be there, no other can be. */
static void settle_choice(struct draft *draft, const struct draft *slice)
{
    if (!draft->element || !(draft->element->flags & ELEMENT_CHOICE) || draft->rule.max != 1 ||
        slice->rule.min == 0 || slice->rule.type_count != 1 || draft->general)
        return;
    draft->rule.min = 1;
    draft->rule.types = slice->rule.types;
    draft->rule.type_count = 1;
    draft->rule.slicing_rules = SLICING_CLOSED;
}

bool draft_adds(const struct draft *draft)
{
    const struct rule *kept = &draft->kept;

    return !draft->parent || (draft->general && draft->model == draft->general) ||
           !counts_are_said(draft) || kept->must_support || kept->types || kept->fixed ||
           kept->pattern || kept->min_value || kept->max_value || kept->max_length ||
           kept->binding.value_set || kept->binding.max_value_set || kept->constraint_count > 0 ||
           (kept->sliced && kept->slicing_rules == SLICING_CLOSED);
}

static bool counts_are_said(const struct draft *draft)
{
    const struct draft *model = draft->model;
    unsigned min = model ? model->rule.min : draft->element->min;
    unsigned max = model ? model->rule.max : draft->element->max;

    return draft->rule.min <= min && draft->rule.max >= max;
}

/* A slice by type needs its own. */
static bool types_are_said(const struct draft *draft)
{
    if (!draft->element)
        return true;
    if (draft->general && (draft->element->flags & (ELEMENT_CHOICE | ELEMENT_RESOURCE)))
        return false;
    for (const struct draft *model = draft->model; model; model = model->model)
        if (model->rule.types && same_types(&draft->rule, &model->rule))
            return true;
    return types_are_of_r4(draft);
}

static bool same_types(const struct rule *a, const struct rule *b)
{
    if (a->type_count != b->type_count)
        return false;
    for (unsigned i = 0; i < a->type_count; i++)
        if (!has_type(b, &a->types[i]))
            return false;
    return true;
}

static bool has_type(const struct rule *rule, const struct rule_type *type)
{
    for (unsigned i = 0; i < rule->type_count; i++) {
        const struct rule_type *other = &rule->types[i];

        if (other->type == type->type && other->aggregations == type->aggregations &&
            same_lists(other->profiles, type->profiles) &&
            same_lists(other->targets, type->targets))
            return true;
    }
    return false;
}

static bool same_lists(const char *const *a, const char *const *b)
{
    size_t i = 0, j = 0;

    for (; a && a[i]; i++)
        if (!lists(b, a[i]))
            return false;
    while (b && b[j])
        j++;
    return i == j;
}

static bool lists(const char *const *list, const char *item)
{
    for (; list && *list; list++)
        if (strcmp(*list, item) == 0)
            return true;
    return false;
}

static bool types_are_of_r4(const struct draft *draft)
{
    unsigned rows = 0, found = 0;

    for (const struct element *row = draft_first_row(draft); row;
         row = draft_next_row(draft, row)) {
        rows++;
        for (unsigned i = 0; i < draft->rule.type_count; i++)
            if (type_is_row(draft, &draft->rule.types[i], row)) {
                found++;
                break;
            }
    }
    return rows == found && rows == draft->rule.type_count;
}

static bool type_is_row(const struct draft *draft, const struct rule_type *type,
                        const struct element *row)
{
    const struct element_rule *rule = element_rule_find(draft->owner, row);
    bool same = type->type == type_at(row->type) ||
                (type->type && type->type->abstract && type_at(row->type)->kind == TYPE_BACKBONE);

    if (!same || type->aggregations || !same_targets(type->targets, row->targets))
        return false;
    return !type->profiles || (rule && rule->profile && !type->profiles[1] &&
                               strcmp(type->profiles[0], rule->profile) == 0);
}

/* As sets: tools write some of them twice. */
static bool same_targets(const char *const *canonicals, const char *const *names)
{
    for (size_t i = 0; canonicals && canonicals[i]; i++)
        if (!text_starts_with(text_of(canonicals[i]), TYPE_PREFIX) ||
            !lists(names, canonicals[i] + TYPE_PREFIX.size))
            return false;
    for (size_t i = 0; names && names[i]; i++)
        if (!lists_type(canonicals, names[i]))
            return false;
    return !canonicals == !names;
}

static bool lists_type(const char *const *canonicals, const char *name)
{
    for (; canonicals && *canonicals; canonicals++)
        if (text_starts_with(text_of(*canonicals), TYPE_PREFIX) &&
            strcmp(*canonicals + TYPE_PREFIX.size, name) == 0)
            return true;
    return false;
}

static void strip_binding(struct draft *draft)
{
    struct rule_binding *kept = &draft->kept.binding;
    bool said = false;

    for (const struct draft *model = draft->model; model && kept->value_set; model = model->model) {
        const struct rule_binding *other = &model->rule.binding;

        if (!other->value_set)
            continue;
        said = strcmp(other->value_set, kept->value_set) == 0 && other->strength >= kept->strength;
        break;
    }
    /* An example binds nobody. */
    if (said || kept->strength <= BINDING_EXAMPLE || binding_is_of_r4(draft)) {
        kept->value_set = NULL;
        kept->strength = BINDING_NONE;
    }
    for (const struct draft *model = draft->model; model && kept->max_value_set;
         model = model->model)
        if (model->rule.binding.max_value_set &&
            strcmp(model->rule.binding.max_value_set, kept->max_value_set) == 0)
            kept->max_value_set = NULL;
    if (kept->max_value_set && max_value_set_is_of_r4(draft))
        kept->max_value_set = NULL;
}

static bool binding_is_of_r4(const struct draft *draft)
{
    const struct rule_binding *binding = &draft->rule.binding;
    struct canonical canonical = canonical_split(text_of(binding->value_set));

    if (!draft->element || !binding->value_set)
        return false;
    for (const struct element *row = draft_first_row(draft); row; row = draft_next_row(draft, row))
        if (row->binding &&
            (text_is(canonical.url, row->binding) ||
             strcmp(binding->value_set, row->binding) == 0) &&
            row->binding_strength >= binding->strength)
            return true;
    return false;
}

static bool max_value_set_is_of_r4(const struct draft *draft)
{
    struct canonical canonical = canonical_split(text_of(draft->rule.binding.max_value_set));
    const struct element_rule *rule =
        draft->element ? element_rule_find(draft->owner, draft->element) : NULL;

    return rule && rule->max_value_set && text_is(canonical.url, rule->max_value_set);
}

static void strip_values(struct draft *draft)
{
    static const size_t fields[] = {
        offsetof(struct rule, fixed),
        offsetof(struct rule, pattern),
        offsetof(struct rule, min_value),
        offsetof(struct rule, max_value),
    };

    for (size_t i = 0; i < COUNT(fields); i++)
        if (said_by_model(draft, fields[i]))
            *(const struct node **)((char *)&draft->kept + fields[i]) = NULL;
    if (draft->model && draft->model->rule.max_length == draft->kept.max_length)
        draft->kept.max_length = 0;
}

static bool said_by_model(const struct draft *draft, size_t field)
{
    const struct node *own = *(const struct node *const *)((const char *)&draft->rule + field);
    const struct node *other;

    for (const struct draft *model = draft->model; own && model; model = model->model) {
        other = *(const struct node *const *)((const char *)&model->rule + field);
        if (other)
            return same_node(own, other);
    }
    return false;
}

static bool same_node(const struct node *a, const struct node *b)
{
    const struct node *x = a->first, *y = b->first;

    if (a == b)
        return true;
    if (a->type != b->type || !text_equals(a->value, b->value))
        return false;
    for (; x && y; x = x->next, y = y->next)
        if (!text_equals(x->name, y->name) || !same_node(x, y))
            return false;
    return !x && !y;
}

static void strip_constraints(struct drafting *drafting, struct draft *draft)
{
    unsigned count = draft->rule.constraint_count, left = 0;
    struct rule_constraint *list;

    if (count == 0)
        return;
    list = arena_many(drafting->compiler->scratch, struct rule_constraint, count);
    for (unsigned i = 0; i < count; i++)
        if (!constraint_is_said(draft, &draft->rule.constraints[i]))
            list[left++] = draft->rule.constraints[i];
    draft->kept.constraints = list;
    draft->kept.constraint_count = left;
}

static bool constraint_is_said(const struct draft *draft, const struct rule_constraint *constraint)
{
    for (const struct draft *model = draft->model; model; model = model->model)
        for (unsigned i = 0; i < model->rule.constraint_count; i++) {
            const struct rule_constraint *other = &model->rule.constraints[i];

            if (strcmp(other->key, constraint->key) == 0 &&
                strcmp(other->expression, constraint->expression) == 0)
                return true;
        }
    return constraint_is_of_r4(constraint) || constraint_is_of_type(draft, constraint);
}

/* R4's snapshots repeat what the profile of an element's type says (SimpleQuantity). */
static bool constraint_is_of_type(const struct draft *draft,
                                  const struct rule_constraint *constraint)
{
    const struct element_rule *rule =
        draft->element ? element_rule_find(draft->owner, draft->element) : NULL;

    return rule && rule->profile && strcmp(constraint->source, rule->profile) == 0;
}

/* Later tools publish the invariants of R4 with mended expressions; the source
 * tells whose they are. */
static bool constraint_is_of_r4(const struct rule_constraint *constraint)
{
    struct text source = text_of(constraint->source);
    size_t low = 0, high = COUNT(invariants), end = high;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(invariants[middle].key, constraint->key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < end && strcmp(invariants[low].key, constraint->key) == 0; low++) {
        if (same_expression(text_of(invariants[low].expression), text_of(constraint->expression)))
            return true;
        if (text_starts_with(source, TYPE_PREFIX) &&
            type_find(
                (struct text){source.data + TYPE_PREFIX.size, source.size - TYPE_PREFIX.size}))
            return true;
    }
    return false;
}

/* Whatever the white space. */
static bool same_expression(struct text a, struct text b)
{
    size_t i = 0, j = 0;

    for (;;) {
        while (i < a.size && strchr(" \t\r\n", a.data[i]))
            i++;
        while (j < b.size && strchr(" \t\r\n", b.data[j]))
            j++;
        if (i == a.size || j == b.size)
            return i == a.size && j == b.size;
        if (a.data[i++] != b.data[j++])
            return false;
    }
}
