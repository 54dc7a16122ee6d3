/*
 * Building - the filters of value sets (R4 valueset.html#filters).
 *
 * The hierarchy is followed when a question is asked. Filters by other
 * properties need the definitions of the concepts, which are here only while
 * building: their members are listed now.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/fhirpath_regex.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/terminology_build.h"
#include "fhir/terminology_grammar.h"

#define UCUM         "http://unitsofmeasure.org"
#define REGEX_BUDGET 100000 /* for one code */

/* A filter over the concepts of a loaded system. */
struct filter {
    struct builder *builder;
    const struct code_system *system;
    struct text property, op, value;
    struct regex *regex;
    uint32_t row; /* of the concept that `value` names; TERM_NOBODY: none */
};

/* 1 holds, 0 does not, -1 cannot be told. */
typedef int filter_fn(const struct filter *filter, uint32_t row);

static bool filter_hierarchy(struct builder *builder, const struct node *filter,
                             struct clause *clause);
static bool filter_languages(const struct node *include, struct clause *clause);
static bool list_members(struct builder *builder, const struct node *include,
                         const struct code_system *system, struct clause *clause);

static const struct code_system *loaded(const struct builder *builder, uint32_t name)
{
    uint32_t number = builder->terminology->names[name].system;

    return number == TERM_NOBODY ? NULL : term_system(builder->terminology, number);
}

void build_filter(struct builder *builder, const struct node *include, struct clause *clause)
{
    const struct node *first = node_child(include, "filter");
    const struct code_system *system = loaded(builder, clause->meant);
    bool alone = !node_next_same(first);

    clause->kind = CLAUSE_UNDECIDED;
    if (system && system->content == CONTENT_LANGUAGES && filter_languages(include, clause))
        return;
    if (alone && filter_hierarchy(builder, first, clause))
        return;
    if (alone && text_is(node_value(include, "system"), UCUM) &&
        text_is(node_value(first, "property"), "canonical") &&
        text_is(node_value(first, "op"), "=")) {
        clause->kind = CLAUSE_UNITS;
        clause->value = build_text(builder, node_value(first, "value"));
        return;
    }
    if (system && system->content == CONTENT_COMPLETE &&
        !list_members(builder, include, system, clause))
        issue_add(builder->issues, ISSUE_INFORMATION, "not-supported", NULL,
                  "a value set filters %.*s by what is not known of it",
                  TEXT_ARGS(node_value(include, "system")));
}

static bool filter_hierarchy(struct builder *builder, const struct node *filter,
                             struct clause *clause)
{
    static const struct {
        const char *op;
        enum clause_kind kind;
    } kinds[] = {
        {"is-a", CLAUSE_IS_A}, {"descendent-of", CLAUSE_BELOW}, {"is-not-a", CLAUSE_IS_NOT_A}};
    struct text property = node_value(filter, "property"), op = node_value(filter, "op");

    if (!text_is(property, "concept") && !text_is(property, "code"))
        return false;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!text_is(op, kinds[i].op))
            continue;
        clause->kind = kinds[i].kind;
        clause->value = build_text(builder, node_value(filter, "value"));
        return true;
    }
    return false;
}

/* Only filters that ask whether a part of the tag is there. */
static bool filter_languages(const struct node *include, struct clause *clause)
{
    unsigned required = 0, forbidden = 0;

    for (const struct node *filter = node_child(include, "filter"); filter;
         filter = node_next_same(filter)) {
        unsigned part = language_part_named(node_value(filter, "property"));

        if (part == 0 || !text_is(node_value(filter, "op"), "exists"))
            return false;
        if (text_is(node_value(filter, "value"), "true"))
            required |= part;
        else
            forbidden |= part;
    }
    clause->kind = CLAUSE_LANGUAGES;
    clause->value = required << 8 | forbidden;
    return true;
}

static int equals(const struct filter *filter, struct text value)
{
    return text_equals(filter->value, value);
}

static int is_among(const struct filter *filter, struct text value)
{
    struct text rest = filter->value, item;

    while (text_next(&rest, ',', &item))
        if (text_equals(text_trim(item), value))
            return 1;
    return 0;
}

static int is_not_among(const struct filter *filter, struct text value)
{
    return !is_among(filter, value);
}

static int matches(const struct filter *filter, struct text value)
{
    struct regex_match match;
    unsigned budget = REGEX_BUDGET;
    bool found;

    if (!filter->regex)
        return -1;
    found = regex_search(filter->regex, value, 0, true, &budget, &match);
    return budget == 0 ? -1 : found;
}

static const struct {
    const char *op;
    int (*test)(const struct filter *filter, struct text value);
} tests[] = {{"=", equals}, {"in", is_among}, {"not-in", is_not_among}, {"regex", matches}};

static int test_value(const struct filter *filter, struct text value)
{
    for (size_t i = 0; i < COUNT(tests); i++)
        if (text_is(filter->op, tests[i].op))
            return tests[i].test(filter, value);
    return -1;
}

static int by_code(const struct filter *filter, uint32_t row)
{
    const struct terminology *terminology = filter->builder->terminology;
    struct text code = term_text(terminology, term_coded(terminology, row)->code);

    if (text_is(filter->op, "is-a"))
        return filter->row != TERM_NOBODY && term_is_below(terminology, row, filter->row);
    if (text_is(filter->op, "descendent-of"))
        return row != filter->row && filter->row != TERM_NOBODY &&
               term_is_below(terminology, row, filter->row);
    if (text_is(filter->op, "is-not-a"))
        return filter->row == TERM_NOBODY || !term_is_below(terminology, row, filter->row);
    if (text_is(filter->op, "generalizes"))
        return filter->row != TERM_NOBODY && term_is_below(terminology, filter->row, row);
    return test_value(filter, code);
}

static int by_display(const struct filter *filter, uint32_t row)
{
    const struct terminology *terminology = filter->builder->terminology;

    return test_value(filter, term_text(terminology, term_coded(terminology, row)->display));
}

/* Whether `above` is one of the rows directly above. */
static bool is_child(const struct terminology *terminology, uint32_t row, uint32_t above)
{
    uint32_t list = term_coded(terminology, row)->parents;

    if (list == 0 || above == TERM_NOBODY)
        return false;
    for (const uint32_t *parent = term_layer_of(terminology, list)->parents + term_index(list);
         *parent != TERM_NOBODY; parent++)
        if (*parent == above)
            return true;
    return false;
}

static int by_parent(const struct filter *filter, uint32_t row)
{
    const struct terminology *terminology = filter->builder->terminology;

    if (text_is(filter->op, "="))
        return is_child(terminology, row, filter->row);
    if (text_is(filter->op, "exists"))
        return (term_coded(terminology, row)->parents != 0) == text_is(filter->value, "true");
    return -1;
}

static int by_child(const struct filter *filter, uint32_t row)
{
    if (!text_is(filter->op, "="))
        return -1;
    return filter->row != TERM_NOBODY && is_child(filter->builder->terminology, filter->row, row);
}

static struct text property_value(const struct node *property)
{
    for (const struct node *child = property->first; child; child = child->next)
        if (text_starts_with(child->name, TEXT("value")))
            return text_is(child->name, "valueCoding") ? node_value(child, "code") : child->value;
    return (struct text){NULL, 0};
}

static int by_property(const struct filter *filter, uint32_t row)
{
    const struct node *const *concepts = (const void *)filter->builder->concepts.data;
    bool negative = text_is(filter->op, "not-in"), exists = false;
    int result = negative;

    if ((row & TERM_ADDED) == 0 || !concepts[term_index(row)])
        return -1; /* of R4's own systems properties are not kept */
    for (const struct node *property = node_child(concepts[term_index(row)], "property"); property;
         property = node_next_same(property)) {
        if (!text_equals(node_value(property, "code"), filter->property))
            continue;
        exists = true;
        if (text_is(filter->op, "exists"))
            continue;
        result = test_value(filter, property_value(property));
        if (result != negative)
            return result;
    }
    return text_is(filter->op, "exists") ? exists == text_is(filter->value, "true") : result;
}

static const struct {
    const char *property;
    filter_fn *holds;
} properties[] = {
    {"concept", by_code},  {"code", by_code},   {"display", by_display},
    {"parent", by_parent}, {"child", by_child},
};

static int filter_holds(const struct filter *filter, uint32_t row)
{
    for (size_t i = 0; i < COUNT(properties); i++)
        if (text_is(filter->property, properties[i].property))
            return properties[i].holds(filter, row);
    return by_property(filter, row);
}

static struct filter read_filter(struct builder *builder, const struct node *node,
                                 const struct code_system *system)
{
    struct filter filter = {
        .builder = builder,
        .system = system,
        .property = node_value(node, "property"),
        .op = node_value(node, "op"),
        .value = node_value(node, "value"),
    };
    const char *reason;

    if (text_is(filter.op, "regex"))
        filter.regex = regex_compile(builder->scratch, filter.value, &reason);
    filter.row = term_find(builder->terminology, system->concepts, filter.value, system->nocase);
    return filter;
}

/* Whether all filters of the clause hold for a concept; -1: cannot be told. */
static int all_hold(const struct filter *filters, size_t count, uint32_t row)
{
    int result = 1;

    for (size_t i = 0; i < count && result == 1; i++)
        result = filter_holds(&filters[i], row);
    return result;
}

/* False when a filter cannot be applied. */
static bool list_members(struct builder *builder, const struct node *include,
                         const struct code_system *system, struct clause *clause)
{
    struct buf filters = buf_in(builder->scratch), members = buf_in(builder->scratch);
    const struct terminology *terminology = builder->terminology;

    for (const struct node *node = node_child(include, "filter"); node;
         node = node_next_same(node)) {
        struct filter filter = read_filter(builder, node, system);

        buf_add(&filters, &filter, sizeof(filter));
    }
    for (uint32_t i = 0; i < system->concepts.count; i++) {
        uint32_t row = system->concepts.first + i;
        const struct coded *coded = term_coded(terminology, row);
        struct code_draft draft = {term_text(terminology, coded->code), {NULL, 0}, NULL};
        int holds =
            all_hold((const void *)filters.data, build_count(&filters, sizeof(struct filter)), row);

        if (holds < 0)
            return false;
        if (holds > 0)
            buf_add(&members, &draft, sizeof(draft));
    }
    clause->codes = build_codes(builder, (void *)members.data,
                                build_count(&members, sizeof(struct code_draft)), clause->nocase);
    clause->kind = CLAUSE_CODES;
    return true;
}
