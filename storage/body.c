/*
 * Bodies - zstd with shared dictionaries.
 */

#include "storage/body.h"

#include "base/arena.h"

#include <zstd.h>

enum {
    LEVEL = 1, /* with a dictionary hardly larger than at 3, and its tables stay in the cache */
    DICTIONARIES = 256,
    BODY_SIZE_MAX = 256 * 1024 * 1024,
};

struct body_codec {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    uint8_t best; /* dictionary that packs; BODY_PLAIN while there is none */
    ZSTD_CDict *pack_with;
    ZSTD_DDict *unpack_with[DICTIONARIES];
};

static size_t pack_pieces(ZSTD_CCtx *pack, const struct text *pieces, size_t count, size_t whole,
                          char *out, size_t room);
static size_t join(const struct text *pieces, size_t count, char *out);
static bool damaged(struct err *err, const char *how);

struct body_codec *body_codec_new(void)
{
    struct body_codec *codec = calloc(1, sizeof(*codec));

    if (!codec || !(codec->pack = ZSTD_createCCtx()) || !(codec->unpack = ZSTD_createDCtx()))
        abort();
    ZSTD_CCtx_setParameter(codec->pack, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(codec->pack, ZSTD_c_dictIDFlag, 0); /* our byte in front says it */
    return codec;
}

void body_codec_free(struct body_codec *codec)
{
    if (!codec)
        return;
    for (int i = 0; i < DICTIONARIES; i++)
        ZSTD_freeDDict(codec->unpack_with[i]);
    ZSTD_freeCDict(codec->pack_with);
    ZSTD_freeCCtx(codec->pack);
    ZSTD_freeDCtx(codec->unpack);
    free(codec);
}

bool body_codec_add(struct body_codec *codec, uint8_t id, const void *dictionary, size_t size,
                    struct err *err)
{
    if (id == BODY_PLAIN || id == BODY_RAW)
        return err_set(err, ERR_INTERNAL, NULL, "dictionary %d has a reserved number", id);
    if (codec->unpack_with[id])
        return true;
    codec->unpack_with[id] = ZSTD_createDDict(dictionary, size);
    if (!codec->unpack_with[id])
        return err_set(err, ERR_INTERNAL, NULL, "dictionary %d is damaged", id);
    if (id < codec->best)
        return true;

    ZSTD_CDict *pack_with = ZSTD_createCDict(dictionary, size, LEVEL);
    if (!pack_with)
        return err_set(err, ERR_INTERNAL, NULL, "dictionary %d is damaged", id);
    ZSTD_CCtx_refCDict(codec->pack, pack_with);
    ZSTD_freeCDict(codec->pack_with);
    codec->pack_with = pack_with;
    codec->best = id;
    return true;
}

bool body_codec_has(const struct body_codec *codec, uint8_t id)
{
    return id == BODY_PLAIN || id == BODY_RAW || codec->unpack_with[id];
}

struct text body_pack(struct body_codec *codec, struct text json, struct arena *arena)
{
    return body_pack_pieces(codec, &json, 1, arena);
}

struct text body_pack_pieces(struct body_codec *codec, const struct text *pieces, size_t count,
                             struct arena *arena)
{
    size_t whole = 0, size;

    for (size_t i = 0; i < count; i++)
        whole += pieces[i].size;

    size_t room = ZSTD_compressBound(whole);
    char *body = arena_alloc_raw(arena, 1 + room);
    body[0] = (char)codec->best;
    size = count == 1 ? ZSTD_compress2(codec->pack, body + 1, room, pieces[0].data, whole)
                      : pack_pieces(codec->pack, pieces, count, whole, body + 1, room);
    if (ZSTD_isError(size) || size >= whole) {
        body[0] = (char)BODY_RAW;
        size = join(pieces, count, body + 1);
    }
    return (struct text){body, 1 + size};
}

/* One frame that says how large the whole is. */
static size_t pack_pieces(ZSTD_CCtx *pack, const struct text *pieces, size_t count, size_t whole,
                          char *out, size_t room)
{
    ZSTD_outBuffer output = {out, room, 0};
    size_t left = 0;

    ZSTD_CCtx_reset(pack, ZSTD_reset_session_only);
    ZSTD_CCtx_setPledgedSrcSize(pack, whole);
    for (size_t i = 0; i < count; i++) {
        ZSTD_inBuffer input = {pieces[i].data, pieces[i].size, 0};
        ZSTD_EndDirective then = i + 1 < count ? ZSTD_e_continue : ZSTD_e_end;

        do {
            left = ZSTD_compressStream2(pack, &output, &input, then);
            if (ZSTD_isError(left))
                return left;
        } while (input.pos < input.size || (then == ZSTD_e_end && left > 0));
    }
    return output.pos;
}

static size_t join(const struct text *pieces, size_t count, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(out + size, pieces[i].data, pieces[i].size);
        size += pieces[i].size;
    }
    return size;
}

bool body_unpack(struct body_codec *codec, struct text body, struct arena *arena, struct text *json,
                 struct err *err)
{
    if (body.size < 1)
        return damaged(err, "empty");

    uint8_t id = (uint8_t)body.data[0];
    const char *frame = body.data + 1;
    size_t frame_size = body.size - 1;
    if (id == BODY_RAW) {
        *json = (struct text){arena_strndup(arena, frame, frame_size), frame_size};
        return true;
    }
    if (!body_codec_has(codec, id))
        return damaged(err, "its dictionary is missing");

    unsigned long long size = ZSTD_getFrameContentSize(frame, frame_size);
    if (size > BODY_SIZE_MAX) /* also the values that mean unknown and error */
        return damaged(err, "not a frame");

    char *out = arena_alloc_raw(arena, (size_t)size + 1);
    size_t got = ZSTD_decompress_usingDDict(codec->unpack, out, (size_t)size, frame, frame_size,
                                            codec->unpack_with[id]);
    if (ZSTD_isError(got) || got != size)
        return damaged(err, "it does not unpack");
    out[size] = '\0';
    *json = (struct text){out, (size_t)size};
    return true;
}

static bool damaged(struct err *err, const char *how)
{
    return err_set(err, ERR_INTERNAL, NULL, "a stored body is damaged: %s", how);
}
