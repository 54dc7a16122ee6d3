/*
 * Conversions - toInteger() and its kin, and whether they would succeed
 * (FHIRPath 2.0, section 5.5).
 */

#include "fhir/fhirpath_functions.h"

#include "base/count.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/fhirpath_value.h"

#include <ctype.h>

/* False when the value has no form of that type. */
typedef bool convert_fn(struct eval *eval, const struct fhirpath_value *in,
                        struct fhirpath_value *out);

static bool to_boolean(struct eval *eval, const struct fhirpath_value *in,
                       struct fhirpath_value *out)
{
    static const char *const words[2][6] = {{"false", "f", "no", "n", "0", "0.0"},
                                            {"true", "t", "yes", "y", "1", "1.0"}};
    struct number number;

    (void)eval;
    *out = (struct fhirpath_value){.kind = FHIRPATH_BOOLEAN, .integer = in->integer};
    if (in->kind == FHIRPATH_BOOLEAN)
        return true;
    if (value_to_number(in, &number))
        return number_to_int64(number, &out->integer) && (out->integer == 0 || out->integer == 1);
    for (int value = 0; in->kind == FHIRPATH_STRING && value < 2; value++) {
        for (int i = 0; i < 6; i++) {
            if (in->text.size == strlen(words[value][i]) &&
                strncasecmp(in->text.data, words[value][i], in->text.size) == 0) {
                out->integer = value;
                return true;
            }
        }
    }
    return false;
}

static bool to_integer(struct eval *eval, const struct fhirpath_value *in,
                       struct fhirpath_value *out)
{
    struct text text = in->text;

    (void)eval;
    *out = (struct fhirpath_value){.kind = FHIRPATH_INTEGER, .integer = in->integer};
    if (in->kind == FHIRPATH_INTEGER || in->kind == FHIRPATH_BOOLEAN)
        return true;
    if (in->kind != FHIRPATH_STRING)
        return false;
    if (text.size > 1 && text.data[0] == '+' && isdigit((unsigned char)text.data[1]))
        text = (struct text){text.data + 1, text.size - 1};
    return text_to_int64(text, INT32_MIN, INT32_MAX, &out->integer);
}

static bool is_plain_decimal(struct text text)
{
    struct number number;

    return text.size > 0 && text.size <= 64 && !memchr(text.data, 'e', text.size) &&
           !memchr(text.data, 'E', text.size) && number_read(text, &number);
}

static bool to_decimal(struct eval *eval, const struct fhirpath_value *in,
                       struct fhirpath_value *out)
{
    *out = (struct fhirpath_value){.kind = FHIRPATH_DECIMAL, .text = in->text};
    if (in->kind == FHIRPATH_INTEGER)
        out->text = number_write(eval->arena, number_of(in->integer));
    if (in->kind == FHIRPATH_BOOLEAN)
        out->text = in->integer ? TEXT("1.0") : TEXT("0.0");
    return in->kind == FHIRPATH_INTEGER || in->kind == FHIRPATH_BOOLEAN ||
           in->kind == FHIRPATH_DECIMAL ||
           (in->kind == FHIRPATH_STRING && is_plain_decimal(in->text));
}

/* "4 days", "10.1 'mg'", "1". */
static bool read_quantity(struct text text, struct fhirpath_value *out)
{
    size_t at = 0;

    while (at < text.size && strchr("+-.0123456789", text.data[at]) && text.data[at])
        at++;
    out->text = (struct text){text.data, at};
    if (!is_plain_decimal(out->text))
        return false;
    while (at < text.size && isspace((unsigned char)text.data[at]))
        at++;
    text = (struct text){text.data + at, text.size - at};
    out->unit = TEXT("1");
    if (text.size == 0)
        return true;
    out->unit = text;
    if (text.size > 2 && text.data[0] == '\'' && text.data[text.size - 1] == '\'') {
        out->unit = (struct text){text.data + 1, text.size - 2};
        return true;
    }
    return unit_is_calendar(text);
}

static bool to_quantity(struct eval *eval, const struct fhirpath_value *in,
                        struct fhirpath_value *out)
{
    if (in->kind == FHIRPATH_QUANTITY) {
        *out = *in;
        return true;
    }
    if (in->kind == FHIRPATH_STRING) {
        *out = (struct fhirpath_value){.kind = FHIRPATH_QUANTITY};
        return read_quantity(in->text, out);
    }
    if (!to_decimal(eval, in, out))
        return false;
    out->kind = FHIRPATH_QUANTITY;
    out->unit = TEXT("1");
    return true;
}

static bool to_string(struct eval *eval, const struct fhirpath_value *in,
                      struct fhirpath_value *out)
{
    *out = (struct fhirpath_value){.kind = FHIRPATH_STRING};
    return value_to_text(eval, in, &out->text);
}

static bool to_date(struct eval *eval, const struct fhirpath_value *in, struct fhirpath_value *out)
{
    struct moment moment;

    *out = (struct fhirpath_value){.kind = FHIRPATH_DATE, .text = in->text};
    if (in->kind == FHIRPATH_DATE)
        return true;
    if ((in->kind != FHIRPATH_DATETIME && in->kind != FHIRPATH_STRING) ||
        !moment_read(in->text, &moment))
        return false;
    if (in->kind == FHIRPATH_STRING)
        return !memchr(in->text.data, 'T', in->text.size);
    if (moment.precision > MOMENT_DAY)
        moment.precision = MOMENT_DAY;
    moment.has_zone = false;
    out->text = moment_write(eval->arena, &moment, false);
    return true;
}

static bool to_date_time(struct eval *eval, const struct fhirpath_value *in,
                         struct fhirpath_value *out)
{
    struct moment moment;

    (void)eval;
    *out = (struct fhirpath_value){.kind = FHIRPATH_DATETIME, .text = in->text};
    if (in->kind == FHIRPATH_DATE || in->kind == FHIRPATH_DATETIME)
        return true;
    return in->kind == FHIRPATH_STRING && moment_read(in->text, &moment);
}

static bool to_time(struct eval *eval, const struct fhirpath_value *in, struct fhirpath_value *out)
{
    struct moment moment;

    (void)eval;
    *out = (struct fhirpath_value){.kind = FHIRPATH_TIME, .text = in->text};
    if (in->kind == FHIRPATH_TIME)
        return true;
    if (in->kind != FHIRPATH_STRING || in->text.size == 0)
        return false;
    if (in->text.data[0] == 'T')
        out->text = (struct text){in->text.data + 1, in->text.size - 1};
    return moment_read_time(out->text, &moment);
}

static const struct {
    const char *type;
    convert_fn *convert;
} conversions[] = {
    {"Boolean", to_boolean},    {"Integer", to_integer}, {"Decimal", to_decimal},
    {"Quantity", to_quantity},  {"String", to_string},   {"Date", to_date},
    {"DateTime", to_date_time}, {"Time", to_time},
};

/* The function's name without its first `skip` letters is the type. */
static bool convert(struct eval *eval, const struct expr *call, size_t skip,
                    const struct list *focus, struct fhirpath_value *result)
{
    const char *type = call->call.function->name + skip;
    struct fhirpath_value value;

    if (!value_to_system(eval, &focus->items[0], &value))
        return false;
    for (size_t i = 0; i < COUNT(conversions); i++) {
        if (strcmp(type, conversions[i].type) == 0)
            return conversions[i].convert(eval, &value, result);
    }
    return false;
}

/* A Quantity in another unit; `*found` is false when it has none there. */
static bool in_unit(struct eval *eval, const struct expr *call, const struct scope *scope,
                    struct fhirpath_value *quantity, bool *found)
{
    struct number number;
    struct text unit;
    bool given;

    if (call->call.arg_count == 0)
        return true;
    if (!eval_string_arg(eval, call, 0, scope, &unit, &given))
        return false;
    *found = given && quantity_number(quantity, &number) &&
             (text_equals(quantity->unit, unit) || units_convert(&number, quantity->unit, unit));
    if (*found)
        *quantity = (struct fhirpath_value){
            .kind = FHIRPATH_QUANTITY, .text = number_write(eval->arena, number), .unit = unit};
    return true;
}

bool function_convert(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    struct fhirpath_value result;
    bool found = convert(eval, call, strlen("to"), focus, &result);

    if (found && !in_unit(eval, call, scope, &result, &found))
        return false;
    return !found || list_add(eval, out, &result);
}

bool function_converts(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    struct fhirpath_value result;
    bool found = convert(eval, call, strlen("convertsTo"), focus, &result);

    if (found && !in_unit(eval, call, scope, &result, &found))
        return false;
    return list_add_boolean(eval, out, found);
}
