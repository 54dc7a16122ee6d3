/*
 * Search units - see search_units.h.
 */

#include "storage/search_units.h"

#include "base/arena.h"
#include "fhir/query.h"
#include "fhir/search_param.h"
#include "fhir/type.h"
#include "storage/columns.h"
#include "storage/search_stats.h"
#include "storage/store_internal.h"
#include "storage/token.h"

struct asked;

static bool prune(struct store *store, const struct access *access, const struct type *type,
                  struct query_param *param, struct arena *arena, struct err *err);
static bool ask(struct store *store, const struct table *table, const struct asked *asked,
                struct arena *arena, const struct pg_result **found, struct err *err);

static bool has_units(const struct query_param *param)
{
    return param->subject == QUERY_VALUE && param->value_count > 1 &&
           param->param->search_type == SEARCH_QUANTITY;
}

const struct query *search_units(struct store *store, const struct access *access,
                                 const struct query *query, struct arena *arena, struct err *err)
{
    const struct type *type = query->type ? resource_type_find(text_of(query->type)) : NULL;
    struct query_param *params = NULL;

    for (size_t i = 0; type && query->contained == QUERY_OUTER && i < query->param_count; i++) {
        if (!has_units(&query->params[i]))
            continue;
        if (!params) {
            struct query *less = arena_one(arena, struct query);
            params = arena_many(arena, struct query_param, query->param_count);
            memcpy(params, query->params, query->param_count * sizeof(*params));
            *less = *query;
            less->params = params;
            query = less;
        }
        if (!prune(store, access, type, &params[i], arena, err))
            return NULL;
    }
    return query;
}

/* The token of a unit, in the rows of one parameter: which value it is one of. */
struct asked {
    int64_t *tokens;
    size_t *values;
    size_t count;
};

/* False when it is known that there are some. */
static bool add_tokens(struct store *store, const struct tokens *tokens, const struct type *type,
                       const struct query_param *param, size_t at, struct asked *asked)
{
    const struct search_union *both = search_union_of(param->param);
    const struct query_value *value = &param->values[at];
    size_t before = asked->count;

    for (size_t k = 0; k < value->code_count * (both ? 2 : 1); k++) {
        int64_t token = token_code(tokens, both ? both->parts[k % 2] : param->param,
                                   value->codes[both ? k / 2 : k]);
        if (search_stats_has_unit(store, type, token)) {
            asked->count = before;
            return false;
        }
        asked->values[asked->count] = at;
        asked->tokens[asked->count++] = token;
    }
    return true;
}

/* What was asked for stays in any case. */
static bool prune(struct store *store, const struct access *access, const struct type *type,
                  struct query_param *param, struct arena *arena, struct err *err)
{
    struct tokens tokens = store_tokens(store, access);
    struct query_value *values = arena_many(arena, struct query_value, param->value_count);
    bool *there = arena_many(arena, bool, param->value_count);
    size_t most = param->value_count * QUERY_CODES_MAX * 2, kept = 0;
    struct asked asked = {arena_many(arena, int64_t, most), arena_many(arena, size_t, most), 0};
    const struct pg_result *found = NULL;

    for (size_t i = 0; i < param->value_count; i++)
        there[i] =
            !param->values[i].converted || !add_tokens(store, &tokens, type, param, i, &asked);
    if (asked.count > 0 && !ask(store, table_of(type), &asked, arena, &found, err))
        return false;
    for (int row = 0; found && row < pg_rows(found); row++)
        for (size_t k = 0; k < asked.count; k++)
            if (asked.tokens[k] == pg_int8(found, row, 0)) {
                there[asked.values[k]] = true;
                search_stats_note_unit(store, type, asked.tokens[k]);
            }
    for (size_t i = 0; i < param->value_count; i++)
        if (there[i])
            values[kept++] = param->values[i];
    param->values = values;
    param->value_count = kept;
    return true;
}

/* Which of the tokens there are: of those not seen before mostly none, which is one look at the
 * index. */
static bool ask(struct store *store, const struct table *table, const struct asked *asked,
                struct arena *arena, const struct pg_result **found, struct err *err)
{
    struct pg_params params = pg_params_in(arena);
    struct pg_reply reply = {0};

    pg_add_int8_array(&params, asked->tokens, NULL, asked->count);
    const char *sql = arena_printf(arena,
                                   "select distinct u.token from (select t.toks from %s t where "
                                   "t.toks && $1::int8[] offset 0) t,"
                                   " unnest(t.toks) u(token) where u.token = any($1::int8[])",
                                   table->name);
    pg_send_sql(store->search, sql, &params, arena, &reply);
    return pg_wait(&reply, found, err);
}
