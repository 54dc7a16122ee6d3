#pragma once

/*
 * Text - a slice of UTF-8 that somebody else owns.
 *
 * Values in parsed documents are slices of the document itself: not
 * NUL-terminated, borrowed from whatever holds the bytes. `data` NULL means
 * absent, which differs from empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct text {
    const char *data;
    size_t size;
};

#define TEXT(literal)   ((struct text){(literal), sizeof(literal) - 1})
#define TEXT_ARGS(text) (int)(text).size, (text).data /* for "%.*s" */

/* Wraps a NUL-terminated string; NULL gives an absent text. */
static inline struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

static inline bool text_equals(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool text_is(struct text a, const char *string)
{
    return text_equals(a, text_of(string));
}

/* Letters of ASCII count as equal whatever their case. */
bool text_equals_nocase(struct text a, struct text b);

bool text_starts_with(struct text text, struct text prefix);
bool text_ends_with(struct text text, struct text suffix);

/* Splits at the first `separator`: what stands before goes to `*head`, what
 * follows to `*rest`. False, and both untouched, when there is none. */
bool text_split(struct text text, char separator, struct text *head, struct text *rest);

/* Takes the next item of a list off `*rest`, which is absent after the last
 * one; false when it was absent. Between two separators stands an empty item,
 * and an empty list has one. */
bool text_next(struct text *rest, char separator, struct text *item);

/* Without the white space (of ASCII) at both ends. */
struct text text_trim(struct text text);

/* The value of a hexadecimal digit, -1 when it is none. */
int text_hex_digit(char c);

/* NULL when absent. */
char *text_dup(struct arena *arena, struct text text);

/* A decimal integer within [min, max], the whole text and nothing else. */
bool text_to_int64(struct text text, int64_t min, int64_t max, int64_t *value);

/* Whether the bytes are valid UTF-8 (no surrogates, nothing overlong). */
bool text_is_utf8(struct text text);

/* The bytes of the UTF-8 character with which a text begins that is not empty;
 * 0 when it is none. */
size_t text_character(struct text text);

/* "a", or "an" before a vowel, for messages that name a type. */
const char *text_article(const char *noun);

/*
 * The form in which strings are compared by search (R4 search.html#string):
 * lower case, without accents and combining marks, punctuation turned into
 * spaces, runs of white space folded to one, trimmed. Covers Latin, Greek
 * and Cyrillic letters, ligatures and wide forms; other scripts pass unchanged. Result in the
 * arena.
 */
struct text text_fold(struct arena *arena, struct text text);

/*
 * The forms in which people write the same (R4 search.html#string: punctuation should be ignored).
 * Punctuation between letters parts words, as in text_fold(), which is the first form; or it is
 * nothing (OBrien, SmithJones); or only apostrophes are (OBrien Smith). Punctuation beside white
 * space is nothing anyway. How many forms that differ; 0: there is no letter.
 */
enum { TEXT_FORMS_MAX = 3 };
size_t text_fold_forms(struct arena *arena, struct text text, struct text forms[TEXT_FORMS_MAX]);
