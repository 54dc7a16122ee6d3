/*
 * Units - UCUM terms reduced to a factor and exponents of base units.
 */

#include "fhir/fhirpath_unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"

#include <ctype.h>

#define BASE_COUNT   6
#define MAX_EXPONENT 9

/* m, g, s, K, cd, mol: the order of the exponents. UCUM has mol as a pure
 * number; to keep it apart refuses comparisons that nobody means. */
static const char *const base_units[BASE_COUNT] = {"m", "g", "s", "K", "cd", "mol"};

struct unit {
    struct number factor, divisor; /* of the base units; apart, so that nothing is rounded */
    int exponents[BASE_COUNT];
    bool calendar; /* a year or month by the calendar, which has no fixed length */
};

static const struct atom {
    const char *code;
    const char *factor;
    signed char exponents[BASE_COUNT];
    bool metric; /* may have a prefix */
} atoms[] = {
    {"1", "1", {0}, false},
    {"%", "0.01", {0}, false},
    {"m", "1", {1}, true},
    {"g", "1", {0, 1}, true},
    {"s", "1", {0, 0, 1}, true},
    {"K", "1", {0, 0, 0, 1}, true},
    {"cd", "1", {0, 0, 0, 0, 1}, true},
    {"mol", "1", {0, 0, 0, 0, 0, 1}, true},
    {"eq", "1", {0, 0, 0, 0, 0, 1}, true},
    {"osm", "1", {0, 0, 0, 0, 0, 1}, true},
    {"L", "0.001", {3}, true},
    {"l", "0.001", {3}, true},
    {"min", "60", {0, 0, 1}, false},
    {"h", "3600", {0, 0, 1}, false},
    {"d", "86400", {0, 0, 1}, false},
    {"wk", "604800", {0, 0, 1}, false},
    {"mo", "2629800", {0, 0, 1}, false},
    {"a", "31557600", {0, 0, 1}, false},
    {"Hz", "1", {0, 0, -1}, true},
    {"N", "1000", {1, 1, -2}, true},
    {"Pa", "1000", {-1, 1, -2}, true},
    {"bar", "100000000", {-1, 1, -2}, true},
    {"m[Hg]", "133322387", {-1, 1, -2}, true},
    {"J", "1000", {2, 1, -2}, true},
    {"W", "1000", {2, 1, -3}, true},
    {"cal", "4184", {2, 1, -2}, true},
    {"t", "1000000", {0, 1}, true},
    {"[in_i]", "0.0254", {1}, false},
    {"[ft_i]", "0.3048", {1}, false},
    {"[yd_i]", "0.9144", {1}, false},
    {"[mi_i]", "1609.344", {1}, false},
    {"[nmi_i]", "1852", {1}, false},
    {"[lb_av]", "453.59237", {0, 1}, false},
    {"[oz_av]", "28.349523125", {0, 1}, false},
};

static const struct {
    const char *code;
    int power;
} prefixes[] = {
    {"da", 1}, {"h", 2},  {"k", 3},  {"M", 6},  {"G", 9},  {"T", 12},  {"P", 15},
    {"d", -1}, {"c", -2}, {"m", -3}, {"u", -6}, {"n", -9}, {"p", -12}, {"f", -15},
};

static const struct {
    const char *name;
    const char *factor;
    bool variable;
} durations[] = {
    {"year", "31557600", true}, {"month", "2629800", true},      {"week", "604800", false},
    {"day", "86400", false},    {"hour", "3600", false},         {"minute", "60", false},
    {"second", "1", false},     {"millisecond", "0.001", false},
};

static bool read_unit(struct text text, struct unit *unit);
static bool read_term(struct text term, int sign, struct unit *unit);
static bool align_units(struct number *a, const struct unit *x, struct number *b,
                        const struct unit *y);

static struct number constant(const char *digits)
{
    struct number number = {1, 0};

    number_read(text_of(digits), &number);
    return number;
}

/* The row of `durations`, or -1. */
static int find_duration(struct text text)
{
    if (text.size > 1 && text.data[text.size - 1] == 's')
        text.size--;
    for (size_t i = 0; i < COUNT(durations); i++) {
        if (text_is(text, durations[i].name))
            return (int)i;
    }
    return -1;
}

bool unit_is_calendar(struct text unit)
{
    return find_duration(unit) >= 0;
}

bool unit_is_known(struct text unit)
{
    struct unit known;

    return !unit_is_calendar(unit) && read_unit(unit, &known);
}

bool units_align(struct number *a, struct text unit_a, struct number *b, struct text unit_b)
{
    struct unit x, y;

    if (text_equals(unit_a, unit_b))
        return true;
    return read_unit(unit_a, &x) && read_unit(unit_b, &y) && x.calendar == y.calendar &&
           align_units(a, &x, b, &y);
}

bool units_align_loosely(struct number *a, struct text unit_a, struct number *b, struct text unit_b)
{
    struct unit x, y;

    if (text_equals(unit_a, unit_b))
        return true;
    return read_unit(unit_a, &x) && read_unit(unit_b, &y) && align_units(a, &x, b, &y);
}

bool units_differ_in_kind(struct text a, struct text b)
{
    struct unit x, y;

    return read_unit(a, &x) && read_unit(b, &y) &&
           memcmp(x.exponents, y.exponents, sizeof(x.exponents)) != 0;
}

static bool align_units(struct number *a, const struct unit *x, struct number *b,
                        const struct unit *y)
{
    return memcmp(x->exponents, y->exponents, sizeof(x->exponents)) == 0 &&
           number_multiply(*a, x->factor, a) && number_multiply(*a, y->divisor, a) &&
           number_multiply(*b, y->factor, b) && number_multiply(*b, x->divisor, b);
}

static void write_exponents(struct buf *out, const int *exponents, int sign)
{
    for (int i = 0; i < BASE_COUNT; i++) {
        int exponent = exponents[i] * sign;

        if (exponent <= 0)
            continue;
        if (sign < 0)
            buf_add_char(out, '/');
        else if (out->size > 0)
            buf_add_char(out, '.');
        buf_add_text(out, base_units[i]);
        if (exponent > 1)
            buf_printf(out, "%d", exponent);
    }
}

static struct text write_unit(struct arena *arena, const struct unit *unit)
{
    struct buf out = buf_in(arena);

    write_exponents(&out, unit->exponents, 1);
    write_exponents(&out, unit->exponents, -1);
    if (out.size == 0)
        buf_add_char(&out, '1');
    return (struct text){out.data, out.size};
}

bool units_combine(struct arena *arena, struct number a, struct text unit_a, struct number b,
                   struct text unit_b, bool divide, struct number *result, struct text *unit)
{
    struct number divisor;
    struct unit x, y;
    bool plain = text_is(unit_b, "1"), same = divide && text_equals(unit_a, unit_b);

    if (plain || same || (!divide && text_is(unit_a, "1"))) {
        *unit = same ? TEXT("1") : plain ? unit_a : unit_b;
        return divide ? number_divide(a, b, result) : number_multiply(a, b, result);
    }
    if (!read_unit(unit_a, &x) || !read_unit(unit_b, &y) || x.calendar || y.calendar ||
        !number_multiply(a, x.factor, &a) || !number_multiply(b, y.factor, &b))
        return false;
    /* a / x.divisor and b / y.divisor, with the divisors moved to where they multiply. */
    if (!number_multiply(divide ? b : x.divisor, divide ? x.divisor : y.divisor, &divisor) ||
        (divide && !number_multiply(a, y.divisor, &a)) || (!divide && !number_multiply(a, b, &a)))
        return false;
    for (int i = 0; i < BASE_COUNT; i++)
        x.exponents[i] += divide ? -y.exponents[i] : y.exponents[i];
    *unit = write_unit(arena, &x);
    return number_divide(a, divisor, result);
}

bool units_convert(struct number *number, struct text from, struct text to)
{
    struct unit x, y;

    if (text_equals(from, to))
        return true;
    return read_unit(from, &x) && read_unit(to, &y) && x.calendar == y.calendar &&
           memcmp(x.exponents, y.exponents, sizeof(x.exponents)) == 0 &&
           number_multiply(*number, x.factor, number) &&
           number_multiply(*number, y.divisor, number) &&
           number_divide(*number, y.factor, number) && number_divide(*number, x.divisor, number);
}

/* Terms joined by dots and slashes. */
static bool read_unit(struct text text, struct unit *unit)
{
    int duration = find_duration(text), sign = 1;
    size_t start = 0;

    *unit = (struct unit){.factor = {1, 0}, .divisor = {1, 0}};
    if (duration >= 0) {
        unit->factor = constant(durations[duration].factor);
        unit->exponents[2] = 1;
        unit->calendar = durations[duration].variable;
        return true;
    }
    if (text.size == 0)
        return false;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '.' && text.data[i] != '/')
            continue;
        if (i > start || i > 0) {
            if (!read_term((struct text){text.data + start, i - start}, sign, unit))
                return false;
        }
        sign = i < text.size && text.data[i] == '/' ? -1 : 1;
        start = i + 1;
    }
    return true;
}

static bool find_atom(struct text term, const struct atom **found, int *power)
{
    for (size_t i = 0; i < COUNT(atoms); i++) {
        struct text code = text_of(atoms[i].code);

        if (text_equals(term, code)) {
            *found = &atoms[i];
            *power = 0;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        struct text prefix = text_of(prefixes[i].code);
        struct text rest = {term.data + prefix.size, term.size - prefix.size};

        if (term.size <= prefix.size || !text_starts_with(term, prefix))
            continue;
        for (size_t j = 0; j < COUNT(atoms); j++) {
            if (!atoms[j].metric || !text_is(rest, atoms[j].code))
                continue;
            *found = &atoms[j];
            *power = prefixes[i].power;
            return true;
        }
    }
    return false;
}

static bool scale(struct unit *unit, struct number factor, int times)
{
    struct number *side = times < 0 ? &unit->divisor : &unit->factor;

    for (int i = times < 0 ? -times : times; i > 0; i--) {
        if (!number_multiply(*side, factor, side))
            return false;
    }
    return true;
}

/* One term: [prefix]atom[exponent], 10*3, or an annotation in braces. */
static bool read_term(struct text term, int sign, struct unit *unit)
{
    const struct atom *atom;
    int64_t exponent = 1;
    size_t size = term.size;
    int power;

    if (size > 0 && term.data[size - 1] == '}') {
        const char *brace = memchr(term.data, '{', size);

        if (!brace)
            return false;
        size = (size_t)(brace - term.data);
        if (size == 0)
            return true;
    }
    term.size = size;
    if (text_starts_with(term, TEXT("10*")) || text_starts_with(term, TEXT("10^"))) {
        if (!text_to_int64((struct text){term.data + 3, size - 3}, -20, 20, &exponent))
            return false;
        return scale(unit, number_of(10), (int)exponent * sign);
    }
    while (size > 1 && isdigit((unsigned char)term.data[size - 1]))
        size--;
    if (size > 1 && size < term.size && term.data[size - 1] == '-')
        size--;
    if (size < term.size && !text_to_int64((struct text){term.data + size, term.size - size},
                                           -MAX_EXPONENT, MAX_EXPONENT, &exponent))
        return false;
    term.size = size;
    if (!find_atom(term, &atom, &power))
        return false;
    exponent *= sign;
    for (int i = 0; i < BASE_COUNT; i++)
        unit->exponents[i] += atom->exponents[i] * (int)exponent;
    return scale(unit, constant(atom->factor), (int)exponent) &&
           scale(unit, number_of(10), power * (int)exponent);
}
