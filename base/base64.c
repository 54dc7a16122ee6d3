/*
 * Base64 - see base64.h.
 */

#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, char *out)
{
    const uint8_t *in = data;

    for (; size >= 3; size -= 3, in += 3, out += 4) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = alphabet[bits >> 6 & 63];
        out[3] = alphabet[bits & 63];
    }
    if (size == 0)
        return;
    uint32_t bits = (uint32_t)in[0] << 16 | (size == 2 ? (uint32_t)in[1] << 8 : 0);
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = size == 2 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = '=';
}

/* 64 for white space, 65 for padding, 66 for what does not belong. */
static uint8_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    switch (c) {
    case '+':
        return 62;
    case '/':
        return 63;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return 64;
    case '=':
        return 65;
    default:
        return 66;
    }
}

size_t base64_decode(struct base64_decoder *decoder, struct text piece, uint8_t *out)
{
    uint8_t *end = out;

    for (size_t i = 0; i < piece.size; i++) {
        uint8_t value = value_of(piece.data[i]);

        if (value == 64)
            continue;
        if (value == 66 || (decoder->ended && value != 65))
            return SIZE_MAX;
        if (value == 65) {
            /* What is left over: two characters stand for a byte, three for two. */
            if (!decoder->ended && decoder->count >= 2)
                *end++ = (uint8_t)(decoder->bits >> (decoder->count == 2 ? 4 : 10));
            if (!decoder->ended && decoder->count == 3)
                *end++ = (uint8_t)(decoder->bits >> 2);
            decoder->ended = true;
            continue;
        }
        decoder->bits = decoder->bits << 6 | value;
        if (++decoder->count < 4)
            continue;
        *end++ = (uint8_t)(decoder->bits >> 16);
        *end++ = (uint8_t)(decoder->bits >> 8);
        *end++ = (uint8_t)decoder->bits;
        decoder->bits = decoder->count = 0;
    }
    return (size_t)(end - out);
}

size_t base64_decoded_size(struct text text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += value_of(text.data[i]) < 64;
    return count / 4 * 3 + (count % 4 ? count % 4 - 1 : 0);
}
