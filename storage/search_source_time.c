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

static bool are_columns(const struct search_plan *plan);
static void rows_of_range(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, struct search_sql *sql);
static void rows_as_made(const struct search_plan *plan, const struct search_position *position,
                         bool ordered, bool fenced, struct search_sql *sql);
static void rows_of_lines(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, bool fenced, struct search_sql *sql);
static void row_of_line(const struct search_plan *plan, const char *columns,
                        struct search_sql *sql);
static void range(const struct search_plan *plan, const struct search_position *position,
                  const char *time, const char *key, struct search_sql *sql);
static void order(const struct search_plan *plan, const char *time, const char *key,
                  struct search_sql *sql);

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

bool source_is_time_range(const struct search_term *term)
{
    return term->atom_count == 1 && term->atoms[0].kind == ATOM_UPDATED && !term->negated;
}

/* Whether each row shows by itself that it matches. */
static bool are_columns(const struct search_plan *plan)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        if (plan->terms[i].link_count > 0)
            return false;
        for (size_t k = 0; k < plan->terms[i].atom_count; k++)
            if (sql_side_table(&plan->terms[i].atoms[k]))
                return false;
    }
    return true;
}

/* In order, no index but that of times will do: criteria on columns need no fence. Others stand
 * above all ways to find a row, so that one that does not match is not looked for again. */
static void rows_of_range(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, struct search_sql *sql)
{
    bool fenced = !ordered || !are_columns(plan);

    sql_add(sql, "((");
    rows_as_made(plan, position, ordered, fenced, sql);
    sql_add(sql, ") union all (");
    rows_of_lines(plan, position, ordered, fenced, sql);
    sql_add(sql, ")) t");
    if (!fenced)
        return;
    sql_add(sql, " where true");
    source_visible(plan, sql);
    source_terms_hold(plan, sql);
}

static void rows_as_made(const struct search_plan *plan, const struct search_position *position,
                         bool ordered, bool fenced, struct search_sql *sql)
{
    sql_add(sql,
            "select %s, t.made as time, t.rkey as key from %s t where t.made is not null "
            "and t.made = t.updated",
            fenced ? "t.*" : SEARCH_COLUMNS, plan->table->name);
    if (plan->table->shared)
        sql_add(sql, " and t.rtype = %u::int2", plan->type->number);
    range(plan, position, "t.made", "t.rkey", sql);
    if (!fenced) {
        source_terms_hold(plan, sql);
        sql_add(sql, " and ");
        search_access_predicate(sql, plan->access, "t");
    }
    if (ordered)
        order(plan, "t.made", "t.rkey", sql);
    if (fenced)
        sql_add(sql, " offset 0");
}

static void rows_of_lines(const struct search_plan *plan, const struct search_position *position,
                          bool ordered, bool fenced, struct search_sql *sql)
{
    sql_add(sql, "select %s, l.updated, l.rkey from f_log l join lateral (",
            fenced ? "t.*" : SEARCH_COLUMNS);
    row_of_line(plan, !fenced && source_answers_all(plan) ? SEARCH_COLUMNS : "t.*", sql);
    sql_add(sql, ") t on true where ");
    search_access_predicate(sql, plan->access, "l");
    sql_add(sql, " and l.rtype = %u::int2 and l.made is not true and l.op <> 'D'",
            plan->type->number);
    range(plan, position, "l.updated", "l.rkey", sql);
    if (!fenced)
        source_terms_hold(plan, sql);
    if (ordered)
        order(plan, "l.updated", "l.rkey", sql);
    if (fenced)
        sql_add(sql, " offset 0");
}

/* The limit is a fence, too. */
static void row_of_line(const struct search_plan *plan, const char *columns, struct search_sql *sql)
{
    const char *table = plan->table->name;

    sql_add(sql,
            "select %s from %s t where t.ctid = l.place and t.rkey = l.rkey and t.ver = l.ver "
            "union all select %s from %s t where t.rkey = l.rkey and t.ver = l.ver limit 1",
            columns, table, columns, table);
}

/* What is asked for, behind the last row of the page before. */
static void range(const struct search_plan *plan, const struct search_position *position,
                  const char *time, const char *key, struct search_sql *sql)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        if (!source_is_time_range(&plan->terms[i]))
            continue;
        sql_add(sql, " and ");
        sql_date_matches(sql, time, time, plan->terms[i].atoms[0].value);
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
