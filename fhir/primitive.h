#pragma once

/*
 * Primitives - formats and values of R4's primitive types
 * (R4 datatypes.html#primitive).
 */

#include "base/text.h"
#include "fhir/type.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether `value` is well-formed for the type, ranges included. */
bool primitive_is_valid(enum primitive primitive, struct text value);

enum date_precision {
    DATE_YEAR,
    DATE_MONTH,
    DATE_DAY,
    DATE_MINUTE,
    DATE_SECOND,
    DATE_FRACTION,
};

/* A date, dateTime, instant or time as written. */
struct date_value {
    int year, month, day, hour, minute, second; /* 0 where not given; month and day then 1 */
    int microsecond;
    int fraction_digits; /* as written */
    enum date_precision precision;
    bool has_zone;
    int zone_minutes; /* east of UTC */
};

/* Reads date, dateTime or instant (R4 formats; also accepts a time to the
 * minute, as search parameters may have). False when malformed. */
bool date_parse(struct text text, struct date_value *value);

/* The span of time a value stands for: from its first microsecond to its last
 * (inclusive), UTC. Without a zone, `default_zone_minutes` applies. */
void date_span(const struct date_value *value, int default_zone_minutes, int64_t *low,
               int64_t *high);

/*
 * A decimal with the precision it was written with. `value` is the nearest
 * double; [low, high] is what the digits stand for by R4 search.html#number:
 * 100 is [99.5, 100.5], 100.00 is [99.995, 100.005], 1e2 is [95, 105].
 */
struct decimal_value {
    double value, low, high;
};

bool decimal_parse(struct text text, struct decimal_value *value);
