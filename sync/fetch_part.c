/*
 * Parts - see fetch_part.h.
 */

#include "sync/fetch_part.h"

#include "base/arena.h"

#include <stdint.h>

#define OK      200
#define PARTIAL 206

/* W/"..." says that the meaning is the same, not that the bytes are. */
static bool is_strong(struct text etag)
{
    return etag.size > 2 && etag.data[0] == '"';
}

/* "bytes 500-999/1234": whether it goes on where the part ends. */
static bool goes_on(const struct fetch_part *part, const struct fetch_piece *piece)
{
    struct text unit, rest, first, last;
    int64_t begin;

    return part->body.size > 0 && text_split(piece->range, ' ', &unit, &rest) &&
           text_is(unit, "bytes") && text_split(rest, '-', &first, &last) &&
           text_to_int64(first, 0, INT64_MAX, &begin) && (uint64_t)begin == part->body.size &&
           text_equals(piece->coding, part->coding) &&
           (piece->etag.size == 0 || text_equals(piece->etag, part->etag));
}

static struct text joined(const struct fetch_part *part, const struct fetch_piece *piece,
                          struct arena *arena)
{
    char *all = arena_alloc_raw(arena, part->body.size + piece->body.size + 1);

    memcpy(all, part->body.data, part->body.size);
    if (piece->body.size)
        memcpy(all + part->body.size, piece->body.data, piece->body.size);
    return (struct text){all, part->body.size + piece->body.size};
}

void fetch_part_keep(struct fetch_part *part, const struct fetch_piece *piece, struct arena *arena)
{
    if (piece->status == PARTIAL && goes_on(part, piece))
        part->body = joined(part, piece, arena);
    else if (piece->status == OK && is_strong(piece->etag) && piece->body.size > 0)
        *part = (struct fetch_part){piece->body, piece->etag, piece->coding};
    else if (piece->status != 0) /* without any answer, what came before is as good as it was */
        *part = (struct fetch_part){0};
}

bool fetch_part_headers(const struct fetch_part *part, struct arena *arena, const char **range,
                        const char **if_range)
{
    if (part->body.size == 0)
        return false;
    *range = arena_printf(arena, "Range: bytes=%zu-", part->body.size);
    *if_range = arena_printf(arena, "If-Range: %.*s", TEXT_ARGS(part->etag));
    return true;
}

bool fetch_part_join(struct fetch_part *part, const struct fetch_piece *piece, struct arena *arena,
                     struct text *body, struct err *err)
{
    const bool fits = piece->status == PARTIAL && goes_on(part, piece);

    *body = fits ? joined(part, piece, arena) : piece->body;
    const bool had = part->body.size > 0;
    *part = (struct fetch_part){0};
    return fits || !had || (piece->status != PARTIAL && piece->status != 416) ||
           err_set(err, ERR_UNKNOWN, NULL, "The server goes on with another part than was asked.");
}
