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

bool search_version(const struct search_plan *plan, const struct type *type,
                    const struct pg_result *result, int row, struct store_version *version,
                    struct err *err)
{
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

bool search_holds(const struct search_plan *plan, const struct store_version *version)
{
    struct arena *arena = arena_new();
    struct node *resource = search_parse(version, arena);
    struct search_values values;
    bool holds = false;

    if (resource) {
        search_values_extract(resource, arena, &values, NULL);
        struct query_candidate candidate = {
            .type = version->type,
            .id = version->id,
            .last_updated = version->last_updated,
            .values = &values,
        };
        holds = query_matches(plan->query, &candidate, arena);
    }
    arena_free(arena);
    return holds;
}
