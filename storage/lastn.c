/*
 * Last n - the newest Observations of each code of a patient.
 *
 * The index (patient, code, d) is read code by code: the next code is the first
 * behind the last, and of each only as many rows as are wanted.
 */

#include "base/arena.h"
#include "storage/search.h"
#include "storage/search_row.h"
#include "storage/search_units.h"

static const struct search_term *patient_term(const struct search_plan *plan);
static bool check(const struct search_plan *plan, struct err *err);
static void write_statement(const struct search_plan *plan, unsigned most, unsigned limit,
                            struct search_sql *sql);
static bool find(struct store *store, const struct access *access, const struct query *query,
                 unsigned most, unsigned limit, struct arena *arena, struct store_page *page,
                 struct err *err);
static void add_codes(const struct search_plan *plan, int64_t patient, struct search_sql *sql);
static void add_rows(const struct search_plan *plan, bool dated, unsigned most,
                     struct search_sql *sql);

bool store_lastn(struct store *store, const struct access *access, const struct query *query,
                 unsigned most, unsigned limit, struct arena *arena, struct store_page *page,
                 struct err *err)
{
    unsigned began = member_begin(store);
    bool good =
        search_is_whole(query, err) && find(store, access, query, most, limit, arena, page, err);

    member_end(store, began);
    return good;
}

static bool find(struct store *store, const struct access *access, const struct query *query,
                 unsigned most, unsigned limit, struct arena *arena, struct store_page *page,
                 struct err *err)
{
    struct search_sql sql = search_sql_in(arena);
    const struct pg_result *result;
    struct search_plan plan;

    *page = (struct store_page){0};
    store->counters.searches++;
    query = search_units(store, store->search, access, query, arena, err);
    if (!query)
        return false;
    search_plan_init(&plan, store, access, query, arena);
    if (!check(&plan, err))
        return false;
    write_statement(&plan, most, limit, &sql);
    if (sql.too_many)
        return err_set(err, ERR_INVALID, NULL, "The search asks for too much at once.");
    if (!pg_query_sql(store->search, buf_text(&sql.text), &sql.params, arena, &result, err))
        return false;
    if ((unsigned)pg_rows(result) > limit)
        return err_set(err, ERR_UNPROCESSABLE, NULL,
                       "More than %u Observations would be found; name codes or a category of "
                       "which there are fewer, or a smaller max.",
                       limit);
    page->entries = arena_many(arena, struct store_entry, (size_t)pg_rows(result) + 1);
    for (int row = 0; row < pg_rows(result); row++)
        if (!search_version(&plan, plan.type, result, row, &page->entries[page->count++].version,
                            err))
            return false;
    return true;
}

static bool check(const struct search_plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->term_count; i++)
        if (plan->terms[i].link_count > 0 || plan->inexact)
            return err_set(err, ERR_NOT_SUPPORTED, NULL,
                           "Chains and :exact are not supported here; search for the Observations "
                           "instead.");
    return patient_term(plan) ||
           err_set(err, ERR_INVALID, "patient",
                   "Name one patient, as patient=[id] or subject=Patient/[id].");
}

/* The criterion that names one patient. */
static const struct search_term *patient_term(const struct search_plan *plan)
{
    for (size_t i = 0; i < plan->term_count; i++)
        if (plan->terms[i].patient_count == 1)
            return &plan->terms[i];
    return NULL;
}

static void write_statement(const struct search_plan *plan, unsigned most, unsigned limit,
                            struct search_sql *sql)
{
    add_codes(plan, patient_term(plan)->patients[0], sql);
    sql_add(sql, " select " SEARCH_COLUMNS " from codes c join lateral (");
    add_rows(plan, true, most, sql);
    sql_add(sql, " union all ");
    add_rows(plan, false, most, sql);
    sql_add(sql, " limit ");
    sql_int8(sql, most);
    sql_add(sql, ") t on true where c.code is not null limit ");
    sql_int8(sql, (int64_t)limit + 1);
}

static void add_codes(const struct search_plan *plan, int64_t patient, struct search_sql *sql)
{
    const char *table = plan->table->name;

    sql_add(sql,
            "with recursive codes(patient, code) as ((select t.patient, t.code from %s t "
            "where t.patient = ",
            table);
    sql_int8(sql, patient);
    sql_add(sql,
            " and t.code is not null order by t.code limit 1) union all "
            "select c.patient, (select t.code from %s t where t.patient = c.patient "
            "and t.code > c.code order by t.code limit 1) from codes c where c.code is not null)",
            table);
}

/* Of one code: those with a date, newest first; those without come behind all of them. */
static void add_rows(const struct search_plan *plan, bool dated, unsigned most,
                     struct search_sql *sql)
{
    sql_add(sql,
            "(select " SEARCH_COLUMNS " from (select * from %s t where t.patient = c.patient "
            "and t.code = c.code and t.d is %s offset 0) t where true",
            plan->table->name, dated ? "not null order by t.d desc, t.rkey" : "null");
    sql_and_visible(sql, plan->access, plan->type, "t");
    for (size_t i = 0; i < plan->term_count; i++) {
        sql_add(sql, " and ");
        sql_term(sql, &plan->terms[i]);
    }
    sql_add(sql, "%s limit ", dated ? "" : " order by t.rkey");
    sql_int8(sql, most);
    sql_add(sql, ")");
}
