/*
 * Gzip - see gzip.h.
 */

#include "server/gzip.h"

#include "base/arena.h"
#include "base/err.h"

#include <zlib.h>

#define FAST_LEVEL    1
#define GZIP_WINDOW   (15 + 16) /* the largest window, and gzip's header instead of zlib's */
#define MOST_RATIO    200
#define FREE_OF_RATIO ((size_t)1024 * 1024)
#define LARGEST_INPUT ((size_t)1 << 31) /* zlib counts in 32 bits */
#define FIRST_OUTPUT  ((size_t)64 * 1024)
#define NOT_MENTIONED (-1)

static int quality(struct text list, const char *coding);
static int parse_quality(struct text parameters);
static bool inflate_all(z_stream *stream, struct arena *arena, size_t most, struct text *bytes,
                        struct err *err);

bool gzip_is_accepted(struct text accept_encoding)
{
    int gzip = quality(accept_encoding, "gzip");
    int any = quality(accept_encoding, "*");
    int identity = quality(accept_encoding, "identity");

    if (gzip == NOT_MENTIONED)
        gzip = quality(accept_encoding, "x-gzip");
    if (gzip == NOT_MENTIONED)
        gzip = any;
    return gzip > 0 && gzip >= identity;
}

/* The quality of a coding in thousandths. */
static int quality(struct text list, const char *coding)
{
    struct text item;

    while (text_next(&list, ',', &item)) {
        struct text name = item, parameters = {0};

        text_split(item, ';', &name, &parameters);
        if (text_equals_nocase(text_trim(name), text_of(coding)))
            return parse_quality(parameters);
    }
    return NOT_MENTIONED;
}

/* "q=0.5" as 500; what is malformed counts as 0, so that it is not chosen. */
static int parse_quality(struct text parameters)
{
    static const int weights[] = {100, 10, 1};
    struct text name, value;
    int result;

    if (text_trim(parameters).size == 0)
        return 1000;
    if (!text_split(parameters, '=', &name, &value) || text_trim(name).size != 1 ||
        (text_trim(name).data[0] | 0x20) != 'q')
        return 0;
    value = text_trim(value);
    if (value.size == 0 || value.size > 5 || (value.data[0] != '0' && value.data[0] != '1') ||
        (value.size > 1 && value.data[1] != '.'))
        return 0;
    result = (value.data[0] - '0') * 1000;
    for (size_t i = 2; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return 0;
        result += (value.data[i] - '0') * weights[i - 2];
    }
    return result <= 1000 ? result : 0;
}

struct text gzip_bytes(struct arena *arena, struct text bytes)
{
    z_stream stream = {0};
    struct text packed = {0};

    if (bytes.size == 0 || bytes.size >= LARGEST_INPUT)
        return packed;
    if (deflateInit2(&stream, FAST_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* out of memory */

    char *out = arena_alloc_raw(arena, bytes.size);
    stream.next_in = (Bytef *)(uintptr_t)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)bytes.size;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
        packed = (struct text){out, bytes.size - stream.avail_out};
    deflateEnd(&stream);
    return packed;
}

bool gzip_unpack(struct arena *arena, struct text packed, size_t most, struct text *bytes,
                 struct err *err)
{
    z_stream stream = {0};
    bool done;

    if (packed.size >= LARGEST_INPUT)
        return err_set(err, ERR_TOO_LARGE, NULL, "The compressed body is too large.");
    if (packed.size <= SIZE_MAX / MOST_RATIO && most > FREE_OF_RATIO &&
        most > packed.size * MOST_RATIO)
        most = packed.size * MOST_RATIO > FREE_OF_RATIO ? packed.size * MOST_RATIO : FREE_OF_RATIO;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        abort(); /* out of memory */

    stream.next_in = (Bytef *)(uintptr_t)packed.data;
    stream.avail_in = (uInt)packed.size;
    done = inflate_all(&stream, arena, most, bytes, err);
    inflateEnd(&stream);
    return done;
}

/* A gzip file may have several members, one after the other (RFC 1952 2.2). */
static bool inflate_all(z_stream *stream, struct arena *arena, size_t most, struct text *bytes,
                        struct err *err)
{
    size_t room = FIRST_OUTPUT < most ? FIRST_OUTPUT : most, size = 0;
    char *out = arena_alloc_raw(arena, room + 1);

    while (true) {
        stream->next_out = (Bytef *)out + size;
        stream->avail_out = (uInt)(room + 1 - size); /* one more, to notice what is too much */
        int result = inflate(stream, Z_NO_FLUSH);
        size = room + 1 - stream->avail_out;
        if (size > most)
            return err_set(err, ERR_TOO_LARGE, NULL,
                           "The body is too large once it is unpacked: more than %zu bytes.", most);
        if (result == Z_STREAM_END && stream->avail_in > 0)
            result = inflateReset(stream);
        else if (result == Z_STREAM_END)
            break;
        if ((result != Z_OK && result != Z_BUF_ERROR) ||
            (stream->avail_in == 0 && stream->avail_out > 0))
            return err_set(err, ERR_INVALID, NULL, "The body is not complete and valid gzip.");
        if (stream->avail_out == 0) {
            size_t larger = room <= most / 4 ? 4 * room : most;
            char *copy = arena_alloc_raw(arena, larger + 1);
            memcpy(copy, out, size);
            out = copy;
            room = larger;
        }
    }
    *bytes = (struct text){out, size};
    return true;
}
