#pragma once

/*
 * Inflate - what another server has compressed. Judged by its bytes rather than by
 * its headers, which lie: compressed without saying so, said but not done, done twice.
 */

#include "base/err.h"
#include "base/text.h"

struct arena;

/*
 * The plain bytes of a body; those handed in when they are no gzip (and, where the
 * headers speak of `deflate`, no deflate). ERR_TOO_LARGE beyond `most` bytes, or
 * beyond 1 MiB and 200 times the input; ERR_UNKNOWN when the stream ends early
 * or fails its checksum, as after a connection that was cut.
 */
bool inflate_body(struct arena *arena, struct text body, bool deflate, size_t most,
                  struct text *plain, struct err *err);
