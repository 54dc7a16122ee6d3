#pragma once

/*
 * Search words - the words of a resource, for _text and _content (R4 search.html#text): what is
 * left of its texts when they are folded like strings (text_fold()), cut at the spaces.
 *
 * _text is the narrative without its tags. _content is every value in the resource, narrative
 * included, but for base64Binary.
 */

#include "base/text.h"
#include "fhir/search_param.h"

#include <stdbool.h>

struct arena;
struct buf;
struct node;

/* Whether it is _text or _content. R4 has no expression for them: they are parameters of a type
 * only where they were chosen (storage/parameters.h). */
bool search_param_is_text(const struct search_param *param);

/* The words, with single spaces between them; where one text ends a newline behind it. */
void search_words_add(const struct search_param *param, const struct node *resource,
                      struct arena *arena, struct buf *out);

/* Whether the words stand together in this order. `phrase` is words with single spaces between. */
bool search_words_hold(struct text words, struct text phrase);
