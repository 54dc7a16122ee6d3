#pragma once

/*
 * Moments - FHIRPath's dates, times of day and dates with time: partial, with
 * or without a zone.
 */

#include "base/text.h"
#include "fhir/fhirpath_number.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum moment_precision {
    MOMENT_YEAR,
    MOMENT_MONTH,
    MOMENT_DAY,
    MOMENT_HOUR,
    MOMENT_MINUTE,
    MOMENT_SECOND, /* with or without a fraction: one precision, by FHIRPath */
};

struct moment {
    int year, month, day, hour, minute, second; /* month and day are 1, others 0, where not given */
    int millisecond;
    int fraction_digits; /* as written; what is beyond milliseconds is dropped */
    enum moment_precision precision;
    bool has_zone;
    int zone_minutes; /* east of UTC */
    bool is_time;     /* a time of day: no date */
};

/* Reads "2015", "2015-02-04T14:34:28.123+10:00", "2015-02T"; the whole text. */
bool moment_read(struct text text, struct moment *moment);

/* Reads "14", "14:34", "14:34:28.123". */
bool moment_read_time(struct text text, struct moment *moment);

/* In the same notation. `with_t`: a date is written with a T behind it if it has no time. */
struct text moment_write(struct arena *arena, const struct moment *moment, bool with_t);

/* -1, 0, 1, or 2 when the precisions or a missing zone leave it open. A date
 * and a time of day must not be mixed. */
int moment_compare(const struct moment *a, const struct moment *b);

/* Adds whole units ("month", "days", ...), as far as the precision goes
 * (FHIRPath "Date/Time Arithmetic"). False beyond the years 1 to 9999. */
bool moment_add(struct moment *moment, int64_t amount, struct text unit);

/* The number of digits that precision() reports: 4, 6, 8, 10, 12, 14, 17; of a time 2, 4, 6, 9. */
int moment_digits(const struct moment *moment);

/* The first or last moment within its precision, to `digits` digits. False if
 * there is no such precision. */
bool moment_boundary(struct moment *moment, bool high, int digits);
