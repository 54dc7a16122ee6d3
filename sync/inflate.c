/*
 * Inflate - see inflate.h.
 */

#include "sync/inflate.h"

#include "base/arena.h"
#include "base/buf.h"

#include <zlib.h>

#define LAYERS        2
#define MOST_RATIO    200
#define FREE_OF_RATIO ((size_t)1 << 20)
#define STEP          ((size_t)64 << 10)
#define GZIP_WINDOW   (MAX_WBITS + 16)
#define LARGEST       ((size_t)1 << 31) /* zlib counts in 32 bits */

static bool is_gzip(const void *data, size_t size)
{
    return size >= 2 && memcmp(data, "\x1f\x8b", 2) == 0;
}

/* Whether a zlib header stands there (RFC 1950 2.2); else `deflate` is raw (many send that). */
static bool is_zlib(struct text body)
{
    const unsigned char *bytes = (const unsigned char *)body.data;

    return body.size >= 2 && (bytes[0] & 0x0f) == 8 && (bytes[0] * 256 + bytes[1]) % 31 == 0;
}

static size_t most_of(struct text body, size_t most)
{
    size_t by_ratio = body.size * MOST_RATIO;

    if (by_ratio < FREE_OF_RATIO)
        by_ratio = FREE_OF_RATIO;
    return by_ratio < most ? by_ratio : most;
}

/* Several gzip members may follow each other; garbage behind the last is passed over. */
static bool run(z_stream *stream, size_t most, struct buf *out, struct err *err)
{
    while (true) {
        stream->next_out = (Bytef *)buf_reserve(out, STEP);
        stream->avail_out = STEP;
        int result = inflate(stream, Z_NO_FLUSH);
        out->size += STEP - stream->avail_out;
        if (out->size > most)
            return err_set(err, ERR_TOO_LARGE, NULL, "The answer unpacks to more than %zu bytes.",
                           most);
        if (result == Z_STREAM_END && !is_gzip(stream->next_in, stream->avail_in))
            return true;
        if (result == Z_STREAM_END)
            result = inflateReset(stream);
        if (result != Z_OK)
            return err_set(err, ERR_UNKNOWN, NULL, "The compressed answer is cut or damaged.");
    }
}

static bool unpack(struct arena *arena, struct text body, int window, size_t most,
                   struct text *plain, struct err *err)
{
    struct buf out = buf_in(arena);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)body.data, .avail_in = (uInt)body.size};

    if (body.size >= LARGEST)
        return err_set(err, ERR_TOO_LARGE, NULL, "The answer is too large to unpack.");
    if (inflateInit2(&stream, window) != Z_OK)
        abort(); /* out of memory */
    bool good = run(&stream, most_of(body, most), &out, err);
    inflateEnd(&stream);
    *plain = (struct text){out.data ? out.data : "", out.size};
    return good;
}

bool inflate_body(struct arena *arena, struct text body, bool deflate, size_t most,
                  struct text *plain, struct err *err)
{
    *plain = body;
    if (deflate && !is_gzip(body.data, body.size) && body.size && body.data[0] != '{')
        return unpack(arena, body, is_zlib(body) ? MAX_WBITS : -MAX_WBITS, most, plain, err);
    for (unsigned layer = 0; layer < LAYERS && is_gzip(plain->data, plain->size); layer++)
        if (!unpack(arena, *plain, GZIP_WINDOW, most, plain, err))
            return false;
    return true;
}
