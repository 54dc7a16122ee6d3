/*
 * Reindex batch - see reindex_batch.h.
 *
 * Rows that somebody writes at the moment are passed over and taken in the next round, so
 * that a batch, which holds the locks of many rows, never waits for one.
 */

#include "storage/reindex_batch.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/text.h"
#include "fhir/search_values.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/row.h"
#include "storage/store_internal.h"

enum { BATCH = 200, AGAIN_MS = 20 };

/* Estimated where counting would take long; f_other holds many types, and has an index by them. */
#define COUNT_ALL(id, name, ...)                                                                   \
    [id] = {"select case when reltuples > 200000 and relname <> 'f_other' then reltuples::int8 "   \
            "else (select count(*) from " name " where rtype = $1::int2) end "                     \
            "from pg_class where oid = '" name "'::regclass"},
static const struct pg_statement count_statements[] = {TABLES(COUNT_ALL)};
#undef COUNT_ALL

#define KEYS(id, name, ...)                                                                        \
    [id] = {"select rkey from " name " where rtype = $1::int2 and rkey > $2::int8 "                \
            "order by rkey limit $3::int4"},
static const struct pg_statement key_statements[] = {TABLES(KEYS)};
#undef KEYS

#define LOCK(id, name, ...)                                                                        \
    [id] = {"select rkey, ver, id, tenant, body, updated, op from " name                           \
            " where rkey = any($1::int8[]) "                                                       \
            "order by rkey for update skip locked"},
static const struct pg_statement lock_statements[] = {TABLES(LOCK)};
#undef LOCK

#define PRESENT(id, name, ...) [id] = {"select rkey from " name " where rkey = any($1::int8[])"},
static const struct pg_statement present_statements[] = {TABLES(PRESENT)};
#undef PRESENT

/*
 * Takes the row out and puts it in again, instead of updating it: a writer whose statement has
 * begun before sees side tables as they were then, and would leave behind what is added here.
 * Waiting for the row, he finds it gone, writes nothing, and begins again. So with what it
 * contains: that is written anew in any case, by a second statement.
 */
#define REWRITE(id, name, ...)                                                                     \
    [id] = {                                                                                       \
        "with s as (select x.h, x.norm from unnest($10::int8[], $11::text[]) x(h, norm) "          \
        "where not exists (select from f_str f where f.h = x.h and f.norm = x.norm "               \
        "and f.rkey = $1::int8)), "                                                                \
        "t as (select x.h, x.lo, x.hi from unnest($12::int8[], $13::timestamptz[], "               \
        "$14::timestamptz[]) x(h, lo, hi) where not exists (select from f_date f where "           \
        "f.h = x.h and f.lo = x.lo and f.hi = x.hi and f.rkey = $1::int8)), "                      \
        "q as (select x.h, x.lo, x.hi, x.unit from unnest($15::int8[], $16::float8[], "            \
        "$17::float8[], $18::int8[]) x(h, lo, hi, unit) where not exists (select from f_qty f "    \
        "where f.h = x.h and f.lo = x.lo and f.hi = x.hi and f.unit is not distinct from x.unit "  \
        "and f.rkey = $1::int8)), "                                                                \
        "x as (select x.configuration, x.h, x.words from unnest($22::text[], $23::int8[], "        \
        "$24::text[]) x(configuration, h, words) where not exists (select from " name "_words f "  \
        "where f.h = x.h and f.rkey = $1::int8)), "                                                \
        "o as (delete from " name " m where m.rkey = $1::int8 and m.ver = $2::int4 and "           \
        "((m.patient, m.code, m.d, m.dhi, m.vq, m.vqu, m.toks) is distinct from ($3::int8, "       \
        "$4::int8, $5::timestamptz, $6::timestamptz, $7::float8, $8::int8, $9::int8[]) "           \
        "or exists (select from s) or exists (select from t) or exists (select from q) "           \
        "or exists (select from x) or $21::bool) "                                                 \
        "returning m.updated, m.op, m.tenant, m.rtype, m.id, m.body), "                            \
        "w as (insert into " name " (rkey, ver, updated, op, tenant, rtype, id, body, patient, "   \
        "code, d, dhi, vq, vqu, toks) select $1::int8, $2::int4, o.updated, o.op, o.tenant, "      \
        "o.rtype, o.id, o.body, $3::int8, $4::int8, $5::timestamptz, $6::timestamptz, "            \
        "$7::float8, $8::int8, $9::int8[] from o returning tenant, rtype), "                       \
        "s1 as (insert into f_str (h, norm, rkey) select s.h, s.norm, $1::int8 from s, w), "       \
        "t1 as (insert into f_date (h, lo, hi, rkey) select t.h, t.lo, t.hi, $1::int8 from t, "    \
        "w), "                                                                                     \
        "q1 as (insert into f_qty (h, lo, hi, unit, rkey) select q.h, q.lo, q.hi, q.unit, "        \
        "$1::int8 from q, w), "                                                                    \
        "x1 as (insert into " name "_words (h, rkey, words) select x.h, $1::int8, "                \
        "f_words(x.configuration, x.h, x.words) from x, w), "                                      \
        "c1 as (insert into f_code (tenant, rtype, code, n) select w.tenant, w.rtype, x.code, "    \
        "x.n from w, unnest($19::int8[], $20::int8[]) x(code, n) on conflict do nothing) "         \
        "select 1 from w"},
static const struct pg_statement rewrite_statements[] = {TABLES(REWRITE)};
#undef REWRITE

static const struct pg_statement note = {
    "update f_reindex set last = $3::int8, done = done + $4::int8 where type = $1::text"
    " and number = $2::int8 and finished is null"};

/* Keys still to be done. */
struct keys {
    int64_t *items;
    size_t count;
};

static bool read_keys(const struct reindex_batch *batch, struct arena *arena, struct keys *keys,
                      struct err *err);
static bool rewrite_free(struct reindex_batch *batch, struct keys *keys, int64_t number,
                         int64_t last, struct err *err);
static bool rewrite_rows(struct reindex_batch *batch, struct pg *pg, const struct pg_result *rows,
                         struct arena *arena, struct err *err);
static bool fill(const struct reindex_batch *batch, const struct pg_result *rows, int at,
                 struct arena *arena, const struct row **made, struct pg_params *params,
                 struct err *err);
static void send_contained(struct pg *pg, const struct pg_result *rows, int at,
                           const struct row *row, struct arena *arena, struct pg_reply *reply);
static void add_row(struct pg_params *params, const struct row *row, struct arena *arena);

bool reindex_count(const struct reindex_batch *batch, struct pg *pg, struct arena *arena,
                   int64_t *count, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int2(&params, (int16_t)batch->type->number);
    if (!pg_query(pg, &count_statements[batch->table->id], &params, arena, &result, err))
        return false;
    *count = pg_int8(result, 0, 0);
    return true;
}

bool reindex_batch(struct reindex_batch *batch, int64_t number, bool *more, struct err *err)
{
    struct arena *arena = arena_new();
    struct keys keys;
    bool good = read_keys(batch, arena, &keys, err);

    batch->taken = good ? (int64_t)keys.count : 0;
    *more = good && keys.count == BATCH;
    if (good && keys.count > 0) {
        int64_t last = keys.items[keys.count - 1];

        while (good && keys.count > 0) {
            size_t before = keys.count;

            good = rewrite_free(batch, &keys, number, last, err);
            if (good && keys.count == before)
                fiber_sleep(AGAIN_MS);
        }
        batch->last = last;
    }
    arena_free(arena);
    return good;
}

static bool read_keys(const struct reindex_batch *batch, struct arena *arena, struct keys *keys,
                      struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int2(&params, (int16_t)batch->type->number);
    pg_add_int8(&params, batch->last);
    pg_add_int4(&params, BATCH);
    if (!pg_query(batch->store->search, &key_statements[batch->table->id], &params, arena, &result,
                  err))
        return false;
    keys->count = (size_t)pg_rows(result);
    keys->items = arena_many(arena, int64_t, keys->count + 1);
    for (size_t i = 0; i < keys->count; i++)
        keys->items[i] = pg_int8(result, (int)i, 0);
    return true;
}

/* Those that were locked, and those that are gone, are done; the others stay in `keys`. */
static void take_done(struct keys *keys, const struct pg_result *rows, const struct pg_result *left)
{
    size_t kept = 0;

    for (size_t i = 0; i < keys->count; i++) {
        bool done = false, there = false;

        for (int row = 0; row < pg_rows(rows) && !done; row++)
            done = pg_int8(rows, row, 0) == keys->items[i];
        for (int row = 0; row < pg_rows(left) && !there; row++)
            there = pg_int8(left, row, 0) == keys->items[i];
        if (!done && there)
            keys->items[kept++] = keys->items[i];
    }
    keys->count = kept;
}

/* With the last of them the note: before, it would be said too early. */
static bool note_progress(const struct reindex_batch *batch, struct pg *pg, int64_t number,
                          int64_t last, struct arena *arena, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(batch->type->name));
    pg_add_int8(&params, number);
    pg_add_int8(&params, last);
    pg_add_int8(&params, batch->taken);
    if (!pg_query(pg, &note, &params, arena, &result, err))
        return false;
    return pg_affected(result) > 0 || err_set(err, ERR_CONFLICT, NULL, REINDEX_OVERTAKEN);
}

static bool rewrite_free(struct reindex_batch *batch, struct keys *keys, int64_t number,
                         int64_t last, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *rows, *left;
    struct pg *pg = pool_acquire(batch->store->transactions, err);
    bool good = pg != NULL;

    pg_add_int8_array(&params, keys->items, NULL, keys->count);
    if (good) {
        pg_begin(pg);
        good = pg_query(pg, &lock_statements[batch->table->id], &params, arena, &rows, err) &&
               rewrite_rows(batch, pg, rows, arena, err) &&
               pg_query(pg, &present_statements[batch->table->id], &params, arena, &left, err);
        if (good)
            take_done(keys, rows, left);
        good = good && (keys->count || note_progress(batch, pg, number, last, arena, err)) &&
               pg_commit(pg, err);
        pool_release(batch->store->transactions, pg);
    }
    arena_free(arena);
    return good;
}

static bool rewrite_rows(struct reindex_batch *batch, struct pg *pg, const struct pg_result *rows,
                         struct arena *arena, struct err *err)
{
    size_t count = (size_t)pg_rows(rows), sent = 0;
    struct pg_params *params = arena_many(arena, struct pg_params, count + 1);
    struct pg_reply *replies = arena_many(arena, struct pg_reply, count + 1);
    struct pg_reply *more = arena_many(arena, struct pg_reply, count + 1);
    const struct row **made = arena_many(arena, const struct row *, count + 1);
    bool good = true;

    while (good && sent < count) {
        good = fill(batch, rows, (int)sent, arena, &made[sent], &params[sent], err);
        if (good) {
            pg_send(pg, &rewrite_statements[batch->table->id], &params[sent], arena,
                    &replies[sent]);
            if (made[sent]->contained_count > 0)
                send_contained(pg, rows, (int)sent, made[sent], arena, &more[sent]);
            sent++;
        }
    }
    for (size_t i = 0; i < sent; i++) {
        const struct pg_result *result;

        bool contains = made[i]->contained_count > 0;

        if (!good)
            pg_drop(&replies[i]);
        else
            good = pg_wait(&replies[i], &result, err);
        batch->rewritten += good && pg_rows(result) > 0;
        if (contains && !good)
            pg_drop(&more[i]);
        else if (contains)
            good = pg_wait(&more[i], &result, err);
    }
    return good;
}

static bool fill(const struct reindex_batch *batch, const struct pg_result *rows, int at,
                 struct arena *arena, const struct row **made, struct pg_params *params,
                 struct err *err)
{
    const struct current current = {
        .rkey = pg_int8(rows, at, 0),
        .exists = true,
        .number = pg_int4(rows, at, 1),
        .id = pg_text(rows, at, 2),
        .body = pg_bytea(rows, at, 4),
    };
    const struct tokens tokens = {.key = batch->store->key, .tenant = pg_int4(rows, at, 3)};
    const struct row *row;
    struct text json;

    if (!current_unpack(batch->store, &tokens, batch->type, &current, arena, &json, &row, err))
        return false;
    *params = pg_params_in(arena);
    pg_add_int8(params, current.rkey);
    pg_add_int4(params, (int32_t)current.number);
    add_row(params, row, arena);
    *made = row;
    return true;
}

static void send_contained(struct pg *pg, const struct pg_result *rows, int at,
                           const struct row *row, struct arena *arena, struct pg_reply *reply)
{
    const struct change change = {
        .row = row,
        .tenant = pg_int4(rows, at, 3),
        .number = pg_int4(rows, at, 1),
        .updated = pg_timestamp(rows, at, 5),
        .op = pg_char(rows, at, 6),
    };
    struct pg_params params;
    const struct pg_statement *statement = change_contained(&change, arena, &params);

    pg_send(pg, statement, &params, arena, reply);
}

static void add_row(struct pg_params *params, const struct row *row, struct arena *arena)
{
    change_add_columns(row, params);
    change_add_side(row, SIDE_STRINGS, params);
    change_add_side(row, SIDE_DATES, params);
    change_add_side(row, SIDE_QUANTITIES, params);
    change_add_codes(row, arena, params);
    pg_add_bool(params, row->contained_count > 0);
    change_add_side(row, SIDE_WORDS, params);
}
