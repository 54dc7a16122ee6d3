#pragma once

/*
 * Patch - small changes to a resource (R4 http.html#patch): JSON Patch
 * (RFC 6902) and FHIRPath Patch (R4 fhirpatch.html).
 *
 * A patch is applied whole or not at all: after a failure what was to be
 * changed means nothing. Malformed patches fail with ERR_INVALID, those that
 * do not fit the document with ERR_UNPROCESSABLE; `where` names the operation.
 * What comes out is checked as any other resource before it is stored.
 */

#include "base/err.h"

#include <stdbool.h>

struct arena;
struct json_value;
struct node;

/* Values that the operations of one patch may touch in all, and how deep a document may get. */
#define PATCH_WORK_MAX  1000000
#define PATCH_DEPTH_MAX 128

/* Operations of a FHIRPath Patch, each of which evaluates an expression; what all of them may
 * take. */
#define PATCH_OPERATIONS_MAX 1000
#define PATCH_STEPS_MAX      5000000U
#define PATCH_MEMORY_MAX     ((size_t)64 * 1024 * 1024) /* then no other is begun */

/* Applies a JSON Patch; `*document` may become another value. Its decimals and
 * everything else that no operation names stay as they are. */
bool patch_json(struct arena *arena, struct json_value **document, const struct json_value *patch,
                struct err *err);

/* Applies the operations of a Parameters resource to `resource`. */
bool patch_fhirpath(struct arena *arena, struct node *resource, const struct node *parameters,
                    struct err *err);
