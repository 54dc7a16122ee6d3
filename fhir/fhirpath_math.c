/*
 * Functions on numbers (FHIRPath 2.0, section 5.7), and those on precision.
 */

#include "fhir/fhirpath_functions.h"

#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/fhirpath_value.h"

#include <math.h>

#define DECIMAL_DIGITS 8 /* that boundaries have unless told otherwise */
#define MAX_PRECISION  28

/* The focus as a number, of a quantity the one before the unit. */
static bool focus_number(struct eval *eval, const struct expr *call, const struct list *focus,
                         struct fhirpath_value *value, struct number *number)
{
    *number = (struct number){0, 0};
    if (value_to_system(eval, &focus->items[0], value) &&
        (value_to_number(value, number) || quantity_number(value, number)))
        return true;
    return eval_refuse(eval, "%s() works on numbers", call->call.function->name);
}

/* In the type of `like`: an integer stays one, a quantity keeps its unit. */
static bool add_like(struct eval *eval, struct list *out, const struct fhirpath_value *like,
                     struct number number)
{
    int64_t integer;

    if (like->kind == FHIRPATH_QUANTITY)
        return list_add(eval, out,
                        &(struct fhirpath_value){.kind = FHIRPATH_QUANTITY,
                                                 .text = number_write(eval->arena, number),
                                                 .unit = like->unit});
    if (like->kind == FHIRPATH_INTEGER && number_to_int64(number, &integer))
        return list_add_integer(eval, out, integer);
    return list_add_number(eval, out, number);
}

bool function_abs(struct eval *eval, const struct expr *call, const struct scope *scope,
                  const struct list *focus, struct list *out)
{
    struct fhirpath_value value;
    struct number number;

    (void)scope;
    if (!focus_number(eval, call, focus, &value, &number))
        return false;
    if (number.digits < 0)
        number.digits = -number.digits;
    return add_like(eval, out, &value, number);
}

static bool to_whole(struct eval *eval, const struct expr *call, const struct list *focus,
                     enum rounding rounding, struct list *out)
{
    struct fhirpath_value value;
    struct number number;
    int64_t integer;

    if (!focus_number(eval, call, focus, &value, &number))
        return false;
    if (!number_round(number, 0, rounding, &number))
        return true;
    if (value.kind == FHIRPATH_QUANTITY || !number_to_int64(number, &integer))
        return add_like(eval, out, &value, number);
    return list_add_integer(eval, out, integer);
}

bool function_ceiling(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    (void)scope;
    return to_whole(eval, call, focus, ROUND_CEILING, out);
}

bool function_floor(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)scope;
    return to_whole(eval, call, focus, ROUND_FLOOR, out);
}

bool function_truncate(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    (void)scope;
    return to_whole(eval, call, focus, ROUND_DOWN, out);
}

bool function_round(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    struct fhirpath_value value;
    struct number number;
    int64_t places = 0;
    bool found = true;

    if (!focus_number(eval, call, focus, &value, &number))
        return false;
    if (call->call.arg_count > 0 && !eval_integer_arg(eval, call, 0, scope, &places, &found))
        return false;
    if (!found)
        return true;
    if (places < 0 || places > MAX_PRECISION)
        return eval_refuse(eval, "round() needs a precision from 0 to %d", MAX_PRECISION);
    if (number.scale > places && !number_round(number, (int)places, ROUND_HALF_UP, &number))
        return true;
    return add_like(eval, out, &value, number);
}

/* Through floating point; what is no finite number is empty. */
static bool add_double(struct eval *eval, struct list *out, double result)
{
    struct number number;

    return !number_of_double(result, &number) || list_add_number(eval, out, number);
}

static bool apply(struct eval *eval, const struct expr *call, const struct list *focus,
                  double (*run)(double), struct list *out)
{
    struct fhirpath_value value;
    struct number number;

    return focus_number(eval, call, focus, &value, &number) &&
           add_double(eval, out, run(number_to_double(number)));
}

bool function_exp(struct eval *eval, const struct expr *call, const struct scope *scope,
                  const struct list *focus, struct list *out)
{
    (void)scope;
    return apply(eval, call, focus, exp, out);
}

bool function_ln(struct eval *eval, const struct expr *call, const struct scope *scope,
                 const struct list *focus, struct list *out)
{
    (void)scope;
    return apply(eval, call, focus, log, out);
}

bool function_sqrt(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    (void)scope;
    return apply(eval, call, focus, sqrt, out);
}

/* The focus and a number as argument. */
static bool two_numbers(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct fhirpath_value *value,
                        struct fhirpath_value *arg, struct number *a, struct number *b, bool *found)
{
    *b = (struct number){0, 0};
    if (!focus_number(eval, call, focus, value, a) ||
        !eval_one(eval, call->call.args[0], scope, arg, found))
        return false;
    if (*found && !value_to_number(arg, b))
        return eval_refuse(eval, "%s() needs a number", call->call.function->name);
    return true;
}

bool function_log(struct eval *eval, const struct expr *call, const struct scope *scope,
                  const struct list *focus, struct list *out)
{
    struct fhirpath_value value, arg;
    struct number a, b;
    bool found;

    if (!two_numbers(eval, call, scope, focus, &value, &arg, &a, &b, &found))
        return false;
    return !found || add_double(eval, out, log(number_to_double(a)) / log(number_to_double(b)));
}

/* Exact for whole exponents, as long as the digits suffice. */
static bool exact_power(struct number base, int64_t exponent, struct number *result)
{
    *result = number_of(1);
    if (exponent < 0 || exponent > 100)
        return false;
    for (int64_t i = 0; i < exponent; i++) {
        if (!number_multiply(*result, base, result))
            return false;
    }
    return true;
}

bool function_power(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    struct fhirpath_value value, arg;
    struct number a, b, result;
    int64_t exponent;
    bool found;

    if (!two_numbers(eval, call, scope, focus, &value, &arg, &a, &b, &found))
        return false;
    if (!found)
        return true;
    if (number_to_int64(b, &exponent) && exact_power(a, exponent, &result)) {
        if (arg.kind != FHIRPATH_INTEGER)
            value.kind = FHIRPATH_DECIMAL;
        return add_like(eval, out, &value, result);
    }
    return add_double(eval, out, pow(number_to_double(a), number_to_double(b)));
}

static bool moment_edge(struct eval *eval, const struct fhirpath_value *value, bool high,
                        int64_t digits, bool has_digits, struct list *out)
{
    struct moment moment;

    if (!has_digits)
        digits = value->kind == FHIRPATH_DATE ? 8 : value->kind == FHIRPATH_TIME ? 9 : 17;
    if (!value_to_moment(value, &moment) || digits < 0 || digits > 17 ||
        !moment_boundary(&moment, high, (int)digits))
        return true;
    return list_add_text(eval, out, value->kind,
                         moment_write(eval->arena, &moment, value->kind == FHIRPATH_DATETIME));
}

/* Half a unit of the last digit down or up, to `digits` decimal places. */
static bool number_edge(struct number number, bool high, int digits, struct number *edge)
{
    struct number half = {high ? 5 : -5, number.scale + 1};

    return number_add(number, half, edge) &&
           number_round(*edge, digits, high ? ROUND_HALF_UP : ROUND_FLOOR, edge);
}

static bool boundary(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, bool high, struct list *out)
{
    bool given = call->call.arg_count > 0, found = true;
    struct fhirpath_value value;
    struct number number;
    int64_t digits = DECIMAL_DIGITS;

    if (given && !eval_integer_arg(eval, call, 0, scope, &digits, &found))
        return false;
    if (!found)
        return true;
    if (!value_to_system(eval, &focus->items[0], &value))
        return eval_refuse(eval, "%s() works on numbers and dates", call->call.function->name);
    if (value_is_moment(&value))
        return moment_edge(eval, &value, high, digits, given, out);
    if (!focus_number(eval, call, focus, &value, &number))
        return false;
    if (digits < 0 || digits > MAX_PRECISION || !number_edge(number, high, (int)digits, &number))
        return true;
    if (value.kind == FHIRPATH_INTEGER)
        value.kind = FHIRPATH_DECIMAL;
    return add_like(eval, out, &value, number);
}

bool function_low_boundary(struct eval *eval, const struct expr *call, const struct scope *scope,
                           const struct list *focus, struct list *out)
{
    return boundary(eval, call, scope, focus, false, out);
}

bool function_high_boundary(struct eval *eval, const struct expr *call, const struct scope *scope,
                            const struct list *focus, struct list *out)
{
    return boundary(eval, call, scope, focus, true, out);
}

bool function_precision(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct fhirpath_value value;
    struct moment moment;
    struct number number;

    (void)scope;
    if (value_to_system(eval, &focus->items[0], &value) && value_is_moment(&value))
        return !value_to_moment(&value, &moment) ||
               list_add_integer(eval, out, moment_digits(&moment));
    return focus_number(eval, call, focus, &value, &number) &&
           list_add_integer(eval, out, number.scale);
}

bool function_comparable(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct list *out)
{
    struct number a = number_of(1), b = number_of(1);
    struct fhirpath_value value, other;
    bool found;

    if (!eval_one(eval, call->call.args[0], scope, &other, &found))
        return false;
    if (!found)
        return true;
    if (!value_to_system(eval, &focus->items[0], &value) || value.kind != FHIRPATH_QUANTITY ||
        other.kind != FHIRPATH_QUANTITY)
        return eval_refuse(eval, "comparable() works on quantities");
    return list_add_boolean(eval, out, units_align(&a, value.unit, &b, other.unit));
}
