/*
 * Search source - from a plan to SQL: all matches in no order, and what every
 * statement is made of.
 *
 * Inside a fence stands only what the index is asked for; the other criteria
 * and the access condition stand above it, or in a lateral subquery that
 * fetches one row by its key.
 */

#include "storage/search_source.h"

#include "base/err.h"
#include "fhir/type.h"
#include "storage/search_contains.h"
#include "storage/search_ids.h"
#include "storage/search_link.h"
#include "storage/search_source_parts.h"
#include "storage/search_without.h"

#include <assert.h>

const struct source_side source_sides[] = {
    [KEY_STRINGS] = {"f_str", "norm", "using ~<~", "e.norm ~<~ s.norm", "e.norm ~>~ s.norm"},
    [KEY_DATES] = {"f_date", "lo", "", "(e.lo, e.hi) < (s.lo, s.hi)",
                   "(e.lo, e.hi) > (s.lo, s.hi)"},
    [KEY_NUMBERS] = {"f_qty", "lo", "",
                     "(e.lo, e.hi, coalesce(e.unit, 0)) < (s.lo, s.hi, coalesce(s.unit, 0))",
                     "(e.lo, e.hi, coalesce(e.unit, 0)) > (s.lo, s.hi, coalesce(s.unit, 0))"},
};

static void page_by_key(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql);
static bool gives_keys(const struct search_plan *plan);
static void page_of_keys(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql);
static void driver_keys(const struct search_plan *plan, struct search_sql *sql);
static bool index_counts(const struct search_plan *plan);
static void patients_are(const struct search_term *term, struct search_sql *sql);
static bool is_answered(const struct search_plan *plan, size_t i);

void search_source_page(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    if (plan->mode == MODE_SORT)
        source_page_sorted(plan, position, limit, sql);
    else if (plan->mode == MODE_KEY)
        page_by_key(plan, position, limit, sql);
    else if (plan->driver == DRIVE_SIDE)
        source_page_by_side(plan, position, limit, sql);
    else if (plan->keys[0].kind == KEY_PATIENT)
        source_page_by_patient(plan, position, limit, sql);
    else if (plan->driver == DRIVE_UPDATED)
        source_page_by_time(plan, position, limit, sql);
    else if (plan->driver == DRIVE_IDS)
        search_ids_page(plan, position, limit, sql);
    else
        source_page_by_column(plan, position, limit, sql);
}

void search_source_count(const struct search_plan *plan, struct search_sql *sql)
{
    if (index_counts(plan)) {
        sql_add(sql, "select count(*) from %s t where ", plan->table->name);
        source_columns(plan, sql);
        return;
    }
    sql_add(sql, "select count(*) ");
    source_rows(plan, sql);
}

/* Whether rows are counted in an index alone, and not looked at: by patient and code, into which
 * the tenant is hashed, in a table of one type. */
static bool index_counts(const struct search_plan *plan)
{
    if (plan->dates.bounded || plan->table->shared ||
        (plan->driver != DRIVE_PATIENT && plan->driver != DRIVE_PATIENT_CODE &&
         plan->driver != DRIVE_CODE))
        return false;
    return source_answers_all(plan);
}

bool source_answers_all(const struct search_plan *plan)
{
    for (size_t i = 0; i < plan->term_count; i++)
        if (!is_answered(plan, i))
            return false;
    return true;
}

static void page_by_key(const struct search_plan *plan, const struct search_position *position,
                        unsigned limit, struct search_sql *sql)
{
    sql_add(sql, "select " SEARCH_COLUMNS " ");
    if (plan->driver == DRIVE_ALL || plan->driver == DRIVE_WITHOUT) {
        sql_add(sql, "from (select * from %s t where ", plan->table->name);
        source_columns(plan, sql);
        if (position->set) {
            sql_add(sql, " and t.rkey > ");
            sql_int8(sql, position->rkey);
        }
        sql_add(sql, " order by t.rkey offset 0) t where true");
        source_terms_hold(plan, sql);
        source_visible(plan, sql);
        sql_add(sql, " limit %u", limit);
        return;
    }
    if (gives_keys(plan)) {
        page_of_keys(plan, position, limit, sql);
        return;
    }
    source_rows(plan, sql);
    if (position->set) {
        sql_add(sql, " and t.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by t.rkey limit %u", limit);
}

/* Drivers that know keys without looking at a row. */
static bool gives_keys(const struct search_plan *plan)
{
    return (plan->driver == DRIVE_SIDE && plan->driving >= 0) || plan->driver == DRIVE_LINK ||
           plan->driver == DRIVE_QUANTITY;
}

/* They are put in order before a row is fetched, so that no more are fetched than the page takes.
 */
static void page_of_keys(const struct search_plan *plan, const struct search_position *position,
                         unsigned limit, struct search_sql *sql)
{
    sql_add(sql, "from (select distinct k.rkey from (");
    driver_keys(plan, sql);
    sql_add(sql, " offset 0) k");
    if (position->set) {
        sql_add(sql, " where k.rkey > ");
        sql_int8(sql, position->rkey);
    }
    sql_add(sql, " order by k.rkey offset 0) s");
    source_row_by_key(plan, "s", sql);
    sql_add(sql, " order by s.rkey limit %u", limit);
}

/* `select k.rkey from ...` */
static void driver_keys(const struct search_plan *plan, struct search_sql *sql)
{
    sql_add(sql, "select k.rkey from (");
    if (plan->driver == DRIVE_SIDE)
        source_side_keys(plan, sql);
    else if (plan->driver == DRIVE_LINK)
        search_link_keys(sql, &plan->terms[plan->driving]);
    else
        source_quantity_keys(plan, sql);
    sql_add(sql, ") k");
}

/* Rows of a side table are those of resources that are there, of the parameter's type and tenant.
 */
void source_keys(const struct search_plan *plan, struct search_sql *sql)
{
    if (plan->driver == DRIVE_SIDE && plan->driving >= 0 && source_answers_all(plan)) {
        source_side_keys(plan, sql);
        return;
    }
    sql_add(sql, "select t.rkey ");
    source_rows(plan, sql);
}

void source_rows(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *driving = plan->driving >= 0 ? &plan->terms[plan->driving] : NULL;

    sql_add(sql, "from ");
    if (gives_keys(plan)) {
        sql_add(sql, "(select distinct k.rkey from (");
        driver_keys(plan, sql);
        sql_add(sql, ") k offset 0) s");
        source_row_by_key(plan, "s", sql);
        sql_add(sql, " where true");
        return;
    }
    if (plan->driver == DRIVE_UPDATED) {
        source_rows_by_time(plan, sql);
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
        source_columns(plan, sql);
        if (plan->driver == DRIVE_DATE || plan->driver == DRIVE_CODE ||
            plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE) {
            if (plan->dates.bounded)
                source_date_range(plan, sql);
        }
    }
    if (source_has_long_rows(plan)) {
        sql_add(sql, " union all select * from %s t where " SOURCE_LASTS " and t.dhi >= ",
                plan->table->name);
        sql_time(sql, plan->dates.long_high);
        sql_add(sql, " and t.d < ");
        sql_time(sql, plan->dates.low);
        sql_add(sql, " and ");
        source_columns(plan, sql);
    }
    sql_add(sql, " offset 0) t where true");
    source_terms_hold(plan, sql);
    source_visible(plan, sql);
}

/* What the index is asked for, but its range. */
void source_columns(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *terms = plan->terms;
    int64_t token;

    switch (plan->driver) {
    case DRIVE_PATIENT_CODE:
    case DRIVE_PATIENT:
        sql_add(sql, "t.patient");
        patients_are(&terms[plan->patients], sql);
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
    case DRIVE_WITHOUT:
        if (search_without_index(plan, plan->driving, &token))
            search_without_condition(sql, token);
        else
            sql_add(sql, "true"); /* the term is checked nevertheless */
        break;
    default:
        if (plan->table->shared)
            sql_add(sql, "t.rtype = %u::int2", plan->type->number);
        else
            sql_add(sql, "true");
        break;
    }
}

static void patients_are(const struct search_term *term, struct search_sql *sql)
{
    if (term->link_count == 0) {
        sql_is_any(sql, term->patients, term->patient_count);
        return;
    }
    sql_add(sql, " = any(array(");
    search_link_patients(sql, term);
    sql_add(sql, "))");
}

/* With a patient, all of the patient's rows are looked at: they are few. */
bool source_has_long_rows(const struct search_plan *plan)
{
    return (plan->driver == DRIVE_CODE || plan->driver == DRIVE_DATE) && plan->dates.bounded &&
           !plan->table->shared && plan->dates.low > plan->dates.strict_low;
}

void source_date_range(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_dates *dates = &plan->dates;
    int64_t low = source_has_long_rows(plan) ? dates->low : dates->strict_low;

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

/* The row of the main table that `of` names, if it may be seen and matches. */
void source_row_by_key(const struct search_plan *plan, const char *of, struct search_sql *sql)
{
    sql_add(sql, " join lateral (select * from %s t where t.rkey = %s.rkey", plan->table->name, of);
    source_visible(plan, sql);
    source_terms_hold(plan, sql);
    sql_add(sql, " offset 0) t on true");
}

/* The keys that rows of a side table name for a term, each once. */
void source_side_keys(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *term =
        &plan->terms[plan->driver == DRIVE_SIDE ? plan->driving : plan->quantity];
    bool any = false;

    if (search_contains_all_indexed(plan, term)) {
        search_contains_keys(term, sql);
        return;
    }
    for (size_t i = 0; i < term->atom_count; i++) {
        if (!sql_side_table(&term->atoms[i]))
            continue;
        /* Each by its own range of the index: PostgreSQL may read all for an "or". */
        sql_add(sql, any ? " union all " : "select distinct s.rkey from (");
        sql_add(sql, "select s.rkey from %s s where (", sql_side_table(&term->atoms[i]));
        sql_side_matches(sql, &term->atoms[i], "s");
        sql_add(sql, ")");
        any = true;
    }
    assert(any);
    sql_add(sql,
            " offset 0) s offset 0"); /* whoever wants them in order must not change the index */
}

void source_visible(const struct search_plan *plan, struct search_sql *sql)
{
    sql_and_visible(sql, plan->access, plan->type, "t");
    if (plan->tokens.contained && !table_of(plan->type)->shared)
        sql_add(sql, " and t.rtype = %u::int2", plan->type->number);
}

/* The criteria that the source does not answer by itself. */
void source_terms_hold(const struct search_plan *plan, struct search_sql *sql)
{
    for (size_t i = 0; i < plan->term_count; i++) {
        if (is_answered(plan, i))
            continue;
        sql_add(sql, " and ");
        if ((int)i == plan->codes && search_plan_tests_codes(plan)) {
            sql_add(sql, "t.code");
            sql_is_any(sql, plan->terms[i].codes, plan->terms[i].code_count);
        } else {
            sql_term(sql, &plan->terms[i]);
        }
    }
}

static bool is_answered(const struct search_plan *plan, size_t i)
{
    const struct search_term *term = &plan->terms[i];
    bool by_patient = plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE;
    bool by_code = plan->driver == DRIVE_PATIENT_CODE || plan->driver == DRIVE_CODE ||
                   plan->driver == DRIVE_CODE_QUANTITY;

    if ((int)i == plan->patients && by_patient)
        return term->patients_suffice || term->link_count > 0;
    if ((int)i == plan->codes && by_code)
        return true;
    if (plan->driver == DRIVE_UPDATED && source_is_time_range(term))
        return true;
    if ((int)i != plan->driving)
        return false;
    if (plan->driver == DRIVE_SIDE) {
        for (size_t k = 0; k < term->atom_count; k++)
            if (term->atoms[k].also_count > 0)
                return false;
        return true;
    }
    return plan->driver == DRIVE_TOKENS || plan->driver == DRIVE_KEYS || plan->driver == DRIVE_LINK;
}

struct search_key_value search_source_key(const struct search_plan *plan,
                                          const struct pg_result *result, int row, size_t i)
{
    const struct search_key *key = &plan->keys[i];
    struct search_key_value value = {0};
    int column = COLUMN_KEYS + (int)i;

    if (pg_is_null(result, row, column))
        value.null = true;
    else if (source_is_text(key))
        value.text = pg_text(result, row, column);
    else if (key->kind == KEY_QUANTITY || key->kind == KEY_NUMBERS)
        value.number = pg_float8(result, row, column);
    else if (key->kind == KEY_PATIENT)
        value.time = pg_int8(result, row, column);
    else
        value.time = pg_timestamp(result, row, column);
    return value;
}

void source_key_value(const struct search_key *key, const struct search_key_value *value,
                      struct search_sql *sql)
{
    if (source_is_text(key))
        sql_text(sql, value->text);
    else if (key->kind == KEY_QUANTITY || key->kind == KEY_NUMBERS)
        sql_float8(sql, value->number);
    else if (key->kind == KEY_PATIENT)
        sql_int8(sql, value->time);
    else
        sql_time(sql, value->time);
}

bool source_is_text(const struct search_key *key)
{
    return key->kind == KEY_ID || key->kind == KEY_STRINGS;
}
