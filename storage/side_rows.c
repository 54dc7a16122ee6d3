/*
 * Side rows - see side_rows.h.
 */

#include "storage/side_rows.h"

#include "base/arena.h"
#include "base/err.h"

size_t side_rows_strings(const struct row *const *rows, size_t count, struct pg_params *params)
{
    struct arena *arena = params->arena;
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i]->string_count;

    int64_t *h = arena_many(arena, int64_t, total), *rkey = arena_many(arena, int64_t, total);
    struct text *norm = arena_many(arena, struct text, total);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->string_count; k++, at++) {
            h[at] = rows[i]->strings[k].h;
            norm[at] = rows[i]->strings[k].norm;
            rkey[at] = rows[i]->rkey;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_text_array(params, norm, total);
    pg_add_int8_array(params, rkey, NULL, total);
    return total;
}

size_t side_rows_dates(const struct row *const *rows, size_t count, struct pg_params *params)
{
    struct arena *arena = params->arena;
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i]->date_count;

    int64_t *h = arena_many(arena, int64_t, total), *rkey = arena_many(arena, int64_t, total);
    int64_t *low = arena_many(arena, int64_t, total), *high = arena_many(arena, int64_t, total);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->date_count; k++, at++) {
            h[at] = rows[i]->dates[k].h;
            low[at] = rows[i]->dates[k].low;
            high[at] = rows[i]->dates[k].high;
            rkey[at] = rows[i]->rkey;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_timestamp_array(params, low, NULL, total);
    pg_add_timestamp_array(params, high, NULL, total);
    pg_add_int8_array(params, rkey, NULL, total);
    return total;
}

size_t side_rows_quantities(const struct row *const *rows, size_t count, struct pg_params *params)
{
    struct arena *arena = params->arena;
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i]->quantity_count;

    int64_t *h = arena_many(arena, int64_t, total), *rkey = arena_many(arena, int64_t, total);
    double *low = arena_many(arena, double, total), *high = arena_many(arena, double, total);
    int64_t *unit = arena_many(arena, int64_t, total);
    bool *no_unit = arena_many(arena, bool, total);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->quantity_count; k++, at++) {
            h[at] = rows[i]->quantities[k].h;
            low[at] = rows[i]->quantities[k].low;
            high[at] = rows[i]->quantities[k].high;
            unit[at] = rows[i]->quantities[k].unit;
            no_unit[at] = !rows[i]->quantities[k].has_unit;
            rkey[at] = rows[i]->rkey;
        }
    }
    pg_add_int8_array(params, h, NULL, total);
    pg_add_float8_array(params, low, NULL, total);
    pg_add_float8_array(params, high, NULL, total);
    pg_add_int8_array(params, unit, no_unit, total);
    pg_add_int8_array(params, rkey, NULL, total);
    return total;
}

size_t side_rows_words(const struct row *const *rows, size_t count, struct pg_params *params)
{
    struct arena *arena = params->arena;
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i]->words_count;

    int64_t *h = arena_many(arena, int64_t, total), *rkey = arena_many(arena, int64_t, total);
    struct text *configuration = arena_many(arena, struct text, total);
    struct text *words = arena_many(arena, struct text, total);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i]->words_count; k++, at++) {
            configuration[at] = text_of(rows[i]->words[k].configuration);
            h[at] = rows[i]->words[k].h;
            words[at] = rows[i]->words[k].words;
            rkey[at] = rows[i]->rkey;
        }
    }
    pg_add_text_array(params, configuration, total);
    pg_add_int8_array(params, h, NULL, total);
    pg_add_text_array(params, words, total);
    pg_add_int8_array(params, rkey, NULL, total);
    return total;
}
