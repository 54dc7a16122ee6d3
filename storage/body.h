#pragma once

/*
 * Bodies - resources as they are stored: one byte that names the dictionary,
 * then a zstd frame. Dictionaries live in f_dictionary and are never removed
 * while a body needs them. 0 is zstd without dictionary, 255 means stored raw.
 *
 * A codec belongs to one thread.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct body_codec;

enum { BODY_PLAIN = 0, BODY_RAW = 255 };

/* Without dictionaries, but for those added. NULL is a no-op. */
struct body_codec *body_codec_new(void);
void body_codec_free(struct body_codec *codec);

/* Copies the dictionary. The one with the highest id packs from now on. Ids are 1 to 254. */
bool body_codec_add(struct body_codec *codec, uint8_t id, const void *dictionary, size_t size,
                    struct err *err);
bool body_codec_has(const struct body_codec *codec, uint8_t id);

/* The stored form, in the arena. And of one that is given in pieces. */
struct text body_pack(struct body_codec *codec, struct text json, struct arena *arena);
struct text body_pack_pieces(struct body_codec *codec, const struct text *pieces, size_t count,
                             struct arena *arena);

/* The resource, in the arena, NUL-terminated besides. Fails with
 * ERR_INTERNAL on damaged bytes, an unknown dictionary, or one above 256 MiB. */
bool body_unpack(struct body_codec *codec, struct text body, struct arena *arena, struct text *json,
                 struct err *err);
