/*
 * Query values - one search value of each type (R4 search.html#ptypes).
 */

#include "fhir/query_reader.h"

#include "base/arena.h"
#include "base/clock.h"
#include "fhir/primitive.h"
#include "fhir/query_near.h"
#include "fhir/query_text.h"
#include "fhir/search_values.h"

#include <math.h>

static const char *const prefixes[] = {
    [PREFIX_EQ] = "eq", [PREFIX_NE] = "ne", [PREFIX_GT] = "gt",
    [PREFIX_LT] = "lt", [PREFIX_GE] = "ge", [PREFIX_LE] = "le",
    [PREFIX_SA] = "sa", [PREFIX_EB] = "eb", [PREFIX_AP] = "ap",
};

typedef bool read_value_fn(struct query_reader *reader, struct text name,
                           const struct search_param *param, struct text text,
                           struct query_value *value);

static read_value_fn read_number, read_date, read_string, read_token, read_reference,
    read_composite, read_quantity, read_uri, read_near;
static bool read_prefix(struct text *text, enum query_prefix *prefix);
static struct text restore_plus(struct arena *arena, struct text text);
static void widen_date(struct query_value *value);
static void widen_number(struct query_value *value);
static bool is_own(const struct query_options *options, struct text base);

static read_value_fn *const readers[] = {
    [SEARCH_NUMBER] = read_number,       [SEARCH_DATE] = read_date,
    [SEARCH_STRING] = read_string,       [SEARCH_TOKEN] = read_token,
    [SEARCH_REFERENCE] = read_reference, [SEARCH_COMPOSITE] = read_composite,
    [SEARCH_QUANTITY] = read_quantity,   [SEARCH_URI] = read_uri,
    [SEARCH_SPECIAL] = read_near, /* the only one that query_can_search() lets through */
};

bool query_read_value(struct query_reader *reader, struct text name,
                      const struct search_param *param, enum search_type type, struct text text,
                      struct query_value *value)
{
    value->type = type;
    if (text.size == 0)
        return query_refuse(reader, name, "value", "A value of \"%.*s\" is empty.",
                            NAME_ARGS(name));
    return readers[type](reader, name, param, text, value);
}

static bool read_number(struct query_reader *reader, struct text name,
                        const struct search_param *param, struct text text,
                        struct query_value *value)
{
    (void)param;
    if (read_prefix(&text, &value->prefix) && query_set_number(text, value))
        return true;
    return query_refuse(reader, name, "value",
                        "\"%.*s\" takes a decimal number, with one of the prefixes eq ne gt lt ge "
                        "le sa eb ap or without.",
                        NAME_ARGS(name));
}

static bool read_quantity(struct query_reader *reader, struct text name,
                          const struct search_param *param, struct text text,
                          struct query_value *value)
{
    struct text parts[3] = {{0}}, more = text;
    size_t count = 0;

    (void)param;
    while (count < 3 && query_next_item(&more, '|', &parts[count]))
        count++;
    if (more.data || count == 2 || !read_prefix(&parts[0], &value->prefix) ||
        !query_set_number(parts[0], value))
        return query_refuse(reader, name, "value",
                            "\"%.*s\" takes [prefix]number, or [prefix]number|system|code (the "
                            "system may be empty).",
                            NAME_ARGS(name));

    value->text = parts[0];

    /* `5||mg` means mg in whichever system. */
    struct text system = query_unescape(reader->arena, parts[1]);
    struct text code = query_unescape(reader->arena, parts[2]);
    value->system = system.size ? system : (struct text){0};
    value->code = code.size ? code : (struct text){0};
    return code.size > 0 || system.size == 0 ||
           query_refuse(reader, name, "not-supported",
                        "\"%.*s\" cannot be searched by a system of units without a unit.",
                        NAME_ARGS(name));
}

/* False when letters stand in front that are no prefix. */
static bool read_prefix(struct text *text, enum query_prefix *prefix)
{
    *prefix = PREFIX_EQ;
    if (text->size < 2 || text->data[0] < 'a' || text->data[0] > 'z')
        return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (memcmp(text->data, prefixes[i], 2) != 0)
            continue;
        *prefix = (enum query_prefix)i;
        *text = (struct text){text->data + 2, text->size - 2};
        return true;
    }
    return false;
}

bool query_set_number(struct text text, struct query_value *value)
{
    struct decimal_value number;

    if (!decimal_parse(text, &number) || !isfinite(number.value))
        return false;
    value->number = number.value;
    value->number_low = number.low;
    value->number_high = number.high;
    if (number.high <= number.value) /* more digits than a double has: the end is exclusive */
        value->number_high = nextafter(number.value, INFINITY);
    if (value->prefix == PREFIX_AP)
        widen_number(value);
    return true;
}

/* R4 search.html#prefix recommends 10 % of the stated value. */
static void widen_number(struct query_value *value)
{
    double tenth = fabs(value->number) / 10;

    value->number_low = fmin(value->number_low, value->number - tenth);
    value->number_high = fmax(value->number_high, value->number + tenth);
}

static bool read_date(struct query_reader *reader, struct text name,
                      const struct search_param *param, struct text text, struct query_value *value)
{
    struct date_value date;

    (void)param;
    if (!read_prefix(&text, &value->prefix) ||
        !date_parse(restore_plus(reader->arena, text), &date))
        return query_refuse(reader, name, "value",
                            "\"%.*s\" takes a date such as 2020, 2020-05, 2020-05-17 or "
                            "2020-05-17T10:30:00Z, with one of the prefixes eq ne gt lt ge le sa "
                            "eb ap or without.",
                            NAME_ARGS(name));

    date_span(&date, 0, &value->time_low, &value->time_high);
    if (value->prefix == PREFIX_AP && !reader->overlap)
        widen_date(value);
    return true;
}

/* A client that leaves the + of a zone unencoded has sent a space. A date
 * holds no space otherwise, so it can mean nothing else. */
static struct text restore_plus(struct arena *arena, struct text text)
{
    const char *space = memchr(text.data, ' ', text.size);

    if (!space)
        return text;
    char *copy = arena_strndup(arena, text.data, text.size);
    copy[space - text.data] = '+';
    return (struct text){copy, text.size};
}

/* R4 search.html#prefix recommends 10 % of the gap between now and the date. */
static void widen_date(struct query_value *value)
{
    int64_t middle = value->time_low / 2 + value->time_high / 2;
    int64_t gap = clock_now() - middle;
    int64_t tenth = (gap < 0 ? -gap : gap) / 10;

    value->time_low -= tenth;
    value->time_high += tenth;
}

static bool read_string(struct query_reader *reader, struct text name,
                        const struct search_param *param, struct text text,
                        struct query_value *value)
{
    (void)param;
    value->text = query_unescape(reader->arena, text);
    if (text_fold(reader->arena, value->text).size > 0)
        return true;
    return query_refuse(reader, name, "value",
                        "A value of \"%.*s\" has neither letters nor digits to search for.",
                        NAME_ARGS(name));
}

static bool read_uri(struct query_reader *reader, struct text name,
                     const struct search_param *param, struct text text, struct query_value *value)
{
    (void)name;
    (void)param;
    value->text = query_unescape(reader->arena, text);
    return true;
}

/* system|code, system|, |code or code. */
static bool read_token(struct query_reader *reader, struct text name,
                       const struct search_param *param, struct text text,
                       struct query_value *value)
{
    struct text more = text, head;

    (void)param;
    query_next_item(&more, '|', &head);
    if (more.data)
        value->system = query_unescape(reader->arena, head);
    else
        more = head;
    if (more.size > 0)
        value->code = query_unescape(reader->arena, more);
    return value->system.size > 0 || value->code.size > 0 ||
           query_refuse(reader, name, "value", "A value of \"%.*s\" is empty.", NAME_ARGS(name));
}

bool query_read_of_type(struct query_reader *reader, struct text name, struct text text,
                        struct query_value *value)
{
    struct text *const parts[] = {&value->system, &value->code, &value->text};
    struct text more = text, item;
    size_t count = 0;

    value->type = SEARCH_TOKEN;
    for (; count < 3 && query_next_item(&more, '|', &item); count++)
        *parts[count] = query_unescape(reader->arena, item);
    return (count == 3 && !more.data && value->code.size > 0 && value->text.size > 0) ||
           query_refuse(reader, name, "value",
                        "\"%.*s\" takes system|code|value: the type of the identifier, then its "
                        "value.",
                        NAME_ARGS(name));
}

static bool read_reference(struct query_reader *reader, struct text name,
                           const struct search_param *param, struct text text,
                           struct query_value *value)
{
    struct text base, type, id, version;

    (void)name;
    (void)param;
    value->text = query_unescape(reader->arena, text);
    if (primitive_is_valid(PRIMITIVE_ID, value->text)) {
        value->reference_id = value->text;
        return true;
    }
    if (!reference_split(value->text, &base, &type, &id, &version))
        return true; /* a canonical or another uri, found as written */
    if (base.size > 0 && !is_own(reader->options, base))
        value->reference_base = base;
    value->reference_type = type;
    value->reference_id = id;
    value->reference_version = version;
    return true;
}

/* reference_split() may or may not leave the "/" behind the base. */
static bool is_own(const struct query_options *options, struct text base)
{
    if (base.size > 0 && base.data[base.size - 1] == '/')
        base.size--;
    return options->base.size > 0 && text_equals(base, options->base);
}

static bool read_composite(struct query_reader *reader, struct text name,
                           const struct search_param *param, struct text text,
                           struct query_value *value)
{
    struct query_value *parts =
        arena_many(reader->arena, struct query_value, param->component_count);
    struct text more = text, item;
    unsigned untyped = 0;

    if (query_count_items(text, '$') != param->component_count)
        return query_refuse(reader, name, "value", "\"%.*s\" takes %u values joined by \"$\".",
                            NAME_ARGS(name), param->component_count);

    for (size_t i = 0; query_next_item(&more, '$', &item); i++) {
        if (!query_read_value(reader, name, param, param->components[i].type, item, &parts[i]))
            return false;
        if (parts[i].type == SEARCH_TOKEN && !parts[i].code.data)
            return query_refuse(reader, name, "not-supported",
                                "Within \"%.*s\" a code is needed behind the system.",
                                NAME_ARGS(name));
        untyped += parts[i].reference_id.data && !parts[i].reference_type.data;
    }
    if (untyped > 1) /* each may be of any type: there would be as many pairs */
        return query_refuse(reader, name, "not-supported",
                            "Within \"%.*s\" only one reference may be given by its id alone; "
                            "write the others as Type/id.",
                            NAME_ARGS(name));
    value->components = parts;
    value->component_count = param->component_count;
    return true;
}

static bool read_near(struct query_reader *reader, struct text name,
                      const struct search_param *param, struct text text, struct query_value *value)
{
    struct query_near *near = arena_one(reader->arena, struct query_near);

    (void)param;
    value->near = near;
    return near_read(text, near) ||
           query_refuse(reader, name, "value",
                        "\"%.*s\" takes latitude|longitude, then if wanted |distance|units: "
                        "degrees from -90 to 90 and from -180 to 180, a distance from 0, and a "
                        "unit of length in UCUM such as km, m or [mi_i].",
                        NAME_ARGS(name));
}
