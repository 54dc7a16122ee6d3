/*
 * Query units - a quantity in a unit of UCUM is searched for in the other units of its kind, too
 * (R4 search.html#quantity allows for canonical units): the value is written out in each of them,
 * and all are searched for as if the client had listed them.
 *
 * Rows hold values as they came, so what can be found is what this table names. Where UCUM takes
 * for the same what nobody who measures means by it, kinds stand apart: equivalents and moles,
 * international units and those of catalysis. Litres are "L" and "l".
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"

#include <math.h>

enum kind {
    AREA,
    CATALYSIS_PER_LITRE,
    CELLS_PER_LITRE,
    ENERGY,
    EQUIVALENTS_PER_LITRE,
    FLOW,
    LENGTH,
    MASS,
    MASS_PER_LITRE,
    MASS_PER_MASS,
    MOLES,
    MOLES_PER_LITRE,
    OSMOLES_PER_MASS,
    PART,
    PRESSURE,
    RATE,
    TEMPERATURE,
    TIME,
    UNITS_PER_LITRE,
    VOLUME,
};

/* (value + shift) * factor * 10^power is the value in the first unit of the kind. */
static const struct known_unit {
    const char *code;
    enum kind kind;
    int power;
    double factor; /* 0: 1 */
    double shift;
} units[] = {
    {"m2", AREA, 0, 0, 0},
    {"cm2", AREA, -4, 0, 0},
    {"mm2", AREA, -6, 0, 0},

    {"U/L", CATALYSIS_PER_LITRE, 0, 0, 0},
    {"U/l", CATALYSIS_PER_LITRE, 0, 0, 0},
    {"kU/L", CATALYSIS_PER_LITRE, 3, 0, 0},
    {"mU/L", CATALYSIS_PER_LITRE, -3, 0, 0},
    {"U/mL", CATALYSIS_PER_LITRE, 3, 0, 0},
    {"mU/mL", CATALYSIS_PER_LITRE, 0, 0, 0},
    {"ukat/L", CATALYSIS_PER_LITRE, 0, 60, 0},
    {"nkat/L", CATALYSIS_PER_LITRE, -3, 60, 0},

    {"10*9/L", CELLS_PER_LITRE, 9, 0, 0},
    {"10*9/l", CELLS_PER_LITRE, 9, 0, 0},
    {"10*12/L", CELLS_PER_LITRE, 12, 0, 0},
    {"10*12/l", CELLS_PER_LITRE, 12, 0, 0},
    {"10*6/L", CELLS_PER_LITRE, 6, 0, 0},
    {"10*6/mL", CELLS_PER_LITRE, 9, 0, 0},
    {"10*3/mL", CELLS_PER_LITRE, 6, 0, 0},
    {"10*3/uL", CELLS_PER_LITRE, 9, 0, 0},
    {"10*6/uL", CELLS_PER_LITRE, 12, 0, 0},
    {"/uL", CELLS_PER_LITRE, 6, 0, 0},
    {"/mL", CELLS_PER_LITRE, 3, 0, 0},
    {"/L", CELLS_PER_LITRE, 0, 0, 0},

    {"J", ENERGY, 0, 0, 0},
    {"kJ", ENERGY, 3, 0, 0},
    {"cal", ENERGY, 0, 4.184, 0},
    {"kcal", ENERGY, 3, 4.184, 0},

    {"eq/L", EQUIVALENTS_PER_LITRE, 0, 0, 0},
    {"meq/L", EQUIVALENTS_PER_LITRE, -3, 0, 0},
    {"meq/l", EQUIVALENTS_PER_LITRE, -3, 0, 0},
    {"ueq/L", EQUIVALENTS_PER_LITRE, -6, 0, 0},
    {"meq/dL", EQUIVALENTS_PER_LITRE, -2, 0, 0},

    {"L/min", FLOW, 0, 0, 0},
    {"l/min", FLOW, 0, 0, 0},
    {"mL/min", FLOW, -3, 0, 0},
    {"ml/min", FLOW, -3, 0, 0},
    {"L/s", FLOW, 0, 60, 0},
    {"mL/s", FLOW, -3, 60, 0},
    {"L/h", FLOW, 0, 1.0 / 60, 0},
    {"mL/h", FLOW, -3, 1.0 / 60, 0},

    {"m", LENGTH, 0, 0, 0},
    {"dm", LENGTH, -1, 0, 0},
    {"cm", LENGTH, -2, 0, 0},
    {"mm", LENGTH, -3, 0, 0},
    {"um", LENGTH, -6, 0, 0},
    {"km", LENGTH, 3, 0, 0},
    {"[in_i]", LENGTH, 0, 0.0254, 0},
    {"[ft_i]", LENGTH, 0, 0.3048, 0},

    {"g", MASS, 0, 0, 0},
    {"Mg", MASS, 6, 0, 0},
    {"kg", MASS, 3, 0, 0},
    {"mg", MASS, -3, 0, 0},
    {"ug", MASS, -6, 0, 0},
    {"ng", MASS, -9, 0, 0},
    {"pg", MASS, -12, 0, 0},
    {"[lb_av]", MASS, 0, 453.59237, 0},
    {"[oz_av]", MASS, 0, 28.349523125, 0},

    {"g/L", MASS_PER_LITRE, 0, 0, 0},
    {"g/l", MASS_PER_LITRE, 0, 0, 0},
    {"g/dL", MASS_PER_LITRE, 1, 0, 0},
    {"g/dl", MASS_PER_LITRE, 1, 0, 0},
    {"g/mL", MASS_PER_LITRE, 3, 0, 0},
    {"mg/L", MASS_PER_LITRE, -3, 0, 0},
    {"mg/l", MASS_PER_LITRE, -3, 0, 0},
    {"mg/dL", MASS_PER_LITRE, -2, 0, 0},
    {"mg/dl", MASS_PER_LITRE, -2, 0, 0},
    {"mg/mL", MASS_PER_LITRE, 0, 0, 0},
    {"mg/ml", MASS_PER_LITRE, 0, 0, 0},
    {"ug/L", MASS_PER_LITRE, -6, 0, 0},
    {"ug/l", MASS_PER_LITRE, -6, 0, 0},
    {"ug/dL", MASS_PER_LITRE, -5, 0, 0},
    {"ug/dl", MASS_PER_LITRE, -5, 0, 0},
    {"ug/mL", MASS_PER_LITRE, -3, 0, 0},
    {"ug/ml", MASS_PER_LITRE, -3, 0, 0},
    {"ng/L", MASS_PER_LITRE, -9, 0, 0},
    {"ng/l", MASS_PER_LITRE, -9, 0, 0},
    {"ng/dL", MASS_PER_LITRE, -8, 0, 0},
    {"ng/dl", MASS_PER_LITRE, -8, 0, 0},
    {"ng/mL", MASS_PER_LITRE, -6, 0, 0},
    {"ng/ml", MASS_PER_LITRE, -6, 0, 0},
    {"pg/mL", MASS_PER_LITRE, -9, 0, 0},
    {"pg/ml", MASS_PER_LITRE, -9, 0, 0},
    {"pg/dL", MASS_PER_LITRE, -11, 0, 0},

    {"g/g", MASS_PER_MASS, 0, 0, 0},
    {"g/kg", MASS_PER_MASS, -3, 0, 0},
    {"mg/g", MASS_PER_MASS, -3, 0, 0},
    {"mg/kg", MASS_PER_MASS, -6, 0, 0},
    {"ug/mg", MASS_PER_MASS, -3, 0, 0},
    {"ug/g", MASS_PER_MASS, -6, 0, 0},
    {"ug/kg", MASS_PER_MASS, -9, 0, 0},
    {"ng/mg", MASS_PER_MASS, -6, 0, 0},

    {"mol", MOLES, 0, 0, 0},
    {"mmol", MOLES, -3, 0, 0},
    {"umol", MOLES, -6, 0, 0},
    {"nmol", MOLES, -9, 0, 0},

    {"mol/L", MOLES_PER_LITRE, 0, 0, 0},
    {"mmol/L", MOLES_PER_LITRE, -3, 0, 0},
    {"mmol/l", MOLES_PER_LITRE, -3, 0, 0},
    {"umol/L", MOLES_PER_LITRE, -6, 0, 0},
    {"umol/l", MOLES_PER_LITRE, -6, 0, 0},
    {"nmol/L", MOLES_PER_LITRE, -9, 0, 0},
    {"nmol/l", MOLES_PER_LITRE, -9, 0, 0},
    {"pmol/L", MOLES_PER_LITRE, -12, 0, 0},
    {"pmol/l", MOLES_PER_LITRE, -12, 0, 0},
    {"mmol/dL", MOLES_PER_LITRE, -2, 0, 0},
    {"umol/dL", MOLES_PER_LITRE, -5, 0, 0},
    {"nmol/dL", MOLES_PER_LITRE, -8, 0, 0},
    {"umol/mL", MOLES_PER_LITRE, -3, 0, 0},
    {"nmol/mL", MOLES_PER_LITRE, -6, 0, 0},
    {"pmol/mL", MOLES_PER_LITRE, -9, 0, 0},

    {"osm/kg", OSMOLES_PER_MASS, 0, 0, 0},
    {"mosm/kg", OSMOLES_PER_MASS, -3, 0, 0},

    {"1", PART, 0, 0, 0},
    {"%", PART, -2, 0, 0},
    {"L/L", PART, 0, 0, 0},
    {"l/l", PART, 0, 0, 0},

    {"Pa", PRESSURE, 0, 0, 0},
    {"hPa", PRESSURE, 2, 0, 0},
    {"kPa", PRESSURE, 3, 0, 0},
    {"mm[Hg]", PRESSURE, 0, 133.322387415, 0},
    {"cm[H2O]", PRESSURE, 0, 98.0665, 0},

    {"/min", RATE, 0, 0, 0},
    {"1/min", RATE, 0, 0, 0},
    {"{beats}/min", RATE, 0, 0, 0},
    {"{breaths}/min", RATE, 0, 0, 0},
    {"/s", RATE, 0, 60, 0},
    {"Hz", RATE, 0, 60, 0},

    {"K", TEMPERATURE, 0, 0, 0},
    {"Cel", TEMPERATURE, 0, 0, 273.15},
    {"[degF]", TEMPERATURE, 0, 5.0 / 9, 459.67},

    {"s", TIME, 0, 0, 0},
    {"ms", TIME, -3, 0, 0},
    {"min", TIME, 0, 60, 0},
    {"h", TIME, 0, 3600, 0},
    {"d", TIME, 0, 86400, 0},
    {"wk", TIME, 0, 604800, 0},
    {"mo", TIME, 0, 2629800, 0},
    {"a", TIME, 0, 31557600, 0},

    {"[IU]/L", UNITS_PER_LITRE, 0, 0, 0},
    {"[iU]/L", UNITS_PER_LITRE, 0, 0, 0},
    {"k[IU]/L", UNITS_PER_LITRE, 3, 0, 0},
    {"m[IU]/L", UNITS_PER_LITRE, -3, 0, 0},
    {"m[iU]/L", UNITS_PER_LITRE, -3, 0, 0},
    {"[IU]/mL", UNITS_PER_LITRE, 3, 0, 0},
    {"k[IU]/mL", UNITS_PER_LITRE, 6, 0, 0},
    {"m[IU]/mL", UNITS_PER_LITRE, 0, 0, 0},
    {"u[IU]/mL", UNITS_PER_LITRE, -3, 0, 0},

    {"L", VOLUME, 0, 0, 0},
    {"l", VOLUME, 0, 0, 0},
    {"dL", VOLUME, -1, 0, 0},
    {"dl", VOLUME, -1, 0, 0},
    {"mL", VOLUME, -3, 0, 0},
    {"ml", VOLUME, -3, 0, 0},
    {"uL", VOLUME, -6, 0, 0},
    {"cm3", VOLUME, -3, 0, 0},
};

/* A quantity in all units of its kind; what is as large in several of them stands once. */
struct listing {
    struct query_value values[COUNT(units)];
    const struct known_unit *units[COUNT(units)];
    size_t count;
};

static void list_component(struct arena *arena, size_t component, struct buf *values);
static void list_units(struct arena *arena, const struct query_value *quantity,
                       struct listing *listing);
static void add_unit(struct arena *arena, const struct query_value *quantity,
                     const struct known_unit *from, const struct known_unit *to,
                     struct listing *listing);
static bool same_size(const struct known_unit *a, const struct known_unit *b);
static bool convert(struct arena *arena, const struct known_unit *from, const struct known_unit *to,
                    struct query_value *value);
static bool shift_digits(struct arena *arena, int power, struct query_value *value);
static bool has_one_digit(struct text number);
static bool scale(const struct known_unit *from, const struct known_unit *to,
                  struct query_value *value);
static double scaled(const struct known_unit *from, const struct known_unit *to, double number);

void query_read_units(struct query_reader *reader, struct query_param *param)
{
    enum search_type type = param->value_count ? param->values[0].type : SEARCH_TOKEN;
    struct buf values = buf_in(reader->arena);

    if (type != SEARCH_QUANTITY && type != SEARCH_COMPOSITE)
        return;
    buf_add(&values, param->values, param->value_count * sizeof(*param->values));
    for (size_t i = 0; i < (type == SEARCH_COMPOSITE ? param->values[0].component_count : 1); i++)
        list_component(reader->arena, i, &values);
    param->values = (void *)values.data;
    param->value_count = values.size / sizeof(struct query_value);
}

static struct query_value *value_at(struct buf *values, size_t at)
{
    return (struct query_value *)(void *)values->data + at;
}

/* A value with another quantity; `whole` is the quantity itself, or has it as a component. */
static struct query_value with_quantity(struct arena *arena, struct query_value whole,
                                        size_t component, const struct query_value *quantity)
{
    if (whole.type == SEARCH_QUANTITY)
        return *quantity;
    struct query_value *parts = arena_many(arena, struct query_value, whole.component_count);
    memcpy(parts, whole.components, whole.component_count * sizeof(*parts));
    parts[component] = *quantity;
    whole.components = parts;
    return whole;
}

static void list_component(struct arena *arena, size_t component, struct buf *values)
{
    size_t count = values->size / sizeof(struct query_value);
    struct listing *listing = arena_one(arena, struct listing);

    for (size_t i = 0; i < count; i++) {
        struct query_value whole = *value_at(values, i);
        const struct query_value *quantity =
            whole.type == SEARCH_QUANTITY ? &whole : &whole.components[component];

        list_units(arena, quantity, listing);
        for (size_t k = 0; k < listing->count; k++) {
            struct query_value value = with_quantity(arena, whole, component, &listing->values[k]);
            if (k == 0)
                *value_at(values, i) = value;
            else
                buf_add(values, &value, sizeof(value));
        }
    }
}

/* Nothing, unless it is a quantity in a unit that is known here. */
static void list_units(struct arena *arena, const struct query_value *quantity,
                       struct listing *listing)
{
    const struct known_unit *from = NULL;

    listing->count = 0;
    if (quantity->type != SEARCH_QUANTITY ||
        !text_is(quantity->system, "http://unitsofmeasure.org"))
        return;
    for (size_t i = 0; !from && i < COUNT(units); i++)
        if (text_is(quantity->code, units[i].code))
            from = &units[i];
    for (size_t i = 0; from && i < COUNT(units); i++)
        if (units[i].kind == from->kind)
            add_unit(arena, quantity, from, &units[i], listing);
}

static void add_unit(struct arena *arena, const struct query_value *quantity,
                     const struct known_unit *from, const struct known_unit *to,
                     struct listing *listing)
{
    struct query_value *value = listing->values;
    size_t at = 0;

    while (at < listing->count && !same_size(listing->units[at], to))
        at++;
    if (at == listing->count) {
        value[at] = *quantity;
        value[at].code = text_of(to->code);
        value[at].codes = arena_many(arena, struct text, QUERY_CODES_MAX);
        value[at].code_count = 0;
        value[at].converted = !same_size(from, to);
        if (value[at].converted && !convert(arena, from, to, &value[at]))
            return; /* there is no such number */
        listing->units[listing->count++] = to;
    }
    ((struct text *)value[at].codes)[value[at].code_count++] = text_of(to->code);
}

static bool same_size(const struct known_unit *a, const struct known_unit *b)
{
    return a->power == b->power && !(a->factor < b->factor) && !(a->factor > b->factor) &&
           !(a->shift < b->shift) && !(a->shift > b->shift);
}

static bool convert(struct arena *arena, const struct known_unit *from, const struct known_unit *to,
                    struct query_value *value)
{
    struct known_unit like = *to;

    like.power = from->power;
    return same_size(from, &like) ? shift_digits(arena, from->power - to->power, value)
                                  : scale(from, to, value);
}

/* Units that differ by powers of ten: the same digits, so nothing is rounded. A number without
 * point and exponent gets both: with an exponent alone its last digit would stand for more than it
 * does. */
static bool shift_digits(struct arena *arena, int power, struct query_value *value)
{
    struct text digits = value->text;
    const char *e = memchr(digits.data, 'e', digits.size);
    int64_t exponent = 0;

    if (!e)
        e = memchr(digits.data, 'E', digits.size);
    if (e) {
        struct text written = {e + 1, (size_t)(digits.data + digits.size - e - 1)};
        if (written.size > 0 && written.data[0] == '+')
            written = (struct text){written.data + 1, written.size - 1};
        if (!text_to_int64(written, -9999, 9999, &exponent))
            return false;
        digits.size = (size_t)(e - digits.data);
    }
    exponent += power;
    if (e || memchr(digits.data, '.', digits.size))
        value->text = text_of(arena_printf(arena, "%.*se%d", TEXT_ARGS(digits), (int)exponent));
    else
        value->text = text_of(arena_printf(arena, "%.*s%s.%ce%d", (int)digits.size - 1, digits.data,
                                           has_one_digit(digits) ? "0" : "",
                                           digits.data[digits.size - 1], (int)exponent + 1));
    return query_set_number(value->text, value);
}

static bool has_one_digit(struct text number)
{
    return number.size == 1 || (number.size == 2 && number.data[0] == '-');
}

static bool scale(const struct known_unit *from, const struct known_unit *to,
                  struct query_value *value)
{
    value->number = scaled(from, to, value->number);
    value->number_low = fmin(scaled(from, to, value->number_low), value->number);
    value->number_high = scaled(from, to, value->number_high);
    if (value->number_high <= value->number)
        value->number_high = nextafter(value->number, INFINITY);
    return isfinite(value->number) && isfinite(value->number_low) && isfinite(value->number_high);
}

static double scaled(const struct known_unit *from, const struct known_unit *to, double number)
{
    long double factor = (from->factor > 0 ? from->factor : 1.0L) /
                         (to->factor > 0 ? to->factor : 1.0L) * powl(10, from->power - to->power);

    return (double)(((long double)number + from->shift) * factor - to->shift);
}
