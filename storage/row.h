#pragma once

/*
 * Row - everything PostgreSQL stores of one version of a resource but its body:
 * columns, tokens and the rows of the side tables.
 *
 * What is written for the values of each kind of parameter (fhir/search_values.h):
 *
 *   any        token_param() in toks when there is a value: serves :missing.
 *   token      token_system_code, token_code, token_system; token_of_type for a typed
 *              identifier. Without a code: token_system.
 *   reference  token_reference for a literal reference without a base; otherwise
 *              token_uri as written, and of a canonical or versioned one also without
 *              what stands behind `|` or `/_history/`. An identifier: as for tokens.
 *              To somebody contained: token_reference of token_contained().
 *   uri        token_uri, and token_uri_below for itself and each prefix.
 *   string     f_str(token_param, each of text_fold_forms() of at most ROW_NORM_MAX bytes).
 *   _text, _content   a row of the table's words (storage/words.h) and no token.
 *   date       the column, or f_date(token_param, low, high).
 *   number     f_qty(token_param, low, high, no unit); low and high are both the
 *              value where it is plain: its own precision does not widen it.
 *   quantity   the column, or f_qty(token_param, low, high, token_coding of the unit:
 *              system and code, or no system and Quantity.unit); and in toks token_code
 *              of code and of unit, for searches that leave the system open.
 *   near       f_qty(token_param, latitude, longitude, no unit): the index of ranges of numbers is
 *              one of boxes as well.
 *   composite  see token_combine(); without rows where the columns answer it (columns.h).
 *              The h of side rows of composites that were added stands in f_code: when the
 *              parameter goes they could not be named otherwise. Of a quantity in such a one:
 *              token_code of the unit in toks.
 *
 * Open ends of time are INT64_MIN and INT64_MAX, of numbers -INFINITY and INFINITY.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;
struct search_values;
struct tokens;
struct type;

enum { ROW_NORM_MAX = 256 };

struct row_string {
    int64_t h;
    struct text norm;
};

struct row_date {
    int64_t h, low, high;
};

/* What stands in f_code, for its type. */
struct row_code {
    int64_t code, of; /* columns code and n */
};

enum { ROW_CODE_SECOND = 1 }; /* `of` what is said of the type: second codings, what it contains */

struct row_words {
    int64_t h;
    const char *configuration;
    struct text words;
};

struct row_quantity {
    int64_t h;
    double low, high;
    int64_t unit; /* meaningless unless has_unit */
    bool has_unit;
};

struct row {
    const struct type *type;
    int64_t rkey;
    struct text id;

    bool has_patient, has_code, has_date, has_quantity;
    int64_t patient, code, d, dhi, vqu;
    bool has_unit; /* vqu */
    double vq;

    /* Sets, each sorted and without duplicates. */
    int64_t *toks;
    size_t tok_count;
    int64_t *patients; /* in whose compartments the resource is */
    size_t patient_count;
    struct row_string *strings;
    size_t string_count;
    struct row_date *dates;
    size_t date_count;
    struct row_quantity *quantities;
    size_t quantity_count;
    struct row_code *codes; /* token_coding() of codings behind the first, token_contains() of the
                             * types it contains; and of side rows under more than the parameter
                             * alone their h, of token_param() (composites that were added) */
    size_t code_count;
    struct row_words *words;
    size_t words_count;

    /* What it contains: rows of f_contained, by tokens of their own. Their id is that of the
     * container, as in Type/id#id, and `json` their content. */
    struct row **contained;
    size_t contained_count;
    struct text json;
};

/* Makes the row of type/id from its search values. Lives in `arena`. */
struct row *row_make(const struct tokens *tokens, const struct type *type, struct text id,
                     const struct search_values *values, struct arena *arena);

/* A text as f_str has it, in its forms: folded, and cut before the character that passes
 * ROW_NORM_MAX bytes. How many there are. */
size_t row_norms(struct arena *arena, struct text text, struct text norms[TEXT_FORMS_MAX],
                 bool *cut);

/* Whether everything but rkey and id is the same, so that an update of the body suffices. It never
 * does where something is contained, whose index names the version. */
bool row_equals(const struct row *a, const struct row *b);
