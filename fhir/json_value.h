#pragma once

/*
 * JSON values - any JSON document as a tree, for what is JSON but no resource
 * and must keep numbers to the digit: JSON Patch works on it.
 *
 * Everything lives in an arena and borrows from the text that was read.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct json_limits;

enum json_value_kind {
    JSON_VALUE_OBJECT,
    JSON_VALUE_ARRAY,
    JSON_VALUE_TEXT,
    JSON_VALUE_DIGITS,
    JSON_VALUE_WORD
};

struct json_value {
    enum json_value_kind kind;
    struct text name; /* as a member of an object, unescaped; absent elsewhere */
    struct text text; /* TEXT: unescaped; DIGITS: the number as written; WORD: true, false, null */
    struct json_value *first, *last, *next; /* members or items, in order */
};

/* NULL with ERR_INVALID (line and column in the text), also when a name stands
 * twice in one object; with ERR_TOO_LARGE past a limit. */
struct json_value *json_value_read(struct arena *arena, const char *data, size_t size,
                                   const struct json_limits *limits, struct err *err);

/* Appends the value without white space. */
void json_value_write(const struct json_value *value, struct buf *out);

/* RFC 6902 4.6: members in any order; numbers by value; strings by character. */
bool json_value_equals(const struct json_value *a, const struct json_value *b);

/* A deep copy, under no parent and without a name. */
struct json_value *json_value_copy(struct arena *arena, const struct json_value *value);

/* How many values the tree has, itself included. */
size_t json_value_count(const struct json_value *value);

/* How many levels the tree has: 1 for a text. */
unsigned json_value_depth(const struct json_value *value);

/* The member of an object, or NULL. */
struct json_value *json_value_member(const struct json_value *object, struct text name);

/* Puts `value` in front of `before`; NULL: at the end. */
void json_value_insert(struct json_value *parent, struct json_value *value,
                       struct json_value *before);

/* Takes a child out. */
void json_value_remove(struct json_value *parent, struct json_value *child);
