/*
 * Bulk - changes turned into columns, and columns into statements.
 */

#include "storage/bulk.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/type.h"
#include "storage/bulk_sides.h"

struct sent {
    struct pg_reply reply;
    size_t expected; /* rows it must have touched; SIZE_MAX: any number */
    struct sent *next;
};

#define DUPLICATE "23505" /* unique_violation: the resource has been created meanwhile */

/* No `on conflict`: a sixth of an insert's work would go into it, and nobody shares the transaction
 * who would have to suffer for the failure.
 *
 * Lists of different lengths cannot be elements of an array: they are sent end to end, and each
 * row cuts its own out. In an array of int8 without nulls that takes no search.
 *
 * The log says where the rows were put. Rows are returned in the order in which they were inserted,
 * so that a row's number tells whose lists are its own; should that ever change, lines are missing,
 * and the transaction is not committed. */
#define INSERT(id, name, ...)                                                                      \
    [id] = {                                                                                       \
        "with w as (insert into " name                                                             \
        " (rkey, ver, updated, op, tenant, rtype, id, body, patient, "                             \
        "code, d, dhi, vq, vqu, toks, made) select x.rkey, x.ver, x.updated, x.op::\"char\", "     \
        "$1::int4, x.rtype, x.id, x.body, x.patient, x.code, x.d, x.dhi, x.vq, x.vqu, "            \
        "($2::int8[])[x.first:x.last], x.updated from unnest($3::int8[], $4::int4[], "             \
        "$5::timestamptz[], $6::text[], $7::int2[], $8::text[], $9::bytea[], $10::int8[], "        \
        "$11::int8[], $12::timestamptz[], $13::timestamptz[], $14::float8[], $15::int8[], "        \
        "$16::int4[], $17::int4[]) as x(rkey, ver, updated, op, rtype, id, body, patient, "        \
        "code, d, dhi, vq, vqu, first, last) "                                                     \
        "returning rkey, ver, updated, op, rtype, id, ctid as place), "                            \
        "n as (select *, row_number() over () as n from w) "                                       \
        "insert into f_log (rkey, ver, updated, op, tenant, rtype, patients, id, write_id, "       \
        "place, made) select n.rkey, n.ver, n.updated, n.op, $1::int4, n.rtype, "                  \
        "($18::int8[])[($19::int4[])[n.n]:($20::int4[])[n.n]], n.id, $21::int8, n.place, true "    \
        "from n where n.rkey = ($3::int8[])[n.n]"},
static const struct pg_statement insert_statements[] = {TABLES(INSERT)};
#undef INSERT

static const struct pg_statement contained_statement = {
    "insert into f_contained (rkey, container, updated, tenant, ver, rtype, op, id, body, toks) "
    "select x.rkey, x.container, x.updated, $1::int4, x.ver, x.rtype, x.op::\"char\", x.id, "
    "x.body, ($2::int8[])[x.first:x.last] from unnest($3::int8[], $4::int8[], "
    "$5::timestamptz[], $6::int4[], $7::int2[], $8::text[], $9::text[], $10::bytea[], "
    "$11::int4[], $12::int4[]) as x(rkey, container, updated, ver, rtype, op, id, body, first, "
    "last)"};

/* See change_check(): what was created and deleted since we looked. */
static const struct pg_statement check_statement = {
    "select 1 / case when exists (select from unnest($1::int8[], $2::int4[]) as x(rkey, ver), "
    "lateral (select from f_hist where rkey = x.rkey and ver >= x.ver limit 1) h) "
    "then 0 else 1 end"};

static void insert_rows(struct bulk *bulk, struct change **changes, size_t count);
static void insert_contained(struct bulk *bulk, struct change **changes, size_t count);
static void check_history(struct bulk *bulk, struct change **changes, size_t count);
static void add_columns(struct pg_params *params, struct change **changes, size_t count);
static int by_table_and_key(const void *a, const void *b);

struct bulk bulk_in(struct pg *pg, struct arena *arena, struct arena *scratch)
{
    return (struct bulk){.pg = pg, .arena = arena, .scratch = scratch};
}

void bulk_insert(struct bulk *bulk, struct change **changes, size_t count)
{
    if (count == 0)
        return;
    /* Two transactions that insert the same keys do so in the same order. */
    qsort(changes, count, sizeof(struct change *), by_table_and_key);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && changes[end]->table == changes[first]->table; end++)
            ;
        insert_rows(bulk, changes + first, end - first);
        bulk_insert_words(bulk, changes + first, end - first);
    }
    insert_contained(bulk, changes, count);
    bulk_insert_sides(bulk, changes, count);
    check_history(bulk, changes, count);
}

void bulk_change(struct bulk *bulk, const struct change *change)
{
    struct pg_params params;
    const struct pg_statement *statement = change_statement(change, bulk->scratch, &params);

    pg_send(bulk->pg, statement, &params, bulk->arena, bulk_add_reply(bulk, 1));
    if (change->kind == CHANGE_INSERT && change->op == 'U') {
        statement = change_check(change, bulk->scratch, &params);
        pg_send(bulk->pg, statement, &params, bulk->arena, bulk_add_reply(bulk, SIZE_MAX));
    }
}

bool bulk_wait(struct bulk *bulk, bool *raced, char sqlstate[6], struct err *err)
{
    return bulk_wait_for_room(bulk, 0, raced, sqlstate, err);
}

bool bulk_wait_for_room(struct bulk *bulk, size_t most, bool *raced, char sqlstate[6],
                        struct err *err)
{
    const struct pg_result *result;

    *raced = false;
    sqlstate[0] = '\0';
    while (bulk->count > most) {
        struct sent *sent = bulk->first;
        bool ok = pg_wait(&sent->reply, &result, err);

        bulk->first = sent->next;
        bulk->count--;
        if (ok && (sent->expected == SIZE_MAX || (size_t)pg_affected(result) == sent->expected))
            continue;
        memcpy(sqlstate, sent->reply.sqlstate, sizeof(sent->reply.sqlstate));
        *raced = ok || strcmp(sqlstate, CHANGE_STALE) == 0 || strcmp(sqlstate, DUPLICATE) == 0;
        bulk_drop(bulk);
        return ok;
    }
    if (!bulk->first)
        bulk->last = NULL;
    return true;
}

void bulk_drop(struct bulk *bulk)
{
    for (; bulk->first; bulk->first = bulk->first->next)
        pg_drop(&bulk->first->reply);
    bulk->last = NULL;
    bulk->count = 0;
}

/* What is common to the rows of the main tables and of the log. */
struct heads {
    int64_t *rkey, *updated;
    int32_t *ver, *first, *last; /* of the row's part of `lists` */
    int16_t *rtype;
    struct text *op, *id;
    int64_t *lists;
    size_t list_count;
};

static size_t toks_of(const struct row *row, const int64_t **items)
{
    *items = row->toks;
    return row->tok_count;
}

static size_t patients_of(const struct row *row, const int64_t **items)
{
    *items = row->patients;
    return row->patient_count;
}

static struct heads make_heads(struct arena *arena, struct change **changes, size_t count,
                               size_t (*list_of)(const struct row *row, const int64_t **items))
{
    const int64_t *items;
    size_t at = 0, total = 0;

    for (size_t i = 0; i < count; i++)
        total += list_of(changes[i]->row, &items);

    struct heads heads = {
        .rkey = arena_alloc_raw(arena, count * sizeof(int64_t)),
        .updated = arena_alloc_raw(arena, count * sizeof(int64_t)),
        .ver = arena_alloc_raw(arena, count * sizeof(int32_t)),
        .first = arena_alloc_raw(arena, count * sizeof(int32_t)),
        .last = arena_alloc_raw(arena, count * sizeof(int32_t)),
        .rtype = arena_alloc_raw(arena, count * sizeof(int16_t)),
        .op = arena_alloc_raw(arena, count * sizeof(struct text)),
        .id = arena_alloc_raw(arena, count * sizeof(struct text)),
        .lists = arena_alloc_raw(arena, (total + 1) * sizeof(int64_t)),
        .list_count = total,
    };
    for (size_t i = 0; i < count; i++) {
        const struct change *change = changes[i];
        size_t size = list_of(change->row, &items);

        heads.rkey[i] = change->row->rkey;
        heads.updated[i] = change->updated;
        heads.ver[i] = (int32_t)change->number;
        heads.rtype[i] = (int16_t)change->row->type->number;
        heads.op[i] = (struct text){&change->op, 1};
        heads.id[i] = change->row->id;
        heads.first[i] = (int32_t)at + 1; /* as PostgreSQL counts */
        heads.last[i] = (int32_t)(at + size);
        if (size > 0)
            memcpy(heads.lists + at, items, size * sizeof(int64_t));
        at += size;
    }
    return heads;
}

static void insert_rows(struct bulk *bulk, struct change **changes, size_t count)
{
    struct arena *arena = bulk->scratch;
    struct heads heads = make_heads(arena, changes, count, toks_of);
    struct heads whose = make_heads(arena, changes, count, patients_of);
    struct pg_params params = pg_params_in(arena);
    struct text *body = arena_many(arena, struct text, count);

    for (size_t i = 0; i < count; i++)
        body[i] = changes[i]->body;
    pg_add_int4(&params, changes[0]->tenant);
    pg_add_int8_array(&params, heads.lists, NULL, heads.list_count);
    pg_add_int8_array(&params, heads.rkey, NULL, count);
    pg_add_int4_array(&params, heads.ver, count);
    pg_add_timestamp_array(&params, heads.updated, NULL, count);
    pg_add_text_array(&params, heads.op, count);
    pg_add_int2_array(&params, heads.rtype, count);
    pg_add_text_array(&params, heads.id, count);
    pg_add_bytea_array(&params, body, count);
    add_columns(&params, changes, count);
    pg_add_int4_array(&params, heads.first, count);
    pg_add_int4_array(&params, heads.last, count);
    pg_add_int8_array(&params, whose.lists, NULL, whose.list_count);
    pg_add_int4_array(&params, whose.first, count);
    pg_add_int4_array(&params, whose.last, count);
    pg_add_int8(&params, changes[0]->write_id);
    pg_send(bulk->pg, &insert_statements[changes[0]->table->id], &params, bulk->arena,
            bulk_add_reply(bulk, count));
}

/* patient, code, d, dhi, vq, vqu. */
static void add_columns(struct pg_params *params, struct change **changes, size_t count)
{
    int64_t *numbers = arena_many(params->arena, int64_t, count);
    double *doubles = arena_many(params->arena, double, count);
    bool *nulls = arena_many(params->arena, bool, count);

#define FILL(to, column, has)                                                                      \
    for (size_t i = 0; i < count; i++) {                                                           \
        (to)[i] = changes[i]->row->column;                                                         \
        nulls[i] = !changes[i]->row->has;                                                          \
    }
    FILL(numbers, patient, has_patient)
    pg_add_int8_array(params, numbers, nulls, count);
    FILL(numbers, code, has_code)
    pg_add_int8_array(params, numbers, nulls, count);
    FILL(numbers, d, has_date)
    pg_add_timestamp_array(params, numbers, nulls, count);
    FILL(numbers, dhi, has_date)
    pg_add_timestamp_array(params, numbers, nulls, count);
    FILL(doubles, vq, has_quantity)
    pg_add_float8_array(params, doubles, nulls, count);
    FILL(numbers, vqu, has_unit)
    pg_add_int8_array(params, numbers, nulls, count);
#undef FILL
}

static void insert_contained(struct bulk *bulk, struct change **changes, size_t count)
{
    struct arena *arena = bulk->scratch;
    struct pg_params params = pg_params_in(arena);
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += changes[i]->row->contained_count;
    if (total == 0)
        return;

    struct change **contained = arena_many(arena, struct change *, total);
    struct text *body = arena_many(arena, struct text, total);
    int64_t *container = arena_many(arena, int64_t, total);
    total = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < changes[i]->row->contained_count; k++, total++) {
            contained[total] = arena_one(arena, struct change);
            *contained[total] = *changes[i];
            contained[total]->row = changes[i]->row->contained[k];
            body[total] = contained[total]->row->json;
            container[total] = changes[i]->row->rkey;
        }
    }
    struct heads heads = make_heads(arena, contained, total, toks_of);
    pg_add_int4(&params, changes[0]->tenant);
    pg_add_int8_array(&params, heads.lists, NULL, heads.list_count);
    pg_add_int8_array(&params, heads.rkey, NULL, total);
    pg_add_int8_array(&params, container, NULL, total);
    pg_add_timestamp_array(&params, heads.updated, NULL, total);
    pg_add_int4_array(&params, heads.ver, total);
    pg_add_int2_array(&params, heads.rtype, total);
    pg_add_text_array(&params, heads.op, total);
    pg_add_text_array(&params, heads.id, total);
    pg_add_bytea_array(&params, body, total);
    pg_add_int4_array(&params, heads.first, total);
    pg_add_int4_array(&params, heads.last, total);
    pg_send(bulk->pg, &contained_statement, &params, bulk->arena, bulk_add_reply(bulk, total));
}

/* Ids that the server drew have no history. */
static void check_history(struct bulk *bulk, struct change **changes, size_t count)
{
    struct arena *arena = bulk->scratch;
    struct pg_params params = pg_params_in(arena);
    int64_t *rkey = arena_many(arena, int64_t, count);
    int32_t *ver = arena_many(arena, int32_t, count);
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (changes[i]->op != 'U')
            continue;
        rkey[total] = changes[i]->row->rkey;
        ver[total++] = (int32_t)changes[i]->number;
    }
    if (total == 0)
        return;
    pg_add_int8_array(&params, rkey, NULL, total);
    pg_add_int4_array(&params, ver, total);
    pg_send(bulk->pg, &check_statement, &params, bulk->arena, bulk_add_reply(bulk, SIZE_MAX));
}

struct pg_reply *bulk_add_reply(struct bulk *bulk, size_t expected)
{
    /* Replies that are under way are known to pg.c by their address. */
    struct sent *sent = arena_one(bulk->arena, struct sent);

    sent->expected = expected;
    bulk->count++;
    if (bulk->last)
        bulk->last->next = sent;
    else
        bulk->first = sent;
    bulk->last = sent;
    return &sent->reply;
}

static int by_table_and_key(const void *a, const void *b)
{
    const struct change *left = *(struct change *const *)a, *right = *(struct change *const *)b;

    if (left->table != right->table)
        return left->table->id < right->table->id ? -1 : 1;
    return left->row->rkey < right->row->rkey ? -1 : left->row->rkey > right->row->rkey;
}
