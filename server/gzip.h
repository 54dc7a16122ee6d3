#pragma once

/* Gzip - the one content coding that is offered. Only gzip*.c know zlib. */

#include "base/err.h"
#include "base/text.h"

struct arena;

/* Whether an Accept-Encoding header (absent: no) allows gzip: listed, or
 * covered by `*`, with a quality above zero, and not worse than `identity`
 * (RFC 9110 12.5.3). */
bool gzip_is_accepted(struct text accept_encoding);

/* Compresses fast rather than well. Absent when it would not get smaller. */
struct text gzip_bytes(struct arena *arena, struct text bytes);

/* Unpacks. ERR_INVALID when the bytes are no gzip; ERR_TOO_LARGE as soon as the
 * result exceeds `most` bytes, or 1 MiB and 200 times the input, so that
 * a small body cannot occupy much memory and time. */
bool gzip_unpack(struct arena *arena, struct text packed, size_t most, struct text *bytes,
                 struct err *err);
