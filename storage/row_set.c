/*
 * Row sets - the lists of a row, kept as sorted sets.
 */

#include "storage/row_set.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"

typedef int compare_fn(const void *a, const void *b);

/* Shell's sort, with the gaps of Ciura (2001): the lists are short and hashes
 * come in no order. */
static void sort(int64_t *items, size_t count)
{
    static const size_t gaps[] = {101620, 45164, 20073, 8921, 3965, 1750, 701,
                                  301,    132,   57,    23,   10,   4,    1};

    for (size_t g = 0; g < COUNT(gaps); g++) {
        size_t gap = gaps[g];

        for (size_t i = gap; i < count; i++) {
            int64_t item = items[i];
            size_t at = i;

            for (; at >= gap && items[at - gap] > item; at -= gap)
                items[at] = items[at - gap];
            items[at] = item;
        }
    }
}

/* Sorts, removes what is double, and returns how many are left. */
size_t row_sort_set(int64_t *items, size_t count)
{
    size_t kept = count > 0;

    sort(items, count);
    for (size_t i = 1; i < count; i++)
        if (items[i] != items[kept - 1])
            items[kept++] = items[i];
    return kept;
}

static int compare_int64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_codes(const void *left, const void *right)
{
    const struct row_code *a = left, *b = right;

    return a->code != b->code ? compare_int64(a->code, b->code) : compare_int64(a->of, b->of);
}

static int compare_double(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int compare_strings(const void *left, const void *right)
{
    const struct row_string *a = left, *b = right;

    if (a->h != b->h)
        return compare_int64(a->h, b->h);
    if (a->norm.size != b->norm.size)
        return a->norm.size < b->norm.size ? -1 : 1;
    return memcmp(a->norm.data, b->norm.data, a->norm.size);
}

static int compare_dates(const void *left, const void *right)
{
    const struct row_date *a = left, *b = right;

    if (a->h != b->h)
        return compare_int64(a->h, b->h);
    if (a->low != b->low)
        return compare_int64(a->low, b->low);
    return compare_int64(a->high, b->high);
}

static int compare_quantities(const void *left, const void *right)
{
    const struct row_quantity *a = left, *b = right;

    if (a->h != b->h)
        return compare_int64(a->h, b->h);
    if (a->low != b->low)
        return compare_double(a->low, b->low);
    if (a->high != b->high)
        return compare_double(a->high, b->high);
    if (a->has_unit != b->has_unit)
        return a->has_unit ? 1 : -1;
    return compare_int64(a->unit, b->unit);
}

static int compare_words(const void *left, const void *right)
{
    const struct row_words *a = left, *b = right;

    if (a->h != b->h)
        return compare_int64(a->h, b->h);
    if (a->words.size != b->words.size)
        return a->words.size < b->words.size ? -1 : 1;
    return memcmp(a->words.data, b->words.data, a->words.size);
}

static size_t sort_rows(void *rows, size_t count, size_t size, compare_fn *compare)
{
    char *bytes = rows;
    size_t kept = count > 0;

    if (count > 1)
        qsort(rows, count, size, compare);
    for (size_t i = 1; i < count; i++)
        if (compare(bytes + i * size, bytes + (kept - 1) * size) != 0)
            memmove(bytes + kept++ * size, bytes + i * size, size);
    return kept;
}

void row_sort(struct row *row)
{
    row->string_count =
        sort_rows(row->strings, row->string_count, sizeof(row->strings[0]), compare_strings);
    row->date_count = sort_rows(row->dates, row->date_count, sizeof(row->dates[0]), compare_dates);
    row->quantity_count = sort_rows(row->quantities, row->quantity_count,
                                    sizeof(row->quantities[0]), compare_quantities);
    row->code_count = sort_rows(row->codes, row->code_count, sizeof(row->codes[0]), compare_codes);
    row->words_count =
        sort_rows(row->words, row->words_count, sizeof(row->words[0]), compare_words);
}

static bool same_numbers(const int64_t *a, size_t a_count, const int64_t *b, size_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

static bool same_rows(const void *a, size_t a_count, const void *b, size_t b_count, size_t size,
                      compare_fn *compare)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (compare((const char *)a + i * size, (const char *)b + i * size) != 0)
            return false;
    return true;
}

static bool same_columns(const struct row *a, const struct row *b)
{
    return a->has_patient == b->has_patient && a->patient == b->patient &&
           a->has_code == b->has_code && a->code == b->code && a->has_date == b->has_date &&
           a->d == b->d && a->dhi == b->dhi && a->has_quantity == b->has_quantity &&
           compare_double(a->vq, b->vq) == 0 && a->has_unit == b->has_unit && a->vqu == b->vqu;
}

bool row_equals(const struct row *a, const struct row *b)
{
    return a->contained_count == 0 && b->contained_count == 0 && same_columns(a, b) &&
           same_numbers(a->toks, a->tok_count, b->toks, b->tok_count) &&
           same_numbers(a->patients, a->patient_count, b->patients, b->patient_count) &&
           same_rows(a->codes, a->code_count, b->codes, b->code_count, sizeof(a->codes[0]),
                     compare_codes) &&
           same_rows(a->strings, a->string_count, b->strings, b->string_count,
                     sizeof(a->strings[0]), compare_strings) &&
           same_rows(a->dates, a->date_count, b->dates, b->date_count, sizeof(a->dates[0]),
                     compare_dates) &&
           same_rows(a->quantities, a->quantity_count, b->quantities, b->quantity_count,
                     sizeof(a->quantities[0]), compare_quantities) &&
           same_rows(a->words, a->words_count, b->words, b->words_count, sizeof(a->words[0]),
                     compare_words);
}

/* The rows of `a` that are not in `b`: both are sorted. */
static size_t difference(void *out, const void *a, size_t a_count, const void *b, size_t b_count,
                         size_t size, compare_fn *compare)
{
    const char *left = a, *right = b;
    size_t count = 0;

    for (size_t i = 0, k = 0; i < a_count; i++) {
        while (k < b_count && compare(right + k * size, left + i * size) < 0)
            k++;
        if (k == b_count || compare(right + k * size, left + i * size) != 0)
            memcpy((char *)out + count++ * size, left + i * size, size);
    }
    return count;
}

void row_difference(const struct row *a, const struct row *b, struct arena *arena, struct row *out)
{
    *out = (struct row){0};
    out->strings = arena_many(arena, struct row_string, a->string_count);
    out->string_count = difference(out->strings, a->strings, a->string_count, b->strings,
                                   b->string_count, sizeof(a->strings[0]), compare_strings);
    out->dates = arena_many(arena, struct row_date, a->date_count);
    out->date_count = difference(out->dates, a->dates, a->date_count, b->dates, b->date_count,
                                 sizeof(a->dates[0]), compare_dates);
    out->quantities = arena_many(arena, struct row_quantity, a->quantity_count);
    out->quantity_count =
        difference(out->quantities, a->quantities, a->quantity_count, b->quantities,
                   b->quantity_count, sizeof(a->quantities[0]), compare_quantities);
    out->codes = arena_many(arena, struct row_code, a->code_count);
    out->code_count = difference(out->codes, a->codes, a->code_count, b->codes, b->code_count,
                                 sizeof(a->codes[0]), compare_codes);
    out->words = arena_many(arena, struct row_words, a->words_count);
    out->words_count = difference(out->words, a->words, a->words_count, b->words, b->words_count,
                                  sizeof(a->words[0]), compare_words);
}
