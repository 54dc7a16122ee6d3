/*
 * SHA-1 - see sha1.h.
 */

#include "base/sha1.h"

#include "base/err.h"

#include <stddef.h>

enum { BLOCK = 64, LENGTH = 8 };

static uint32_t turned(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void spread(const uint8_t *block, uint32_t words[80])
{
    for (size_t i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (size_t i = 16; i < 80; i++)
        words[i] = turned(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
}

static void take_block(uint32_t state[5], const uint8_t *block)
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

    spread(block, words);
    for (size_t i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? (b & c) | (~b & d)
                         : i < 40 ? b ^ c ^ d
                         : i < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
        uint32_t next = turned(a, 5) + mixed + e + constants[i / 20] + words[i];
        e = d;
        d = c;
        c = turned(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1(struct text text, uint8_t digest[SHA1_SIZE])
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *bytes = (const uint8_t *)text.data;
    const uint64_t bits = (uint64_t)text.size * 8;
    size_t rest = text.size % BLOCK;
    uint8_t last[2 * BLOCK] = {0};
    size_t padded = rest + 1 + LENGTH <= BLOCK ? BLOCK : 2 * BLOCK;

    for (size_t at = 0; at + BLOCK <= text.size; at += BLOCK)
        take_block(state, bytes + at);
    if (rest)
        memcpy(last, bytes + text.size - rest, rest);
    last[rest] = 0x80;
    for (size_t i = 0; i < LENGTH; i++)
        last[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
    for (size_t at = 0; at < padded; at += BLOCK)
        take_block(state, last + at);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
