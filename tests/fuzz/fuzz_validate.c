/*
 * Any bytes as a resource, with every check there is without packages: no
 * crash and no unbounded work, and a finding for whatever is refused.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/validate.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits limits = {.size = (size_t)1 << 20, .depth = 64, .nodes = 20000};
    struct validation validation = {
        .definitions = definitions_base(), .level = VALIDATION_FULL, .best_practice = true};
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};
    struct node *root;

    issues_init(&issues, arena, 20);
    root = json_read(arena, (const char *)data, size, &limits, &issues, &err);
    if (root) {
        validate_resource(root, &validation, &issues);
        for (const struct issue *issue = issues.first; issue; issue = issue->next)
            assert(issue->text[0] != '\0' && issue->code[0] != '\0');
        assert(issues.kept <= issues.limit);
    }
    arena_free(arena);
    return 0;
}
