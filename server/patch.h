#pragma once

/*
 * Patch - PATCH, as a request of its own (interactions.h) and as an entry of a transaction.
 */

#include "server/request.h"

struct json_value;

/* What is to be done to whatever version is current. */
struct patch {
    struct request *req;           /* findings about the result go to its issues */
    const struct json_value *json; /* a JSON Patch, or else NULL */
    const struct node *parameters; /* a FHIRPath Patch, or else NULL */
};

/* Reads the patch from the body, or from the resource of a Bundle's entry: Parameters, or a Binary
 * with a JSON Patch. */
bool patch_read(struct request *req, struct patch *patch, struct err *err);

/* A store_amend_fn; the context is a struct patch. The result must pass what every write must. */
bool patch_amend(void *context, struct text json, struct arena *arena, struct node **resource,
                 struct err *err);
