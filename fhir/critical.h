#pragma once

/*
 * Critical - whether bytes that could not be read as a resource may be a result that somebody has
 * to act on at once: an Observation whose interpretation is critical (AA, HH, LL, or says so in
 * words), or a DiagnosticReport that is final or was changed since.
 *
 * It looks at words, because what it looks at is broken, mostly. A false alarm costs a look at a
 * dead letter; a missed one may cost more.
 */

#include "base/text.h"

#include <stdbool.h>

/* Does not wait. */
bool critical_result(struct text body);
