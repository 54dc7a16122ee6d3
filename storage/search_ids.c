/*
 * Search ids - see search_ids.h.
 */

#include "storage/search_ids.h"

#include "base/arena.h"
#include "fhir/type.h"
#include "storage/search_source_parts.h"
#include "storage/search_stats.h"
#include "storage/table.h"

static bool make_table(struct pg *pg, const struct table *table, bool wanted, struct arena *arena,
                       struct err *err);
static bool is_finished(struct pg *pg, const char *name, struct arena *arena, bool *finished,
                        struct err *err);

bool search_ids_give_order(const struct search_plan *plan)
{
    return plan->key_count == 1 && plan->keys[0].kind == KEY_ID && !plan->tokens.contained &&
           search_stats_has_ids(plan->store, plan->table);
}

void search_ids_page(const struct search_plan *plan, const struct search_position *position,
                     unsigned limit, struct search_sql *sql)
{
    bool descending = plan->keys[0].descending;

    sql_add(sql, "select " SEARCH_COLUMNS ", t.id as k1 from (select * from %s t where ",
            plan->table->name);
    source_columns(plan, sql);
    if (position->set) {
        sql_add(sql, " and t.id collate \"C\" %s ", descending ? "<" : ">");
        sql_text(sql, position->keys[0].text);
    }
    sql_add(sql, " order by t.id collate \"C\"%s offset 0) t where true",
            descending ? " desc" : "");
    source_terms_hold(plan, sql);
    source_visible(plan, sql);
    sql_add(sql, " limit %u", limit);
}

static bool is_chosen(struct text types, const struct table *table)
{
    struct text name;

    while (text_next(&types, ',', &name)) {
        const struct type *type = resource_type_find(name);

        if (text_is(name, "all") || (type && table_of(type) == table))
            return true;
    }
    return false;
}

bool search_ids_make(struct pg *pg, struct text types, struct err *err)
{
    struct arena *arena = arena_new();
    bool good = true;

    for (int i = 0; good && i < TABLE_ALL; i++) {
        const struct table *table = table_at((enum table_id)i);

        good = make_table(pg, table, is_chosen(types, table), arena, err);
    }
    arena_free(arena);
    return good;
}

/* An index that was not finished is in the way of another, and would never be used. */
static bool make_table(struct pg *pg, const struct table *table, bool wanted, struct arena *arena,
                       struct err *err)
{
    const char *name = arena_printf(arena, "%s_ids", table->name);
    const char *drop = arena_printf(arena, "drop index concurrently if exists %s", name);
    const char *make =
        arena_printf(arena, "create index concurrently %s on %s (%sid collate \"C\")", name,
                     table->name, table->shared ? "rtype, " : "");
    const struct pg_result *result;
    bool finished;

    if (!is_finished(pg, name, arena, &finished, err))
        return false;
    if (wanted && finished)
        return true;
    return pg_query_sql(pg, drop, NULL, arena, &result, err) &&
           (!wanted || pg_query_sql(pg, make, NULL, arena, &result, err));
}

static bool is_finished(struct pg *pg, const char *name, struct arena *arena, bool *finished,
                        struct err *err)
{
    static const struct pg_statement look = {
        "select exists (select from pg_index where indexrelid = to_regclass($1::text)"
        " and indisvalid)"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(name));
    if (!pg_query(pg, &look, &params, arena, &result, err))
        return false;
    *finished = pg_bool(result, 0, 0);
    return true;
}
