/*
 * Hash - SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012).
 */

#include "base/hash.h"

#include "base/err.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "hashes are stored as little endian makes them");

static void add_word(struct hash_state *state, uint64_t word);
static void rounds(struct hash_state *state, int count);
static uint64_t finish(struct hash_state *state, uint64_t last);

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size)
{
    const char *bytes = data;
    struct hash_state state;
    uint64_t word;
    size_t at = 0;

    hash_init(&state, key);
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, bytes + at, 8);
        add_word(&state, word);
    }
    word = 0;
    if (size > at)
        memcpy(&word, bytes + at, size - at);
    return finish(&state, word | (uint64_t)size << 56);
}

void hash_init(struct hash_state *state, const struct hash_key *key)
{
    *state = (struct hash_state){
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

/* A part is its size as one word, then its bytes in words filled up with
 * zeros: nothing has to be carried over from one part to the next. */
void hash_part(struct hash_state *state, const void *data, size_t size)
{
    const char *bytes = data;
    uint64_t word;
    size_t at = 0;

    hash_number(state, size);
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, bytes + at, 8);
        hash_number(state, word);
    }
    if (size > at) {
        word = 0;
        memcpy(&word, bytes + at, size - at);
        hash_number(state, word);
    }
}

void hash_number(struct hash_state *state, uint64_t number)
{
    add_word(state, number);
    state->size += 8;
}

uint64_t hash_done(struct hash_state *state)
{
    return finish(state, (uint64_t)state->size << 56);
}

static void add_word(struct hash_state *state, uint64_t word)
{
    state->v3 ^= word;
    rounds(state, 2);
    state->v0 ^= word;
}

static uint64_t finish(struct hash_state *state, uint64_t last)
{
    add_word(state, last);
    state->v2 ^= 0xff;
    rounds(state, 4);
    return state->v0 ^ state->v1 ^ state->v2 ^ state->v3;
}

static inline uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void rounds(struct hash_state *state, int count)
{
    uint64_t v0 = state->v0, v1 = state->v1, v2 = state->v2, v3 = state->v3;

    for (int i = 0; i < count; i++) {
        v0 += v1;
        v2 += v3;
        v1 = rotate(v1, 13) ^ v0;
        v3 = rotate(v3, 16) ^ v2;
        v0 = rotate(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = rotate(v1, 17) ^ v2;
        v3 = rotate(v3, 21) ^ v0;
        v2 = rotate(v2, 32);
    }
    state->v0 = v0;
    state->v1 = v1;
    state->v2 = v2;
    state->v3 = v3;
}
