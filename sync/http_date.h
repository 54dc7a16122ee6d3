#pragma once

/* HTTP dates, and what Retry-After says (RFC 9110 5.6.7, 10.2.3). */

#include "base/text.h"

#include <stdint.h>

/* All three forms of an HTTP date, microseconds since 1970; false when it is none. */
bool http_date_parse(struct text text, int64_t *time);

/*
 * How long a server asks to be left alone, in milliseconds; 0 when it says nothing
 * that can be honoured: absent, negative, past, garbage, or beyond 31 days. A date is
 * taken by the server's own clock: `now` is its Date.
 */
int64_t retry_after_ms(struct text value, int64_t now);
