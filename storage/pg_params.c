/*
 * Params - values in PostgreSQL's binary format, as parameters of a statement.
 */

#include "base/arena.h"
#include "storage/pg.h"
#include "storage/pg_value.h"

#include <assert.h>

enum { FIRST_ROOM = 8 };

/* Types of array elements, from pg_type. */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_TID = 27 };
enum { OID_FLOAT8 = 701, OID_TIMESTAMPTZ = 1184 };

typedef void write_fn(char *out, const void *values, size_t index);

static void add(struct pg_params *params, const void *value, size_t size);
static void add_array(struct pg_params *params, uint32_t type, const void *values,
                      const bool *nulls, size_t count, size_t size, write_fn *write);
static void add_texts(struct pg_params *params, uint32_t type, const struct text *values,
                      size_t count);
static char *begin_array(struct pg_params *params, uint32_t type, size_t count, bool has_null,
                         size_t size);

struct pg_params pg_params_in(struct arena *arena)
{
    return (struct pg_params){
        .arena = arena,
        .room = FIRST_ROOM,
        .values = arena_alloc_raw(arena, FIRST_ROOM * sizeof(char *)),
        .sizes = arena_alloc_raw(arena, FIRST_ROOM * sizeof(int)),
    };
}

static void add(struct pg_params *params, const void *value, size_t size)
{
    assert(params->count < PG_PARAMS_MAX);
    assert(size <= INT32_MAX);
    if (params->count == params->room) {
        size_t room = (size_t)params->room * 4;
        const char **values = arena_alloc_raw(params->arena, room * sizeof(*values));
        int *sizes = arena_alloc_raw(params->arena, room * sizeof(*sizes));

        memcpy(values, params->values, (size_t)params->count * sizeof(*values));
        memcpy(sizes, params->sizes, (size_t)params->count * sizeof(*sizes));
        params->values = values;
        params->sizes = sizes;
        params->room = (int)room;
    }
    params->values[params->count] = value;
    params->sizes[params->count++] = (int)size;
}

void pg_add_null(struct pg_params *params)
{
    add(params, NULL, 0);
}

void pg_add_bool(struct pg_params *params, bool value)
{
    add(params, value ? "\1" : "\0", 1);
}

void pg_add_int2(struct pg_params *params, int16_t value)
{
    char *out = arena_alloc_raw(params->arena, 2);

    value_put16(out, (uint16_t)value);
    add(params, out, 2);
}

void pg_add_int4(struct pg_params *params, int32_t value)
{
    char *out = arena_alloc_raw(params->arena, 4);

    value_put32(out, (uint32_t)value);
    add(params, out, 4);
}

void pg_add_int8(struct pg_params *params, int64_t value)
{
    char *out = arena_alloc_raw(params->arena, 8);

    value_put64(out, (uint64_t)value);
    add(params, out, 8);
}

void pg_add_float8(struct pg_params *params, double value)
{
    pg_add_int8(params, (int64_t)value_bits(value));
}

void pg_add_char(struct pg_params *params, char value)
{
    char *out = arena_alloc_raw(params->arena, 1);

    *out = value;
    add(params, out, 1);
}

void pg_add_timestamp(struct pg_params *params, int64_t time)
{
    pg_add_int8(params, value_time_to_pg(time));
}

void pg_add_text(struct pg_params *params, struct text value)
{
    add(params, value.data, value.size);
}

void pg_add_bytea(struct pg_params *params, const void *data, size_t size)
{
    add(params, data, size);
}

static void write_int2(char *out, const void *values, size_t index)
{
    value_put16(out, (uint16_t)((const int16_t *)values)[index]);
}

static void write_int4(char *out, const void *values, size_t index)
{
    value_put32(out, (uint32_t)((const int32_t *)values)[index]);
}

static void write_int8(char *out, const void *values, size_t index)
{
    value_put64(out, (uint64_t)((const int64_t *)values)[index]);
}

static void write_float8(char *out, const void *values, size_t index)
{
    value_put64(out, value_bits(((const double *)values)[index]));
}

static void write_timestamp(char *out, const void *values, size_t index)
{
    value_put64(out, (uint64_t)value_time_to_pg(((const int64_t *)values)[index]));
}

static void write_place(char *out, const void *values, size_t index)
{
    memcpy(out, ((const struct text *)values)[index].data, PG_PLACE_SIZE);
}

void pg_add_place_array(struct pg_params *params, const struct text *values, size_t count)
{
    add_array(params, OID_TID, values, NULL, count, PG_PLACE_SIZE, write_place);
}

void pg_add_int2_array(struct pg_params *params, const int16_t *values, size_t count)
{
    add_array(params, OID_INT2, values, NULL, count, 2, write_int2);
}

void pg_add_int4_array(struct pg_params *params, const int32_t *values, size_t count)
{
    add_array(params, OID_INT4, values, NULL, count, 4, write_int4);
}

void pg_add_int8_array(struct pg_params *params, const int64_t *values, const bool *nulls,
                       size_t count)
{
    add_array(params, OID_INT8, values, nulls, count, 8, write_int8);
}

void pg_add_float8_array(struct pg_params *params, const double *values, const bool *nulls,
                         size_t count)
{
    add_array(params, OID_FLOAT8, values, nulls, count, 8, write_float8);
}

void pg_add_timestamp_array(struct pg_params *params, const int64_t *values, const bool *nulls,
                            size_t count)
{
    add_array(params, OID_TIMESTAMPTZ, values, nulls, count, 8, write_timestamp);
}

void pg_add_text_array(struct pg_params *params, const struct text *values, size_t count)
{
    add_texts(params, OID_TEXT, values, count);
}

void pg_add_bytea_array(struct pg_params *params, const struct text *values, size_t count)
{
    add_texts(params, OID_BYTEA, values, count);
}

static void add_array(struct pg_params *params, uint32_t type, const void *values,
                      const bool *nulls, size_t count, size_t size, write_fn *write)
{
    char *out = begin_array(params, type, count, nulls != NULL, count * (4 + size));
    char *at = out;

    for (size_t i = 0; i < count; i++) {
        if (nulls && nulls[i]) {
            value_put32(at, UINT32_MAX);
            at += 4;
            continue;
        }
        value_put32(at, (uint32_t)size);
        write(at + 4, values, i);
        at += 4 + size;
    }
    params->sizes[params->count - 1] += (int)(at - out);
}

static void add_texts(struct pg_params *params, uint32_t type, const struct text *values,
                      size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += 4 + values[i].size;

    char *out = begin_array(params, type, count, true, size);
    char *at = out;
    for (size_t i = 0; i < count; i++) {
        value_put32(at, values[i].data ? (uint32_t)values[i].size : UINT32_MAX);
        if (values[i].data && values[i].size)
            memcpy(at + 4, values[i].data, values[i].size);
        at += 4 + values[i].size;
    }
    params->sizes[params->count - 1] += (int)(at - out);
}

/* Adds the header of a one-dimensional array, or an empty array; returns where `size` bytes of
 * elements go. */
static char *begin_array(struct pg_params *params, uint32_t type, size_t count, bool has_null,
                         size_t size)
{
    enum { HEADER = 12, DIMENSION = 8 };
    char *out = arena_alloc_raw(params->arena, HEADER + DIMENSION + size);

    assert(count <= INT32_MAX && size <= INT32_MAX - HEADER - DIMENSION);
    value_put32(out, count ? 1 : 0);
    value_put32(out + 4, has_null);
    value_put32(out + 8, type);
    value_put32(out + HEADER, (uint32_t)count);
    value_put32(out + HEADER + 4, 1); /* arrays begin at 1 */
    add(params, out, HEADER + (count ? DIMENSION : 0));
    return out + HEADER + DIMENSION;
}
