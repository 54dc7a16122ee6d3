/*
 * Two documents, one a line: a resource, and a patch for it (an array is a JSON Patch, an object
 * a FHIRPath Patch). No crash; what comes out can be written and read again.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/json_value.h"
#include "fhir/node.h"
#include "fhir/patch.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {.size = 1 << 20, .depth = 64, .nodes = 100000};
static const struct json_limits limits_after = {
    .size = SIZE_MAX, .depth = 2 * PATCH_DEPTH_MAX, .nodes = 2 * PATCH_WORK_MAX};

static void patch_as_json(struct arena *arena, struct text document, struct text patch)
{
    struct err err = {0};
    struct json_value *value = json_value_read(arena, document.data, document.size, &limits, &err);
    struct json_value *operations = json_value_read(arena, patch.data, patch.size, &limits, &err);
    struct buf out = buf_in(arena);

    if (!value || !operations || !patch_json(arena, &value, operations, &err))
        return;
    json_value_write(value, &out);
    assert(json_value_read(arena, out.data, out.size, &limits_after, &err));
}

static struct node *read_resource(struct arena *arena, struct text text,
                                  const struct json_limits *within)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    return json_read(arena, text.data, text.size, within, &issues, &err);
}

static void patch_as_resource(struct arena *arena, struct text document, struct text patch)
{
    struct node *resource = read_resource(arena, document, &limits);
    struct node *parameters = read_resource(arena, patch, &limits);
    struct buf out = buf_in(arena);
    struct err err = {0};

    if (!resource || !parameters || !patch_fhirpath(arena, resource, parameters, &err))
        return;
    json_write(resource, &out);
    assert(read_resource(arena, (struct text){out.data, out.size}, &limits_after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct text document, patch;

    if (text_split((struct text){(const char *)data, size}, '\n', &document, &patch)) {
        if (patch.size > 0 && patch.data[0] == '[')
            patch_as_json(arena, document, patch);
        else
            patch_as_resource(arena, document, patch);
    }
    arena_free(arena);
    return 0;
}
