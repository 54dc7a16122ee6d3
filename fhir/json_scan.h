#pragma once

/*
 * JSON scan - the tokens of RFC 8259, checked to the letter. For
 * json_read.c and json_skip.c.
 *
 * Every function that returns bool returns false with `err` set (ERR_INVALID,
 * line and column in the text) when the document is no JSON at that place.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct json_scan {
    const char *start, *at, *end;
    struct arena *arena; /* borrowed; holds strings that had escapes */
    struct err *err;     /* borrowed */
};

/* Slow path of json_scan_space(). */
char json_scan_skip_space(struct json_scan *scan);

/* The next byte that is not white space, without taking it; 0 at the end. */
static inline char json_scan_space(struct json_scan *scan)
{
    if (scan->at < scan->end && (unsigned char)*scan->at > ' ')
        return *scan->at;
    return json_scan_skip_space(scan);
}

/* A string, from its opening quote to behind the closing one. `*value` is a
 * slice of the document when nothing was escaped (`*plain` true), else it is
 * in the arena. */
bool json_scan_string(struct json_scan *scan, struct text *value, bool *plain);

/* A number, as text. */
bool json_scan_number(struct json_scan *scan, struct text *value);

/* One of the words true, false and null. */
bool json_scan_word(struct json_scan *scan, struct text *value);

/*
 * The string member `name` of the object that opens at `scan->at`, wherever it
 * stands; absent when there is none or the text stops being JSON before it.
 * Leaves the scan where it was, and `err` alone.
 */
struct text json_scan_member(const struct json_scan *scan, struct text name);

/* Sets ERR_INVALID with the line and column of `at`; returns false. */
bool json_scan_fail(struct json_scan *scan, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Fails because something else than `expected` stands at `scan->at`. */
bool json_scan_expected(struct json_scan *scan, const char *expected) __attribute__((cold));
