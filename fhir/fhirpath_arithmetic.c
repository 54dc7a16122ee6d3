/*
 * Operators that calculate, with numbers, quantities, dates and strings
 * (FHIRPath 2.0, section "Math").
 */

#include "fhir/fhirpath_eval.h"

#include "base/buf.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/fhirpath_value.h"

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

/* An integer if both were; a result out of bounds, of integers 32 bits, is empty (FHIRPath "Math").
 */
static bool add_result(struct eval *eval, struct list *out, bool integers, bool valid,
                       struct number number)
{
    int64_t integer;

    if (!valid)
        return true;
    if (!integers)
        return list_add_number(eval, out, number);
    return !number_to_int64(number, &integer) || list_add_integer(eval, out, integer);
}

static bool add_moment(struct eval *eval, const struct fhirpath_value *value,
                       const struct fhirpath_value *quantity, int sign, struct list *out)
{
    struct moment moment;
    struct number amount;
    int64_t whole;

    if (quantity->kind != FHIRPATH_QUANTITY)
        return eval_refuse(eval, "only a duration can be added to a date or time");
    if (!value_to_moment(value, &moment))
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
    if (value_is_moment(&left))
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
