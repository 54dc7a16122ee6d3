/*
 * Search units - see search_units.h.
 */

#include "storage/search_units.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/query.h"
#include "fhir/search_param.h"
#include "fhir/type.h"
#include "storage/columns.h"
#include "storage/extraction.h"
#include "storage/search_stats.h"
#include "storage/store_internal.h"
#include "storage/token.h"

/* Where the rows are that a part of a query is about. */
struct place {
    const struct type *type;
    bool outer, inner; /* the type's table, f_contained */
};

struct pruning {
    struct store *store;
    struct pg *pg;
    const struct access *access;
    struct arena *arena;
    struct err *err;
};

struct asked;

static const struct query *prune_query(struct pruning *pruning, const struct query *query,
                                       bool outer, bool inner);
static bool has_units(const struct query_param *param);
static bool prune_param(struct pruning *pruning, const struct place *place,
                        struct query_param *param);
static bool prune_parts(struct pruning *pruning, const struct place *place,
                        struct query_param *param);
static bool prune_values(struct pruning *pruning, const struct place *place, size_t component,
                         struct query_param *param);
static size_t find_sources(const struct query_param *param, size_t component,
                           const struct search_param *sources[2]);
static bool ask(struct pruning *pruning, const struct place *place, const struct asked *asked,
                const struct pg_result **found);

const struct query *search_units(struct store *store, struct pg *pg, const struct access *access,
                                 const struct query *query, struct arena *arena, struct err *err)
{
    struct pruning pruning = {store, pg, access, arena, err};

    return prune_query(&pruning, query, query->contained != QUERY_CONTAINED,
                       query->contained != QUERY_OUTER);
}

static const struct query *prune_query(struct pruning *pruning, const struct query *query,
                                       bool outer, bool inner)
{
    struct place place = {query->type ? resource_type_find(text_of(query->type)) : NULL, outer,
                          inner};
    struct query_param *params = NULL;

    for (size_t i = 0; place.type && i < query->param_count; i++) {
        if (!has_units(&query->params[i]))
            continue;
        if (!params) {
            struct query *less = arena_one(pruning->arena, struct query);
            params = arena_many(pruning->arena, struct query_param, query->param_count);
            memcpy(params, query->params, query->param_count * sizeof(*params));
            *less = *query;
            less->params = params;
            query = less;
        }
        if (!prune_param(pruning, &place, &params[i]))
            return NULL;
    }
    return query;
}

/* The quantity of a value: itself, or a component. */
static const struct query_value *quantity_of(const struct query_value *value, size_t component)
{
    return value->type == SEARCH_COMPOSITE ? &value->components[component] : value;
}

static size_t count_components(const struct query_param *param)
{
    return param->values[0].type == SEARCH_COMPOSITE ? param->values[0].component_count : 1;
}

static bool has_units(const struct query_param *param)
{
    for (size_t i = 0; i < param->part_count; i++)
        for (size_t k = 0; k < param->parts[i]->param_count; k++)
            if (has_units(&param->parts[i]->params[k]))
                return true;
    for (size_t i = 0; param->value_count > 1 && i < count_components(param); i++)
        if (quantity_of(&param->values[0], i)->type == SEARCH_QUANTITY)
            return true;
    return false;
}

static bool prune_param(struct pruning *pruning, const struct place *place,
                        struct query_param *param)
{
    if (param->part_count > 0)
        return prune_parts(pruning, place, param);
    for (size_t i = 0; i < count_components(param); i++)
        if (quantity_of(&param->values[0], i)->type == SEARCH_QUANTITY &&
            !prune_values(pruning, place, i, param))
            return false;
    return true;
}

/* What is at the other end of a reference may be contained. */
static bool prune_parts(struct pruning *pruning, const struct place *place,
                        struct query_param *param)
{
    const struct query **parts =
        arena_many(pruning->arena, const struct query *, param->part_count);
    bool same = param->subject == QUERY_GROUP;

    for (size_t i = 0; i < param->part_count; i++) {
        parts[i] =
            prune_query(pruning, param->parts[i], !same || place->outer, !same || place->inner);
        if (!parts[i])
            return false;
    }
    param->parts = parts;
    return true;
}

/* The token of a unit, in the rows of one parameter: which value it is one of. */
struct asked {
    int64_t *tokens;
    size_t *values;
    size_t count;
};

/* False when it is known that there are some. */
static bool add_tokens(struct pruning *pruning, const struct place *place,
                       const struct search_param *source, const struct query_value *quantity,
                       size_t at, struct asked *asked)
{
    struct tokens tokens = store_tokens(pruning->store, pruning->access);

    for (size_t k = 0; k < quantity->code_count * 2; k++) {
        tokens.contained = k % 2;
        if (tokens.contained ? !place->inner : !place->outer)
            continue;
        int64_t token = token_code(&tokens, source, quantity->codes[k / 2]);
        if (search_stats_has_unit(pruning->store, place->type, token))
            return false;
        asked->values[asked->count] = at;
        asked->tokens[asked->count++] = token;
    }
    return true;
}

/* What was asked for stays in any case. */
static bool prune_values(struct pruning *pruning, const struct place *place, size_t component,
                         struct query_param *param)
{
    struct arena *arena = pruning->arena;
    struct query_value *values = arena_many(arena, struct query_value, param->value_count);
    bool *there = arena_many(arena, bool, param->value_count);
    size_t most = param->value_count * QUERY_CODES_MAX * 4, kept = 0;
    struct asked asked = {arena_many(arena, int64_t, most), arena_many(arena, size_t, most), 0};
    const struct pg_result *found = NULL;
    const struct search_param *sources[2];
    size_t source_count = find_sources(param, component, sources);

    for (size_t i = 0; i < param->value_count; i++) {
        const struct query_value *quantity = quantity_of(&param->values[i], component);
        size_t before = asked.count;

        there[i] = !quantity->converted || source_count == 0;
        for (size_t k = 0; !there[i] && k < source_count; k++)
            there[i] = !add_tokens(pruning, place, sources[k], quantity, i, &asked);
        if (there[i])
            asked.count = before;
    }
    if (asked.count > 0 && !ask(pruning, place, &asked, &found))
        return false;
    for (int row = 0; found && row < pg_rows(found); row++)
        for (size_t k = 0; k < asked.count; k++)
            if (asked.tokens[k] == pg_int8(found, row, 0)) {
                there[asked.values[k]] = true;
                search_stats_note_unit(pruning->store, place->type, asked.tokens[k]);
            }
    for (size_t i = 0; i < param->value_count; i++)
        if (there[i])
            values[kept++] = param->values[i];
    param->values = values;
    param->value_count = kept;
    return true;
}

/* The parameters in whose rows each unit has a token. R4's composites have components that are
 * found by the parameters that define them, others have tokens of their own. None: nobody knows. */
static size_t find_sources(const struct query_param *param, size_t component,
                           const struct search_param *sources[2])
{
    const struct search_param *source = param->param;

    if (source->search_type == SEARCH_COMPOSITE && search_extension_of(source)) {
        if (extraction_any_behind())
            return 0;
    } else if (source->search_type == SEARCH_COMPOSITE) {
        struct text code = text_of(source->components[component].code);
        source = search_param_find_published(param->param->type, code);
        if (!source || source != search_param_find(param->param->type, code))
            return 0;
    }
    const struct search_union *both = search_union_of(source);
    sources[0] = both ? both->parts[0] : source;
    sources[1] = both ? both->parts[1] : source;
    return both ? 2 : 1;
}

/* Which of the tokens there are: of those not seen before mostly none, which is one look at the
 * index. */
static bool ask(struct pruning *pruning, const struct place *place, const struct asked *asked,
                const struct pg_result **found)
{
    static const char form[] = "select distinct u.token from (select t.toks from %s t where "
                               "t.toks && $1::int8[] offset 0) t,"
                               " unnest(t.toks) u(token) where u.token = any($1::int8[])";
    struct pg_params params = pg_params_in(pruning->arena);
    struct buf sql = buf_in(pruning->arena);
    struct pg_reply reply = {0};

    pg_add_int8_array(&params, asked->tokens, NULL, asked->count);
    if (place->outer)
        buf_printf(&sql, form, table_of(place->type)->name);
    buf_add_text(&sql, place->outer && place->inner ? " union " : "");
    if (place->inner)
        buf_printf(&sql, form, table_of_contained()->name);
    pg_send_sql(pruning->pg, buf_text(&sql), &params, pruning->arena, &reply);
    return pg_wait(&reply, found, pruning->err);
}
