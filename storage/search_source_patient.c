/*
 * Search source, MODE_INDEX - pages of the rows of several patients, one after the other by key.
 */

#include "storage/search_link.h"
#include "storage/search_source_parts.h"

static void patients(const struct search_plan *plan, struct search_sql *sql);

void source_page_by_patient(const struct search_plan *plan, const struct search_position *position,
                            unsigned limit, struct search_sql *sql)
{
    const struct search_term *codes = plan->codes >= 0 ? &plan->terms[plan->codes] : NULL;

    sql_add(sql, "select " SEARCH_COLUMNS ", t.patient as k1 from (select distinct k.rkey from (");
    patients(plan, sql);
    sql_add(sql, ") k(rkey)");
    if (position->set) {
        sql_add(sql, " where k.rkey >= ");
        source_key_value(&plan->keys[0], &position->keys[0], sql);
    }
    sql_add(sql,
            " order by k.rkey offset 0) p join lateral (select * from %s t where "
            "t.patient = p.rkey",
            plan->table->name);
    if (plan->driver == DRIVE_PATIENT_CODE) {
        sql_add(sql, " and t.code");
        sql_is_any(sql, codes->codes, codes->code_count);
    }
    if (plan->dates.bounded)
        source_date_range(plan, sql);
    sql_add(sql, " offset 0) t on true where true");
    source_terms_hold(plan, sql);
    sql_and_visible(sql, plan->access, plan->type, "t");
    if (position->set) {
        sql_add(sql, " and (p.rkey > ");
        source_key_value(&plan->keys[0], &position->keys[0], sql);
        sql_add(sql, " or t.rkey > ");
        sql_int8(sql, position->rkey);
        sql_add(sql, ")");
    }
    sql_add(sql, " order by p.rkey, t.rkey limit %u", limit);
}

static void patients(const struct search_plan *plan, struct search_sql *sql)
{
    const struct search_term *term = &plan->terms[plan->patients];

    if (term->link_count > 0) {
        search_link_patients(sql, term);
        return;
    }
    sql_add(sql, "select unnest(");
    sql_int8s(sql, term->patients, term->patient_count);
    sql_add(sql, ")");
}
