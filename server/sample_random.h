#pragma once

/*
 * Random numbers for sample data: the same on every machine, so integers only
 * (xoshiro256**, seeded by splitmix64; both by Blackman and Vigna, public
 * domain).
 */

#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

struct sample_random {
    uint64_t state[4];
};

/* Each (seed, stream) gives its own sequence: one patient does not depend on another. */
void sample_random_seed(struct sample_random *random, uint64_t seed, uint64_t stream);

uint64_t sample_next(struct sample_random *random);

/* 0 to limit - 1; `limit` is above zero. */
int sample_below(struct sample_random *random, int limit);

/* Both ends included. */
int sample_between(struct sample_random *random, int low, int high);

bool sample_chance(struct sample_random *random, int per_mille);

/* About normal: mean 0, standard deviation 1000, within 6000 either way. */
int sample_normal(struct sample_random *random);

/* A version 4 UUID. */
void sample_uuid(struct sample_random *random, char out[UUID_SIZE]);

/* 0 to limit - 1 and always the same for the same key and numbers: for what is
 * decided once a patient but asked often. */
int sample_stable(uint64_t key, int about, int which, int limit);

/* As sample_normal(), stable. */
int sample_stable_normal(uint64_t key, int about, int which);

/* value / 2^16 to the power of exponent / 1000, again times 2^16; `value` above zero. */
int64_t sample_power(int64_t value, int exponent);
