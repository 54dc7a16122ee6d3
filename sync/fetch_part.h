#pragma once

/*
 * Parts - the beginning of an answer whose connection broke, and going on where it ended (RFC 9110
 * 14.2, 13.1.5). Only where the server names the bytes by a strong ETag: with If-Range it answers
 * with the rest, or, when they are others meanwhile, with all of them.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

struct arena;

/* Of several attempts at one request; begins as zero. Lives in the arena of the answers. */
struct fetch_part {
    struct text body, etag, coding;
};

/* An answer, complete or not, as far as it concerns parts. */
struct fetch_piece {
    int status;
    struct text body, etag, coding, range; /* Content-Encoding, Content-Range */
};

/* After a connection broke: keeps what is worth it. */
void fetch_part_keep(struct fetch_part *part, const struct fetch_piece *piece, struct arena *arena);

/* The headers that ask for the rest; false when there is nothing to go on with. */
bool fetch_part_headers(const struct fetch_part *part, struct arena *arena, const char **range,
                        const char **if_range);

/*
 * Joins what has come with what came before, when it is the rest of that; `*body` is all of it.
 * ERR_UNKNOWN when it fits nowhere: then the part is forgotten, and the next attempt asks for all.
 */
bool fetch_part_join(struct fetch_part *part, const struct fetch_piece *piece, struct arena *arena,
                     struct text *body, struct err *err);
