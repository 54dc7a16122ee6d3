/*
 * Any bytes as a StructureDefinition: no crash, no unbounded work, and what
 * compiles can be asked for and has a tree of rules that ends.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/profile.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count_rules(const struct rule *list)
{
    unsigned count = 0;

    for (; list; list = list->next) {
        assert(list->id && (!list->types || list->type_count > 0));
        count += 1 + count_rules(list->children) + count_rules(list->slices);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.size = 65536, .depth = 64, .nodes = 10000};
    struct arena *arena = arena_new();
    struct definitions *definitions = definitions_new();
    const struct definitions *finished;
    const struct node *resource;
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    resource = json_read(arena, (const char *)data, size, &limits, &issues, &err);
    if (resource)
        definitions_add(definitions, resource, "fuzz#1");
    finished = definitions_finish(definitions, &issues);
    if (resource) {
        const struct profile *profile = definitions_profile(finished, node_value(resource, "url"));

        assert(!profile || count_rules(profile->root) > 0);
    }
    definitions_release(finished);
    arena_free(arena);
    return 0;
}
