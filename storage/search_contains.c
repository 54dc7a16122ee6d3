/*
 * Search contains - see search_contains.h.
 */

#include "storage/search_contains.h"

#include "base/arena.h"
#include "base/buf.h"
#include "storage/row.h"
#include "storage/search_stats.h"

enum { RUN_MIN = 3 };

/* What was cut may hold the text behind the cut; up to three bytes are cut off a character. */
#define LONG_STRINGS "octet_length(%s.norm) >= %d"

/* The extension is one that the owner of a database may create. An index that was not finished is
 * in the way of another, and would never be used: so both are made anew. The trigrams go first and
 * come last, since searches go by them alone. */
static const char *const wanted_statements[] = {
    "create extension if not exists pg_trgm",
    "drop index concurrently if exists f_str_trigrams",
    "drop index concurrently if exists f_str_long",
    "create index concurrently f_str_long on f_str (h)"
    " where octet_length(norm) >= 253",
    "create index concurrently f_str_trigrams on f_str using gin (norm gin_trgm_ops)"
    " with (gin_pending_list_limit = 256)",
    "analyze f_str",
    NULL,
};
static const char *const unwanted_statements[] = {
    "drop index concurrently if exists f_str_trigrams",
    "drop index concurrently if exists f_str_long",
    NULL,
};

static void pattern_of(const struct search_atom *atom, struct buf *out);

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool search_contains_is_indexed(const struct search_plan *plan, const struct search_atom *atom)
{
    size_t run = 0, longest = 0;

    if (atom->kind != ATOM_STRINGS || atom->mode != STRING_CONTAINS ||
        !search_stats_has_trigrams(plan->store))
        return false;
    for (size_t i = 0; i < atom->norm.size; i++) {
        run = is_word(atom->norm.data[i]) ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest >= RUN_MIN;
}

bool search_contains_all_indexed(const struct search_plan *plan, const struct search_term *term)
{
    for (size_t i = 0; i < term->atom_count; i++)
        if (!search_contains_is_indexed(plan, &term->atoms[i]))
            return false;
    return term->atom_count > 0;
}

/* Inside the fence only what the trigrams are asked for: beside the parameter's hash the planner
 * would take the index that is ordered by it. */
void search_contains_keys(const struct search_term *term, struct search_sql *sql)
{
    sql_add(sql, "select distinct s.rkey from (select s.h, s.norm, s.rkey from f_str s where ");
    for (size_t i = 0; i < term->atom_count; i++) {
        struct buf pattern = buf_in(sql->params.arena);

        pattern_of(&term->atoms[i], &pattern);
        sql_add(sql, "s.norm like ");
        sql_text(sql, (struct text){buf_text(&pattern), pattern.size});
        sql_add(sql, " or ");
    }
    sql_add(sql, LONG_STRINGS " offset 0) s where ", "s", ROW_NORM_MAX - 3);
    for (size_t i = 0; i < term->atom_count; i++) {
        sql_add(sql, i ? " or (" : "(");
        sql_side_matches(sql, &term->atoms[i], "s");
        sql_add(sql, ")");
    }
    sql_add(sql, " offset 0");
}

static void pattern_of(const struct search_atom *atom, struct buf *out)
{
    buf_add_char(out, '%');
    for (size_t i = 0; i < atom->norm.size; i++) {
        char c = atom->norm.data[i];

        if (c == '%' || c == '_' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, c);
    }
    buf_add_char(out, '%');
}

bool search_contains_make(struct pg *pg, bool wanted, struct err *err)
{
    const char *const *statement = wanted ? wanted_statements : unwanted_statements;
    struct arena *arena = arena_new();
    bool good = true;

    for (; good && *statement; statement++) {
        const struct pg_result *result;

        good = pg_query_sql(pg, *statement, NULL, arena, &result, err);
    }
    arena_free(arena);
    return good;
}
