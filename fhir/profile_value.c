/*
 * Values - what a rule demands of a node's value: fixed, pattern, smallest and
 * largest value, longest text (R4 elementdefinition.html).
 */

#include "fhir/profile_check.h"

#include "base/err.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_number.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"

enum order { BELOW = -1, SAME = 0, ABOVE = 1, INCOMPARABLE = 2 };

static bool values_equal(const struct node *a, const struct node *b);
static bool child_is_fixed(struct check *check, const struct node *fixed, const struct node *child,
                           const struct node *other);
static enum order compare(const struct node *a, const struct node *b);
static enum order compare_quantities(const struct node *a, const struct node *b);
static size_t count_characters(struct text text);

void check_value(struct check *check, const struct rule *rule, const struct node *node)
{
    const struct node *fixed = rule->fixed, *pattern = rule->pattern;

    if (fixed && !node_is_fixed(check, fixed, node))
        finding_add(check->issues, ISSUE_ERROR, "value", node, rule,
                    "%.*s does not have exactly the value that the profile fixes.",
                    TEXT_ARGS(rule->name));
    if (pattern && !node_has_pattern(check, pattern, node))
        finding_add(check->issues, ISSUE_ERROR, "value", node, rule,
                    "%.*s lacks something of the value that the profile prescribes.",
                    TEXT_ARGS(rule->name));
    if (rule->min_value && compare(node, rule->min_value) == BELOW)
        finding_add(check->issues, ISSUE_ERROR, "value", node, rule,
                    "%.*s is smaller than the profile allows.", TEXT_ARGS(rule->name));
    if (rule->max_value && compare(node, rule->max_value) == ABOVE)
        finding_add(check->issues, ISSUE_ERROR, "value", node, rule,
                    "%.*s is larger than the profile allows.", TEXT_ARGS(rule->name));
    if (rule->max_length && node->value.size > rule->max_length &&
        count_characters(node->value) > rule->max_length)
        finding_add(check->issues, ISSUE_ERROR, "too-long", node, rule,
                    "%.*s is longer than the %u characters that the profile allows.",
                    TEXT_ARGS(rule->name), rule->max_length);
}

/* The same elements with the same values, those that repeat in the same order. Of a primitive only
 * the value counts: an extension beside it does not change what it says. */
bool node_is_fixed(struct check *check, const struct node *fixed, const struct node *node)
{
    int more = 0;

    if (!check_step(check, node) || node->flags & NODE_RAW || !values_equal(fixed, node))
        return false;
    if (fixed->value.data)
        return true;
    for (const struct node *child = node->first; child; child = child->next)
        more++;
    for (const struct node *child = fixed->first; child; child = child->next, more--)
        if (!child->element || !child_is_fixed(check, fixed, child, node))
            return false;
    return more == 0;
}

/* Compares a child with the one in the same place of the other node: JSON's order of different
 * elements means nothing. */
static bool child_is_fixed(struct check *check, const struct node *fixed, const struct node *child,
                           const struct node *other)
{
    const struct node *same = node_child(fixed, child->element->name);
    const struct node *match = node_child(other, child->element->name);

    for (; same && same != child && match; same = same->next)
        match = node_next_same(match);
    return match && node_is_fixed(check, child, match);
}

/* All that the pattern has; each item of a list fits some item of the node's. */
bool node_has_pattern(struct check *check, const struct node *pattern, const struct node *node)
{
    if (!check_step(check, node) || node->flags & NODE_RAW)
        return false;
    if (pattern->value.data && !values_equal(pattern, node))
        return false;
    for (const struct node *part = pattern->first; part; part = part->next) {
        bool found = false;

        for (const struct node *child = node->first; child && !found; child = child->next)
            found = text_equals(child->name, part->name) && node_has_pattern(check, part, child);
        if (!found)
            return false;
    }
    return true;
}

/* Decimals are compared as numbers: 1.0 is 1.00. */
static bool values_equal(const struct node *a, const struct node *b)
{
    struct number x, y;

    if (!a->value.data != !b->value.data)
        return false;
    if (!a->value.data || text_equals(a->value, b->value))
        return true;
    return a->type && a->type->primitive == PRIMITIVE_DECIMAL && b->type &&
           b->type->primitive == PRIMITIVE_DECIMAL && number_read(a->value, &x) &&
           number_read(b->value, &y) && number_compare(x, y) == 0;
}

static enum order compare(const struct node *a, const struct node *b)
{
    struct moment s, t;
    struct number x, y;

    if (!a->type || !b->type)
        return INCOMPARABLE;
    switch (a->type->primitive) {
    case PRIMITIVE_NONE:
        return compare_quantities(a, b);
    case PRIMITIVE_DATE:
    case PRIMITIVE_DATETIME:
    case PRIMITIVE_INSTANT:
        if (!moment_read(a->value, &s) || !moment_read(b->value, &t))
            return INCOMPARABLE;
        return (enum order)moment_compare(&s, &t);
    case PRIMITIVE_TIME:
        if (!moment_read_time(a->value, &s) || !moment_read_time(b->value, &t))
            return INCOMPARABLE;
        return (enum order)moment_compare(&s, &t);
    default:
        if (!a->value.data || !b->value.data || !number_read(a->value, &x) ||
            !number_read(b->value, &y))
            return INCOMPARABLE;
        return (enum order)number_compare(x, y);
    }
}

static enum order compare_quantities(const struct node *a, const struct node *b)
{
    struct text value_a = node_value(a, "value"), value_b = node_value(b, "value");
    struct text unit_a = node_value(a, "code"), unit_b = node_value(b, "code");
    struct number x, y;

    if (!value_a.data || !value_b.data || !number_read(value_a, &x) || !number_read(value_b, &y))
        return INCOMPARABLE;
    if (!text_equals(node_value(a, "system"), node_value(b, "system")))
        return INCOMPARABLE;
    if (!text_equals(unit_a, unit_b) &&
        (!unit_a.data || !unit_b.data || !units_align(&x, unit_a, &y, unit_b)))
        return INCOMPARABLE;
    return (enum order)number_compare(x, y);
}

static size_t count_characters(struct text text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80; /* not a continuation of UTF-8 */
    return count;
}
