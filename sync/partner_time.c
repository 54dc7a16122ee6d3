/*
 * Times of a partner's document: durations, and the hours in which it may be asked.
 */

#include "sync/partner.h"

#define DAY_MS  INT64_C(86400000)
#define MINUTES 1440
#define MICRO   INT64_C(1000000)
#define LATE    3 /* times the time between two pulls */

/* Digits with a fraction, in thousandths. */
static bool take_number(struct text *rest, int64_t *thousandths)
{
    int64_t number = 0, unit = 1000;
    size_t i = 0;
    bool fraction = false;

    for (; i < rest->size && i < 12; i++) {
        char c = rest->data[i];
        if (c == '.' && !fraction && i > 0)
            fraction = true;
        else if (c < '0' || c > '9')
            break;
        else if (fraction)
            number += (unit /= 10) * (c - '0');
        else
            number = number * 10 + (c - '0') * INT64_C(1000);
    }
    *thousandths = number;
    rest->data += i;
    rest->size -= i;
    return i > 0 && rest->size > 0;
}

bool partner_duration(struct text text, int64_t *milliseconds)
{
    static const struct {
        char letter;
        bool time;
        int64_t ms;
    } units[] = {{'W', false, 7 * DAY_MS},
                 {'D', false, DAY_MS},
                 {'H', true, 3600000},
                 {'M', true, 60000},
                 {'S', true, 1000}};
    bool time = false;
    size_t unit = 0;
    int64_t number;

    if (text.size < 3 || text.data[0] != 'P')
        return false;
    *milliseconds = 0;
    for (text = (struct text){text.data + 1, text.size - 1}; text.size;
         text = (struct text){text.data + 1, text.size - 1}) {
        if (text.data[0] == 'T' && !time && text.size > 1) {
            time = true;
            continue;
        }
        if (!take_number(&text, &number))
            return false;
        while (unit < 5 && (units[unit].letter != text.data[0] || units[unit].time != time))
            unit++;
        if (unit == 5)
            return false;
        *milliseconds += number / 1000 * units[unit].ms + number % 1000 * units[unit].ms / 1000;
        unit++;
    }
    return true;
}

int64_t partner_patience(const struct partner *partner, int64_t every)
{
    bool keeps_hours = partner->limits.window_from != partner->limits.window_to;

    return LATE * every * 1000 + 60 * MICRO + (keeps_hours ? DAY_MS * 1000 : 0);
}

bool partner_window_is_open(const struct partner *partner, int64_t time, int64_t *opens)
{
    int from = partner->limits.window_from, to = partner->limits.window_to;
    int64_t minute_of = time / MICRO / 60;
    int minute = (int)(minute_of % MINUTES);
    bool open =
        from == to || (from < to ? minute >= from && minute < to : minute >= from || minute < to);

    *opens = open ? time : (minute_of + (from - minute + MINUTES) % MINUTES) * 60 * MICRO;
    return open;
}
