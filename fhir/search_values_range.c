/*
 * Date, number and quantity values: what has a lower and an upper end
 * (R4 search.html#date, #number, #quantity).
 */

#include "fhir/search_values_convert.h"

#include "base/err.h"
#include "fhir/node.h"
#include "fhir/primitive.h"

#include <math.h>

#define CURRENCIES "urn:iso:std:iso:4217"

/* The microseconds that a date covers; false when it is none. Without a zone, UTC is meant. */
static bool read_date(struct text text, int64_t *low, int64_t *high)
{
    struct date_value date;

    if (!text.data || !date_parse(text, &date))
        return false;
    date_span(&date, 0, low, high);
    return true;
}

static void add_span(struct gather *gather, int64_t low, int64_t high)
{
    gather_add(gather, &(struct search_value){.time_low = low, .time_high = high});
}

void convert_date(struct gather *gather, const struct node *node)
{
    int64_t low, high;

    if (read_date(node->value, &low, &high))
        add_span(gather, low, high);
}

/* An end that is missing is open; without both there is nothing to find. */
static bool read_period(const struct node *node, int64_t *low, int64_t *high)
{
    int64_t inner;
    bool start = read_date(node_value(node, "start"), low, &inner);
    bool end = read_date(node_value(node, "end"), &inner, high);

    if (!start)
        *low = SEARCH_TIME_MIN;
    if (!end)
        *high = SEARCH_TIME_MAX;
    return start || end;
}

void convert_period(struct gather *gather, const struct node *node)
{
    int64_t low, high;

    if (read_period(node, &low, &high))
        add_span(gather, low, high);
}

/* Only the outer limits matter: from the first event or bound to the last. */
void convert_timing(struct gather *gather, const struct node *node)
{
    const struct node *bounds = node_path(node, "repeat.boundsPeriod");
    int64_t low = SEARCH_TIME_MAX, high = SEARCH_TIME_MIN, from, to;
    bool found = bounds && read_period(bounds, &low, &high);

    for (const struct node *event = node_child(node, "event"); event;
         event = node_next_same(event)) {
        if (!read_date(event->value, &from, &to))
            continue;
        low = from < low ? from : low;
        high = to > high ? to : high;
        found = true;
    }
    if (found)
        add_span(gather, low, high);
}

static bool read_decimal(struct gather *gather, struct text text, struct decimal_value *decimal)
{
    struct number_cache *cache = gather->numbers;

    if (!text.data)
        return false;
    for (unsigned i = 0; i < NUMBER_CACHE_SIZE; i++) {
        if (cache->entries[i].text != text.data)
            continue;
        *decimal = cache->entries[i].value;
        return true;
    }
    if (!decimal_parse(text, decimal))
        return false;
    cache->entries[cache->next].text = text.data;
    cache->entries[cache->next].value = *decimal;
    cache->next = (cache->next + 1) % NUMBER_CACHE_SIZE;
    return true;
}

void convert_number(struct gather *gather, const struct node *node)
{
    struct decimal_value decimal;

    if (!read_decimal(gather, node->value, &decimal))
        return;
    gather_add(gather, &(struct search_value){.number = decimal.value,
                                              .number_low = decimal.low,
                                              .number_high = decimal.high,
                                              .exact = true});
}

/* The value of a Range's end, exactly: only a query's digits say how precise
 * it is meant (R4 search.html#number). */
static bool read_end(struct gather *gather, const struct node *node, const char *name,
                     struct decimal_value *decimal)
{
    const struct node *end = node_child(node, name);

    return end && read_decimal(gather, node_value(end, "value"), decimal);
}

static bool read_range(struct gather *gather, const struct node *node, struct search_value *value)
{
    struct decimal_value low, high;
    bool has_low = read_end(gather, node, "low", &low),
         has_high = read_end(gather, node, "high", &high);

    if (!has_low && !has_high)
        return false;
    value->number = has_low ? low.value : high.value;
    value->number_low = has_low ? low.value : -INFINITY;
    value->number_high = has_high ? high.value : INFINITY;
    return true;
}

void convert_number_range(struct gather *gather, const struct node *node)
{
    struct search_value value = {0};

    if (read_range(gather, node, &value))
        gather_add(gather, &value);
}

static void read_unit(const struct node *quantity, struct search_value *value)
{
    value->system = node_value(quantity, "system");
    value->code = node_value(quantity, "code");
    value->text = node_value(quantity, "unit");
}

/* "<5" may be anything below, but not 5: a search for ge5 must not find it. */
static void widen(struct text comparator, struct search_value *value)
{
    if (!comparator.data)
        return;
    value->exact = false;
    value->number_low = -INFINITY;
    value->number_high = INFINITY;
    if (text_is(comparator, "<"))
        value->number_high = nextafter(value->number, -INFINITY);
    else if (text_is(comparator, "<="))
        value->number_high = value->number;
    else if (text_is(comparator, ">="))
        value->number_low = value->number;
    else
        value->number_low = nextafter(value->number, INFINITY);
}

static bool read_number(struct gather *gather, const struct node *node, struct search_value *value)
{
    struct decimal_value decimal;

    if (!read_decimal(gather, node_value(node, "value"), &decimal))
        return false;
    value->number = decimal.value;
    value->number_low = decimal.low;
    value->number_high = decimal.high;
    value->exact = true;
    return true;
}

void convert_quantity(struct gather *gather, const struct node *node)
{
    struct search_value value = {0};

    if (!read_number(gather, node, &value))
        return;
    read_unit(node, &value);
    widen(node_value(node, "comparator"), &value);
    gather_add(gather, &value);
}

/* R4 search.html#quantity: the currency is the unit. */
void convert_money(struct gather *gather, const struct node *node)
{
    struct search_value value = {0};

    if (!read_number(gather, node, &value))
        return;
    value.code = node_value(node, "currency");
    if (value.code.data)
        value.system = TEXT(CURRENCIES);
    gather_add(gather, &value);
}

void convert_range(struct gather *gather, const struct node *node)
{
    const struct node *end = node_child(node, "low");
    struct search_value value = {0};

    if (!read_range(gather, node, &value))
        return;
    read_unit(end ? end : node_child(node, "high"), &value);
    gather_add(gather, &value);
}

/* A place that is not on the globe cannot be near another. Some count longitudes up to 360. */
void convert_position(struct gather *gather, const struct node *node)
{
    struct decimal_value latitude, longitude;

    if (!read_decimal(gather, node_value(node, "latitude"), &latitude) ||
        !read_decimal(gather, node_value(node, "longitude"), &longitude) ||
        !(fabs(latitude.value) <= 90) || !(fabs(longitude.value) <= 360))
        return;
    if (longitude.value > 180)
        longitude.value -= 360;
    if (longitude.value < -180)
        longitude.value += 360;
    gather_add(gather,
               &(struct search_value){.latitude = latitude.value, .longitude = longitude.value});
}
