#pragma once

/*
 * Numbers - FHIRPath's exact decimals: up to 28 significant digits, with the
 * precision they were written with. 1.10 equals 1.1, but is written "1.10".
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

#define NUMBER_MAX_SCALE 28

/* The value is digits / 10^scale; |digits| < 10^28 and 0 <= scale <= 28. */
struct number {
    __int128 digits;
    int scale;
};

struct number number_of(int64_t integer);

/* Reads "-1.50", "+3" or "1.5e-3"; the whole text and nothing else. */
bool number_read(struct text text, struct number *number);

/* The decimal notation, never with an exponent; in the arena. */
struct text number_write(struct arena *arena, struct number number);

/* These return false when the result needs more than 28 digits, or on
 * division by zero. Quotients that do not end keep 16 decimal places. */
bool number_add(struct number a, struct number b, struct number *result);
bool number_multiply(struct number a, struct number b, struct number *result);
bool number_divide(struct number a, struct number b, struct number *result);
bool number_quotient(struct number a, struct number b,
                     struct number *result); /* div: integer part */
bool number_remainder(struct number a, struct number b,
                      struct number *result); /* mod: a - b * div */

int number_compare(struct number a, struct number b); /* -1, 0 or 1 */

enum rounding { ROUND_HALF_UP, ROUND_DOWN, ROUND_FLOOR, ROUND_CEILING };

/* With `scale` decimal places: rounded when it has more, and with zeros
 * behind when it has fewer. False when that needs more than 28 digits. */
bool number_round(struct number number, int scale, enum rounding rounding, struct number *result);

/* Without zeros at the end of the fraction. */
struct number number_trim(struct number number);

/* False when it has a fraction or does not fit. */
bool number_to_int64(struct number number, int64_t *integer);

double number_to_double(struct number number);

/* The nearest decimal with at most 15 significant digits. False for NaN,
 * infinities and what does not fit. */
bool number_of_double(double value, struct number *number);
