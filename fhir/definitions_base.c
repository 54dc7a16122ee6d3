/*
 * The definitions of R4 itself: profiles and extensions from
 * schemas/r4/profiles.ndjson, compiled like those of any package. It takes
 * some milliseconds, once.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/definitions_set.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <assert.h>
#include <pthread.h>

static const char *const lines[] = {
#include "fhir/profile_table.inc"
};

static const struct definitions *base;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void build(void);

const struct definitions *definitions_base(void)
{
    pthread_once(&once, build);
    return base;
}

static void build(void)
{
    struct arena *arena = arena_new();
    struct issues issues;

    issues_init(&issues, arena, 1);
    base = definitions_build_base(&issues);
    assert(issues.kept == 0);
    arena_free(arena);
}

struct definitions *definitions_build_base(struct issues *issues)
{
    struct definitions *definitions = definitions_start(NULL);
    struct arena *arena = arena_new();
    struct err err = {0};

    definitions_add_types(definitions);
    for (size_t i = 0; i < COUNT(lines); i++) {
        const struct node *definition =
            json_read(arena, lines[i], strlen(lines[i]), &json_default_limits, issues, &err);

        assert(definition);
        definitions_add(definitions, definition, NULL);
    }
    definitions_finish(definitions, issues);
    arena_free(arena);
    return definitions;
}
