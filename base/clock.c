/*
 * Clock - points in time, and the two forms in which they are written.
 */

#include "base/clock.h"

#include "base/err.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

struct moment {
    int year, month, day, hour, minute, second, millisecond;
    int64_t days;
};

static int64_t read_clock(clockid_t id);
static struct moment take_apart(int64_t time);
static char *digits(char *at, int number, int width);
static char *word(char *at, const char *text);

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t read_clock(clockid_t id)
{
    struct timespec time;

    clock_gettime(id, &time);
    return time.tv_sec * SECOND + time.tv_nsec / 1000;
}

void clock_format_instant(int64_t time, char out[CLOCK_INSTANT_SIZE])
{
    struct moment m = take_apart(time);
    char *at = digits(out, m.year, 4);

    *at++ = '-';
    at = digits(at, m.month, 2);
    *at++ = '-';
    at = digits(at, m.day, 2);
    *at++ = 'T';
    at = digits(at, m.hour, 2);
    *at++ = ':';
    at = digits(at, m.minute, 2);
    *at++ = ':';
    at = digits(at, m.second, 2);
    *at++ = '.';
    at = digits(at, m.millisecond, 3);
    word(at, "Z");
}

/* RFC 9110 5.6.7, IMF-fixdate. */
void clock_format_http(int64_t time, char out[CLOCK_HTTP_SIZE])
{
    static const char weekdays[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct moment m = take_apart(time);
    char *at = word(out, weekdays[(m.days % 7 + 7) % 7]);

    at = word(at, ", ");
    at = digits(at, m.day, 2);
    *at++ = ' ';
    at = word(at, months[m.month - 1]);
    *at++ = ' ';
    at = digits(at, m.year, 4);
    *at++ = ' ';
    at = digits(at, m.hour, 2);
    *at++ = ':';
    at = digits(at, m.minute, 2);
    *at++ = ':';
    at = digits(at, m.second, 2);
    word(at, " GMT");
}

/* Both conversions count in eras of 400 years (146,097 days) that begin on the
 * first of March, so that the leap day is the last day of its year. */
int64_t clock_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void clock_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* Both forms have four digits for the year: what is outside is clamped. */
static struct moment take_apart(int64_t time)
{
    const int64_t first = INT64_C(-719528) * DAY;    /* 0000-01-01 */
    const int64_t last = INT64_C(2932897) * DAY - 1; /* the end of 9999-12-31 */
    struct moment m;
    int64_t rest;

    time = time < first ? first : time > last ? last : time;
    m.days = time / DAY - (time % DAY < 0);
    rest = (time - m.days * DAY) / 1000;
    m.millisecond = (int)(rest % 1000);
    rest /= 1000;
    m.second = (int)(rest % 60);
    m.minute = (int)(rest / 60 % 60);
    m.hour = (int)(rest / 3600);
    clock_civil(m.days, &m.year, &m.month, &m.day);
    return m;
}

static char *digits(char *at, int number, int width)
{
    for (int i = width - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + width;
}

static char *word(char *at, const char *text)
{
    size_t size = strlen(text);

    memcpy(at, text, size + 1);
    return at + size;
}
