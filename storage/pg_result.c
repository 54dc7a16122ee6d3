/*
 * Results - reading the cells of an answer.
 */

#include "base/arena.h"
#include "storage/pg.h"
#include "storage/pg_value.h"

#include <assert.h>

static struct text cell(const struct pg_result *result, int row, int column);
static const char *fixed(const struct pg_result *result, int row, int column, size_t size);

int pg_rows(const struct pg_result *result)
{
    return result->rows;
}

int pg_affected(const struct pg_result *result)
{
    return result->affected;
}

static struct text cell(const struct pg_result *result, int row, int column)
{
    assert(row >= 0 && row < result->rows && column >= 0 && column < result->columns);
    return result->cells[(size_t)row * (size_t)result->columns + (size_t)column];
}

/* A cell of this size, which must not be NULL. */
static const char *fixed(const struct pg_result *result, int row, int column, size_t size)
{
    struct text value = cell(result, row, column);

    assert(value.data && value.size == size);
    (void)size;
    return value.data;
}

bool pg_is_null(const struct pg_result *result, int row, int column)
{
    return !cell(result, row, column).data;
}

bool pg_bool(const struct pg_result *result, int row, int column)
{
    return *fixed(result, row, column, 1) != 0;
}

int16_t pg_int2(const struct pg_result *result, int row, int column)
{
    return (int16_t)value_get16(fixed(result, row, column, 2));
}

int32_t pg_int4(const struct pg_result *result, int row, int column)
{
    return (int32_t)value_get32(fixed(result, row, column, 4));
}

int64_t pg_int8(const struct pg_result *result, int row, int column)
{
    return (int64_t)value_get64(fixed(result, row, column, 8));
}

double pg_float8(const struct pg_result *result, int row, int column)
{
    uint64_t bits = value_get64(fixed(result, row, column, 8));
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

char pg_char(const struct pg_result *result, int row, int column)
{
    return *fixed(result, row, column, 1);
}

int64_t pg_timestamp(const struct pg_result *result, int row, int column)
{
    return value_time_from_pg(pg_int8(result, row, column));
}

struct text pg_text(const struct pg_result *result, int row, int column)
{
    return cell(result, row, column);
}

struct text pg_bytea(const struct pg_result *result, int row, int column)
{
    return cell(result, row, column);
}

int64_t *pg_int8_array(const struct pg_result *result, int row, int column, struct arena *arena,
                       size_t *count)
{
    enum { HEADER = 12, DIMENSION = 8 };
    struct text value = cell(result, row, column);

    *count = 0;
    if (value.size < HEADER + DIMENSION || value_get32(value.data) != 1)
        return NULL;

    size_t elements = value_get32(value.data + HEADER);
    int64_t *numbers = arena_many(arena, int64_t, elements);
    const char *at = value.data + HEADER + DIMENSION;
    for (size_t i = 0; i < elements; i++) {
        int32_t size = (int32_t)value_get32(at);

        at += 4;
        if (size < 0)
            continue;
        assert(size == 8 && at + size <= value.data + value.size);
        numbers[i] = (int64_t)value_get64(at);
        at += size;
    }
    *count = elements;
    return numbers;
}
