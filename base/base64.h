#pragma once

/*
 * Base64 - RFC 4648 4, in pieces of any size. White space is passed over when
 * decoding.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters that `size` bytes take, with padding. */
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* Writes base64_size() characters; no NUL. */
void base64_encode(const void *data, size_t size, char *out);

/* Zero it first. */
struct base64_decoder {
    uint32_t bits;
    unsigned count; /* characters in `bits` */
    bool ended;     /* padding was seen */
};

/* Decodes a piece into `out` (three bytes for every four characters, and three) and returns how
 * many it wrote; SIZE_MAX when a character has no place in base64. */
size_t base64_decode(struct base64_decoder *decoder, struct text piece, uint8_t *out);

/* How many bytes it stands for. */
size_t base64_decoded_size(struct text text);
