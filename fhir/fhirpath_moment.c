/*
 * Moments - reading, writing, comparing and moving partial dates and times.
 */

#include "fhir/fhirpath_moment.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/err.h"

#define DAY_MS      INT64_C(86400000)
#define ZONE_SPREAD (INT64_C(14) * 3600 * 1000) /* no zone is further from UTC */
#define TEXT_SIZE   48

static bool read_clock(struct text text, struct moment *moment);
static bool read_zone(struct text text, struct moment *moment);
static int days_in_month(int year, int month);
static int64_t to_ms(const struct moment *moment);
static void from_ms(struct moment *moment, int64_t ms);
static int compare_fields(const struct moment *a, const struct moment *b);

static bool digits(struct text text, size_t at, size_t count, int *value)
{
    int number = 0;

    if (text.size < at + count)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *value = number;
    return true;
}

static struct text tail(struct text text, size_t at)
{
    return (struct text){text.data + at, text.size - at};
}

static bool in_range(const struct moment *moment)
{
    return moment->year >= 1 && moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= days_in_month(moment->year, moment->month);
}

bool moment_read(struct text text, struct moment *moment)
{
    size_t at = 4;

    *moment = (struct moment){.month = 1, .day = 1, .precision = MOMENT_YEAR};
    if (!text.data || !digits(text, 0, 4, &moment->year))
        return false;
    if (text.size > at && text.data[at] == '-') {
        if (!digits(text, at + 1, 2, &moment->month))
            return false;
        moment->precision = MOMENT_MONTH;
        at += 3;
        if (text.size > at && text.data[at] == '-') {
            if (!digits(text, at + 1, 2, &moment->day))
                return false;
            moment->precision = MOMENT_DAY;
            at += 3;
        }
    }
    if (!in_range(moment))
        return false;
    if (at == text.size)
        return true;
    if (text.data[at] != 'T')
        return false;
    if (at + 1 == text.size)
        return true;
    return moment->precision == MOMENT_DAY && read_clock(tail(text, at + 1), moment);
}

bool moment_read_time(struct text text, struct moment *moment)
{
    *moment = (struct moment){.year = 1, .month = 1, .day = 1, .is_time = true};
    return text.data && read_clock(text, moment) && !moment->has_zone;
}

/* hh[:mm[:ss[.fff]]] and, unless only the hour is given, a zone. */
static bool read_clock(struct text text, struct moment *moment)
{
    size_t at = 2;

    if (!digits(text, 0, 2, &moment->hour) || moment->hour > 23)
        return false;
    moment->precision = MOMENT_HOUR;
    if (text.size > at && text.data[at] == ':') {
        if (!digits(text, at + 1, 2, &moment->minute) || moment->minute > 59)
            return false;
        moment->precision = MOMENT_MINUTE;
        at += 3;
        if (text.size > at && text.data[at] == ':') {
            if (!digits(text, at + 1, 2, &moment->second) || moment->second > 60)
                return false;
            moment->precision = MOMENT_SECOND;
            at += 3;
        }
    }
    if (moment->precision == MOMENT_SECOND && text.size > at && text.data[at] == '.') {
        int scale = 100;

        for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
            moment->millisecond += (text.data[at] - '0') * scale;
            scale /= 10;
            moment->fraction_digits++;
        }
        if (moment->fraction_digits == 0)
            return false;
    }
    return read_zone(tail(text, at), moment);
}

static bool read_zone(struct text text, struct moment *moment)
{
    int hours, minutes;

    if (text.size == 0)
        return true;
    moment->has_zone = true;
    if (text_is(text, "Z"))
        return true;
    if (text.size != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':' ||
        !digits(text, 1, 2, &hours) || !digits(text, 4, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    moment->zone_minutes = (hours * 60 + minutes) * (text.data[0] == '-' ? -1 : 1);
    return true;
}

static int write_zone(const struct moment *moment, char *out, size_t size)
{
    int zone = moment->zone_minutes < 0 ? -moment->zone_minutes : moment->zone_minutes;

    if (!moment->has_zone)
        return 0;
    if (zone == 0)
        return snprintf(out, size, "Z");
    return snprintf(out, size, "%c%02d:%02d", moment->zone_minutes < 0 ? '-' : '+', zone / 60 % 100,
                    zone % 60);
}

struct text moment_write(struct arena *arena, const struct moment *moment, bool with_t)
{
    char *out = arena_alloc_raw(arena, TEXT_SIZE);
    int size = 0;

#define ADD(...) size += snprintf(out + size, (size_t)(TEXT_SIZE - size), __VA_ARGS__)
    if (!moment->is_time) {
        ADD("%04d", moment->year);
        if (moment->precision >= MOMENT_MONTH)
            ADD("-%02d", moment->month);
        if (moment->precision >= MOMENT_DAY)
            ADD("-%02d", moment->day);
        if (moment->precision >= MOMENT_HOUR || with_t)
            ADD("T");
    }
    if (moment->precision >= MOMENT_HOUR)
        ADD("%02d", moment->hour);
    if (moment->precision >= MOMENT_MINUTE)
        ADD(":%02d", moment->minute);
    if (moment->precision >= MOMENT_SECOND)
        ADD(":%02d", moment->second);
    if (moment->precision >= MOMENT_SECOND && moment->fraction_digits > 0)
        ADD(".%03d", moment->millisecond);
#undef ADD
    size += write_zone(moment, out + size, (size_t)(TEXT_SIZE - size));
    return (struct text){out, (size_t)size};
}

/* Both in UTC, or both without a zone. */
static struct moment normalized(const struct moment *moment)
{
    struct moment utc = *moment;

    if (!moment->has_zone || moment->zone_minutes == 0 || moment->precision < MOMENT_HOUR)
        return utc;
    from_ms(&utc, to_ms(moment) - moment->zone_minutes * INT64_C(60000));
    return utc;
}

/*
 * Where one has a zone and the other has none, the answer is certain only if
 * it is the same for every zone there is.
 */
int moment_compare(const struct moment *a, const struct moment *b)
{
    bool clocks = a->precision >= MOMENT_HOUR && b->precision >= MOMENT_HOUR;
    struct moment x, y;

    if (clocks && a->has_zone != b->has_zone) {
        int64_t apart = to_ms(a) - a->zone_minutes * INT64_C(60000) - to_ms(b) +
                        b->zone_minutes * INT64_C(60000);

        if (apart > ZONE_SPREAD)
            return 1;
        return apart < -ZONE_SPREAD ? -1 : 2;
    }
    if (!clocks)
        return compare_fields(a, b);
    x = normalized(a);
    y = normalized(b);
    return compare_fields(&x, &y);
}

static int compare_fields(const struct moment *a, const struct moment *b)
{
    const int x[] = {a->year, a->month,  a->day,
                     a->hour, a->minute, a->second * 1000 + a->millisecond};
    const int y[] = {b->year, b->month,  b->day,
                     b->hour, b->minute, b->second * 1000 + b->millisecond};
    enum moment_precision common = a->precision < b->precision ? a->precision : b->precision;

    for (unsigned i = 0; i <= (unsigned)common; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return a->precision == b->precision ? 0 : 2;
}

enum unit_kind { UNIT_YEAR, UNIT_MONTH, UNIT_LENGTH };

static const struct calendar_unit {
    const char *name, *plural;
    enum unit_kind kind;
    int64_t length; /* in milliseconds; of years and months: an average for lesser precisions */
} calendar_units[] = {
    {"year", "years", UNIT_YEAR, 365 * DAY_MS},
    {"month", "months", UNIT_MONTH, 30 * DAY_MS},
    {"week", "weeks", UNIT_LENGTH, 7 * DAY_MS},
    {"day", "days", UNIT_LENGTH, DAY_MS},
    {"hour", "hours", UNIT_LENGTH, 3600000},
    {"minute", "minutes", UNIT_LENGTH, 60000},
    {"second", "seconds", UNIT_LENGTH, 1000},
    {"millisecond", "milliseconds", UNIT_LENGTH, 1},
    {"wk", NULL, UNIT_LENGTH, 7 * DAY_MS},
    {"d", NULL, UNIT_LENGTH, DAY_MS},
    {"h", NULL, UNIT_LENGTH, 3600000},
    {"min", NULL, UNIT_LENGTH, 60000},
    {"s", NULL, UNIT_LENGTH, 1000},
    {"ms", NULL, UNIT_LENGTH, 1},
};

static const struct calendar_unit *find_unit(struct text name)
{
    for (size_t i = 0; i < COUNT(calendar_units); i++) {
        const struct calendar_unit *row = &calendar_units[i];

        if (text_is(name, row->name) || (row->plural && text_is(name, row->plural)))
            return row;
    }
    return NULL;
}

static bool add_months(struct moment *moment, int64_t months)
{
    int64_t total = moment->year * INT64_C(12) + moment->month - 1 + months;
    int last;

    if (total < 12 || total >= INT64_C(120000))
        return false;
    moment->year = (int)(total / 12);
    moment->month = (int)(total % 12) + 1;
    last = days_in_month(moment->year, moment->month);
    if (moment->day > last)
        moment->day = last;
    return true;
}

/* A length of time in whole steps of the moment's precision. */
static bool add_length(struct moment *moment, int64_t amount, int64_t length)
{
    static const int64_t steps[] = {365 * DAY_MS, 30 * DAY_MS, DAY_MS, 3600000, 60000, 1};
    int64_t step = steps[moment->precision], ms;

    if (__builtin_mul_overflow(amount, length, &ms) || ms / DAY_MS > INT64_C(4000000) ||
        ms / DAY_MS < -INT64_C(4000000))
        return false;
    if (moment->precision == MOMENT_YEAR)
        return add_months(moment, ms / step * 12);
    if (moment->precision == MOMENT_MONTH)
        return add_months(moment, ms / step);
    ms = to_ms(moment) + ms / step * step;
    if (moment->is_time)
        ms = (ms % DAY_MS + DAY_MS) % DAY_MS + clock_days(1, 1, 1) * DAY_MS;
    else if (ms < clock_days(1, 1, 1) * DAY_MS || ms >= clock_days(10000, 1, 1) * DAY_MS)
        return false;
    from_ms(moment, ms);
    if (moment->millisecond != 0 && moment->fraction_digits == 0)
        moment->fraction_digits = 3;
    return true;
}

bool moment_add(struct moment *moment, int64_t amount, struct text unit)
{
    const struct calendar_unit *row = find_unit(unit);

    if (!row || (moment->is_time && row->kind != UNIT_LENGTH) ||
        amount > INT32_MAX * INT64_C(1000) || amount < INT32_MIN * INT64_C(1000))
        return false;
    if (row->kind == UNIT_YEAR)
        return add_months(moment, amount * 12);
    if (row->kind == UNIT_MONTH && moment->precision > MOMENT_YEAR)
        return add_months(moment, amount);
    if (row->kind == UNIT_MONTH)
        return add_months(moment, amount / 12 * 12);
    return add_length(moment, amount, row->length);
}

int moment_digits(const struct moment *moment)
{
    static const int date[] = {4, 6, 8, 10, 12, 14}, time[] = {0, 0, 0, 2, 4, 6};
    int count = moment->is_time ? time[moment->precision] : date[moment->precision];

    return moment->precision == MOMENT_SECOND && moment->fraction_digits > 0 ? count + 3 : count;
}

/* Fills what is not given with its least or greatest value. */
static void fill(struct moment *moment, bool high)
{
    if (moment->precision < MOMENT_MONTH)
        moment->month = high ? 12 : 1;
    if (moment->precision < MOMENT_DAY)
        moment->day = high ? days_in_month(moment->year, moment->month) : 1;
    if (moment->precision < MOMENT_HOUR)
        moment->hour = high ? 23 : 0;
    /* FHIR knows no hours without minutes: an hour alone is its first minute. */
    if (moment->precision < MOMENT_MINUTE)
        moment->minute = high && moment->precision != MOMENT_HOUR ? 59 : 0;
    if (moment->precision < MOMENT_SECOND)
        moment->second = high ? 59 : 0;
    if (moment->precision < MOMENT_SECOND || moment->fraction_digits == 0)
        moment->millisecond = high ? 999 : 0;
}

bool moment_boundary(struct moment *moment, bool high, int count)
{
    static const int date[] = {4, 6, 8, 10, 12, 14, 17}, time[] = {-1, -1, -1, 2, 4, 6, 9};
    const int *known = moment->is_time ? time : date;
    int precision = 0;

    while (precision <= MOMENT_SECOND + 1 && known[precision] != count)
        precision++;
    if (precision > MOMENT_SECOND + 1)
        return false;
    fill(moment, high);
    moment->fraction_digits = precision > MOMENT_SECOND ? 3 : 0;
    moment->precision =
        precision > MOMENT_SECOND ? MOMENT_SECOND : (enum moment_precision)precision;
    if (!moment->is_time && moment->precision >= MOMENT_HOUR && !moment->has_zone) {
        moment->has_zone = true;
        moment->zone_minutes = high ? -12 * 60 : 14 * 60;
    }
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static int64_t to_ms(const struct moment *moment)
{
    int64_t seconds = clock_days(moment->year, moment->month, moment->day) * 86400 +
                      INT64_C(3600) * moment->hour + INT64_C(60) * moment->minute + moment->second;

    return seconds * 1000 + moment->millisecond;
}

static void from_ms(struct moment *moment, int64_t ms)
{
    int64_t days = ms / DAY_MS, rest = ms % DAY_MS;

    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    clock_civil(days, &moment->year, &moment->month, &moment->day);
    moment->hour = (int)(rest / 3600000);
    moment->minute = (int)(rest / 60000 % 60);
    moment->second = (int)(rest / 1000 % 60);
    moment->millisecond = (int)(rest % 1000);
}
