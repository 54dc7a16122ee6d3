/*
 * Search rows - unpacking and rechecking.
 */

#include "storage/search_row.h"

#include "base/arena.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/query_match.h"
#include "fhir/search_values.h"
#include "fhir/type.h"

/* What is contained is told by its container: MedicationRequest/23#m1. Its content is not packed.
 */
static bool contained_version(const struct search_plan *plan, const struct pg_result *result,
                              int row, struct store_version *version, struct err *err)
{
    struct text whole = pg_text(result, row, COLUMN_ID), type, id;
    struct text json = pg_bytea(result, row, COLUMN_BODY);

    text_split(whole, '/', &type, &id);
    if (!store_version_fill(plan->store, version, resource_type_find(type)->name,
                            text_dup(plan->arena, id), pg_int4(result, row, COLUMN_VER),
                            pg_timestamp(result, row, COLUMN_UPDATED),
                            pg_char(result, row, COLUMN_OP), (struct text){0}, plan->arena, err))
        return false;
    version->json = text_dup(plan->arena, json);
    version->json_size = json.size;
    return true;
}

bool search_version(const struct search_plan *plan, const struct type *type,
                    const struct pg_result *result, int row, struct store_version *version,
                    struct err *err)
{
    if (plan->tokens.contained)
        return contained_version(plan, result, row, version, err);
    const char *id = text_dup(plan->arena, pg_text(result, row, COLUMN_ID));

    return store_version_fill(
        plan->store, version, type->name, id, pg_int4(result, row, COLUMN_VER),
        pg_timestamp(result, row, COLUMN_UPDATED), pg_char(result, row, COLUMN_OP),
        pg_bytea(result, row, COLUMN_BODY), plan->arena, err);
}

struct node *search_parse(const struct store_version *version, struct arena *arena)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 0);
    return json_read(arena, version->json, version->json_size, &json_stored_limits, &issues, &err);
}

static const char *own_id(const struct search_plan *plan, const struct store_version *version)
{
    return plan->tokens.contained ? strchr(version->id, '#') + 1 : version->id;
}

bool search_holds(const struct search_plan *plan, const struct store_version *version)
{
    struct arena *arena = arena_new();
    struct node *resource = search_parse(version, arena);
    struct search_values values;
    bool holds = false;

    if (resource) {
        search_values_extract(resource, arena, &values, NULL);
        struct query_candidate candidate = {
            .type = plan->type->name,
            .id = own_id(plan, version),
            .last_updated = version->last_updated,
            .values = &values,
        };
        holds = query_matches(plan->query, &candidate, arena);
    }
    arena_free(arena);
    return holds;
}
