/*
 * ElementDefinitions - one of them read into the draft of its element (R4
 * elementdefinition.html).
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/node.h"
#include "fhir/profile_draft.h"

#define MAX_VALUE_SET TEXT("http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet")
#define BEST_PRACTICE TEXT("http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice")
#define TYPE_PREFIX   TEXT("http://hl7.org/fhir/StructureDefinition/")
#define ANY_RESOURCE  "http://hl7.org/fhir/StructureDefinition/Resource"
#define SYSTEM_PREFIX TEXT("http://hl7.org/fhirpath/System.")

typedef void read_fn(struct drafting *drafting, struct draft *draft, const struct node *value);

static read_fn read_min, read_max, read_type, read_fixed, read_pattern, read_min_value,
    read_max_value, read_max_length, read_must_support, read_is_modifier, read_short, read_binding,
    read_constraint, read_slicing;

static const struct {
    const char *name; /* in FHIRPath */
    read_fn *read;
} readers[] = {
    {"min", read_min},
    {"max", read_max},
    {"type", read_type},
    {"fixed", read_fixed},
    {"pattern", read_pattern},
    {"minValue", read_min_value},
    {"maxValue", read_max_value},
    {"maxLength", read_max_length},
    {"mustSupport", read_must_support},
    {"isModifier", read_is_modifier},
    {"short", read_short},
    {"binding", read_binding},
    {"constraint", read_constraint},
    {"slicing", read_slicing},
};

static void fill_type(struct arena *arena, const struct draft *draft, const struct node *node,
                      struct rule_type *type);
static const struct type *type_of_code(const struct draft *draft, struct text code);
static const char *const *read_list(struct arena *arena, const struct node *first);
static unsigned count_same(const struct node *first);
static unsigned read_aggregations(const struct node *first);
static struct rule_constraint *place_of(struct arena *arena, struct rule *rule, struct text key);
static const struct node *find_extension(const struct node *node, struct text url);

void draft_read_element(struct drafting *drafting, struct draft *draft, const struct node *element)
{
    for (const struct node *child = element->first; child; child = child->next)
        for (size_t i = 0; child->element && i < COUNT(readers); i++)
            if (strcmp(child->element->fhirpath, readers[i].name) == 0)
                readers[i].read(drafting, draft, child);
}

static void read_min(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    int64_t number;

    (void)drafting;
    if (text_to_int64(value->value, 0, ELEMENT_MANY, &number))
        draft->rule.min = (unsigned)number;
}

static void read_max(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    int64_t number;

    (void)drafting;
    if (text_to_int64(value->value, 0, ELEMENT_MANY, &number))
        draft->rule.max = (unsigned)number;
    else if (text_is(value->value, "*"))
        draft->rule.max = ELEMENT_MANY;
}

/* All of them at the first one. */
static void read_type(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    struct arena *arena = drafting->compiler->scratch;
    unsigned count = count_same(value), at = 0;
    struct rule_type *types;

    if (value != node_child(value->parent, "type") ||
        text_starts_with(node_value(value, "code"), SYSTEM_PREFIX))
        return;
    types = arena_many(arena, struct rule_type, count);
    for (const struct node *type = value; type; type = node_next_same(type))
        fill_type(arena, draft, type, &types[at++]);
    draft->rule.types = types;
    draft->rule.type_count = count;
}

static void fill_type(struct arena *arena, const struct draft *draft, const struct node *node,
                      struct rule_type *type)
{
    type->type = type_of_code(draft, node_value(node, "code"));
    type->profiles = read_list(arena, node_child(node, "profile"));
    type->targets = read_list(arena, node_child(node, "targetProfile"));
    type->aggregations = read_aggregations(node_child(node, "aggregation"));
    for (const char *const *target = type->targets; target && *target; target++)
        if (strcmp(*target, ANY_RESOURCE) == 0) {
            type->targets = NULL; /* any */
            break;
        }
}

/* A backbone element is a type of its own here, which profiles do not name. */
static const struct type *type_of_code(const struct draft *draft, struct text code)
{
    const struct type *own = draft->element ? type_at(draft->element->type) : NULL;
    const struct type *type;

    if (text_starts_with(code, TYPE_PREFIX))
        code = (struct text){code.data + TYPE_PREFIX.size, code.size - TYPE_PREFIX.size};
    type = type_find(code);
    return type && type->abstract && own && own->kind == TYPE_BACKBONE ? own : type;
}

/* NULL-ended; NULL when there is nothing. */
static const char *const *read_list(struct arena *arena, const struct node *first)
{
    const char **list;
    unsigned at = 0;

    if (!first)
        return NULL;
    list = arena_many(arena, const char *, count_same(first) + 1);
    for (const struct node *one = first; one; one = node_next_same(one))
        if (one->value.data)
            list[at++] = text_dup(arena, one->value);
    return at > 0 ? list : NULL;
}

static unsigned count_same(const struct node *first)
{
    unsigned count = 0;

    for (const struct node *one = first; one; one = node_next_same(one))
        count++;
    return count;
}

static unsigned read_aggregations(const struct node *first)
{
    unsigned found = 0;

    for (const struct node *one = first; one; one = node_next_same(one)) {
        if (text_is(one->value, "contained"))
            found |= AGGREGATION_CONTAINED;
        else if (text_is(one->value, "referenced"))
            found |= AGGREGATION_REFERENCED;
        else if (text_is(one->value, "bundled"))
            found |= AGGREGATION_BUNDLED;
    }
    return found;
}

static void read_fixed(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    (void)drafting;
    draft->rule.fixed = value;
}

static void read_pattern(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    (void)drafting;
    draft->rule.pattern = value;
}

static void read_min_value(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    (void)drafting;
    draft->rule.min_value = value;
}

static void read_max_value(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    (void)drafting;
    draft->rule.max_value = value;
}

static void read_max_length(struct drafting *drafting, struct draft *draft,
                            const struct node *value)
{
    int64_t number;

    (void)drafting;
    if (text_to_int64(value->value, 0, INT32_MAX, &number))
        draft->rule.max_length = (unsigned)number;
}

static void read_must_support(struct drafting *drafting, struct draft *draft,
                              const struct node *value)
{
    (void)drafting;
    if (text_is(value->value, "true"))
        draft->rule.must_support = true;
}

static void read_is_modifier(struct drafting *drafting, struct draft *draft,
                             const struct node *value)
{
    if (draft == drafting->root && text_is(value->value, "true"))
        drafting->profile->modifier = true;
}

/* Only where messages need a name for the thing. */
static void read_short(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    if (draft == drafting->root || draft->general)
        draft->rule.label = text_dup(drafting->compiler->scratch, value->value);
}

static void read_binding(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    static const struct {
        const char *code;
        enum binding_strength strength;
    } strengths[] = {
        {"example", BINDING_EXAMPLE},
        {"preferred", BINDING_PREFERRED},
        {"extensible", BINDING_EXTENSIBLE},
        {"required", BINDING_REQUIRED},
    };
    struct arena *arena = drafting->compiler->scratch;
    const struct node *largest = find_extension(value, MAX_VALUE_SET);
    struct rule_binding *binding = &draft->rule.binding;
    struct text strength = node_value(value, "strength");

    if (node_child(value, "valueSet"))
        binding->value_set = text_dup(arena, node_value(value, "valueSet"));
    for (const struct element *row = draft->element ? draft_first_row(draft) : NULL;
         row && !binding->value_set; row = draft_next_row(draft, row))
        binding->value_set = row->binding;
    for (size_t i = 0; i < COUNT(strengths); i++)
        if (text_is(strength, strengths[i].code))
            binding->strength = strengths[i].strength;
    if (largest)
        binding->max_value_set = text_dup(arena, node_value(largest, "valueCanonical"));
}

static void read_constraint(struct drafting *drafting, struct draft *draft,
                            const struct node *value)
{
    struct arena *arena = drafting->compiler->scratch;
    const struct node *best = find_extension(value, BEST_PRACTICE);
    struct text key = node_value(value, "key");
    struct text expression = node_value(value, "expression");
    struct text source = node_value(value, "source");
    struct rule_constraint *constraint;

    if (key.size == 0 || expression.size == 0)
        return; /* nothing that can be evaluated */
    constraint = place_of(arena, &draft->rule, key);
    *constraint = (struct rule_constraint){
        .key = text_dup(arena, key),
        .human = text_dup(arena, node_value(value, "human")),
        .expression = text_dup(arena, expression),
        .source = source.data ? text_dup(arena, source) : drafting->profile->url,
        .is_error = !text_is(node_value(value, "severity"), "warning"),
        .best_practice = best && text_is(node_value(best, "valueBoolean"), "true"),
    };
}

/* Where the constraint with this key is, or a new place behind the others. The
 * array may be shared with the base's rules, so it is always a new one. */
static struct rule_constraint *place_of(struct arena *arena, struct rule *rule, struct text key)
{
    unsigned count = rule->constraint_count, at = 0;
    struct rule_constraint *list = arena_many(arena, struct rule_constraint, count + 1);

    if (count > 0)
        memcpy(list, rule->constraints, count * sizeof(*list));
    while (at < count && !text_is(key, list[at].key))
        at++;
    rule->constraints = list;
    rule->constraint_count = at == count ? count + 1 : count;
    return &list[at];
}

static void read_slicing(struct drafting *drafting, struct draft *draft, const struct node *value)
{
    static const char *const types[] = {
        [DISCRIMINATOR_VALUE] = "value",     [DISCRIMINATOR_PATTERN] = "pattern",
        [DISCRIMINATOR_EXISTS] = "exists",   [DISCRIMINATOR_TYPE] = "type",
        [DISCRIMINATOR_PROFILE] = "profile",
    };
    struct arena *arena = drafting->compiler->scratch;
    const struct node *first = node_child(value, "discriminator");
    struct discriminator *list = arena_many(arena, struct discriminator, count_same(first) + 1);
    struct text rules = node_value(value, "rules");
    struct rule *rule = &draft->rule;
    unsigned at = 0;

    for (const struct node *one = first; one; one = node_next_same(one), at++) {
        struct text path = node_value(one, "path");

        for (unsigned i = 0; i < COUNT(types); i++)
            if (text_is(node_value(one, "type"), types[i]))
                list[at].type = i;
        list[at].path = path.size > 0 ? text_dup(arena, path) : "$this";
    }
    rule->sliced = true;
    rule->ordered = text_is(node_value(value, "ordered"), "true");
    rule->slicing_rules = text_is(rules, "closed")      ? SLICING_CLOSED
                          : text_is(rules, "openAtEnd") ? SLICING_OPEN_AT_END
                                                        : SLICING_OPEN;
    if (first) { /* else those of the base stay */
        rule->discriminators = list;
        rule->discriminator_count = at;
    }
}

static const struct node *find_extension(const struct node *node, struct text url)
{
    for (const struct node *one = node_child(node, "extension"); one; one = node_next_same(one))
        if (text_equals(node_value(one, "url"), url))
            return one;
    return NULL;
}
