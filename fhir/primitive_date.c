/*
 * Dates and decimals with the precision they were written with (R4
 * datatypes.html#dateTime, search.html#date, search.html#number).
 */

#include "fhir/primitive.h"

#include "base/clock.h"
#include "base/err.h"

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define DAY    ((int64_t)24 * 60 * MINUTE)

/* More digits than a double can tell apart. */
#define DIGITS_MAX 40

/* Exponents beyond are infinite or zero anyway. */
#define EXPONENT_MAX 100000

/* A decimal: text * 10^exponent. */
struct digits {
    char text[DIGITS_MAX + 1]; /* without leading zeros; empty for 0 */
    size_t count;
    long exponent;
    bool negative;
};

static bool parse_time(struct text text, struct date_value *value);
static bool parse_fraction(struct text *text, struct date_value *value);
static bool parse_zone(struct text text, struct date_value *value);
static bool take_number(struct text *text, size_t digits, int *number);
static bool take_char(struct text *text, char c);
static int days_of_month(int year, int month);
static void take_digits(struct text text, struct digits *digits);
static void add_digit(struct digits *digits, char c, bool behind_point);
static void decrement(struct digits *digits);
static double scaled(const struct digits *digits, const char *more);

bool date_parse(struct text text, struct date_value *value)
{
    *value = (struct date_value){.month = 1, .day = 1, .precision = DATE_YEAR};

    if (!take_number(&text, 4, &value->year) || value->year == 0)
        return false;
    if (text.size == 0)
        return true;
    value->precision = DATE_MONTH;
    if (!take_char(&text, '-') || !take_number(&text, 2, &value->month) || value->month < 1 ||
        value->month > 12)
        return false;
    if (text.size == 0)
        return true;
    value->precision = DATE_DAY;
    if (!take_char(&text, '-') || !take_number(&text, 2, &value->day) || value->day < 1 ||
        value->day > days_of_month(value->year, value->month))
        return false;
    return text.size == 0 || (take_char(&text, 'T') && parse_time(text, value));
}

static bool parse_time(struct text text, struct date_value *value)
{
    value->precision = DATE_MINUTE;
    if (!take_number(&text, 2, &value->hour) || value->hour > 23 || !take_char(&text, ':') ||
        !take_number(&text, 2, &value->minute) || value->minute > 59)
        return false;
    if (take_char(&text, ':')) {
        value->precision = DATE_SECOND;
        /* 60 is a leap second. */
        if (!take_number(&text, 2, &value->second) || value->second > 60 ||
            !parse_fraction(&text, value))
            return false;
    }
    return text.size == 0 || parse_zone(text, value);
}

static bool parse_fraction(struct text *text, struct date_value *value)
{
    int digit;

    if (!take_char(text, '.'))
        return true;
    value->precision = DATE_FRACTION;
    while (take_number(text, 1, &digit)) {
        if (value->fraction_digits < 6)
            value->microsecond = value->microsecond * 10 + digit;
        value->fraction_digits++;
    }
    for (int i = value->fraction_digits; i < 6; i++)
        value->microsecond *= 10;
    return value->fraction_digits > 0;
}

/* "(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))" */
static bool parse_zone(struct text text, struct date_value *value)
{
    int hours, minutes, sign = 1;

    value->has_zone = true;
    if (take_char(&text, 'Z'))
        return text.size == 0;
    if (take_char(&text, '-'))
        sign = -1;
    else if (!take_char(&text, '+'))
        return false;
    if (!take_number(&text, 2, &hours) || !take_char(&text, ':') ||
        !take_number(&text, 2, &minutes) || minutes > 59 || hours * 60 + minutes > 14 * 60)
        return false;
    value->zone_minutes = sign * (hours * 60 + minutes);
    return text.size == 0;
}

static bool take_number(struct text *text, size_t digits, int *number)
{
    int sum = 0;

    if (text->size < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        sum = sum * 10 + (text->data[i] - '0');
    }
    text->data += digits;
    text->size -= digits;
    *number = sum;
    return true;
}

static bool take_char(struct text *text, char c)
{
    if (text->size == 0 || *text->data != c)
        return false;
    text->data++;
    text->size--;
    return true;
}

static int days_of_month(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

void date_span(const struct date_value *value, int default_zone_minutes, int64_t *low,
               int64_t *high)
{
    int zone = value->has_zone ? value->zone_minutes : default_zone_minutes;
    int second = value->second < 60 ? value->second : 59; /* a leap second belongs to its day */
    int64_t start, end;

    start = clock_days(value->year, value->month, value->day) * DAY +
            ((int64_t)value->hour * 60 + value->minute) * MINUTE + second * SECOND +
            value->microsecond;
    switch (value->precision) {
    case DATE_YEAR:
        end = clock_days(value->year + 1, 1, 1) * DAY;
        break;
    case DATE_MONTH:
        end = clock_days(value->year + value->month / 12, value->month % 12 + 1, 1) * DAY;
        break;
    case DATE_DAY:
        end = start + DAY;
        break;
    case DATE_MINUTE:
        end = start + MINUTE;
        break;
    default:
        end = start + SECOND;
        for (int i = 0; i < value->fraction_digits && i < 6; i++)
            end = start + (end - start) / 10;
    }
    *low = start - zone * MINUTE;
    *high = end - zone * MINUTE - 1;
}

bool decimal_parse(struct text text, struct decimal_value *value)
{
    struct digits digits;
    double above, below;

    if (!primitive_is_valid(PRIMITIVE_DECIMAL, text))
        return false;
    take_digits(text, &digits);
    value->value = scaled(&digits, "");

    /* Half a unit of the last digit to both sides: a 5 behind the digits, and
     * behind the digits less one. */
    above = scaled(&digits, "5");
    if (digits.count > 0) {
        decrement(&digits);
        below = scaled(&digits, "5");
    } else {
        digits.negative = !digits.negative;
        below = scaled(&digits, "5");
        digits.negative = !digits.negative;
    }
    value->low = digits.negative ? above : below;
    value->high = digits.negative ? below : above;
    return true;
}

/*
 * An exponent without a point before it counts as if one zero stood behind the
 * point, so that 1e2 is [95, 105] as in the example of R4 search.html#number.
 */
static void take_digits(struct text text, struct digits *digits)
{
    long written = 0;
    bool point = false, exponent = false, minus = false;

    *digits = (struct digits){0};
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == 'e' || c == 'E')
            exponent = true;
        else if (c == '.')
            point = true;
        else if (c == '-' && exponent)
            minus = true;
        else if (c == '-')
            digits->negative = true;
        else if (c != '+' && exponent)
            written = written < EXPONENT_MAX ? written * 10 + (c - '0') : written;
        else if (c != '+')
            add_digit(digits, c, point);
    }
    if (exponent && !point)
        add_digit(digits, '0', true);
    digits->exponent += minus ? -written : written;
}

static void add_digit(struct digits *digits, char c, bool behind_point)
{
    if (digits->count == DIGITS_MAX) {
        digits->exponent += !behind_point;
        return;
    }
    digits->text[digits->count] = c;
    digits->count += digits->count > 0 || c != '0'; /* leading zeros carry nothing */
    digits->text[digits->count] = 0;
    digits->exponent -= behind_point;
}

static void decrement(struct digits *digits)
{
    size_t i = digits->count - 1;

    while (digits->text[i] == '0')
        digits->text[i--] = '9';
    digits->text[i]--;
}

/* Both the digits and the power of ten are exact as doubles, so one division
 * or multiplication rounds correctly (W. D. Clinger, "How to read floating point
 * numbers accurately"). False when they are not. */
static bool scaled_exactly(const struct digits *digits, const char *more, double *result)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    long exponent = digits->exponent - (long)strlen(more);
    int64_t number = 0;

    if (digits->count + strlen(more) > 15 || exponent < -22 || exponent > 22)
        return false;
    for (size_t i = 0; i < digits->count; i++)
        number = number * 10 + (digits->text[i] - '0');
    for (; *more; more++)
        number = number * 10 + (*more - '0');
    *result = exponent < 0 ? (double)number / powers[-exponent] : (double)number * powers[exponent];
    if (digits->negative)
        *result = -*result;
    return true;
}

/* The digits with `more` behind them, as a number. */
static double scaled(const struct digits *digits, const char *more)
{
    char text[DIGITS_MAX + 32];
    double result;

    if (scaled_exactly(digits, more, &result))
        return result;
    snprintf(text, sizeof(text), "%s0%s%se%ld", digits->negative ? "-" : "", digits->text, more,
             digits->exponent - (long)strlen(more));
    return strtod(text, NULL);
}
