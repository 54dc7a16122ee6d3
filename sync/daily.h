#pragma once

/*
 * Daily - how many requests a partner gets in a day (UTC). They are counted in the database, so
 * that a worker that begins anew, or takes over, goes on counting. Some are taken at once, at most
 * one in a hundred of the limit: what a worker took and did not use is gone for that day.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

struct daily {
    int64_t day;  /* since 1970 */
    int64_t left; /* taken of it, and not used */
};

/* Waits. Takes one of `most` for the day of `now` (microseconds since 1970); `*taken` false when
 * there are none any more. ERR_BUSY and the like from the database. */
bool daily_take(struct daily *daily, struct store *store, int32_t partner, int64_t most,
                int64_t now, bool *taken, struct err *err);
