/*
 * Search source, MODE_SORT - all matches, up to a bound, sorted as the query says.
 */

#include "storage/search_source_parts.h"

static bool are_of_a_patient(const struct search_plan *plan);
static void page_of_a_patient(const struct search_plan *plan,
                              const struct search_position *position, unsigned limit,
                              struct search_sql *sql);
static void key_columns(const struct search_plan *plan, struct search_sql *sql);
static void key_expression(const struct search_key *key, struct search_sql *sql);
static void key_order(const struct search_plan *plan, struct search_sql *sql);
static void key_is_behind(const struct search_plan *plan, const struct search_position *position,
                          struct search_sql *sql);

void source_page_sorted(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    if (are_of_a_patient(plan)) {
        page_of_a_patient(plan, position, limit, sql);
        return;
    }
    sql_add(sql, "with m as materialized (select t.rkey");
    key_columns(plan, sql);
    source_rows(plan, sql);
    sql_add(sql, " limit %d) select " SEARCH_COLUMNS, SEARCH_SORT_MAX + 1);
    for (size_t i = 0; i < plan->key_count; i++)
        sql_add(sql, ", m.k%zu", i + 1);
    sql_add(sql, ", m.n from (select m.*, (select count(*) from m) as n from m");
    if (position->set) {
        sql_add(sql, " where ");
        key_is_behind(plan, position, sql);
    }
    key_order(plan, sql);
    sql_add(sql, " limit %u) m join lateral (select * from %s t where t.rkey = m.rkey", limit,
            plan->table->name);
    source_visible(plan, sql);
    sql_add(sql, " offset 0) t on true");
    key_order(plan, sql);
}

/* All of a patient's rows are looked at: they are few. */
static bool are_of_a_patient(const struct search_plan *plan)
{
    return (plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE) &&
           plan->terms[plan->patients].patient_count == 1;
}

/* Not counted, so that no more are kept than the page takes, and each is read once. */
static void page_of_a_patient(const struct search_plan *plan,
                              const struct search_position *position, unsigned limit,
                              struct search_sql *sql)
{
    sql_add(sql, "select m.*, 0::int8 as n from (select " SEARCH_COLUMNS);
    key_columns(plan, sql);
    source_rows(plan, sql);
    sql_add(sql, ") m");
    if (position->set) {
        sql_add(sql, " where ");
        key_is_behind(plan, position, sql);
    }
    key_order(plan, sql);
    sql_add(sql, " limit %u", limit);
}

static void key_columns(const struct search_plan *plan, struct search_sql *sql)
{
    for (size_t i = 0; i < plan->key_count; i++) {
        sql_add(sql, ", ");
        key_expression(&plan->keys[i], sql);
        sql_add(sql, " as k%zu", i + 1);
    }
    sql_add(sql, " ");
}

static void key_expression(const struct search_key *key, struct search_sql *sql)
{
    switch (key->kind) {
    case KEY_DATE:
        sql_add(sql, "t.d");
        break;
    case KEY_QUANTITY:
        sql_add(sql, "t.vq");
        break;
    case KEY_UPDATED:
        sql_add(sql, "t.updated");
        break;
    case KEY_ID:
        sql_add(sql, "t.id collate \"C\"");
        break;
    case KEY_PATIENT:
        sql_add(sql, "t.patient");
        break;
    case KEY_STRINGS:
    case KEY_DATES:
    case KEY_NUMBERS:
        if (key->with_column)
            sql_add(sql, key->descending ? "greatest(t.d, " : "least(t.d, ");
        sql_add(sql, "(select %s(s.%s%s) from %s s where s.rkey = t.rkey and s.h = ",
                key->descending ? "max" : "min", source_sides[key->kind].key,
                key->kind == KEY_STRINGS ? " collate \"C\"" : "", source_sides[key->kind].table);
        sql_int8(sql, key->h);
        sql_add(sql, key->with_column ? " offset 0))" : " offset 0)");
        break;
    }
}

static void key_order(const struct search_plan *plan, struct search_sql *sql)
{
    sql_add(sql, " order by ");
    for (size_t i = 0; i < plan->key_count; i++)
        sql_add(sql, "m.k%zu%s %s nulls last, ", i + 1,
                source_is_text(&plan->keys[i]) ? " collate \"C\"" : "",
                plan->keys[i].descending ? "desc" : "asc");
    sql_add(sql, "m.rkey");
}

/* (k1, k2, ..., rkey) behind those of the position, each in its direction and nulls last. */
static void key_is_behind(const struct search_plan *plan, const struct search_position *position,
                          struct search_sql *sql)
{
    sql_add(sql, "(");
    for (size_t last = 0; last <= plan->key_count; last++) {
        sql_add(sql, last ? " or (true" : "(true");
        for (size_t i = 0; i < last; i++) {
            const char *collate = source_is_text(&plan->keys[i]) ? " collate \"C\"" : "";

            if (position->keys[i].null) {
                sql_add(sql, " and m.k%zu is null", i + 1);
                continue;
            }
            sql_add(sql, " and m.k%zu%s = ", i + 1, collate);
            source_key_value(&plan->keys[i], &position->keys[i], sql);
        }
        if (last == plan->key_count) {
            sql_add(sql, " and m.rkey > ");
            sql_int8(sql, position->rkey);
        } else if (position->keys[last].null) {
            sql_add(sql, " and false");
        } else {
            sql_add(sql, " and (m.k%zu is null or m.k%zu%s %s ", last + 1, last + 1,
                    source_is_text(&plan->keys[last]) ? " collate \"C\"" : "",
                    plan->keys[last].descending ? "<" : ">");
            source_key_value(&plan->keys[last], &position->keys[last], sql);
            sql_add(sql, ")");
        }
        sql_add(sql, ")");
    }
    sql_add(sql, ")");
}
