/*
 * Search source, MODE_INDEX - pages in the order of a side table, each row of which names a
 * resource.
 */

#include "storage/search_source_parts.h"

static void side_rows(const struct search_plan *plan, const struct search_position *position,
                      unsigned limit, struct search_sql *sql);
static void side_matches(const struct search_plan *plan, struct search_sql *sql, const char *alias);

/* Rows in the order of that of their values which comes first (R4 search.html#sort); when the
 * client sorts, also those without one. These are told by their tokens, but for strings of which
 * folding leaves nothing: they are values without a side row. */
void source_page_by_side(const struct search_plan *plan, const struct search_position *position,
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
    sql_add(sql, " order by t.rkey offset 0) t where (not (");
    sql_int8(sql, plan->keys[0].presence);
    sql_add(sql, " = any(t.toks)) or not exists (select 1 from %s e where e.rkey = t.rkey and ",
            source_sides[plan->keys[0].kind].table);
    side_matches(plan, sql, "e");
    sql_add(sql, " offset 0))");
    source_terms_hold(plan, sql);
    source_visible(plan, sql);
    sql_add(sql, " limit %u", limit);
    if (!in_nulls)
        sql_add(sql, ") limit %u", limit);
}

static void side_rows(const struct search_plan *plan, const struct search_position *position,
                      unsigned limit, struct search_sql *sql)
{
    const struct search_key *key = &plan->keys[0];
    const struct source_side *side = &source_sides[key->kind];
    const char *less = key->kind == KEY_STRINGS ? "~<~" : "<";
    const char *more = key->kind == KEY_STRINGS ? "~>~" : ">";
    const char *behind = key->descending ? less : more;

    sql_add(sql, "select " SEARCH_COLUMNS ", s.%s as k1 from %s s", side->key, side->table);
    source_row_by_key(plan, "s", sql);
    sql_add(sql, " where ");
    side_matches(plan, sql, "s");
    if (position->set) {
        const struct search_key_value *from = &position->keys[0];

        sql_add(sql, " and s.%s %.*s=%s ", side->key, key->kind == KEY_STRINGS ? 2 : 1, behind,
                key->kind == KEY_STRINGS ? "~" : "");
        source_key_value(key, from, sql);
        sql_add(sql, " and (s.%s %s ", side->key, behind);
        source_key_value(key, from, sql);
        sql_add(sql, " or s.rkey > ");
        sql_int8(sql, position->rkey);
        sql_add(sql, ")");
    }
    sql_add(sql, " and not exists (select 1 from %s e where e.rkey = s.rkey and ", side->table);
    side_matches(plan, sql, "e");
    sql_add(sql, " and %s offset 0) order by s.%s %s, s.rkey limit %u",
            key->descending ? side->greater : side->less, side->key,
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
