/*
 * Comparison - equality, equivalence and order of two values (FHIRPath 2.0,
 * sections "Equality" and "Comparison").
 */

#include "fhir/fhirpath_value.h"

#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/node.h"

#include <ctype.h>

static bool nodes_equal(struct eval *eval, const struct node *a, const struct node *b, bool ordered,
                        bool *same);
static bool texts_equivalent(struct text a, struct text b);

static bool is_number(const struct fhirpath_value *value)
{
    return value->kind == FHIRPATH_INTEGER || value->kind == FHIRPATH_DECIMAL;
}

static bool is_date(const struct fhirpath_value *value)
{
    return value->kind == FHIRPATH_DATE || value->kind == FHIRPATH_DATETIME;
}

static enum order compare_numbers(const struct fhirpath_value *a, const struct fhirpath_value *b)
{
    struct number x, y;

    if (!value_to_number(a, &x) || !value_to_number(b, &y))
        return ORDER_UNKNOWN;
    return (enum order)number_compare(x, y);
}

static enum order compare_moments(const struct fhirpath_value *a, const struct fhirpath_value *b)
{
    struct moment x, y;

    if (!value_to_moment(a, &x) || !value_to_moment(b, &y))
        return ORDER_UNKNOWN;
    return (enum order)moment_compare(&x, &y);
}

/* Unknown when the units measure different things. */
static enum order compare_quantities(const struct fhirpath_value *a, const struct fhirpath_value *b)
{
    struct number x, y;

    if (!quantity_number(a, &x) || !quantity_number(b, &y) ||
        !units_align(&x, a->unit, &y, b->unit))
        return ORDER_UNKNOWN;
    return (enum order)number_compare(x, y);
}

static enum order compare_texts(struct text a, struct text b)
{
    int order =
        memcmp(a.size ? a.data : "", b.size ? b.data : "", a.size < b.size ? a.size : b.size);

    if (order == 0)
        order = (a.size > b.size) - (a.size < b.size);
    return order < 0 ? ORDER_LESS : order > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

/* A number beside a quantity is a quantity without a unit. */
static struct fhirpath_value as_quantity(struct eval *eval, const struct fhirpath_value *value)
{
    struct fhirpath_value quantity = {
        .kind = FHIRPATH_QUANTITY, .text = value->text, .unit = TEXT("1")};

    if (value->kind == FHIRPATH_INTEGER)
        quantity.text = number_write(eval->arena, number_of(value->integer));
    return quantity;
}

/* Brings numbers beside quantities to quantities. */
static void align_quantities(struct eval *eval, struct fhirpath_value *a, struct fhirpath_value *b)
{
    if (a->kind == FHIRPATH_QUANTITY && is_number(b))
        *b = as_quantity(eval, b);
    if (b->kind == FHIRPATH_QUANTITY && is_number(a))
        *a = as_quantity(eval, a);
}

static enum truth truth_of_order(enum order order)
{
    if (order == ORDER_UNKNOWN)
        return UNKNOWN;
    return order == ORDER_EQUAL ? TRUE : FALSE;
}

static enum truth system_equal(struct eval *eval, struct fhirpath_value a, struct fhirpath_value b)
{
    align_quantities(eval, &a, &b);
    if (is_number(&a) && is_number(&b))
        return truth_of_order(compare_numbers(&a, &b));
    if (is_date(&a) && is_date(&b))
        return truth_of_order(compare_moments(&a, &b));
    if (a.kind != b.kind)
        return FALSE;
    switch (a.kind) {
    case FHIRPATH_BOOLEAN:
        return a.integer == b.integer ? TRUE : FALSE;
    case FHIRPATH_TIME:
        return truth_of_order(compare_moments(&a, &b));
    case FHIRPATH_QUANTITY:
        if (units_differ_in_kind(a.unit, b.unit))
            return FALSE;
        return truth_of_order(compare_quantities(&a, &b));
    case FHIRPATH_TYPE_INFO:
        return text_equals(a.text, b.text) && text_equals(a.unit, b.unit) ? TRUE : FALSE;
    default:
        return text_equals(a.text, b.text) ? TRUE : FALSE;
    }
}

/* The same element, or what the same reference refers to. */
static bool same_source(const struct fhirpath_value *a, const struct fhirpath_value *b)
{
    if (a->kind != b->kind || (a->kind != FHIRPATH_NODE && a->kind != FHIRPATH_REFERENCED))
        return false;
    return a->node == b->node && text_equals(a->text, b->text);
}

bool value_equal(struct eval *eval, const struct fhirpath_value *a, const struct fhirpath_value *b,
                 enum truth *truth)
{
    struct fhirpath_value x, y;
    bool same = false;

    if (!eval_step(eval))
        return false;
    if (same_source(a, b)) {
        *truth = TRUE;
        return true;
    }
    if (value_to_system(eval, a, &x) && value_to_system(eval, b, &y)) {
        *truth = system_equal(eval, x, y);
        return eval_text_step(eval, x.text.size == y.text.size ? x.text : TEXT(""));
    }
    *truth = FALSE;
    if (a->kind != FHIRPATH_NODE || b->kind != FHIRPATH_NODE || a->type != b->type)
        return true;
    if (!nodes_equal(eval, a->node, b->node, true, &same))
        return false;
    *truth = same ? TRUE : FALSE;
    return true;
}

/* Rounded to the lesser precision of the two. */
static bool numbers_equivalent(struct number a, struct number b)
{
    int scale;

    a = number_trim(a);
    b = number_trim(b);
    scale = a.scale < b.scale ? a.scale : b.scale;
    return number_round(a, scale, ROUND_HALF_UP, &a) && number_round(b, scale, ROUND_HALF_UP, &b) &&
           number_compare(a, b) == 0;
}

static bool system_equivalent(struct eval *eval, struct fhirpath_value a, struct fhirpath_value b)
{
    struct number x, y;

    align_quantities(eval, &a, &b);
    if (is_number(&a) && is_number(&b))
        return value_to_number(&a, &x) && value_to_number(&b, &y) && numbers_equivalent(x, y);
    if (is_date(&a) && is_date(&b))
        return compare_moments(&a, &b) == ORDER_EQUAL;
    if (a.kind != b.kind)
        return false;
    if (a.kind == FHIRPATH_STRING)
        return texts_equivalent(a.text, b.text);
    if (a.kind == FHIRPATH_QUANTITY)
        return quantity_number(&a, &x) && quantity_number(&b, &y) &&
               units_align_loosely(&x, a.unit, &y, b.unit) && numbers_equivalent(x, y);
    return system_equal(eval, a, b) == TRUE;
}

bool value_equivalent(struct eval *eval, const struct fhirpath_value *a,
                      const struct fhirpath_value *b, bool *same)
{
    struct fhirpath_value x, y;

    if (!eval_step(eval))
        return false;
    if (value_to_system(eval, a, &x) && value_to_system(eval, b, &y)) {
        *same = system_equivalent(eval, x, y);
        return eval_text_step(eval, x.text);
    }
    *same = false;
    if (a->kind != FHIRPATH_NODE || b->kind != FHIRPATH_NODE || a->type != b->type)
        return true;
    return nodes_equal(eval, a->node, b->node, false, same);
}

bool value_compare(struct eval *eval, const struct fhirpath_value *a,
                   const struct fhirpath_value *b, enum order *order)
{
    struct fhirpath_value x, y;

    if (!value_to_system(eval, a, &x) || !value_to_system(eval, b, &y))
        return eval_refuse(eval, "only numbers, strings, quantities and dates can be compared");
    align_quantities(eval, &x, &y);
    if (is_number(&x) && is_number(&y))
        *order = compare_numbers(&x, &y);
    else if ((is_date(&x) && is_date(&y)) || (x.kind == FHIRPATH_TIME && y.kind == FHIRPATH_TIME))
        *order = compare_moments(&x, &y);
    else if (x.kind == FHIRPATH_STRING && y.kind == FHIRPATH_STRING)
        *order = compare_texts(x.text, y.text);
    else if (x.kind == FHIRPATH_QUANTITY && y.kind == FHIRPATH_QUANTITY)
        *order = compare_quantities(&x, &y);
    else
        return eval_refuse(eval, "values of these two types have no order");
    return true;
}

/* The children of the same name, each in turn or (unordered) in any order. */
static bool repeats_equal(struct eval *eval, const struct node *a, const struct node *b,
                          bool ordered, bool *same)
{
    const struct node *x, *y, *other = b;

    *same = false;
    for (x = a; x; x = node_next_same(x), other = other ? node_next_same(other) : NULL) {
        bool found = false;

        for (y = ordered ? other : b; y && !found; y = ordered ? NULL : node_next_same(y)) {
            if (!nodes_equal(eval, x, y, ordered, &found))
                return false;
        }
        if (!found)
            return true;
    }
    *same = true;
    return true;
}

static bool node_to_system(struct eval *eval, const struct node *node,
                           struct fhirpath_value *system)
{
    struct fhirpath_value value = {.kind = FHIRPATH_NODE, .node = node, .type = node->type};

    return value_to_system(eval, &value, system);
}

static bool leaves_equal(struct eval *eval, const struct node *a, const struct node *b,
                         bool ordered)
{
    struct fhirpath_value x, y;

    if (!a->value.data || !b->value.data)
        return !a->value.data && !b->value.data;
    if (!a->type || a->type != b->type || !node_to_system(eval, a, &x) ||
        !node_to_system(eval, b, &y))
        return text_equals(a->value, b->value);
    return ordered ? system_equal(eval, x, y) == TRUE : system_equivalent(eval, x, y);
}

static unsigned count_children(const struct node *node)
{
    unsigned count = 0;

    for (const struct node *child = node->first; child; child = child->next)
        count++;
    return count;
}

/* Recurses as deep as documents may nest. */
static bool nodes_equal(struct eval *eval, const struct node *a, const struct node *b, bool ordered,
                        bool *same)
{
    *same = false;
    if (!eval_step(eval))
        return false;
    if (a->type != b->type || !leaves_equal(eval, a, b, ordered) ||
        count_children(a) != count_children(b))
        return true;
    for (const struct node *child = a->first; child; child = child->next) {
        const struct node *other = NULL;

        for (const struct node *y = b->first; y && !other; y = y->next)
            other = text_equals(y->name, child->name) ? y : NULL;
        if (!other)
            return true;
        /* Only from the first of those that repeat. */
        bool first = true;
        for (const struct node *x = a->first; x != child && first; x = x->next)
            first = !text_equals(x->name, child->name);
        if (!first)
            continue;
        bool equal;
        if (!repeats_equal(eval, child, other, ordered, &equal))
            return false;
        if (!equal)
            return true;
    }
    *same = true;
    return true;
}

/* The next character as `~` sees it: lower case, white space as one blank; -1 at the end. */
static int next_folded(struct text text, size_t *at)
{
    unsigned char c;

    if (*at == text.size)
        return -1;
    c = (unsigned char)text.data[(*at)++];
    if (!isspace(c))
        return tolower(c);
    while (*at < text.size && isspace((unsigned char)text.data[*at]))
        (*at)++;
    return ' ';
}

static bool texts_equivalent(struct text a, struct text b)
{
    size_t i = 0, j = 0;
    int x, y;

    do {
        x = next_folded(a, &i);
        y = next_folded(b, &j);
    } while (x == y && x >= 0);
    return x == y;
}
