/*
 * Side rows - see side_rows.h.
 */

#include "storage/side_rows.h"

#include "base/arena.h"
#include "base/err.h"

static size_t count_in(const struct row *row, enum side_kind side);
static void add_strings(const struct row *const *rows, size_t count, size_t total,
                        struct pg_params *params);
static void add_dates(const struct row *const *rows, size_t count, size_t total,
                      struct pg_params *params);
static void add_quantities(const struct row *const *rows, size_t count, size_t total,
                           struct pg_params *params);
static void add_words(const struct row *const *rows, size_t count, size_t total,
                      struct pg_params *params);

size_t side_rows_add(const struct row *const *rows, size_t count, enum side_kind side,
                     struct pg_params *params)
{
    static void (*const add[SIDES])(const struct row *const *rows, size_t count, size_t total,
                                    struct pg_params *params) = {
        [SIDE_STRINGS] = add_strings,
        [SIDE_DATES] = add_dates,
        [SIDE_QUANTITIES] = add_quantities,
        [SIDE_WORDS] = add_words,
    };
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += count_in(rows[i], side);
    add[side](rows, count, total, params);
    return total;
}

static size_t count_in(const struct row *row, enum side_kind side)
{
    const size_t counts[SIDES] = {
        [SIDE_STRINGS] = row->string_count,
        [SIDE_DATES] = row->date_count,
        [SIDE_QUANTITIES] = row->quantity_count,
        [SIDE_WORDS] = row->words_count,
    };

    return counts[side];
}

size_t side_rows_add_keyed(const struct row *const *rows, size_t count, enum side_kind side,
                           struct pg_params *params)
{
    size_t total = side_rows_add(rows, count, side, params), at = 0;
    int64_t *rkey = arena_many(params->arena, int64_t, total);

    for (size_t i = 0; i < count; i++)
        for (size_t left = count_in(rows[i], side); left > 0; left--)
            rkey[at++] = rows[i]->rkey;
    pg_add_int8_array(params, rkey, NULL, total);
    return total;
}

static void add_strings(const struct row *const *rows, size_t count, size_t total,
                        struct pg_params *params)
{
    struct arena *arena = params->arena;
    int64_t *h = arena_many(arena, int64_t, total);
    struct text *norm = arena_many(arena, struct text, total);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->string_count; k++, at++) {
            h[at] = rows[i]->strings[k].h;
            norm[at] = rows[i]->strings[k].norm;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_text_array(params, norm, total);
}

static void add_dates(const struct row *const *rows, size_t count, size_t total,
                      struct pg_params *params)
{
    struct arena *arena = params->arena;
    int64_t *h = arena_many(arena, int64_t, total);
    int64_t *low = arena_many(arena, int64_t, total), *high = arena_many(arena, int64_t, total);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->date_count; k++, at++) {
            h[at] = rows[i]->dates[k].h;
            low[at] = rows[i]->dates[k].low;
            high[at] = rows[i]->dates[k].high;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_timestamp_array(params, low, NULL, total);
    pg_add_timestamp_array(params, high, NULL, total);
}

static void add_quantities(const struct row *const *rows, size_t count, size_t total,
                           struct pg_params *params)
{
    struct arena *arena = params->arena;
    int64_t *h = arena_many(arena, int64_t, total);
    double *low = arena_many(arena, double, total), *high = arena_many(arena, double, total);
    int64_t *unit = arena_many(arena, int64_t, total);
    bool *no_unit = arena_many(arena, bool, total);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->quantity_count; k++, at++) {
            h[at] = rows[i]->quantities[k].h;
            low[at] = rows[i]->quantities[k].low;
            high[at] = rows[i]->quantities[k].high;
            unit[at] = rows[i]->quantities[k].unit;
            no_unit[at] = !rows[i]->quantities[k].has_unit;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_float8_array(params, low, NULL, total);
    pg_add_float8_array(params, high, NULL, total);
    pg_add_int8_array(params, unit, no_unit, total);
}

static void add_words(const struct row *const *rows, size_t count, size_t total,
                      struct pg_params *params)
{
    struct arena *arena = params->arena;
    int64_t *h = arena_many(arena, int64_t, total);
    struct text *configuration = arena_many(arena, struct text, total);
    struct text *words = arena_many(arena, struct text, total);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->words_count; k++, at++) {
            configuration[at] = text_of(rows[i]->words[k].configuration);
            h[at] = rows[i]->words[k].h;
            words[at] = rows[i]->words[k].words;
        }
    }
    pg_add_text_array(params, configuration, total);
    pg_add_int8_array(params, h, NULL, total);
    pg_add_text_array(params, words, total);
}
