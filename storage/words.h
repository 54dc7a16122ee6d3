#pragma once

/*
 * Words - rows for _text and _content (R4 search.html#text): the words of a resource as
 * PostgreSQL's text search has them. Each table of resources has a table of them beside it (struct
 * table), with a row for each parameter and resource, also without words; which are those of
 * fhir/search_words.h.
 *
 * The configuration of the text search says what counts as the same word. It belongs to the
 * parameter, as a part of its version (storage/parameters.h), so that what is made by another one
 * has another hash and is never found together.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct pg;
struct query_words;
struct table;

/* What is used when nothing was chosen: words as they are. */
#define WORDS_CONFIGURATION "simple"

/* What is asked for as PostgreSQL's to_tsquery() reads it. Folded words hold none of its signs. */
struct text words_asked(const struct query_words *asked, struct arena *arena);

/* Waits. Deletes rows of these hashes, some thousand at most; `*more` when there may be others. */
bool words_delete(struct pg *pg, const struct table *table, const int64_t *h, size_t count,
                  bool *more, struct err *err);

/* Waits. Refuses what is no configuration of this database, and says which there are. */
bool words_check_configuration(struct pg *pg, struct text name, struct err *err);
