/*
 * Change SQL - statements put together from pieces.
 */

#include "storage/change_sql.h"

#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"

#include <assert.h>
#include <stdatomic.h>

enum { KINDS = CHANGE_REMOVE + 1, KEYS = CHANGE_REPLACE_HOLDER + 1 };

/* The parameters that every statement has. */
#define RKEY     "$1::int8"
#define VER      "$2::int4"
#define UPDATED  "$3::timestamptz"
#define OP       "$4::\"char\""
#define TENANT   "$5::int4"
#define RTYPE    "$6::int2"
#define ID       "$7::text"
#define PATIENTS "$8::int8[]"
#define WRITE_ID "$9::int8"

/* A statement in the making: `next` is the number of the next parameter. */
struct text_maker {
    struct buf sql;
    const struct table *table;
    int next;
};

static const struct pg_statement *make(enum change_kind kind, enum change_key key,
                                       enum table_id table, unsigned sides);
static void write_row(struct text_maker *maker, enum change_kind kind, enum change_key key);
static void write_insert(struct text_maker *maker, enum change_key key);
static void write_key(struct text_maker *maker, enum change_key key);
static void write_update(struct text_maker *maker, enum change_kind kind);
static void write_remove(struct text_maker *maker);
static void write_history(struct text_maker *maker, enum change_kind kind, int old);
static void write_log(struct text_maker *maker, bool first);
static void write_sides(struct text_maker *maker, unsigned sides);

/* Threads may make the same one at the same time; the first to store it wins. */
static _Atomic(const struct pg_statement *) made[KINDS][KEYS][TABLE_COUNT][SIDE_ALL + 1];

const struct pg_statement *change_sql(enum change_kind kind, enum change_key key,
                                      enum table_id table, unsigned sides)
{
    assert((unsigned)kind < KINDS && table < TABLE_COUNT && sides <= SIDE_ALL);
    assert(key == CHANGE_NO_KEY || kind == CHANGE_INSERT);

    const struct pg_statement *statement = atomic_load(&made[kind][key][table][sides]);
    if (!statement) {
        const struct pg_statement *fresh = make(kind, key, table, sides);

        if (atomic_compare_exchange_strong(&made[kind][key][table][sides], &statement, fresh))
            return fresh;
        free((void *)fresh->sql);
        free((void *)fresh);
    }
    return statement;
}

static const struct pg_statement *make(enum change_kind kind, enum change_key key,
                                       enum table_id table, unsigned sides)
{
    struct text_maker maker = {.table = table_at(table), .next = 10};
    struct pg_statement *statement = malloc(sizeof(*statement));

    if (!statement)
        abort();
    write_row(&maker, kind, key);
    write_log(&maker, kind == CHANGE_INSERT);
    write_sides(&maker, sides);
    buf_add_text(&maker.sql, " select 1 from w");
    statement->sql = buf_text(&maker.sql);
    return statement;
}

const struct pg_statement *change_sql_contained(void)
{
    static _Atomic(const struct pg_statement *) kept;
    const struct pg_statement *statement = atomic_load(&kept);
    struct text_maker maker = {.next = 6};
    struct pg_statement *fresh;

    if (statement)
        return statement;
    fresh = malloc(sizeof(*fresh));
    if (!fresh)
        abort();
    buf_add_text(&maker.sql, "with w as (select 1)");
    write_sides(&maker, SIDE_ADD_CONTAINED | SIDE_DROP_CONTAINED);
    buf_add_text(&maker.sql, " select 1 from w");
    fresh->sql = buf_text(&maker.sql);
    if (atomic_compare_exchange_strong(&kept, &statement, fresh))
        return fresh;
    free((void *)fresh->sql);
    free(fresh);
    return statement;
}

static void write_row(struct text_maker *maker, enum change_kind kind, enum change_key key)
{
    if (kind == CHANGE_INSERT) {
        write_insert(maker, key);
        return;
    }
    buf_add_text(&maker->sql, "with w as (");
    if (kind == CHANGE_REMOVE)
        write_remove(maker);
    else
        write_update(maker, kind);
    write_history(maker, kind, maker->next - 1);
    maker->next += 4;
}

/* With a key: only when its row was taken. */
static void write_insert(struct text_maker *maker, enum change_key key)
{
    maker->next = 18;
    write_key(maker, key);
    buf_printf(&maker->sql,
               "w as (insert into %s (rkey, ver, updated, op, tenant, rtype, id, body, patient, "
               "code, d, dhi, vq, vqu, toks, made) select " RKEY ", " VER ", " UPDATED ", " OP
               ", " TENANT ", " RTYPE ", " ID
               ", $10::bytea, $11::int8, $12::int8, $13::timestamptz, "
               "$14::timestamptz, $15::float8, $16::int8, $17::int8[], " UPDATED "%s "
               "on conflict (rkey) do nothing returning ctid as place)",
               maker->table->name, key == CHANGE_NO_KEY ? "" : " from k");
}

/* The `with`, and the key's part of it. */
static void write_key(struct text_maker *maker, enum change_key key)
{
    buf_add_text(&maker->sql, "with ");
    if (key == CHANGE_INSERT_KEY) {
        buf_add_text(&maker->sql,
                     "k as (insert into f_key (key, holder) values ($18::int8, " WRITE_ID
                     ") on conflict (key) do nothing returning 1), ");
        maker->next = 19;
    } else if (key == CHANGE_REPLACE_HOLDER) {
        buf_add_text(&maker->sql,
                     "k as (update f_key set holder = " WRITE_ID ", made = clock_timestamp() "
                     "where key = $18::int8 and holder = $19::int8 returning 1), ");
        maker->next = 20;
    }
}

/* `next` ends behind the version to supersede, the first of the old version's parameters. */
static void write_update(struct text_maker *maker, enum change_kind kind)
{
    buf_printf(&maker->sql,
               "update %s set ver = " VER ", updated = " UPDATED ", op = " OP ", body = $10::bytea",
               maker->table->name);
    maker->next = 11;
    if (kind == CHANGE_ALL) {
        buf_add_text(&maker->sql, ", patient = $11::int8, code = $12::int8, d = $13::timestamptz, "
                                  "dhi = $14::timestamptz, vq = $15::float8, vqu = $16::int8, "
                                  "toks = $17::int8[]");
        maker->next = 18;
    }
    buf_printf(&maker->sql, " where rkey = " RKEY " and ver = $%d::int4 returning ctid as place)",
               maker->next++);
}

static void write_remove(struct text_maker *maker)
{
    buf_printf(&maker->sql,
               "delete from %s where rkey = " RKEY
               " and ver = $10::int4 returning null::tid as place)",
               maker->table->name);
    maker->next = 11;
}

/* `old` is the number of the superseded version's first parameter. A deletion is a version too. */
static void write_history(struct text_maker *maker, enum change_kind kind, int old)
{
    buf_printf(&maker->sql,
               ", h as (insert into f_hist (rkey, ver, updated, op, tenant, rtype, patients, id, "
               "body) select " RKEY ", $%d::int4, $%d::timestamptz, $%d::\"char\", " TENANT
               ", " RTYPE ", $%d::int8[], " ID ", $%d::bytea from w",
               old, old + 1, old + 2, old + 3, old + 4);
    if (kind == CHANGE_REMOVE)
        buf_add_text(&maker->sql,
                     " union all select " RKEY ", " VER ", " UPDATED ", " OP ", " TENANT ", " RTYPE
                     ", " PATIENTS ", " ID ", ''::bytea from w");
    buf_add_char(&maker->sql, ')');
}

/* `first`: it is the first version of its row. */
static void write_log(struct text_maker *maker, bool first)
{
    buf_printf(&maker->sql,
               ", l as (insert into f_log (rkey, ver, updated, op, tenant, rtype, patients, id, "
               "write_id, place, made) select " RKEY ", " VER ", " UPDATED ", " OP ", " TENANT
               ", " RTYPE ", " PATIENTS ", " ID ", " WRITE_ID ", w.place, %s from w)",
               first ? "true" : "null::bool");
}

/* One row per bit of enum change_side, in order; @1 is its first parameter, @a its tenth, and @@
 * the table of the type's words. */
static const struct side {
    int params;
    const char *sql;
} sides_sql[] = {
    {2, ", s1 as (insert into f_str (h, norm, rkey) select x.h, x.norm, " RKEY
        " from w, unnest($@1::int8[], $@2::text[]) as x(h, norm))"},
    {3, ", s2 as (insert into f_date (h, lo, hi, rkey) select x.h, x.lo, x.hi, " RKEY
        " from w, unnest($@1::int8[], $@2::timestamptz[], $@3::timestamptz[]) "
        "as x(h, lo, hi))"},
    {4, ", s3 as (insert into f_qty (h, lo, hi, unit, rkey) select x.h, x.lo, x.hi, x.unit, " RKEY
        " from w, unnest($@1::int8[], $@2::float8[], $@3::float8[], $@4::int8[]) "
        "as x(h, lo, hi, unit))"},
    {2, ", s4 as (insert into f_code (tenant, rtype, code, n) select " TENANT ", " RTYPE
        ", x.code, x.n from w, unnest($@1::int8[], $@2::int8[]) as x(code, n) "
        "on conflict do nothing)"},
    {2, ", d1 as (delete from f_str s using w, unnest($@1::int8[], $@2::text[]) "
        "as x(h, norm) where s.h = x.h and s.norm = x.norm and s.rkey = " RKEY ")"},
    {3, ", d2 as (delete from f_date s using w, unnest($@1::int8[], $@2::timestamptz[], "
        "$@3::timestamptz[]) as x(h, lo, hi) where s.h = x.h and s.lo = x.lo and s.hi = x.hi "
        "and s.rkey = " RKEY ")"},
    {4, ", d3 as (delete from f_qty s using w, unnest($@1::int8[], $@2::float8[], "
        "$@3::float8[], $@4::int8[]) as x(h, lo, hi, unit) where s.h = x.h and s.lo = x.lo "
        "and s.hi = x.hi and s.unit is not distinct from x.unit and s.rkey = " RKEY ")"},
    {23, ", c1 as (insert into f_contained (rkey, container, updated, tenant, ver, rtype, op, id, "
         "body, toks) select x.rkey, " RKEY ", " UPDATED ", " TENANT ", " VER ", x.rtype, " OP
         ", x.id, x.body, ($@7::int8[])[x.first:x.last] from w, unnest($@1::int8[], $@2::int2[], "
         "$@3::text[], $@4::bytea[], $@5::int4[], $@6::int4[]) "
         "as x(rkey, rtype, id, body, first, last))"
         ", c2 as (insert into f_str (h, norm, rkey) select x.h, x.norm, x.rkey from w, "
         "unnest($@8::int8[], $@9::text[], $@a::int8[]) as x(h, norm, rkey))"
         ", c3 as (insert into f_date (h, lo, hi, rkey) select x.h, x.lo, x.hi, x.rkey from w, "
         "unnest($@b::int8[], $@c::timestamptz[], $@d::timestamptz[], $@e::int8[]) "
         "as x(h, lo, hi, rkey))"
         ", c4 as (insert into f_qty (h, lo, hi, unit, rkey) select x.h, x.lo, x.hi, x.unit, "
         "x.rkey from w, unnest($@f::int8[], $@g::float8[], $@h::float8[], $@i::int8[], "
         "$@j::int8[]) as x(h, lo, hi, unit, rkey))"
         ", c5 as (insert into f_contained_words (h, rkey, words) select x.h, x.rkey, "
         "f_words(x.configuration, x.h, x.words) from w, unnest($@k::text[], $@l::int8[], "
         "$@m::text[], $@n::int8[]) as x(configuration, h, words, rkey))"},
    {0, ", e1 as (delete from f_contained c using w where c.container = " RKEY " returning c.rkey)"
        ", e2 as (delete from f_str where rkey = any(array(select rkey from e1)))"
        ", e3 as (delete from f_date where rkey = any(array(select rkey from e1)))"
        ", e4 as (delete from f_qty where rkey = any(array(select rkey from e1)))"
        ", e5 as (delete from f_contained_words where rkey = any(array(select rkey from e1)))"},
    {3, ", s5 as (insert into @@ (h, rkey, words) select x.h, " RKEY
        ", f_words(x.configuration, x.h, x.words) from w, unnest($@1::text[], $@2::int8[], "
        "$@3::text[]) as x(configuration, h, words))"},
    {1, ", d4 as (delete from @@ s using w where s.h = any($@1::int8[]) and s.rkey = " RKEY ")"},
};

static void write_sides(struct text_maker *maker, unsigned sides)
{
    for (unsigned i = 0; i < COUNT(sides_sql); i++) {
        if (!(sides & 1u << i))
            continue;
        for (const char *sql = sides_sql[i].sql; *sql; sql++) {
            if (*sql == '@' && sql[1] == '@') {
                sql++;
                buf_add_text(&maker->sql, maker->table->words);
            } else if (*sql == '@') {
                sql++;
                buf_printf(&maker->sql, "%d",
                           maker->next + (*sql <= '9' ? *sql - '1' : *sql - 'a' + 9));
            } else {
                buf_add_char(&maker->sql, *sql);
            }
        }
        maker->next += sides_sql[i].params;
    }
}
