/*
 * Operators - the table of them; comparison, membership and logic.
 */

#include "base/count.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"

#include "base/arena.h"

static const struct operator_row operators[] = {
    {"implies", 1, evaluate_implies},
    {"or", 2, evaluate_or},
    {"xor", 2, evaluate_xor},
    {"and", 3, evaluate_and},
    {"in", 4, evaluate_in},
    {"contains", 4, evaluate_contains},
    {"=", 5, evaluate_equal},
    {"!=", 5, evaluate_not_equal},
    {"~", 5, evaluate_equivalent},
    {"!~", 5, evaluate_not_equivalent},
    {"<", 6, evaluate_less},
    {"<=", 6, evaluate_less_or_equal},
    {">", 6, evaluate_greater},
    {">=", 6, evaluate_greater_or_equal},
    {"|", 7, evaluate_union},
    /* 8: is, as */
    {"+", 9, evaluate_add},
    {"-", 9, evaluate_subtract},
    {"&", 9, evaluate_concatenate},
    {"*", 10, evaluate_multiply},
    {"/", 10, evaluate_divide},
    {"div", 10, evaluate_quotient},
    {"mod", 10, evaluate_remainder},
};

const struct operator_row *operator_find(struct text name)
{
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (text_is(name, operators[i].name))
            return &operators[i];
    }
    return NULL;
}

static bool both_lists(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *left, struct list *right)
{
    return evaluate(eval, expr->left, scope, left) && evaluate(eval, expr->right, scope, right);
}

/* Every value of the left and the right side once. Search values are freed
 * from duplicates later, when they are texts and numbers. */
bool evaluate_union(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    struct list *out)
{
    struct list all = {0}, once = {0};

    if (eval->context->search_rules)
        return both_lists(eval, expr, scope, out, out);
    return both_lists(eval, expr, scope, &all, &all) && list_add_distinct(eval, &once, &all) &&
           list_add_all(eval, out, &once);
}

static bool lists_equal(struct eval *eval, const struct list *a, const struct list *b,
                        enum truth *truth)
{
    enum truth one;

    *truth = UNKNOWN;
    if (a->count == 0 || b->count == 0)
        return true;
    *truth = a->count == b->count ? TRUE : FALSE;
    for (size_t i = 0; i < a->count && *truth != FALSE; i++) {
        if (!value_equal(eval, &a->items[i], &b->items[i], &one))
            return false;
        if (one != TRUE)
            *truth = one;
    }
    return true;
}

bool evaluate_equal(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    struct list *out)
{
    struct list left = {0}, right = {0};
    enum truth truth;

    return both_lists(eval, expr, scope, &left, &right) &&
           lists_equal(eval, &left, &right, &truth) && list_add_truth(eval, out, truth);
}

static enum truth negate(enum truth truth)
{
    return truth == UNKNOWN ? UNKNOWN : truth == TRUE ? FALSE : TRUE;
}

bool evaluate_not_equal(struct eval *eval, const struct expr *expr, const struct scope *scope,
                        struct list *out)
{
    struct list left = {0}, right = {0};
    enum truth truth;

    return both_lists(eval, expr, scope, &left, &right) &&
           lists_equal(eval, &left, &right, &truth) && list_add_truth(eval, out, negate(truth));
}

/* In any order: each item of the left has a partner of its own on the right. */
static bool lists_equivalent(struct eval *eval, const struct list *a, const struct list *b,
                             bool *same)
{
    bool *used;

    if (!eval_memory(eval, b->count))
        return false;
    used = arena_many(eval->arena, bool, b->count + 1);
    *same = a->count == b->count;
    for (size_t i = 0; i < a->count && *same; i++) {
        bool found = false;

        for (size_t j = 0; j < b->count && !found; j++) {
            if (used[j])
                continue;
            if (!value_equivalent(eval, &a->items[i], &b->items[j], &found))
                return false;
            used[j] = found;
        }
        *same = found;
    }
    return true;
}

bool evaluate_equivalent(struct eval *eval, const struct expr *expr, const struct scope *scope,
                         struct list *out)
{
    struct list left = {0}, right = {0};
    bool same;

    return both_lists(eval, expr, scope, &left, &right) &&
           lists_equivalent(eval, &left, &right, &same) && list_add_boolean(eval, out, same);
}

bool evaluate_not_equivalent(struct eval *eval, const struct expr *expr, const struct scope *scope,
                             struct list *out)
{
    struct list left = {0}, right = {0};
    bool same;

    return both_lists(eval, expr, scope, &left, &right) &&
           lists_equivalent(eval, &left, &right, &same) && list_add_boolean(eval, out, !same);
}

/* The order of two single items; UNKNOWN when a side is empty. */
static bool compare(struct eval *eval, const struct expr *expr, const struct scope *scope,
                    enum order *order)
{
    struct fhirpath_value left, right;
    bool has_left, has_right;

    *order = ORDER_UNKNOWN;
    if (!eval_one(eval, expr->left, scope, &left, &has_left) ||
        !eval_one(eval, expr->right, scope, &right, &has_right))
        return false;
    return !has_left || !has_right || value_compare(eval, &left, &right, order);
}

bool evaluate_less(struct eval *eval, const struct expr *expr, const struct scope *scope,
                   struct list *out)
{
    enum order order;

    return compare(eval, expr, scope, &order) &&
           (order == ORDER_UNKNOWN || list_add_boolean(eval, out, order == ORDER_LESS));
}

bool evaluate_less_or_equal(struct eval *eval, const struct expr *expr, const struct scope *scope,
                            struct list *out)
{
    enum order order;

    return compare(eval, expr, scope, &order) &&
           (order == ORDER_UNKNOWN || list_add_boolean(eval, out, order != ORDER_GREATER));
}

bool evaluate_greater(struct eval *eval, const struct expr *expr, const struct scope *scope,
                      struct list *out)
{
    enum order order;

    return compare(eval, expr, scope, &order) &&
           (order == ORDER_UNKNOWN || list_add_boolean(eval, out, order == ORDER_GREATER));
}

bool evaluate_greater_or_equal(struct eval *eval, const struct expr *expr,
                               const struct scope *scope, struct list *out)
{
    enum order order;

    return compare(eval, expr, scope, &order) &&
           (order == ORDER_UNKNOWN || list_add_boolean(eval, out, order != ORDER_LESS));
}

static bool member(struct eval *eval, const struct list *one, const struct list *all,
                   struct list *out)
{
    bool has;

    if (one->count == 0)
        return true;
    if (one->count > 1)
        return eval_refuse(eval, "`in` and `contains` ask for one item, but there are several");
    return list_has(eval, all, &one->items[0], &has) && list_add_boolean(eval, out, has);
}

bool evaluate_in(struct eval *eval, const struct expr *expr, const struct scope *scope,
                 struct list *out)
{
    struct list left = {0}, right = {0};

    return both_lists(eval, expr, scope, &left, &right) && member(eval, &left, &right, out);
}

bool evaluate_contains(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *out)
{
    struct list left = {0}, right = {0};

    return both_lists(eval, expr, scope, &left, &right) && member(eval, &right, &left, out);
}

/* The right side is not evaluated when the left decides. */
bool evaluate_and(struct eval *eval, const struct expr *expr, const struct scope *scope,
                  struct list *out)
{
    enum truth left, right = UNKNOWN;

    if (!eval_truth(eval, expr->left, scope, &left))
        return false;
    if (left != FALSE && !eval_truth(eval, expr->right, scope, &right))
        return false;
    if (left == FALSE || right == FALSE)
        return list_add_boolean(eval, out, false);
    return list_add_truth(eval, out, left == TRUE && right == TRUE ? TRUE : UNKNOWN);
}

bool evaluate_or(struct eval *eval, const struct expr *expr, const struct scope *scope,
                 struct list *out)
{
    enum truth left, right = UNKNOWN;

    if (!eval_truth(eval, expr->left, scope, &left))
        return false;
    if (left != TRUE && !eval_truth(eval, expr->right, scope, &right))
        return false;
    if (left == TRUE || right == TRUE)
        return list_add_boolean(eval, out, true);
    return list_add_truth(eval, out, left == FALSE && right == FALSE ? FALSE : UNKNOWN);
}

bool evaluate_xor(struct eval *eval, const struct expr *expr, const struct scope *scope,
                  struct list *out)
{
    enum truth left, right;

    return eval_truth(eval, expr->left, scope, &left) &&
           eval_truth(eval, expr->right, scope, &right) &&
           (left == UNKNOWN || right == UNKNOWN || list_add_boolean(eval, out, left != right));
}

bool evaluate_implies(struct eval *eval, const struct expr *expr, const struct scope *scope,
                      struct list *out)
{
    enum truth left, right;

    if (!eval_truth(eval, expr->left, scope, &left))
        return false;
    if (left == FALSE)
        return list_add_boolean(eval, out, true);
    if (!eval_truth(eval, expr->right, scope, &right))
        return false;
    if (right == TRUE)
        return list_add_boolean(eval, out, true);
    return left == UNKNOWN || list_add_truth(eval, out, right);
}
