#pragma once

/*
 * Parameters, words - _text and _content as search parameters of the types for which they were
 * chosen.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/search_extend.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct pg;

struct words_choice {
    struct text types[2];      /* of _text, of _content: names with commas, or all */
    const char *configuration; /* of PostgreSQL's text search */
};

/* Waits. */
bool parameters_read_words(struct pg *pg, struct arena *arena, struct words_choice *choice,
                           struct err *err);

/* Adds the chosen ones to `additions`, which has room for parameters_most_words() more. */
void parameters_add_words(const struct words_choice *choice, struct arena *arena,
                          struct search_addition *additions, size_t *count);
size_t parameters_most_words(void);

/* The parameter of a type by its words, which R4 publishes without an expression. */
void parameters_make_words(const struct search_param *published, struct search_param *param);
