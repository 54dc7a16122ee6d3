/*
 * HTTP dates - see http_date.h.
 */

#include "sync/http_date.h"

#include "base/clock.h"
#include "base/err.h"

#define SECOND  INT64_C(1000000)
#define LONGEST (31 * 86400) /* seconds */

struct moment {
    char month[4];
    int year, day, hour, minute, second;
};

static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++)
        if (memcmp(names + 3 * (size_t)i, name, 3) == 0)
            return i + 1;
    return 0;
}

/* A year of two digits is the one of that century which is at most 50 years ahead. */
static int full_year(int year)
{
    int this_year, month, day;

    clock_civil(clock_now() / SECOND / 86400, &this_year, &month, &day);
    year += this_year / 100 * 100;
    return year > this_year + 50 ? year - 100 : year;
}

/* NOLINTBEGIN(cert-err34-c): the fields are checked for their ranges afterwards. */
static bool scan(const char *text, struct moment *m)
{
    char weekday[16], zone[4];

    if (sscanf(text, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3[GMTU]", weekday, &m->day,
               m->month, &m->year, &m->hour, &m->minute, &m->second, zone) == 8)
        return true;
    if (sscanf(text, "%15[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d", weekday, &m->day, m->month,
               &m->year, &m->hour, &m->minute, &m->second) == 7) {
        m->year = full_year(m->year);
        return true;
    }
    return sscanf(text, "%3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", weekday, m->month, &m->day,
                  &m->hour, &m->minute, &m->second, &m->year) == 7;
}
/* NOLINTEND(cert-err34-c) */

bool http_date_parse(struct text text, int64_t *time)
{
    struct moment m = {0};
    char copy[64];

    text = text_trim(text);
    if (text.size == 0 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    if (!scan(copy, &m))
        return false;
    int month = month_of(m.month);
    if (!month || m.day < 1 || m.day > 31 || m.year < 1900 || m.hour < 0 || m.hour > 23 ||
        m.minute < 0 || m.minute > 59 || m.second < 0 || m.second > 60)
        return false;
    *time = ((clock_days(m.year, month, m.day) * 24 + m.hour) * 60 + m.minute) * 60 * SECOND +
            m.second * SECOND;
    return true;
}

int64_t retry_after_ms(struct text value, int64_t now)
{
    int64_t seconds, date;

    value = text_trim(value);
    if (text_to_int64(value, 0, LONGEST, &seconds))
        return seconds * 1000;
    if (!http_date_parse(value, &date) || date <= now || (date - now) / SECOND > LONGEST)
        return 0;
    return (date - now) / 1000;
}
