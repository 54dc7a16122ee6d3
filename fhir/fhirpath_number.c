/*
 * Numbers - exact decimal arithmetic on 128-bit integers.
 */

#include "fhir/fhirpath_number.h"

#include "base/arena.h"
#include "base/err.h"

#include <math.h>

#define MAX_DIGITS       28
#define DIVISION_SCALE   16
#define MAX_TEXT         128
#define MAX_EXPONENT     64
#define MAX_POWER        38 /* of ten, in 127 bits */
#define NUMBER_TEXT_SIZE 64

static __int128 power_of_ten(int exponent);
static int digit_count(__int128 digits);
static bool settle(__int128 digits, int scale, struct number *result);
static bool align(struct number *a, struct number *b);
static __int128 divide_rounding(__int128 digits, __int128 divisor, enum rounding rounding);

struct number number_of(int64_t integer)
{
    return (struct number){integer, 0};
}

/* Digits with an optional point between them; false when there are none or too many. */
static bool read_digits(struct text text, size_t *at, struct number *number)
{
    size_t i = *at;
    bool point = false, any = false;

    for (; i < text.size; i++) {
        char c = text.data[i];

        if (c == '.' && any && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        any = true;
        number->digits = number->digits * 10 + (c - '0');
        number->scale += point;
        if (digit_count(number->digits) > MAX_DIGITS || number->scale > NUMBER_MAX_SCALE)
            return false;
    }
    *at = i;
    return any && text.data[i - 1] != '.';
}

bool number_read(struct text text, struct number *number)
{
    struct number read = {0, 0};
    bool negative = false;
    size_t at = 0;

    if (!text.data || text.size == 0 || text.size > MAX_TEXT)
        return false;
    if (text.data[0] == '-' || text.data[0] == '+') {
        negative = text.data[0] == '-';
        at = 1;
    }
    if (!read_digits(text, &at, &read))
        return false;
    if (at < text.size && (text.data[at] | 0x20) == 'e') {
        struct text exponent = {text.data + at + 1, text.size - at - 1};
        int64_t shift;

        if (exponent.size > 1 && exponent.data[0] == '+')
            exponent = (struct text){exponent.data + 1, exponent.size - 1};
        if (!text_to_int64(exponent, -MAX_EXPONENT, MAX_EXPONENT, &shift))
            return false;
        at = text.size;
        read.scale -= (int)shift;
        if (read.scale < 0) {
            if (-read.scale > MAX_DIGITS)
                return false;
            read.digits *= power_of_ten(-read.scale);
            read.scale = 0;
        }
    }
    if (at != text.size)
        return false;
    return settle(negative ? -read.digits : read.digits, read.scale, number);
}

struct text number_write(struct arena *arena, struct number number)
{
    char *buffer = arena_alloc_raw(arena, NUMBER_TEXT_SIZE);
    char *end = buffer + NUMBER_TEXT_SIZE, *p = end;
    bool negative = number.digits < 0;
    unsigned __int128 digits =
        negative ? -(unsigned __int128)number.digits : (unsigned __int128)number.digits;
    int written = 0;

    do {
        if (number.scale > 0 && written == number.scale)
            *--p = '.';
        *--p = (char)('0' + (int)(digits % 10));
        digits /= 10;
        written++;
    } while (digits > 0 || written <= number.scale);
    if (negative)
        *--p = '-';
    return (struct text){p, (size_t)(end - p)};
}

bool number_add(struct number a, struct number b, struct number *result)
{
    return align(&a, &b) && settle(a.digits + b.digits, a.scale, result);
}

bool number_multiply(struct number a, struct number b, struct number *result)
{
    __int128 digits;

    if (a.scale + b.scale > NUMBER_MAX_SCALE ||
        digit_count(a.digits) + digit_count(b.digits) > 36) {
        a = number_trim(a);
        b = number_trim(b);
    }
    if (__builtin_mul_overflow(a.digits, b.digits, &digits))
        return false;
    return settle(digits, a.scale + b.scale, result);
}

/* An operand keeps its meaning without trailing zeros, and leaves more room. */
bool number_divide(struct number a, struct number b, struct number *result)
{
    struct number quotient;
    __int128 digits;
    int shift;

    a = number_trim(a);
    b = number_trim(b);
    if (b.digits == 0)
        return false;
    shift = DIVISION_SCALE - a.scale + b.scale;
    if (shift > MAX_POWER)
        shift = MAX_POWER;
    while (shift > 0 && __builtin_mul_overflow(a.digits, power_of_ten(shift), &digits))
        shift--;
    if (shift <= 0) {
        shift = 0;
        digits = a.digits;
    }
    digits = divide_rounding(digits, b.digits, ROUND_HALF_UP);
    if (!settle(digits, a.scale - b.scale + shift, &quotient))
        return false;
    *result = number_trim(quotient);
    return true;
}

bool number_quotient(struct number a, struct number b, struct number *result)
{
    if (b.digits == 0 || !align(&a, &b))
        return false;
    *result = (struct number){a.digits / b.digits, 0};
    return true;
}

bool number_remainder(struct number a, struct number b, struct number *result)
{
    if (b.digits == 0 || !align(&a, &b))
        return false;
    *result = (struct number){a.digits % b.digits, a.scale};
    return true;
}

int number_compare(struct number a, struct number b)
{
    if (a.scale == b.scale || align(&a, &b))
        return (a.digits > b.digits) - (a.digits < b.digits);

    /* So far apart in scale that doubles tell them apart. */
    double x = number_to_double(a), y = number_to_double(b);
    return (x > y) - (x < y);
}

bool number_round(struct number number, int scale, enum rounding rounding, struct number *result)
{
    if (scale < 0 || scale > NUMBER_MAX_SCALE)
        return false;
    if (scale >= number.scale) {
        __int128 digits;

        if (__builtin_mul_overflow(number.digits, power_of_ten(scale - number.scale), &digits))
            return false;
        return settle(digits, scale, result);
    }
    *result = (struct number){
        divide_rounding(number.digits, power_of_ten(number.scale - scale), rounding), scale};
    return true;
}

struct number number_trim(struct number number)
{
    while (number.scale > 0 && number.digits % 10 == 0) {
        number.digits /= 10;
        number.scale--;
    }
    return number;
}

bool number_to_int64(struct number number, int64_t *integer)
{
    number = number_trim(number);
    if (number.scale > 0 || number.digits > INT64_MAX || number.digits < INT64_MIN)
        return false;
    *integer = (int64_t)number.digits;
    return true;
}

double number_to_double(struct number number)
{
    return (double)((long double)number.digits / powl(10.0L, number.scale));
}

bool number_of_double(double value, struct number *number)
{
    char text[MAX_TEXT];
    int size;

    if (!isfinite(value) || fabs(value) >= 1e28)
        return false;
    if (fabs(value) < 1e-28)
        value = 0;
    size = snprintf(text, sizeof(text), "%.15g", value);
    if (!number_read((struct text){text, (size_t)size}, number))
        return false;
    *number = number_trim(*number);
    return true;
}

static __int128 power_of_ten(int exponent)
{
    __int128 power = 1;

    while (exponent-- > 0)
        power *= 10;
    return power;
}

static int digit_count(__int128 digits)
{
    int count = 0;

    for (; digits != 0; digits /= 10)
        count++;
    return count;
}

/* Brings a result into the bounds: places beyond the 28th are rounded away,
 * digits before the point cannot be. */
static bool settle(__int128 digits, int scale, struct number *result)
{
    int excess = digit_count(digits) - MAX_DIGITS;

    if (scale < 0) {
        if (excess - scale > 0)
            return false;
        digits *= power_of_ten(-scale);
        scale = 0;
    }
    if (scale - NUMBER_MAX_SCALE > excess)
        excess = scale - NUMBER_MAX_SCALE;
    if (excess > 0) {
        if (excess > scale)
            return false;
        digits =
            excess > MAX_POWER ? 0 : divide_rounding(digits, power_of_ten(excess), ROUND_HALF_UP);
        scale -= excess;
    }
    *result = (struct number){digits, scale};
    return true;
}

/* Gives both the larger scale. */
static bool align(struct number *a, struct number *b)
{
    struct number *low = a->scale < b->scale ? a : b, *high = a->scale < b->scale ? b : a;
    __int128 digits;

    if (__builtin_mul_overflow(low->digits, power_of_ten(high->scale - low->scale), &digits))
        return false;
    *low = (struct number){digits, high->scale};
    return true;
}

static __int128 divide_rounding(__int128 digits, __int128 divisor, enum rounding rounding)
{
    __int128 quotient = digits / divisor, rest = digits % divisor;
    bool negative = (rest < 0) != (divisor < 0);
    __int128 away = negative ? -1 : 1;
    __int128 double_rest = rest < 0 ? -rest * 2 : rest * 2;

    if (rest == 0 || rounding == ROUND_DOWN)
        return quotient;
    if (rounding == ROUND_FLOOR)
        return negative ? quotient - 1 : quotient;
    if (rounding == ROUND_CEILING)
        return negative ? quotient : quotient + 1;
    return double_rest >= (divisor < 0 ? -divisor : divisor) ? quotient + away : quotient;
}
