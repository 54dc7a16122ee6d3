/*
 * Search contained - one query made into several.
 */

#include "storage/search_contained.h"

#include "base/arena.h"
#include "fhir/query.h"
#include "fhir/type.h"
#include "storage/store_internal.h"
#include "storage/token.h"

static const struct query *of_each_type(const struct query *query, struct arena *arena);
static struct query *part_of(const struct query *query, struct arena *arena);
static bool add_containers(struct store *store, const struct access *access,
                           const struct query *query, struct arena *arena,
                           const struct query **types, struct err *err);
static const struct query *container(const struct query *query, const struct type *type,
                                     struct arena *arena);

/* The first place is that of resources, then come the contained ones, or their containers at the
 * number of their type: a cursor names a place. */
const struct query *search_contained(struct store *store, const struct access *access,
                                     const struct query *query, struct arena *arena,
                                     struct err *err)
{
    size_t room = resource_type_count() + 1;
    const struct query **types = arena_many(arena, const struct query *, room);
    struct query *whole = arena_one(arena, struct query);

    if (query->contained == QUERY_OUTER ||
        (query->contained == QUERY_CONTAINED && !query->containers && !query->type_count))
        return query;
    if (query->type_count)
        return of_each_type(query, arena);
    if (query->contained == QUERY_BOTH) {
        struct query *outer = part_of(query, arena);
        outer->contained = QUERY_OUTER;
        types[0] = outer;
    }
    if (query->containers) {
        if (!add_containers(store, access, query, arena, types + 1, err))
            return NULL;
    } else {
        types[1] = part_of(query, arena);
        room = 2;
    }
    *whole = *query;
    whole->types = types;
    whole->type_count = room;
    return whole;
}

/* Of each type the resources, if they are wanted, then what is contained. */
static const struct query *of_each_type(const struct query *query, struct arena *arena)
{
    const struct query **types = arena_many(arena, const struct query *, 2 * query->type_count);
    struct query *whole = arena_one(arena, struct query);

    for (size_t i = 0; i < query->type_count; i++) {
        struct query *outer = part_of(query->types[i], arena);

        outer->contained = QUERY_OUTER;
        types[2 * i] = query->contained == QUERY_BOTH ? outer : NULL;
        types[2 * i + 1] = part_of(query->types[i], arena);
    }
    *whole = *query;
    whole->types = types;
    whole->type_count = 2 * query->type_count;
    return whole;
}

/* What comes along, and the total, are of the whole. */
static struct query *part_of(const struct query *query, struct arena *arena)
{
    struct query *part = arena_one(arena, struct query);

    *part = *query;
    part->contained = QUERY_CONTAINED;
    part->containers = false;
    part->include_count = 0;
    part->total = QUERY_TOTAL_NONE;
    part->page = (struct text){0};
    return part;
}

/* Of the types that are known to contain some. */
static bool add_containers(struct store *store, const struct access *access,
                           const struct query *query, struct arena *arena,
                           const struct query **types, struct err *err)
{
    static const struct pg_statement select = {
        "select rtype from f_code where tenant = $1::int4 and rtype = any($2::int2[]) and "
        "code = $3::int8"};
    struct tokens tokens = store_tokens(store, access);
    struct pg_params params = pg_params_in(arena);
    int16_t *numbers = arena_many(arena, int16_t, resource_type_count());
    const struct pg_result *result;

    for (unsigned i = 0; i < resource_type_count(); i++)
        numbers[i] = (int16_t)i;
    pg_add_int4(&params, access->tenant);
    pg_add_int2_array(&params, numbers, resource_type_count());
    pg_add_int8(&params, token_contains(&tokens, query->type));
    if (!pg_query(store->search, &select, &params, arena, &result, err))
        return false;
    for (int row = 0; row < pg_rows(result); row++) {
        const struct type *type = type_at((unsigned)pg_int2(result, row, 0));

        types[type->number] = container(query, type, arena);
    }
    return true;
}

/* Resources of the type that contain a match; where resources are matches themselves, those that
 * are have been found already. */
static const struct query *container(const struct query *query, const struct type *type,
                                     struct arena *arena)
{
    struct query_param *params = arena_many(arena, struct query_param, 2);
    const struct query **parts = arena_many(arena, const struct query *, 2);
    struct query *outer = part_of(query, arena);
    bool again = query->contained == QUERY_BOTH && strcmp(type->name, query->type) == 0;

    outer->contained = QUERY_OUTER;
    outer->type = type->name;
    outer->params = params;
    outer->param_count = again ? 2 : 1;
    for (size_t i = 0; i < 2; i++) {
        struct query *part = part_of(query, arena);

        part->contained = QUERY_OUTER; /* CONTAINS is about what is contained in any case */
        part->sort_count = 0;
        parts[i] = part;
    }
    params[0] = (struct query_param){.subject = QUERY_CONTAINS, .parts = parts, .part_count = 1};
    params[1] = (struct query_param){
        .subject = QUERY_GROUP, .negated = true, .parts = parts + 1, .part_count = 1};
    return again && query->param_count == 0 ? NULL : outer;
}
