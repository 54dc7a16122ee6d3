/*
 * Change - the parameters of a change.
 */

#include "storage/change.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/type.h"
#include "storage/change_sql.h"
#include "storage/row_set.h"

static enum change_key key_use(const struct change *change);
static unsigned add_sides(const struct change *change, struct arena *arena, struct row *gone,
                          struct row *come);
static void add_contained(const struct row *container, struct arena *arena,
                          struct pg_params *params);
static void add_hashes_of_words(const struct row *row, struct arena *arena,
                                struct pg_params *params);
static void add_common(const struct change *change, struct pg_params *params);
static void add_old(const struct change *change, struct pg_params *params);

const struct pg_statement *change_statement(const struct change *change, struct arena *arena,
                                            struct pg_params *params)
{
    struct row gone = {0}, come = {0};
    unsigned sides = add_sides(change, arena, &gone, &come);

    *params = pg_params_in(arena);
    add_common(change, params);
    if (change->kind != CHANGE_REMOVE)
        pg_add_bytea(params, change->body.data, change->body.size);
    if (change->kind == CHANGE_INSERT || change->kind == CHANGE_ALL)
        change_add_columns(change->row, params);
    if (change->key)
        pg_add_int8(params, change->key->key);
    if (change->key && change->key->held)
        pg_add_int8(params, change->key->holder);
    if (change->kind != CHANGE_INSERT)
        add_old(change, params);

    if (sides & SIDE_ADD_STRINGS)
        change_add_side(&come, SIDE_STRINGS, params);
    if (sides & SIDE_ADD_DATES)
        change_add_side(&come, SIDE_DATES, params);
    if (sides & SIDE_ADD_QUANTITIES)
        change_add_side(&come, SIDE_QUANTITIES, params);
    if (sides & SIDE_ADD_CODES)
        change_add_codes(&come, arena, params);
    if (sides & SIDE_DROP_STRINGS)
        change_add_side(&gone, SIDE_STRINGS, params);
    if (sides & SIDE_DROP_DATES)
        change_add_side(&gone, SIDE_DATES, params);
    if (sides & SIDE_DROP_QUANTITIES)
        change_add_side(&gone, SIDE_QUANTITIES, params);
    if (sides & SIDE_ADD_CONTAINED)
        add_contained(change->row, arena, params);
    if (sides & SIDE_ADD_WORDS)
        change_add_side(&come, SIDE_WORDS, params);
    if (sides & SIDE_DROP_WORDS)
        add_hashes_of_words(&gone, arena, params);
    return change_sql(change->kind, key_use(change), change->table->id, sides);
}

static enum change_key key_use(const struct change *change)
{
    if (!change->key)
        return CHANGE_NO_KEY;
    return change->key->held ? CHANGE_REPLACE_HOLDER : CHANGE_INSERT_KEY;
}

const struct pg_statement *change_check(const struct change *change, struct arena *arena,
                                        struct pg_params *params)
{
    static const struct pg_statement check = {"select 1 / case when exists (select from f_hist "
                                              "where rkey = $1::int8 and ver >= $2::int4) "
                                              "then 0 else 1 end"};

    *params = pg_params_in(arena);
    pg_add_int8(params, change->row->rkey);
    pg_add_int4(params, (int32_t)change->number);
    return &check;
}

const struct pg_statement *change_contained(const struct change *change, struct arena *arena,
                                            struct pg_params *params)
{
    *params = pg_params_in(arena);
    pg_add_int8(params, change->row->rkey);
    pg_add_int4(params, (int32_t)change->number);
    pg_add_timestamp(params, change->updated);
    pg_add_char(params, change->op);
    pg_add_int4(params, change->tenant);
    add_contained(change->row, arena, params);
    return change_sql_contained();
}

/* Which side tables the change touches, and the rows that go from them and come to them. */
static unsigned add_sides(const struct change *change, struct arena *arena, struct row *gone,
                          struct row *come)
{
    static const struct row none = {0};

    switch (change->kind) {
    case CHANGE_BODY:
        return 0;
    case CHANGE_INSERT:
        row_difference(change->row, &none, arena, come);
        break;
    case CHANGE_ALL:
        row_difference(change->row, change->old_row, arena, come);
        row_difference(change->old_row, change->row, arena, gone);
        break;
    case CHANGE_REMOVE:
        row_difference(change->old_row, &none, arena, gone);
        break;
    }
    bool drops = change->old_row && change->old_row->contained_count > 0;
    bool adds = change->kind != CHANGE_REMOVE && change->row->contained_count > 0;

    return (adds ? SIDE_ADD_CONTAINED : 0u) | (drops ? SIDE_DROP_CONTAINED : 0u) |
           (come->string_count ? SIDE_ADD_STRINGS : 0u) | (come->date_count ? SIDE_ADD_DATES : 0u) |
           (come->quantity_count ? SIDE_ADD_QUANTITIES : 0u) |
           (come->code_count ? SIDE_ADD_CODES : 0u) |
           (gone->string_count ? SIDE_DROP_STRINGS : 0u) |
           (gone->date_count ? SIDE_DROP_DATES : 0u) |
           (gone->quantity_count ? SIDE_DROP_QUANTITIES : 0u) |
           (come->words_count ? SIDE_ADD_WORDS : 0u) | (gone->words_count ? SIDE_DROP_WORDS : 0u);
}

static void add_common(const struct change *change, struct pg_params *params)
{
    const struct row *row = change->row;

    pg_add_int8(params, row->rkey);
    pg_add_int4(params, (int32_t)change->number);
    pg_add_timestamp(params, change->updated);
    pg_add_char(params, change->op);
    pg_add_int4(params, change->tenant);
    pg_add_int2(params, (int16_t)row->type->number);
    pg_add_text(params, row->id);
    pg_add_int8_array(params, row->patients, NULL, row->patient_count);
    pg_add_int8(params, change->write_id);
}

static void add_int8_if(struct pg_params *params, bool has, int64_t value)
{
    if (has)
        pg_add_int8(params, value);
    else
        pg_add_null(params);
}

void change_add_columns(const struct row *row, struct pg_params *params)
{
    add_int8_if(params, row->has_patient, row->patient);
    add_int8_if(params, row->has_code, row->code);
    if (row->has_date) {
        pg_add_timestamp(params, row->d);
        pg_add_timestamp(params, row->dhi);
    } else {
        pg_add_null(params);
        pg_add_null(params);
    }
    if (row->has_quantity)
        pg_add_float8(params, row->vq);
    else
        pg_add_null(params);
    add_int8_if(params, row->has_unit, row->vqu);
    pg_add_int8_array(params, row->toks, NULL, row->tok_count);
}

static void add_old(const struct change *change, struct pg_params *params)
{
    const struct row *old = change->old_row;

    pg_add_int4(params, (int32_t)change->old_number);
    pg_add_timestamp(params, change->old_updated);
    pg_add_char(params, change->old_op);
    pg_add_int8_array(params, old->patients, NULL, old->patient_count);
    pg_add_bytea(params, change->old_body.data, change->old_body.size);
}

static void add_contained(const struct row *container, struct arena *arena,
                          struct pg_params *params)
{
    const struct row *const *rows = (const struct row *const *)container->contained;
    size_t count = container->contained_count, total = 0, at = 0;

    for (size_t i = 0; i < count; i++)
        total += rows[i]->tok_count;

    int64_t *rkey = arena_many(arena, int64_t, count), *toks = arena_many(arena, int64_t, total);
    int16_t *rtype = arena_many(arena, int16_t, count);
    int32_t *first = arena_many(arena, int32_t, count), *last = arena_many(arena, int32_t, count);
    struct text *id = arena_many(arena, struct text, count);
    struct text *body = arena_many(arena, struct text, count);
    for (size_t i = 0; i < count; i++) {
        rkey[i] = rows[i]->rkey;
        rtype[i] = (int16_t)rows[i]->type->number;
        id[i] = rows[i]->id;
        body[i] = rows[i]->json;
        first[i] = (int32_t)at + 1; /* as PostgreSQL counts */
        for (size_t k = 0; k < rows[i]->tok_count; k++)
            toks[at++] = rows[i]->toks[k];
        last[i] = (int32_t)at;
    }
    pg_add_int8_array(params, rkey, NULL, count);
    pg_add_int2_array(params, rtype, count);
    pg_add_text_array(params, id, count);
    pg_add_bytea_array(params, body, count);
    pg_add_int4_array(params, first, count);
    pg_add_int4_array(params, last, count);
    pg_add_int8_array(params, toks, NULL, total);
    for (enum side_kind side = 0; side < SIDES; side++)
        side_rows_add_keyed(rows, count, side, params);
}

void change_add_side(const struct row *row, enum side_kind side, struct pg_params *params)
{
    side_rows_add(&row, 1, side, params);
}

void change_add_codes(const struct row *row, struct arena *arena, struct pg_params *params)
{
    int64_t *code = arena_many(arena, int64_t, row->code_count);
    int64_t *of = arena_many(arena, int64_t, row->code_count);

    for (size_t i = 0; i < row->code_count; i++) {
        code[i] = row->codes[i].code;
        of[i] = row->codes[i].of;
    }
    pg_add_int8_array(params, code, NULL, row->code_count);
    pg_add_int8_array(params, of, NULL, row->code_count);
}

static void add_hashes_of_words(const struct row *row, struct arena *arena,
                                struct pg_params *params)
{
    int64_t *h = arena_many(arena, int64_t, row->words_count);

    for (size_t i = 0; i < row->words_count; i++)
        h[i] = row->words[i].h;
    pg_add_int8_array(params, h, NULL, row->words_count);
}
