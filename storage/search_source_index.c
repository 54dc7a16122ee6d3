/*
 * Search source, MODE_INDEX - pages in the order of an index of the main table.
 *
 * A page is one segment after another, disjoint and each in the order of its
 * index: rows in a range of dates, then the few that began before it and last
 * into it, then those without a value. PostgreSQL runs a later segment only
 * when the earlier ones have not filled the page.
 */

#include "storage/search_source_parts.h"

/* The parts of an order by d or vq. */
enum segment { SEGMENT_RANGE, SEGMENT_LONG, SEGMENT_NULL, SEGMENT_COUNT };

static size_t segments_of(const struct search_plan *plan, const struct search_position *position,
                          enum segment segments[SEGMENT_COUNT]);
static void segment(const struct search_plan *plan, const struct search_position *position,
                    enum segment kind, unsigned limit, struct search_sql *sql);
static void segment_null(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
static void quantity_range(const struct search_plan *plan, struct search_sql *sql);

void source_page_by_column(const struct search_plan *plan, const struct search_position *position,
                           unsigned limit, struct search_sql *sql)
{
    enum segment segments[SEGMENT_COUNT];
    size_t count = segments_of(plan, position, segments);

    for (size_t i = 0; i < count; i++) {
        sql_add(sql, "%s%s", i ? " union all " : "", count > 1 ? "(" : "");
        segment(plan, position, segments[i], limit, sql);
        sql_add(sql, "%s", count > 1 ? ")" : "");
    }
    if (count > 1)
        sql_add(sql, " limit %u", limit);
}

static size_t segments_of(const struct search_plan *plan, const struct search_position *position,
                          enum segment segments[SEGMENT_COUNT])
{
    bool in_nulls = position->set && position->keys[0].null;
    bool by_date = plan->keys[0].kind == KEY_DATE;
    bool descending = plan->keys[0].descending;
    size_t count = 0;

    if (!in_nulls) {
        bool lasting = by_date && source_has_long_rows(plan);

        if (lasting && !descending)
            segments[count++] = SEGMENT_LONG;
        segments[count++] = SEGMENT_RANGE;
        if (lasting && descending)
            segments[count++] = SEGMENT_LONG;
    }
    if (!by_date || !plan->dates.bounded)
        segments[count++] = SEGMENT_NULL;
    if (count == 0) /* the cursor of a page behind the last */
        segments[count++] = SEGMENT_NULL;
    return count;
}

static void segment(const struct search_plan *plan, const struct search_position *position,
                    enum segment kind, unsigned limit, struct search_sql *sql)
{
    bool by_date = plan->keys[0].kind == KEY_DATE, descending = plan->keys[0].descending;
    const char *column = by_date ? "d" : "vq", *direction = descending ? " desc" : "";
    const struct search_key_value *from = &position->keys[0];

    if (kind == SEGMENT_NULL) {
        segment_null(plan, position, limit, sql);
        return;
    }
    sql_add(sql, "select " SEARCH_COLUMNS ", t.%s as k1 from (select * from %s t where ", column,
            plan->table->name);
    if (kind == SEGMENT_LONG) {
        sql_add(sql, SOURCE_LASTS " and t.dhi >= ");
        sql_time(sql, plan->dates.long_high);
        sql_add(sql, " offset 0) t where t.d < ");
        sql_time(sql, plan->dates.low);
        sql_add(sql, " and ");
        source_columns(plan, sql);
    } else {
        source_columns(plan, sql);
        if (by_date)
            source_date_range(plan, sql);
        else
            quantity_range(plan, sql);
        if (position->set) {
            sql_add(sql, " and t.%s %s ", column, descending ? "<=" : ">=");
            source_key_value(&plan->keys[0], from, sql);
        }
        sql_add(sql, " order by t.%s%s, t.rkey offset 0) t where true", column, direction);
    }
    source_terms_hold(plan, sql);
    source_visible(plan, sql);
    if (position->set) {
        sql_add(sql, " and (t.%s %s ", column, descending ? "<" : ">");
        source_key_value(&plan->keys[0], from, sql);
        sql_add(sql, " or (t.%s = ", column);
        source_key_value(&plan->keys[0], from, sql);
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
        sql_add(sql, "))");
    }
    if (kind == SEGMENT_LONG)
        sql_add(sql, " order by t.d%s, t.rkey", direction);
    sql_add(sql, " limit %u", limit);
}

/* Rows without a value in the column, by key. Of quantities, those whose
 * value is no plain number and so stands in the side table. */
static void segment_null(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql)
{
    bool by_date = plan->keys[0].kind == KEY_DATE;

    sql_add(sql, "select " SEARCH_COLUMNS ", %s as k1 from (select t.* from ",
            by_date ? "null::timestamptz" : "null::float8");
    if (by_date) {
        sql_add(sql, "%s t where ", plan->table->name);
        source_columns(plan, sql);
        sql_add(sql, " and t.d is null offset 0) t where true"); /* few; sorted above the fence */
    } else {
        sql_add(sql, "(");
        source_side_keys(plan, sql);
        sql_add(sql,
                ") s join lateral (select * from %s t where t.rkey = s.rkey and t.vq is null "
                "offset 0) t on true offset 0) t where true",
                plan->table->name);
    }
    source_terms_hold(plan, sql);
    source_visible(plan, sql);
    if (position->set && position->keys[0].null) {
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by t.rkey limit %u", limit);
}

/* One value: its range. Several: the index is read for the code and each looked at. */
static void quantity_range(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *term = plan->quantity >= 0 ? &plan->terms[plan->quantity] : NULL;

    sql_add(sql, " and t.vq is not null");
    if (!term || plan->driver != DRIVE_CODE_QUANTITY || term->param->value_count != 1)
        return;
    sql_add(sql, " and ");
    sql_number_matches(sql, "t.vq", "t.vq", &term->param->values[0]);
}

void source_quantity_keys(const struct search_plan *plan, struct search_sql *sql)
{
    const struct query_value *value = &plan->terms[plan->quantity].param->values[0];
    const char *table = plan->table->name;

    sql_add(sql,
            "(with recursive c(code) as ((select t.code from %s t where t.code >= "
            "'-9223372036854775808'::int8 "
            "and t.vq is not null order by t.code, t.vq limit 1)"
            " union all select (select t.code from %s t where t.code > c.code and t.vq is not null "
            "order by t.code, t.vq limit 1) from c where c.code is not null) "
            "select t.rkey from (select c.code from c where c.code is not null offset 0) c "
            "join lateral (select t.rkey from %s t where t.code = c.code and t.vq is not null and ",
            table, table, table);
    sql_number_matches(sql, "t.vq", "t.vq", value);
    sql_add(sql,
            " offset 0) t on true) union all (select t.rkey from %s t where t.code is null and "
            "t.vq is not null and ",
            table);
    sql_number_matches(sql, "t.vq", "t.vq", value);
    sql_add(sql, " offset 0) union all (");
    source_side_keys(plan, sql);
    sql_add(sql, ")");
}
