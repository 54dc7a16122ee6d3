/*
 * Bulk, side tables - see bulk_sides.h.
 */

#include "storage/bulk_sides.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/type.h"
#include "storage/side_rows.h"

static const struct pg_statement string_statement = {
    "insert into f_str (h, norm, rkey) select * from unnest($1::int8[], $2::text[], $3::int8[])"};

static const struct pg_statement date_statement = {
    "insert into f_date (h, lo, hi, rkey) select * from unnest($1::int8[], $2::timestamptz[], "
    "$3::timestamptz[], $4::int8[])"};

static const struct pg_statement quantity_statement = {
    "insert into f_qty (h, lo, hi, unit, rkey) select * from unnest($1::int8[], $2::float8[], "
    "$3::float8[], $4::int8[], $5::int8[])"};

#define WORDS                                                                                      \
    "_words (h, rkey, words) select x.h, x.rkey, f_words(x.configuration, x.h, x.words) "          \
    "from unnest($1::text[], $2::int8[], $3::text[], $4::int8[]) "                                 \
    "as x(configuration, h, words, rkey)"
#define INSERT(id, name, ...) [id] = {"insert into " name WORDS},
static const struct pg_statement words_statements[] = {
    TABLES(INSERT)[TABLE_CONTAINED] = {"insert into f_contained" WORDS}};
#undef INSERT
#undef WORDS

static const struct pg_statement code_statement = {
    "insert into f_code (tenant, rtype, code, n) select $1::int4, x.rtype, x.code, x.n "
    "from (select distinct rtype, code, n from unnest($2::int2[], $3::int8[], $4::int8[]) "
    "as y(rtype, code, n) order by rtype, code) x on conflict do nothing"};

static void insert_words(struct bulk *bulk, enum table_id table, const struct row *const *rows,
                         size_t count);
static void insert_ranges(struct bulk *bulk, struct change **changes, size_t count);
static void insert_words_of_contained(struct bulk *bulk, struct change **changes, size_t count);
static void insert_codes(struct bulk *bulk, struct change **changes, size_t count);

void bulk_insert_words(struct bulk *bulk, struct change **changes, size_t count)
{
    const struct row **rows = arena_many(bulk->scratch, const struct row *, count);

    for (size_t i = 0; i < count; i++)
        rows[i] = changes[i]->row;
    insert_words(bulk, changes[0]->table->id, rows, count);
}

static void insert_words(struct bulk *bulk, enum table_id table, const struct row *const *rows,
                         size_t count)
{
    struct pg_params params = pg_params_in(bulk->scratch);
    size_t total = side_rows_add_keyed(rows, count, SIDE_WORDS, &params);

    if (total > 0)
        pg_send(bulk->pg, &words_statements[table], &params, bulk->arena,
                bulk_add_reply(bulk, total));
}

void bulk_insert_sides(struct bulk *bulk, struct change **changes, size_t count)
{
    insert_ranges(bulk, changes, count);
    insert_words_of_contained(bulk, changes, count);
    insert_codes(bulk, changes, count);
}

/* f_str, f_date, f_qty. */
static void insert_ranges(struct bulk *bulk, struct change **changes, size_t count)
{
    static const struct {
        enum side_kind kind;
        const struct pg_statement *statement;
    } sides[] = {
        {SIDE_STRINGS, &string_statement},
        {SIDE_DATES, &date_statement},
        {SIDE_QUANTITIES, &quantity_statement},
    };
    struct arena *arena = bulk->scratch;
    size_t row_count = count;

    for (size_t i = 0; i < count; i++)
        row_count += changes[i]->row->contained_count;
    const struct row **rows = arena_many(arena, const struct row *, row_count);
    row_count = 0;
    for (size_t i = 0; i < count; i++) {
        rows[row_count++] = changes[i]->row;
        for (size_t k = 0; k < changes[i]->row->contained_count; k++)
            rows[row_count++] = changes[i]->row->contained[k];
    }
    for (size_t i = 0; i < COUNT(sides); i++) {
        struct pg_params params = pg_params_in(arena);
        size_t total = side_rows_add_keyed(rows, row_count, sides[i].kind, &params);

        if (total > 0)
            pg_send(bulk->pg, sides[i].statement, &params, bulk->arena,
                    bulk_add_reply(bulk, total));
    }
}

static void insert_words_of_contained(struct bulk *bulk, struct change **changes, size_t count)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += changes[i]->row->contained_count;
    if (total == 0)
        return;
    const struct row **rows = arena_many(bulk->scratch, const struct row *, total);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < changes[i]->row->contained_count; k++)
            rows[at++] = changes[i]->row->contained[k];
    insert_words(bulk, TABLE_CONTAINED, rows, total);
}

static void insert_codes(struct bulk *bulk, struct change **changes, size_t count)
{
    struct arena *arena = bulk->scratch;
    struct pg_params params = pg_params_in(arena);
    size_t total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += changes[i]->row->code_count;
    if (total == 0)
        return;

    int16_t *rtype = arena_many(arena, int16_t, total);
    int64_t *code = arena_many(arena, int64_t, total);
    int64_t *of = arena_many(arena, int64_t, total);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = changes[i]->row;

        for (size_t k = 0; k < row->code_count; k++, at++) {
            rtype[at] = (int16_t)row->type->number;
            code[at] = row->codes[k].code;
            of[at] = row->codes[k].of;
        }
    }
    pg_add_int4(&params, changes[0]->tenant);
    pg_add_int2_array(&params, rtype, total);
    pg_add_int8_array(&params, code, NULL, total);
    pg_add_int8_array(&params, of, NULL, total);
    pg_send(bulk->pg, &code_statement, &params, bulk->arena, bulk_add_reply(bulk, SIZE_MAX));
}
