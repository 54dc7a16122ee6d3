#pragma once

/*
 * Search words - the words of a resource, for _text and _content (R4 search.html#text): what is
 * left of its texts when they are folded like strings (text_fold()), cut at the spaces.
 *
 * _text is the narrative without its tags. _content is every value in the resource, narrative
 * included, but for base64Binary and for meta.versionId and meta.lastUpdated, which are the
 * server's: an update that changes nothing else leaves the words as they are.
 */

#include "base/text.h"
#include "fhir/search_param.h"

#include <stdbool.h>

struct arena;
struct buf;
struct node;

/* Bounds of what an index of words can hold. A longer word is left out; so is what stands behind as
 * many words as have this size together. */
enum { SEARCH_WORD_MAX = 2000, SEARCH_WORDS_MAX = 256 * 1024 };

/* Whether it is _text or _content. R4 has no expression for them: they are parameters of a type
 * only where they were chosen (storage/parameters.h). */
bool search_param_is_text(const struct search_param *param);

/* The words, with single spaces between them; where one text ends, or a word is left out, a newline
 * behind it. */
void search_words_add(const struct search_param *param, const struct node *resource,
                      struct arena *arena, struct buf *out);
