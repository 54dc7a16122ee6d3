#pragma once

/*
 * Page cursor - goes through JSON without reading it: finds where values end by counting brackets
 * and passing over strings.
 */

#include "base/text.h"

#include <stdbool.h>

struct cursor {
    const char *at, *end; /* `at` NULL: it is broken */
};

/* The next character that is no space; 0 at the end. */
char cursor_peek(struct cursor *c);

/* The bytes of the value that stands there. */
bool cursor_take(struct cursor *c, struct text *value);

/* The same, when brackets can be counted in it: not where a number or a name has some, or quotes.
 */
bool cursor_take_plain(struct cursor *c, struct text *value);

/* Goes to the next member of an object, or item of a list (`name` NULL). False at its end, and
 * where it is broken. */
bool cursor_go(struct cursor *c, struct text *name);

/* The same with its value. */
bool cursor_next(struct cursor *c, struct text *name, struct text *value);

/* Behind the end of an object or list that was gone through, which has to be this bracket. */
bool cursor_leave(struct cursor *c, char bracket);

bool cursor_is_object(struct text value);
bool cursor_is_list(struct text value);

/* For the members of an object, or the items of a list. */
struct cursor cursor_in(struct text value);

/* Of a list of objects: the first. */
struct text cursor_first(struct text list);

/* The value of the first member of this name; absent. */
struct text cursor_member(struct text object, const char *wanted);
