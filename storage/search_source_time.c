/*
 * Search source, DRIVE_UPDATED - rows in the order of meta.lastUpdated, which no index of a main
 * table may hold: updates would not stay inside their page any more.
 *
 * A row that was never updated is found by the time at which it was made: that never changes, and
 * has an index. All others are found by the line of the log that tells of their version, which
 * knows where it was put (f_log.place). A row that was moved since, because it was indexed anew or
 * the table was rewritten, is found by its key; so is one whose line was written before there were
 * places. A version that was superseded is found by neither.
 */

#include "fhir/type.h"
#include "storage/search_source_parts.h"

static void rows_of_range(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, struct search_sql *sql);
static void range(const struct search_plan *plan, const struct search_position *position,
                  const char *time, const char *key, struct search_sql *sql);
static void order(const struct search_plan *plan, const char *time, const char *key,
                  struct search_sql *sql);
static void row_of_line(const struct search_plan *plan, struct search_sql *sql);

void source_page_by_time(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql)
{
    sql_add(sql, "select " SEARCH_COLUMNS ", t.time as k1 from ");
    rows_of_range(plan, position, true, sql);
    order(plan, "t.time", "t.key", sql);
    sql_add(sql, " limit %u", limit);
}

void source_rows_by_time(const struct search_plan *plan, struct search_sql *sql)
{
    static const struct search_position beginning = {0};

    rows_of_range(plan, &beginning, false, sql);
}

/* Criteria stand above all ways to find a row: one that does not match is not looked for again. */
static void rows_of_range(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, struct search_sql *sql)
{
    sql_add(sql,
            "((select t.*, t.made as time, t.rkey as key from %s t where t.made is not null "
            "and t.made = t.updated",
            plan->table->name);
    if (plan->table->shared)
        sql_add(sql, " and t.rtype = %u::int2", plan->type->number);
    range(plan, position, "t.made", "t.rkey", sql);
    if (ordered)
        order(plan, "t.made", "t.rkey", sql);
    sql_add(sql, " offset 0) union all (select t.*, l.updated, l.rkey from f_log l join lateral (");
    row_of_line(plan, sql);
    sql_add(sql, " offset 0) t on true where ");
    search_access_predicate(sql, plan->access, "l");
    sql_add(sql, " and l.rtype = %u::int2 and l.made is not true and l.op <> 'D'",
            plan->type->number);
    range(plan, position, "l.updated", "l.rkey", sql);
    if (ordered)
        order(plan, "l.updated", "l.rkey", sql);
    sql_add(sql, " offset 0)) t where true");
    source_visible(plan, sql);
    source_terms_hold(plan, sql);
}

/* What is asked for, behind the last row of the page before. */
static void range(const struct search_plan *plan, const struct search_position *position,
                  const char *time, const char *key, struct search_sql *sql)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        const struct query_param *param = plan->terms[i].param;

        if (param->subject != QUERY_LAST_UPDATED || param->value_count != 1)
            continue;
        sql_add(sql, " and ");
        sql_date_matches(sql, time, time, &param->values[0]);
    }
    if (position->set) {
        sql_add(sql, " and (%s, %s) %s (", time, key, plan->keys[0].descending ? "<" : ">");
        sql_time(sql, position->keys[0].time);
        sql_add(sql, ", ");
        sql_int8(sql, position->rkey);
        sql_add(sql, ")");
    }
}

/* As the indexes have it, or all of it backwards. */
static void order(const struct search_plan *plan, const char *time, const char *key,
                  struct search_sql *sql)
{
    const char *direction = plan->keys[0].descending ? " desc" : "";

    sql_add(sql, " order by %s%s, %s%s", time, direction, key, direction);
}

static void row_of_line(const struct search_plan *plan, struct search_sql *sql)
{
    const char *table = plan->table->name;

    sql_add(sql,
            "select * from (select * from %s t where t.ctid = l.place and t.rkey = l.rkey "
            "and t.ver = l.ver offset 0) t union all select * from (select * from %s t "
            "where t.rkey = l.rkey and t.ver = l.ver offset 0) t limit 1",
            table, table);
}
