/*
 * Operators - comparison, membership, logic and arithmetic.
 */

#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/fhirpath_value.h"

#include "base/arena.h"
#include "base/buf.h"

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
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
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
    struct list left = {0}, right = {0}, all = {0};

    if (eval->context->search_rules)
        return both_lists(eval, expr, scope, out, out);
    if (!both_lists(eval, expr, scope, &left, &right))
        return false;
    for (size_t i = 0; i < left.count; i++) {
        if (!list_add_new(eval, &all, &left.items[i]))
            return false;
    }
    for (size_t i = 0; i < right.count; i++) {
        if (!list_add_new(eval, &all, &right.items[i]))
            return false;
    }
    return list_add_all(eval, out, &all);
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

/* The two operands of an arithmetic operator; `*found` is false if one is empty. */
static bool operands(struct eval *eval, const struct expr *expr, const struct scope *scope,
                     struct fhirpath_value *left, struct fhirpath_value *right, bool *found)
{
    bool has_left, has_right;

    if (!eval_one(eval, expr->left, scope, left, &has_left) ||
        !eval_one(eval, expr->right, scope, right, &has_right))
        return false;
    *found = has_left && has_right;
    return true;
}

/* An integer if both were; a result out of bounds is empty (FHIRPath "Math"). */
static bool add_result(struct eval *eval, struct list *out, bool integers, bool valid,
                       struct number number)
{
    int64_t integer;

    if (!valid)
        return true;
    if (integers && number_to_int64(number, &integer))
        return list_add_integer(eval, out, integer);
    return list_add_number(eval, out, number);
}

static bool add_moment(struct eval *eval, const struct fhirpath_value *value,
                       const struct fhirpath_value *quantity, int sign, struct list *out)
{
    bool is_time = value->kind == FHIRPATH_TIME;
    struct moment moment;
    struct number amount;
    int64_t whole;

    if (quantity->kind != FHIRPATH_QUANTITY)
        return eval_refuse(eval, "only a duration can be added to a date or time");
    if (!(is_time ? moment_read_time(value->text, &moment) : moment_read(value->text, &moment)))
        return eval_refuse(eval, "a malformed date or time");
    if (!quantity_number(quantity, &amount) || !number_round(amount, 0, ROUND_DOWN, &amount) ||
        !number_to_int64(amount, &whole) || !moment_add(&moment, whole * sign, quantity->unit))
        return eval_refuse(eval, "this quantity cannot be added to a date or time");
    return list_add_text(eval, out, value->kind,
                         moment_write(eval->arena, &moment, value->kind == FHIRPATH_DATETIME));
}

static bool add_quantities(struct eval *eval, const struct fhirpath_value *left,
                           const struct fhirpath_value *right, int sign, struct list *out)
{
    struct fhirpath_value sum = *left;
    struct number a, b;

    if (!quantity_number(left, &a) || !quantity_number(right, &b))
        return true;
    b.digits *= sign;
    if (!units_convert(&b, right->unit, left->unit))
        return true;
    if (!number_add(a, b, &a))
        return true;
    sum.text = number_write(eval->arena, a);
    return list_add(eval, out, &sum);
}

static bool join(struct eval *eval, struct text a, struct text b, struct list *out)
{
    struct buf text = buf_in(eval->arena);

    if (!eval_memory(eval, a.size + b.size))
        return false;
    buf_add(&text, a.data, a.size);
    buf_add(&text, b.data, b.size);
    size_t size = text.size;
    return list_add_text(eval, out, FHIRPATH_STRING, (struct text){buf_text(&text), size});
}

static bool is_moment(const struct fhirpath_value *value)
{
    return value->kind == FHIRPATH_DATE || value->kind == FHIRPATH_DATETIME ||
           value->kind == FHIRPATH_TIME;
}

static bool add_or_subtract(struct eval *eval, const struct expr *expr, const struct scope *scope,
                            int sign, struct list *out)
{
    struct fhirpath_value left, right;
    struct number a, b;
    bool found, valid;

    if (!operands(eval, expr, scope, &left, &right, &found))
        return false;
    if (!found)
        return true;
    if (sign > 0 && left.kind == FHIRPATH_STRING && right.kind == FHIRPATH_STRING)
        return join(eval, left.text, right.text, out);
    if (is_moment(&left))
        return add_moment(eval, &left, &right, sign, out);
    if (left.kind == FHIRPATH_QUANTITY && right.kind == FHIRPATH_QUANTITY)
        return add_quantities(eval, &left, &right, sign, out);
    if (!value_to_number(&left, &a) || !value_to_number(&right, &b))
        return eval_refuse(eval, "`%c` is not defined for these types", sign > 0 ? '+' : '-');
    b.digits *= sign;
    valid = number_add(a, b, &a);
    return add_result(eval, out, left.kind == right.kind && left.kind == FHIRPATH_INTEGER, valid,
                      a);
}

bool evaluate_add(struct eval *eval, const struct expr *expr, const struct scope *scope,
                  struct list *out)
{
    return add_or_subtract(eval, expr, scope, 1, out);
}

bool evaluate_subtract(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *out)
{
    return add_or_subtract(eval, expr, scope, -1, out);
}

/* A number beside a quantity has no unit. */
static bool scaled_operand(const struct fhirpath_value *value, struct number *number,
                           struct text *unit)
{
    *unit = value->kind == FHIRPATH_QUANTITY ? value->unit : TEXT("1");
    return value_to_number(value, number) || quantity_number(value, number);
}

static bool multiply_or_divide(struct eval *eval, const struct expr *expr,
                               const struct scope *scope, bool divide, struct list *out)
{
    struct fhirpath_value left, right;
    struct text unit_a, unit_b, unit;
    struct number a, b;
    bool found, valid;

    if (!operands(eval, expr, scope, &left, &right, &found))
        return false;
    if (!found)
        return true;
    if (!scaled_operand(&left, &a, &unit_a) || !scaled_operand(&right, &b, &unit_b))
        return eval_refuse(eval, "`%c` is not defined for these types", divide ? '/' : '*');
    if (left.kind != FHIRPATH_QUANTITY && right.kind != FHIRPATH_QUANTITY) {
        valid = divide ? number_divide(a, b, &a) : number_multiply(a, b, &a);
        return add_result(eval, out,
                          !divide && left.kind == right.kind && left.kind == FHIRPATH_INTEGER,
                          valid, a);
    }
    if (!units_combine(eval->arena, a, unit_a, b, unit_b, divide, &a, &unit))
        return true;
    return list_add(eval, out,
                    &(struct fhirpath_value){.kind = FHIRPATH_QUANTITY,
                                             .text = number_write(eval->arena, a),
                                             .unit = unit});
}

bool evaluate_multiply(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *out)
{
    return multiply_or_divide(eval, expr, scope, false, out);
}

bool evaluate_divide(struct eval *eval, const struct expr *expr, const struct scope *scope,
                     struct list *out)
{
    return multiply_or_divide(eval, expr, scope, true, out);
}

static bool whole_operator(struct eval *eval, const struct expr *expr, const struct scope *scope,
                           bool remainder, struct list *out)
{
    struct fhirpath_value left, right;
    struct number a, b;
    bool found, valid, integers;

    if (!operands(eval, expr, scope, &left, &right, &found))
        return false;
    if (!found)
        return true;
    if (!value_to_number(&left, &a) || !value_to_number(&right, &b))
        return eval_refuse(eval, "`%s` is not defined for these types", remainder ? "mod" : "div");
    integers = !remainder || (left.kind == FHIRPATH_INTEGER && right.kind == FHIRPATH_INTEGER);
    valid = remainder ? number_remainder(a, b, &a) : number_quotient(a, b, &a);
    return add_result(eval, out, integers, valid, a);
}

bool evaluate_quotient(struct eval *eval, const struct expr *expr, const struct scope *scope,
                       struct list *out)
{
    return whole_operator(eval, expr, scope, false, out);
}

bool evaluate_remainder(struct eval *eval, const struct expr *expr, const struct scope *scope,
                        struct list *out)
{
    return whole_operator(eval, expr, scope, true, out);
}

/* `&`: an empty side counts as an empty string. */
bool evaluate_concatenate(struct eval *eval, const struct expr *expr, const struct scope *scope,
                          struct list *out)
{
    struct fhirpath_value left, right;
    bool has_left, has_right;

    if (!eval_one(eval, expr->left, scope, &left, &has_left) ||
        !eval_one(eval, expr->right, scope, &right, &has_right))
        return false;
    if (!has_left)
        left = (struct fhirpath_value){.kind = FHIRPATH_STRING, .text = TEXT("")};
    if (!has_right)
        right = (struct fhirpath_value){.kind = FHIRPATH_STRING, .text = TEXT("")};
    if (left.kind != FHIRPATH_STRING || right.kind != FHIRPATH_STRING)
        return eval_refuse(eval, "`&` joins strings");
    return join(eval, left.text, right.text, out);
}
