#pragma once

/*
 * Search expression - the expression of a SearchParameter as packages write it, understood.
 */

#include "base/text.h"

struct arena;

/* Packages write extension.valueDateTime, as in JSON; FHIRPath has value.ofType(dateTime). The
 * result lives in the arena. */
struct text search_expression_plain(struct arena *arena, struct text expression);
