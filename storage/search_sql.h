#pragma once

/*
 * Search SQL - a statement in the making, and the predicates it is made of.
 *
 * Predicates are about a row of a main table called `t`. They must stand where
 * the planner cannot turn them into an index scan of its own choice: above a
 * subquery that ends in `offset 0`, or inside a lateral one that names the row.
 */

#include "base/buf.h"
#include "storage/pg.h"
#include "storage/search_term.h"
#include "storage/store.h"
#include "storage/table.h"

enum { SQL_PLACES_MAX = 16 };

/* A circle has many values, and a chain repeats it in each of its branches: they stand in the
 * statement once, from parameter `first` on. */
struct sql_place {
    const struct query_near *near;
    int first;
};

struct search_sql {
    struct buf text;
    struct pg_params params;
    bool too_many; /* values: the statement must not be sent */
    struct sql_place places[SQL_PLACES_MAX];
    unsigned place_count; /* further ones are repeated */
};

struct search_sql search_sql_in(struct arena *arena);

void sql_add(struct search_sql *sql, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Each appends `$n::type`. */
void sql_int8(struct search_sql *sql, int64_t value);
void sql_int4(struct search_sql *sql, int32_t value);
void sql_float8(struct search_sql *sql, double value);
void sql_time(struct search_sql *sql, int64_t time);
void sql_text(struct search_sql *sql, struct text value);
void sql_int8s(struct search_sql *sql, const int64_t *values, size_t count);

/* ` = $n` for one value, ` = any($n)` for several. */
void sql_is_any(struct search_sql *sql, const int64_t *values, size_t count);

/*
 * Who may see a row: appends the condition on the row source `alias`, which has
 * a tenant column (every main table and f_log do). Every row source of every
 * search passes through here, so that there is one place to read; only what counts in an index of
 * hashes (search_source_count) looks at no rows and has it in the hashes alone.
 */
void search_access_predicate(struct search_sql *sql, const struct access *access,
                             const char *alias);

/* ` and tenant...` and, in the shared table, ` and rtype...`, of a main table called `alias`. */
void sql_and_visible(struct search_sql *sql, const struct access *access, const struct type *type,
                     const char *alias);

/* The condition that the term holds for row t. */
void sql_term(struct search_sql *sql, const struct search_term *term);

/* The condition that a time from `low` to `high`, or a number, stands to the
 * value as its prefix says: fhir/query_match.h in SQL. */
void sql_date_matches(struct search_sql *sql, const char *low, const char *high,
                      const struct query_value *value);
void sql_number_matches(struct search_sql *sql, const char *low, const char *high,
                        const struct query_value *value);

/* The side table of an atom and what a row `alias` of it must meet, `h` included. */
const char *sql_side_table(const struct search_atom *atom);
void sql_side_matches(struct search_sql *sql, const struct search_atom *atom, const char *alias);
