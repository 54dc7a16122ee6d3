#pragma once

/*
 * Paths of discriminators - the part of FHIRPath that they may use: names,
 * $this, extension(url), resolve() and ofType(type) (R4
 * profiling.html#discriminator).
 */

#include "base/text.h"

#include <stdbool.h>

struct node;

enum path_step_kind {
    STEP_THIS,
    STEP_NAME,
    STEP_EXTENSION,
    STEP_RESOLVE,
    STEP_OF_TYPE,
    STEP_UNKNOWN, /* not allowed here */
};

struct path_step {
    enum path_step_kind kind;
    struct text text; /* the name, url or type */
};

/* Takes the first step off the path; false at its end. */
bool path_next(struct text *path, struct path_step *step);

/* Whether a child is what a NAME or EXTENSION step leads to. */
bool path_step_fits(const struct node *child, struct path_step step);
