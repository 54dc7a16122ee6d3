#pragma once

/*
 * Hash - SipHash-2-4, a keyed 64-bit hash. The key belongs to the database:
 * without it nobody can construct resources that collide.
 */

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

/* Of one piece. */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size);

/* In parts: the parts are hashed as if separated, so that ("ab","c") and
 * ("a","bc") differ. */
struct hash_state {
    uint64_t v0, v1, v2, v3;
    size_t size;
};

/* First hash_init(), then parts and numbers, always in the same order, then hash_done(). */
void hash_init(struct hash_state *state, const struct hash_key *key);
void hash_part(struct hash_state *state, const void *data, size_t size);
void hash_number(struct hash_state *state, uint64_t number);
uint64_t hash_done(struct hash_state *state);
