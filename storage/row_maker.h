#pragma once

/*
 * Row maker - a row in the making, between row.c, which makes it, and row_value.c, which adds what
 * a value of a parameter means. Everything lives in its arena; nothing here can fail or waits.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct columns;
struct row;
struct search_param;
struct search_value;
struct tokens;

struct row_list {
    int64_t *items;
    size_t count, room;
};

struct row_maker {
    const struct tokens *tokens;
    const struct columns *columns;
    struct arena *arena;
    struct row *row;
    int64_t container; /* the key of the resource, or of the one that contains it */
    struct row_list toks, patients;
    size_t string_room, date_room, quantity_room, code_room, words_room;

    const struct search_param *param; /* of the value at hand */
    int64_t param_token;
};

/* Tokens and side rows for one value. The columns of the row are set already: what stands there
 * needs no side row. Values of one parameter come one after the other. */
void row_add_value(struct row_maker *maker, const struct search_value *value);

/* A token of the set `toks`. */
void row_add_tok(struct row_maker *maker, int64_t tok);

/* To one of the maker's own lists but `toks`. */
void row_list_add(struct row_maker *maker, struct row_list *list, int64_t item);

/* For f_code. */
void row_add_code(struct row_maker *maker, int64_t code, int64_t of);

/* Rows of f_str, f_date and f_qty under the hash `h`: of a parameter, or of a composite and its
 * first part. A text is folded and cut; times are microseconds since 1970; a number has no unit. */
void row_add_string(struct row_maker *maker, int64_t h, struct text text);
void row_add_date(struct row_maker *maker, int64_t h, int64_t low, int64_t high);
void row_add_number(struct row_maker *maker, int64_t h, const struct search_value *value);

/* The words of the parameter at hand. */
void row_add_words(struct row_maker *maker, struct text words);

/* Whether the quantity has a unit: token_coding() of its system and code, or of Quantity.unit. */
bool row_unit(const struct row_maker *maker, const struct search_value *value, int64_t *unit);
