#pragma once

/*
 * Units - as much of UCUM as comparing, multiplying and dividing quantities
 * needs: prefixes, products, quotients and exponents of the common units.
 * Calendar durations ("year", "days") are FHIRPath's own.
 */

#include "base/text.h"
#include "fhir/fhirpath_number.h"

#include <stdbool.h>

struct arena;

/* "year", "years", ... "milliseconds". */
bool unit_is_calendar(struct text unit);

/* Whether it is a UCUM term of units known here; calendar durations are none. */
bool unit_is_known(struct text unit);

/* Scales both numbers so that they can be compared. False when they cannot be compared: unknown
 * units, different dimensions, or a calendar year or month beside a UCUM one. */
bool units_align(struct number *a, struct text unit_a, struct number *b, struct text unit_b);

/* The same, and 1 year is 1 'a': for equivalence. */
bool units_align_loosely(struct number *a, struct text unit_a, struct number *b,
                         struct text unit_b);

/* Whether both units are known and measure different things. */
bool units_differ_in_kind(struct text a, struct text b);

/* Expresses a number in another unit. False as above. */
bool units_convert(struct number *number, struct text from, struct text to);

/* A product or quotient, in UCUM base units where both are known. False if it has no exact form. */
bool units_combine(struct arena *arena, struct number a, struct text unit_a, struct number b,
                   struct text unit_b, bool divide, struct number *result, struct text *unit);
