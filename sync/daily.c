/*
 * Daily - see daily.h. The count is a cursor of its own: "20415/350", the day and the requests.
 */

#include "sync/daily.h"

#include "base/arena.h"
#include "storage/landing.h"

#include <inttypes.h>

#define DAY     (INT64_C(86400) * 1000000)
#define AT_ONCE 50

/* What was taken of the day so far. */
static int64_t taken_of(struct text value, int64_t day)
{
    struct text before, after;
    int64_t known, count;

    if (!value.data || !text_split(value, '/', &before, &after) ||
        !text_to_int64(before, 0, INT64_MAX, &known) || known != day ||
        !text_to_int64(after, 0, INT64_MAX, &count))
        return 0;
    return count;
}

static int64_t share(int64_t most, int64_t before)
{
    int64_t some = most / 100 < AT_ONCE ? most / 100 : AT_ONCE;

    if (some < 1)
        some = 1;
    return some < most - before ? some : most - before;
}

/* Waits. Takes some more; none when there are none. */
static bool take_some(struct daily *daily, struct store *store, int32_t partner, int64_t most,
                      struct err *err)
{
    const struct landing_cursor_key key = {partner, "requests", "", TEXT("")};
    const int64_t day = daily->day;
    struct arena *arena = arena_new();
    struct landing_cursor cursor;
    int64_t some = 0;
    bool good = true, moved = false;

    while (good && !moved) {
        good = landing_cursor_get(store, &key, arena, &cursor, err);
        if (!good)
            break;
        int64_t before = taken_of(cursor.value, day);
        some = share(most, before);
        if (some <= 0)
            break;
        cursor.value = text_of(arena_printf(arena, "%" PRId64 "/%" PRId64, day, before + some));
        good = landing_cursor_set(store, &cursor, &moved, err);
    }
    if (good && some > 0 && daily->day == day)
        daily->left += some;
    arena_free(arena);
    return good;
}

bool daily_take(struct daily *daily, struct store *store, int32_t partner, int64_t most,
                int64_t now, bool *taken, struct err *err)
{
    if (daily->day != now / DAY)
        *daily = (struct daily){.day = now / DAY};
    if (daily->left == 0 && !take_some(daily, store, partner, most, err))
        return false;
    *taken = daily->left > 0;
    daily->left -= *taken;
    return true;
}
