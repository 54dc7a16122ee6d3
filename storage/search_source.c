/*
 * Search source - from a plan to SQL.
 *
 * In MODE_INDEX a page is one segment after another, disjoint and each in the
 * order of its index: rows in a range of dates, then the few that began before
 * it and last into it, then those without a value. PostgreSQL runs a later
 * segment only when the earlier ones have not filled the page.
 *
 * Inside a fence stands only what the index is asked for; the other criteria
 * and the access condition stand above it, or in a lateral subquery that
 * fetches one row by its key.
 */

#include "storage/search_source.h"

#include "base/arena.h"
#include "fhir/type.h"

#include <assert.h>

/* A row that lasts longer than a day of UTC: what the indexes named ..._dhi hold. */
#define LASTS                                                                                      \
    "date_bin('1 day', t.d, '2000-01-01Z'::timestamptz) <> "                                       \
    "date_bin('1 day', t.dhi, '2000-01-01Z'::timestamptz)"

/* The parts of an order by d or vq. */
enum segment { SEGMENT_RANGE, SEGMENT_LONG, SEGMENT_NULL, SEGMENT_COUNT };

/* A side table, and the columns that tell its rows of one resource apart. */
static const struct side {
    const char *table, *key, *order, *less;
} sides[] = {
    [KEY_STRINGS] = {"f_str", "norm", "using ~<~", "e.norm ~<~ s.norm"},
    [KEY_DATES] = {"f_date", "lo", "", "(e.lo, e.hi) < (s.lo, s.hi)"},
    [KEY_NUMBERS] = {"f_qty", "lo", "",
                     "(e.lo, e.hi, coalesce(e.unit, 0)) < (s.lo, s.hi, coalesce(s.unit, 0))"},
};

static void page_by_column(const struct search_plan *plan, const struct search_position *position,
                           unsigned limit, struct search_sql *sql);
static size_t segments_of(const struct search_plan *plan, const struct search_position *position,
                          enum segment segments[SEGMENT_COUNT]);
static bool has_long_rows(const struct search_plan *plan);
static void segment(const struct search_plan *plan, const struct search_position *position,
                    enum segment kind, unsigned limit, struct search_sql *sql);
static void segment_null(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
static void page_by_side(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
static void side_rows(const struct search_plan *plan, const struct search_position *position,
                      unsigned limit, struct search_sql *sql);
static void side_matches(const struct search_plan *plan, struct search_sql *sql, const char *alias);
static void page_by_log(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);
static void page_by_key(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);
static void page_sorted(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);
static void key_expression(const struct search_plan *plan, const struct search_key *key,
                           struct search_sql *sql);
static void key_order(const struct search_plan *plan, struct search_sql *sql);
static void key_is_behind(const struct search_plan *plan, const struct search_position *position,
                          struct search_sql *sql);
static void key_value(const struct search_key *key, const struct search_key_value *value,
                      struct search_sql *sql);
static void rows_of(const struct search_plan *plan, struct search_sql *sql);
static void side_keys(const struct search_plan *plan, struct search_sql *sql);
static void log_range(const struct search_plan *plan, struct search_sql *sql);
static void row_by_key(const struct search_plan *plan, const char *of, const char *and,
                       struct search_sql *sql);
static void columns_are(const struct search_plan *plan, struct search_sql *sql);
static void date_range(const struct search_plan *plan, struct search_sql *sql);
static void quantity_range(const struct search_plan *plan, struct search_sql *sql);
static void terms_hold(const struct search_plan *plan, struct search_sql *sql);
static bool is_answered(const struct search_plan *plan, size_t i);

void search_source_page(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    if (plan->mode == MODE_SORT)
        page_sorted(plan, position, limit, sql);
    else if (plan->mode == MODE_KEY)
        page_by_key(plan, position, limit, sql);
    else if (plan->driver == DRIVE_SIDE)
        page_by_side(plan, position, limit, sql);
    else if (plan->driver == DRIVE_UPDATED)
        page_by_log(plan, position, limit, sql);
    else
        page_by_column(plan, position, limit, sql);
}

void search_source_count(const struct search_plan *plan, struct search_sql *sql)
{
    sql_add(sql, "select count(*) ");
    rows_of(plan, sql);
}

/* MODE_INDEX by d or vq */

static void page_by_column(const struct search_plan *plan, const struct search_position *position,
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
        bool lasting = by_date && has_long_rows(plan);

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

/* With a patient, all of the patient's rows are looked at: they are few. */
static bool has_long_rows(const struct search_plan *plan)
{
    return (plan->driver == DRIVE_CODE || plan->driver == DRIVE_DATE) && plan->dates.bounded &&
           !plan->table->shared && plan->dates.low > plan->dates.strict_low;
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
        sql_add(sql, LASTS " and t.dhi >= ");
        sql_time(sql, plan->dates.long_high);
        sql_add(sql, " offset 0) t where t.d < ");
        sql_time(sql, plan->dates.low);
        sql_add(sql, " and ");
        columns_are(plan, sql);
    } else {
        columns_are(plan, sql);
        if (by_date)
            date_range(plan, sql);
        else
            quantity_range(plan, sql);
        if (position->set) {
            sql_add(sql, " and t.%s %s ", column, descending ? "<=" : ">=");
            key_value(&plan->keys[0], from, sql);
        }
        sql_add(sql, " order by t.%s%s, t.rkey offset 0) t where true", column, direction);
    }
    terms_hold(plan, sql);
    sql_and_visible(sql, plan->access, plan->type, "t");
    if (position->set) {
        sql_add(sql, " and (t.%s %s ", column, descending ? "<" : ">");
        key_value(&plan->keys[0], from, sql);
        sql_add(sql, " or (t.%s = ", column);
        key_value(&plan->keys[0], from, sql);
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
        columns_are(plan, sql);
        sql_add(sql, " and t.d is null offset 0) t where true"); /* few; sorted above the fence */
    } else {
        sql_add(sql, "(");
        side_keys(plan, sql);
        sql_add(sql,
                ") s join lateral (select * from %s t where t.rkey = s.rkey and t.vq is null "
                "offset 0) t on true offset 0) t where true",
                plan->table->name);
    }
    terms_hold(plan, sql);
    sql_and_visible(sql, plan->access, plan->type, "t");
    if (position->set && position->keys[0].null) {
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by t.rkey limit %u", limit);
}

/* What the index is asked for, but its range. */
static void columns_are(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *terms = plan->terms;

    switch (plan->driver) {
    case DRIVE_PATIENT_CODE:
    case DRIVE_PATIENT:
        sql_add(sql, "t.patient");
        sql_is_any(sql, terms[plan->patients].patients, terms[plan->patients].patient_count);
        if (plan->driver == DRIVE_PATIENT)
            break;
        sql_add(sql, " and t.code");
        sql_is_any(sql, terms[plan->codes].codes, terms[plan->codes].code_count);
        break;
    case DRIVE_CODE:
    case DRIVE_CODE_QUANTITY:
        sql_add(sql, "t.code");
        sql_is_any(sql, terms[plan->codes].codes, terms[plan->codes].code_count);
        break;
    default:
        if (plan->table->shared)
            sql_add(sql, "t.rtype = %u::int2", plan->type->number);
        else
            sql_add(sql, "true");
        break;
    }
}

static void date_range(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_dates *dates = &plan->dates;
    int64_t low = has_long_rows(plan) ? dates->low : dates->strict_low;

    sql_add(sql, " and t.d is not null");
    if (!dates->bounded)
        return;
    if (low != INT64_MIN) {
        sql_add(sql, " and t.d >= ");
        sql_time(sql, low);
    }
    if (dates->high != INT64_MAX) {
        sql_add(sql, " and t.d <= ");
        sql_time(sql, dates->high);
    }
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

/* MODE_INDEX by a side table */

/* Rows in the order of their least value; when the client sorts, also those without one. */
static void page_by_side(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql)
{
    bool in_nulls = position->set && position->keys[0].null;
    static const char *const nulls[] = {
        [KEY_STRINGS] = "text",
        [KEY_DATES] = "timestamptz",
        [KEY_NUMBERS] = "float8",
    };

    if (plan->driving >= 0) {
        side_rows(plan, position, limit, sql);
        return;
    }
    if (!in_nulls) {
        sql_add(sql, "(");
        side_rows(plan, position, limit, sql);
        sql_add(sql, ") union all (");
    }
    sql_add(sql, "select " SEARCH_COLUMNS ", null::%s as k1 from (select * from %s t where ",
            nulls[plan->keys[0].kind], plan->table->name);
    sql_add(sql, plan->table->shared ? "t.rtype = %u::int2" : "true", plan->type->number);
    if (in_nulls) {
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by t.rkey offset 0) t where not (");
    sql_int8(sql, plan->keys[0].presence);
    sql_add(sql, " = any(t.toks))");
    terms_hold(plan, sql);
    sql_and_visible(sql, plan->access, plan->type, "t");
    sql_add(sql, " limit %u", limit);
    if (!in_nulls)
        sql_add(sql, ") limit %u", limit);
}

static void side_rows(const struct search_plan *plan, const struct search_position *position,
                      unsigned limit, struct search_sql *sql)
{
    const struct search_key *key = &plan->keys[0];
    const struct side *side = &sides[key->kind];
    const char *less = key->kind == KEY_STRINGS ? "~<~" : "<";
    const char *more = key->kind == KEY_STRINGS ? "~>~" : ">";
    const char *behind = key->descending ? less : more;

    sql_add(sql, "select " SEARCH_COLUMNS ", s.%s as k1 from %s s", side->key, side->table);
    row_by_key(plan, "s", "", sql);
    sql_add(sql, " where ");
    side_matches(plan, sql, "s");
    if (position->set) {
        const struct search_key_value *from = &position->keys[0];

        sql_add(sql, " and s.%s %.*s=%s ", side->key, key->kind == KEY_STRINGS ? 2 : 1, behind,
                key->kind == KEY_STRINGS ? "~" : "");
        key_value(key, from, sql);
        sql_add(sql, " and (s.%s %s ", side->key, behind);
        key_value(key, from, sql);
        sql_add(sql, " or s.rkey > ");
        sql_int8(sql, position->rkey);
        sql_add(sql, ")");
    }
    sql_add(sql, " and not exists (select 1 from %s e where e.rkey = s.rkey and ", side->table);
    side_matches(plan, sql, "e");
    sql_add(sql, " and %s offset 0) order by s.%s %s, s.rkey limit %u", side->less, side->key,
            !key->descending           ? side->order
            : key->kind == KEY_STRINGS ? "using ~>~"
                                       : "desc",
            limit);
}

static void side_matches(const struct search_plan *plan, struct search_sql *sql, const char *alias)
{
    if (plan->driving >= 0) {
        sql_side_matches(sql, &plan->terms[plan->driving].atoms[0], alias);
        return;
    }
    sql_add(sql, "%s.h = ", alias);
    sql_int8(sql, plan->keys[0].h);
}

/* MODE_INDEX by the log */

static void page_by_log(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    bool descending = plan->keys[0].descending;

    sql_add(sql, "select " SEARCH_COLUMNS ", l.updated as k1 from f_log l");
    row_by_key(plan, "l", " and t.ver = l.ver", sql);
    log_range(plan, sql);
    if (position->set) {
        sql_add(sql, " and l.updated %s ", descending ? "<=" : ">=");
        sql_time(sql, position->keys[0].time);
        sql_add(sql, " and (l.updated %s ", descending ? "<" : ">");
        sql_time(sql, position->keys[0].time);
        sql_add(sql, " or l.rkey > ");
        sql_int8(sql, position->rkey);
        sql_add(sql, ")");
    }
    sql_add(sql, " order by l.updated%s, l.rkey limit %u", descending ? " desc" : "", limit);
}

static void log_range(const struct search_plan *plan, struct search_sql *sql)
{
    sql_add(sql, " where ");
    search_access_predicate(sql, plan->access, "l");
    sql_add(sql, " and l.rtype = %u::int2", plan->type->number);
    for (size_t i = 0; i < plan->term_count; i++) {
        const struct query_param *param = plan->terms[i].param;

        if (param->subject != QUERY_LAST_UPDATED || param->value_count != 1)
            continue;
        sql_add(sql, " and ");
        sql_date_matches(sql, "l.updated", "l.updated", &param->values[0]);
    }
}

/* The row of the main table that `of` names, if it may be seen and matches. */
static void row_by_key(const struct search_plan *plan, const char *of, const char *and,
                       struct search_sql *sql)
{
    sql_add(sql, " join lateral (select * from %s t where t.rkey = %s.rkey%s", plan->table->name,
            of, and);
    sql_and_visible(sql, plan->access, plan->type, "t");
    terms_hold(plan, sql);
    sql_add(sql, " offset 0) t on true");
}

/* MODE_KEY */

static void page_by_key(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    sql_add(sql, "select " SEARCH_COLUMNS " ");
    if (plan->driver == DRIVE_ALL) {
        sql_add(sql, "from (select * from %s t where ", plan->table->name);
        columns_are(plan, sql);
        if (position->set) {
            sql_add(sql, " and t.rkey > ");
            sql_int8(sql, position->rkey);
        }
        sql_add(sql, " order by t.rkey offset 0) t where true");
        terms_hold(plan, sql);
        sql_and_visible(sql, plan->access, plan->type, "t");
        sql_add(sql, " limit %u", limit);
        return;
    }
    rows_of(plan, sql);
    if (position->set) {
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by t.rkey limit %u", limit);
}

/* MODE_SORT */

static void page_sorted(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    sql_add(sql, "with m as materialized (select t.rkey");
    for (size_t i = 0; i < plan->key_count; i++) {
        sql_add(sql, ", ");
        key_expression(plan, &plan->keys[i], sql);
        sql_add(sql, " as k%zu", i + 1);
    }
    sql_add(sql, " ");
    rows_of(plan, sql);
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
    sql_and_visible(sql, plan->access, plan->type, "t");
    sql_add(sql, " offset 0) t on true");
    key_order(plan, sql);
}

static void key_expression(const struct search_plan *plan, const struct search_key *key,
                           struct search_sql *sql)
{
    (void)plan;
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
    case KEY_STRINGS:
    case KEY_DATES:
    case KEY_NUMBERS:
        sql_add(sql, "(select min(s.%s%s) from %s s where s.rkey = t.rkey and s.h = ",
                sides[key->kind].key, key->kind == KEY_STRINGS ? " collate \"C\"" : "",
                sides[key->kind].table);
        sql_int8(sql, key->h);
        sql_add(sql, " offset 0)");
        break;
    }
}

static bool is_text(const struct search_key *key)
{
    return key->kind == KEY_ID || key->kind == KEY_STRINGS;
}

static void key_order(const struct search_plan *plan, struct search_sql *sql)
{
    sql_add(sql, " order by ");
    for (size_t i = 0; i < plan->key_count; i++)
        sql_add(sql, "m.k%zu%s %s nulls last, ", i + 1,
                is_text(&plan->keys[i]) ? " collate \"C\"" : "",
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
            const char *collate = is_text(&plan->keys[i]) ? " collate \"C\"" : "";

            if (position->keys[i].null) {
                sql_add(sql, " and m.k%zu is null", i + 1);
                continue;
            }
            sql_add(sql, " and m.k%zu%s = ", i + 1, collate);
            key_value(&plan->keys[i], &position->keys[i], sql);
        }
        if (last == plan->key_count) {
            sql_add(sql, " and m.rkey > ");
            sql_int8(sql, position->rkey);
        } else if (position->keys[last].null) {
            sql_add(sql, " and false");
        } else {
            sql_add(sql, " and (m.k%zu is null or m.k%zu%s %s ", last + 1, last + 1,
                    is_text(&plan->keys[last]) ? " collate \"C\"" : "",
                    plan->keys[last].descending ? "<" : ">");
            key_value(&plan->keys[last], &position->keys[last], sql);
            sql_add(sql, ")");
        }
        sql_add(sql, ")");
    }
    sql_add(sql, ")");
}

static void key_value(const struct search_key *key, const struct search_key_value *value,
                      struct search_sql *sql)
{
    if (is_text(key))
        sql_text(sql, value->text);
    else if (key->kind == KEY_QUANTITY || key->kind == KEY_NUMBERS)
        sql_float8(sql, value->number);
    else
        sql_time(sql, value->time);
}

struct search_key_value search_source_key(const struct search_plan *plan,
                                          const struct pg_result *result, int row, size_t i)
{
    const struct search_key *key = &plan->keys[i];
    struct search_key_value value = {0};
    int column = COLUMN_KEYS + (int)i;

    if (pg_is_null(result, row, column))
        value.null = true;
    else if (is_text(key))
        value.text = pg_text(result, row, column);
    else if (key->kind == KEY_QUANTITY || key->kind == KEY_NUMBERS)
        value.number = pg_float8(result, row, column);
    else
        value.time = pg_timestamp(result, row, column);
    return value;
}

/* All matches, in no order: `from ... t where ...`. */
static void rows_of(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *driving = plan->driving >= 0 ? &plan->terms[plan->driving] : NULL;

    sql_add(sql, "from ");
    if (plan->driver == DRIVE_SIDE && driving) {
        sql_add(sql, "(");
        side_keys(plan, sql);
        sql_add(sql, ") s");
        row_by_key(plan, "s", "", sql);
        sql_add(sql, " where true");
        return;
    }
    if (plan->driver == DRIVE_UPDATED) {
        sql_add(sql, "f_log l");
        row_by_key(plan, "l", " and t.ver = l.ver", sql);
        log_range(plan, sql);
        return;
    }

    assert(driving || (plan->driver != DRIVE_KEYS && plan->driver != DRIVE_TOKENS));
    sql_add(sql, "(select * from %s t where ", plan->table->name);
    if (plan->driver == DRIVE_KEYS) {
        sql_add(sql, "t.rkey");
        sql_is_any(sql, driving->atoms[0].hashes, driving->atoms[0].hash_count);
    } else if (plan->driver == DRIVE_TOKENS) {
        sql_add(sql, driving->atoms[0].hash_count == 1 ? "t.toks @> " : "t.toks && ");
        sql_int8s(sql, driving->atoms[0].hashes, driving->atoms[0].hash_count);
    } else {
        columns_are(plan, sql);
        if (plan->driver == DRIVE_DATE || plan->driver == DRIVE_CODE ||
            plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE) {
            if (plan->dates.bounded)
                date_range(plan, sql);
        }
    }
    if (has_long_rows(plan)) {
        sql_add(sql,
                " union all select * from %s t where " LASTS " and t.dhi >= ", plan->table->name);
        sql_time(sql, plan->dates.long_high);
        sql_add(sql, " and t.d < ");
        sql_time(sql, plan->dates.low);
        sql_add(sql, " and ");
        columns_are(plan, sql);
    }
    sql_add(sql, " offset 0) t where true");
    terms_hold(plan, sql);
    sql_and_visible(sql, plan->access, plan->type, "t");
}

/* The keys that rows of a side table name for a term, each once. */
static void side_keys(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *term =
        &plan->terms[plan->driver == DRIVE_SIDE ? plan->driving : plan->quantity];
    bool any = false;

    for (size_t i = 0; i < term->atom_count; i++) {
        if (!sql_side_table(&term->atoms[i]))
            continue;
        sql_add(sql, any ? " or (" : "select distinct s.rkey from %s s where (",
                sql_side_table(&term->atoms[i]));
        sql_side_matches(sql, &term->atoms[i], "s");
        sql_add(sql, ")");
        any = true;
    }
    assert(any);
    sql_add(sql, " offset 0");
}

/* The criteria that the source does not answer by itself. */
static void terms_hold(const struct search_plan *plan, struct search_sql *sql)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        if (is_answered(plan, i))
            continue;
        sql_add(sql, " and ");
        sql_term(sql, &plan->terms[i]);
    }
}

static bool is_answered(const struct search_plan *plan, size_t i)
{
    const struct search_term *term = &plan->terms[i];
    bool by_patient = plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE;
    bool by_code = plan->driver == DRIVE_PATIENT_CODE || plan->driver == DRIVE_CODE ||
                   plan->driver == DRIVE_CODE_QUANTITY;

    if ((int)i == plan->patients && by_patient)
        return term->patients_suffice;
    if ((int)i == plan->codes && by_code)
        return true;
    if ((int)i != plan->driving)
        return false;
    if (plan->driver == DRIVE_SIDE) {
        for (size_t k = 0; k < term->atom_count; k++)
            if (term->atoms[k].also_count > 0)
                return false;
        return true;
    }
    return plan->driver == DRIVE_TOKENS || plan->driver == DRIVE_KEYS;
}
