/*
 * Extraction - see extraction.h.
 */

#include "storage/extraction.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/search_param.h"
#include "fhir/type.h"
#include "storage/pg.h"

#include <assert.h>
#include <stdatomic.h>

enum { TYPES_MAX = 256 };

static const struct pg_statement begin = {
    "insert into f_extraction (type, number) select type, " EXTRACTION
    " from unnest($1::text[]) type on conflict do nothing"};
static const struct pg_statement select_numbers = {"select type, number, number >= " EXTRACTION
                                                   " from f_extraction"};

enum { CONTAINED_SINCE = 1 };

/* Published parameters whose values earlier programs did not extract. What is behind for
 * `_contained` is any type: all may contain. */
static const struct {
    const char *type, *code;
    int since;
} held[] = {{"Location", "near", 1}};

/* Of the process. */
static atomic_bool behind[TYPES_MAX];
static atomic_bool any_behind, lacks_contained;

bool extraction_begin(struct pg *pg, struct arena *arena, struct err *err)
{
    size_t count = resource_type_count();
    struct text *types = arena_many(arena, struct text, count);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    for (unsigned i = 0; i < count; i++)
        types[i] = text_of(type_at(i)->name);
    pg_add_text_array(&params, types, count);
    return pg_query(pg, &begin, &params, arena, &result, err);
}

bool extraction_learn(struct pg *pg, struct arena *arena, struct err *err)
{
    bool whole[TYPES_MAX] = {false}, all = true, contained = true;
    int numbers[TYPES_MAX] = {0};
    const struct pg_result *result;

    assert(resource_type_count() <= TYPES_MAX);
    if (!pg_query(pg, &select_numbers, NULL, arena, &result, err))
        return false;
    for (int row = 0; row < pg_rows(result); row++) {
        const struct type *type = resource_type_find(pg_text(result, row, 0));

        if (!type)
            continue;
        numbers[type->number] = pg_int4(result, row, 1);
        whole[type->number] = pg_bool(result, row, 2);
    }
    for (unsigned i = 0; i < resource_type_count(); i++) {
        atomic_store(&behind[i], !whole[i]);
        all = all && whole[i];
        contained = contained && numbers[i] >= CONTAINED_SINCE;
    }
    for (size_t i = 0; i < COUNT(held); i++)
        search_param_hold(search_param_find_published(held[i].type, text_of(held[i].code)),
                          numbers[resource_type_find(text_of(held[i].type))->number] <
                              held[i].since);
    atomic_store(&any_behind, !all);
    atomic_store(&lacks_contained, !contained);
    return true;
}

bool extraction_holds(const struct type *type)
{
    for (size_t i = 0; i < COUNT(held); i++)
        if (strcmp(held[i].type, type->name) == 0)
            return true;
    return false;
}

bool extraction_is_behind(const struct type *type)
{
    return atomic_load(&behind[type->number]);
}

bool extraction_any_behind(void)
{
    return atomic_load(&any_behind);
}

bool extraction_lacks_contained(void)
{
    return atomic_load(&lacks_contained);
}
