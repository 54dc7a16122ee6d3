/*
 * Random numbers for sample data.
 */

#include "server/sample_random.h"

#include "base/err.h"

#define SCALE 16 /* bits behind the point in sample_power() */

static uint64_t mix(uint64_t value);
static uint64_t rotate(uint64_t value, int bits);
static int scale(uint64_t bits, int limit);
static int64_t logarithm(int64_t value);
static int64_t exponential(int64_t value);

void sample_random_seed(struct sample_random *random, uint64_t seed, uint64_t stream)
{
    uint64_t position = mix(seed) ^ mix(stream ^ UINT64_C(0x5851f42d4c957f2d));

    for (int i = 0; i < 4; i++) {
        position += UINT64_C(0x9e3779b97f4a7c15);
        random->state[i] = mix(position);
    }
}

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint64_t sample_next(struct sample_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

static uint64_t rotate(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

int sample_below(struct sample_random *random, int limit)
{
    return scale(sample_next(random), limit);
}

/* The upper half of a product instead of a remainder: no division, next to no bias. */
static int scale(uint64_t bits, int limit)
{
    return (int)(((bits >> 32) * (uint64_t)limit) >> 32);
}

int sample_between(struct sample_random *random, int low, int high)
{
    return low + sample_below(random, high - low + 1);
}

bool sample_chance(struct sample_random *random, int per_mille)
{
    return sample_below(random, 1000) < per_mille;
}

/* Twelve uniform numbers have a variance of one. */
int sample_normal(struct sample_random *random)
{
    int sum = 0;

    for (int i = 0; i < 12; i++)
        sum += sample_below(random, 1000);
    return sum - 5994;
}

void sample_uuid(struct sample_random *random, char out[UUID_SIZE])
{
    uint64_t high = sample_next(random), low = sample_next(random);
    unsigned char bytes[UUID_BYTES];

    for (size_t i = 0; i < UUID_BYTES; i++)
        bytes[i] = (unsigned char)((i < 8 ? high : low) >> (56 - 8 * (i % 8)));
    bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0x0f));
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f));
    uuid_write(bytes, out);
}

int sample_stable(uint64_t key, int about, int which, int limit)
{
    return scale(mix(key + mix(((uint64_t)about << 32 | (uint32_t)which) + 1)), limit);
}

int sample_stable_normal(uint64_t key, int about, int which)
{
    int sum = 0;

    for (int i = 0; i < 12; i++)
        sum += sample_stable(key, about, which * 12 + i, 1000);
    return sum - 5994;
}

int64_t sample_power(int64_t value, int exponent)
{
    return exponential(logarithm(value) * exponent / 1000);
}

/* To base 2. Squaring the mantissa shows one binary digit of the result after the other. */
static int64_t logarithm(int64_t value)
{
    int64_t result = 0;
    int64_t one = INT64_C(1) << SCALE;

    for (; value >= 2 * one; value /= 2)
        result += one;
    for (; value < one; value *= 2)
        result -= one;
    for (int64_t digit = one / 2; digit > 0; digit /= 2) {
        value = (value * value) >> SCALE;
        if (value >= 2 * one) {
            value /= 2;
            result += digit;
        }
    }
    return result;
}

/* 2 to a power: one root of two for each binary digit behind the point. */
static int64_t exponential(int64_t value)
{
    static const int64_t roots[SCALE] = {92682, 77936, 71468, 68438, 66971, 66250, 65892, 65714,
                                         65625, 65580, 65558, 65547, 65542, 65539, 65537, 65537};
    int64_t whole = value >> SCALE;
    int64_t result = INT64_C(1) << SCALE;

    for (int i = 0; i < SCALE; i++) {
        if ((value >> (SCALE - 1 - i)) & 1)
            result = (result * roots[i]) >> SCALE;
    }
    return whole >= 0 ? result << whole : result >> -whole;
}
