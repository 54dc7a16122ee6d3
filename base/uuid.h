#pragma once

/* UUID - 16 bytes and their written form (RFC 9562 section 4), which is in lower case. */

#include "base/text.h"

#include <stdbool.h>

enum { UUID_BYTES = 16, UUID_SIZE = 37 };

void uuid_write(const unsigned char bytes[UUID_BYTES], char out[UUID_SIZE]);

/* False, and nothing is written, when it is none; in upper case it is none, for ids mind the case.
 */
bool uuid_read(struct text written, unsigned char bytes[UUID_BYTES]);
