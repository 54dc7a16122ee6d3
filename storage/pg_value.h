#pragma once

/*
 * Values - PostgreSQL's binary formats, for pg_params.c and pg_result.c:
 * everything is big-endian, time is microseconds since 2000.
 */

#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* What pg.c makes of an answer. Cells point into libpq's result. */
struct pg_result {
    int rows, columns;
    int affected;
    struct text *cells; /* absent: NULL */
};

#define VALUE_PG_EPOCH INT64_C(946684800000000)

static inline void value_put16(char *out, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(out, &value, sizeof(value));
}

static inline void value_put32(char *out, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(out, &value, sizeof(value));
}

static inline void value_put64(char *out, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, sizeof(value));
}

static inline uint16_t value_get16(const char *in)
{
    uint16_t value;

    memcpy(&value, in, sizeof(value));
    return __builtin_bswap16(value);
}

static inline uint32_t value_get32(const char *in)
{
    uint32_t value;

    memcpy(&value, in, sizeof(value));
    return __builtin_bswap32(value);
}

static inline uint64_t value_get64(const char *in)
{
    uint64_t value;

    memcpy(&value, in, sizeof(value));
    return __builtin_bswap64(value);
}

static inline uint64_t value_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* INT64_MIN and INT64_MAX are -infinity and infinity on both sides; what PostgreSQL cannot hold
 * (before 4713 BC) becomes -infinity. */
static inline int64_t value_time_to_pg(int64_t time)
{
    if (time == INT64_MAX)
        return time;
    return time < INT64_C(-210866803200000000) ? INT64_MIN : time - VALUE_PG_EPOCH;
}

static inline int64_t value_time_from_pg(int64_t time)
{
    if (time == INT64_MIN || time > INT64_MAX - VALUE_PG_EPOCH)
        return time;
    return time + VALUE_PG_EPOCH;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are swapped");
