/*
 * Values - elements as FHIRPath's own types, and values as text.
 */

#include "fhir/fhirpath_value.h"

#include "base/buf.h"
#include "fhir/fhirpath_moment.h"
#include "fhir/fhirpath_unit.h"
#include "fhir/json.h"
#include "fhir/node.h"

static void write_system(const struct fhirpath_value *value, struct buf *out);

/* What each primitive type of FHIR is among FHIRPath's types. */
static enum fhirpath_kind primitive_kind(enum primitive primitive)
{
    switch (primitive) {
    case PRIMITIVE_BOOLEAN:
        return FHIRPATH_BOOLEAN;
    case PRIMITIVE_INTEGER:
    case PRIMITIVE_POSITIVEINT:
    case PRIMITIVE_UNSIGNEDINT:
        return FHIRPATH_INTEGER;
    case PRIMITIVE_DECIMAL:
        return FHIRPATH_DECIMAL;
    case PRIMITIVE_DATE:
        return FHIRPATH_DATE;
    case PRIMITIVE_DATETIME:
    case PRIMITIVE_INSTANT:
        return FHIRPATH_DATETIME;
    case PRIMITIVE_TIME:
        return FHIRPATH_TIME;
    default:
        return FHIRPATH_STRING;
    }
}

static bool primitive_to_system(const struct node *node, struct fhirpath_value *system)
{
    enum fhirpath_kind kind = primitive_kind(node->type->primitive);

    if (!node->value.data || (node->flags & NODE_RAW))
        return false;
    *system = (struct fhirpath_value){.kind = kind, .text = node->value};
    if (kind == FHIRPATH_BOOLEAN) {
        system->integer = text_is(node->value, "true");
        return true;
    }
    if (kind == FHIRPATH_INTEGER)
        return text_to_int64(node->value, INT32_MIN, UINT32_MAX, &system->integer);
    return true;
}

/* R4 fhirpath.html#quantity. A comparator makes it a range, which has no such form. */
static bool quantity_to_system(const struct node *node, struct fhirpath_value *system)
{
    struct text number = node_value(node, "value"), code = node_value(node, "code");

    if (!number.data || node_value(node, "comparator").data)
        return false;
    if (!code.data || !text_is(node_value(node, "system"), "http://unitsofmeasure.org"))
        code = node_value(node, "unit");
    *system = (struct fhirpath_value){
        .kind = FHIRPATH_QUANTITY, .text = number, .unit = code.data ? code : TEXT("1")};
    return true;
}

bool value_to_system(struct eval *eval, const struct fhirpath_value *value,
                     struct fhirpath_value *system)
{
    (void)eval;
    if (value->kind != FHIRPATH_NODE) {
        *system = *value;
        return value->kind != FHIRPATH_REFERENCED;
    }
    if (!value->type)
        return false;
    if (value->type->primitive != PRIMITIVE_NONE)
        return primitive_to_system(value->node, system);
    if (type_is(value->type, type_find(TEXT("Quantity"))))
        return quantity_to_system(value->node, system);
    return false;
}

bool value_to_number(const struct fhirpath_value *value, struct number *number)
{
    if (value->kind == FHIRPATH_INTEGER) {
        *number = number_of(value->integer);
        return true;
    }
    return value->kind == FHIRPATH_DECIMAL && number_read(value->text, number);
}

bool quantity_number(const struct fhirpath_value *value, struct number *number)
{
    return value->kind == FHIRPATH_QUANTITY && number_read(value->text, number);
}

bool value_is_moment(const struct fhirpath_value *value)
{
    return value->kind == FHIRPATH_DATE || value->kind == FHIRPATH_DATETIME ||
           value->kind == FHIRPATH_TIME;
}

bool value_to_moment(const struct fhirpath_value *value, struct moment *moment)
{
    return value->kind == FHIRPATH_TIME ? moment_read_time(value->text, moment)
                                        : moment_read(value->text, moment);
}

bool value_to_text(struct eval *eval, const struct fhirpath_value *value, struct text *text)
{
    struct buf out = buf_in(eval->arena);
    struct fhirpath_value system;

    if (!value_to_system(eval, value, &system))
        return false;
    switch (system.kind) {
    case FHIRPATH_BOOLEAN:
        *text = system.integer ? TEXT("true") : TEXT("false");
        return true;
    case FHIRPATH_INTEGER:
        *text = number_write(eval->arena, number_of(system.integer));
        return true;
    case FHIRPATH_QUANTITY:
        write_system(&system, &out);
        *text = (struct text){out.data, out.size};
        return true;
    case FHIRPATH_TYPE_INFO:
        return false;
    default:
        *text = system.text;
        return true;
    }
}

const char *fhirpath_type_name(const struct fhirpath_value *value)
{
    static const char *const names[] = {
        [FHIRPATH_BOOLEAN] = "boolean",    [FHIRPATH_STRING] = "string",
        [FHIRPATH_INTEGER] = "integer",    [FHIRPATH_DECIMAL] = "decimal",
        [FHIRPATH_DATE] = "date",          [FHIRPATH_DATETIME] = "dateTime",
        [FHIRPATH_TIME] = "time",          [FHIRPATH_QUANTITY] = "Quantity",
        [FHIRPATH_TYPE_INFO] = "TypeInfo",
    };

    if (value->kind == FHIRPATH_NODE || value->kind == FHIRPATH_REFERENCED)
        return value->type ? value->type->name : "unknown";
    return names[value->kind];
}

static void write_system(const struct fhirpath_value *value, struct buf *out)
{
    static const char *const marks[] = {
        [FHIRPATH_DATE] = "@", [FHIRPATH_DATETIME] = "@", [FHIRPATH_TIME] = "@T"};

    switch (value->kind) {
    case FHIRPATH_BOOLEAN:
        buf_add_text(out, value->integer ? "true" : "false");
        break;
    case FHIRPATH_INTEGER:
        buf_printf(out, "%lld", (long long)value->integer);
        break;
    case FHIRPATH_QUANTITY:
        buf_add(out, value->text.data, value->text.size);
        buf_printf(out, unit_is_calendar(value->unit) ? " %.*s" : " '%.*s'",
                   TEXT_ARGS(value->unit));
        break;
    case FHIRPATH_TYPE_INFO:
        buf_printf(out, "%.*s.%.*s", TEXT_ARGS(value->unit), TEXT_ARGS(value->text));
        break;
    case FHIRPATH_DATE:
    case FHIRPATH_DATETIME:
    case FHIRPATH_TIME:
        buf_add_text(out, marks[value->kind]);
        buf_add(out, value->text.data, value->text.size);
        break;
    default:
        buf_add(out, value->text.data, value->text.size);
        break;
    }
}

void fhirpath_write(const struct fhirpath_value *value, struct buf *out)
{
    struct fhirpath_value system;

    if (value->kind == FHIRPATH_REFERENCED)
        buf_add(out, value->text.data, value->text.size);
    else if (value->kind != FHIRPATH_NODE)
        write_system(value, out);
    else if (value->type && value->type->primitive != PRIMITIVE_NONE &&
             primitive_to_system(value->node, &system))
        write_system(&system, out);
    else
        json_write(value->node, out);
}
