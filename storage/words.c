/*
 * Words - see words.h.
 */

#include "storage/words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/query_words.h"
#include "storage/pg.h"
#include "storage/table.h"

enum { AT_ONCE = 20000 };

#define DELETE_OF(name)                                                                            \
    {                                                                                              \
        "delete from " name "_words where ctid = any(array(select ctid from " name "_words "       \
        "where h = any($1::int8[]) limit $2::int4))"                                               \
    }
#define DELETE(id, name, ...) [id] = DELETE_OF(name),
static const struct pg_statement delete_statements[] = {TABLES(DELETE)[TABLE_CONTAINED] =
                                                            DELETE_OF("f_contained")};
#undef DELETE
#undef DELETE_OF

static const struct pg_statement select_configurations = {
    "select string_agg(cfgname::text, ', ' order by cfgname), bool_or(cfgname::text = $1::text)"
    " from pg_ts_config where pg_ts_config_is_visible(oid)"};

static void write_asked(const struct query_words *asked, struct buf *out);
static void write_parts(const struct query_words *asked, struct buf *out);
static void write_phrase(const struct query_words *asked, struct buf *out);

struct text words_asked(const struct query_words *asked, struct arena *arena)
{
    struct buf out = buf_in(arena);

    write_asked(asked, &out);
    return (struct text){buf_text(&out), out.size};
}

static void write_asked(const struct query_words *asked, struct buf *out)
{
    switch (asked->kind) {
    case WORDS_ALL:
    case WORDS_ANY:
        write_parts(asked, out);
        break;
    case WORDS_NOT:
        buf_add_char(out, '!');
        write_asked(asked->parts, out);
        break;
    case WORDS_PHRASE:
        write_phrase(asked, out);
        break;
    }
}

static void write_parts(const struct query_words *asked, struct buf *out)
{
    const char *sign = asked->kind == WORDS_ALL ? " & " : " | ";
    bool several = asked->parts->next != NULL;

    buf_add_text(out, several ? "(" : "");
    for (const struct query_words *part = asked->parts; part; part = part->next) {
        write_asked(part, out);
        buf_add_text(out, part->next ? sign : "");
    }
    buf_add_text(out, several ? ")" : "");
}

/* Words within quotes follow each other. What goes on is the last one only. */
static void write_phrase(const struct query_words *asked, struct buf *out)
{
    struct text rest = asked->phrase, word;

    buf_add_char(out, '(');
    while (text_next(&rest, ' ', &word)) {
        buf_add_char(out, '\'');
        buf_add(out, word.data, word.size);
        buf_add_text(out, rest.data ? "' <-> " : "'");
    }
    buf_add_text(out, asked->begins ? ":*)" : ")");
}

bool words_delete(struct pg *pg, const struct table *table, const int64_t *h, size_t count,
                  bool *more, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8_array(&params, h, NULL, count);
    pg_add_int4(&params, AT_ONCE);
    bool good = pg_query(pg, &delete_statements[table->id], &params, arena, &result, err);
    *more = good && pg_affected(result) == AT_ONCE;
    arena_free(arena);
    return good;
}

bool words_check_configuration(struct pg *pg, struct text name, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, name);
    bool good = pg_query(pg, &select_configurations, &params, arena, &result, err);
    if (good && !pg_bool(result, 0, 1))
        good = err_set(err, ERR_INVALID, NULL,
                       "The database has no text search configuration of this name; it has %.*s.",
                       TEXT_ARGS(pg_text(result, 0, 0)));
    arena_free(arena);
    return good;
}
