#pragma once

/*
 * Search param text - a parameter that was added, as one text: what is kept of it where its
 * definition may be gone while resources are still written by it.
 */

#include "base/text.h"
#include "fhir/search_param.h"

#include <stdbool.h>

struct arena;

/* All but type and code. */
struct text search_param_write(struct arena *arena, const struct search_param *param);

/* Fills the parameter, whose type and code the caller sets; false when the text is no such thing.
 * What it points to lives in the arena. */
bool search_param_read(struct arena *arena, struct text text, struct search_param *param);
