#pragma once

/*
 * Query text - the two layers of quoting around search values: percent
 * encoding of the URL, and FHIR's backslash escapes within a value
 * (R4 search.html#escaping).
 */

#include "base/text.h"

#include <stdbool.h>

struct arena;
struct buf;

/* Undoes %XX and `+`. False when a % is not followed by two hex digits, or
 * the result is no valid UTF-8 or holds a NUL. */
bool query_decode(struct arena *arena, struct text encoded, struct text *decoded);

/* The reverse, leaving alone what may stand in a query and reads better so. */
void query_encode(struct buf *out, struct text text);

/* Takes what stands before the next unescaped `separator` out of `*rest`, which
 * becomes absent with the last item. False when `*rest` is absent. */
bool query_next_item(struct text *rest, char separator, struct text *item);

/* How often query_next_item() will succeed. */
size_t query_count_items(struct text text, char separator);

/* Undoes `\,` `\|` `\$` and `\\`. Any other backslash stands for itself. */
struct text query_unescape(struct arena *arena, struct text text);

/* The number of insertions, deletions, replacements and swaps of neighbours
 * that make `a` into `b`; more than `limit` is only told as limit + 1. */
unsigned query_edit_distance(struct text a, struct text b, unsigned limit);
