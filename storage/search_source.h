#pragma once

/*
 * Search source - the statements of a plan. Each names the index it wants and
 * fences it with `offset 0`, so that no statistics can make PostgreSQL prefer another.
 */

#include "storage/search_plan.h"
#include "storage/search_sql.h"

/* The value of one key of a row. */
struct search_key_value {
    bool null;
    int64_t time;
    double number;
    struct text text;
};

/* Where a page begins: behind this row. */
struct search_position {
    bool set; /* otherwise at the beginning */
    struct search_key_value keys[SEARCH_KEYS_MAX];
    int64_t rkey;
};

/* Columns of a page's rows; the keys follow, in MODE_SORT then the number of all matches. */
enum { COLUMN_RKEY, COLUMN_VER, COLUMN_UPDATED, COLUMN_OP, COLUMN_ID, COLUMN_BODY, COLUMN_KEYS };

#define SEARCH_COLUMNS "t.rkey, t.ver, t.updated, t.op, t.id, t.body"

/* At most `limit` rows behind `position`, in the plan's order. */
void search_source_page(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);

/* One row: how many match. */
void search_source_count(const struct search_plan *plan, struct search_sql *sql);

/* The value of key `i` of the plan in a page's row; text is borrowed from the result. */
struct search_key_value search_source_key(const struct search_plan *plan,
                                          const struct pg_result *result, int row, size_t i);
