#pragma once

/*
 * Secret - what a partner wants in a header, kept outside of its document: only where it is to be
 * found stands there, and so in the database and in backups.
 *
 *     "headers": {"X-Api-Key": {"ref": "file:/run/keys/mercy"}, "X-Token": {"ref": "env:MERCY"}}
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

struct arena;

/* A header of a document: its value as it stands there, or where it is found. */
struct secret_header {
    const char *name;
    const char *value; /* NULL: by reference */
    const char *ref;   /* "file:/absolute/path" or "env:NAME"; or NULL */
};

/* Whether a text says where something is found, rather than being it. */
bool secret_is_ref(const char *text);

/* The value now: a file is read each time, so that one that was changed counts from the next
 * request on. Does not wait. ERR_INVALID names what is not there, and never a value. */
bool secret_read(const struct secret_header *header, struct arena *arena, const char **value,
                 struct err *err);

/* Adds "Name: value" of each to `lines`, from `*count` on, at most to `most`. */
bool secret_add_lines(const struct secret_header *headers, struct arena *arena, const char **lines,
                      size_t *count, size_t most, struct err *err);

/* Whether a header of this name mostly holds a credential. */
bool secret_is_likely(const char *name);

/* What stands in place of a value that is not shown; it is refused as a value. */
#define SECRET_MASK "***"

/* A document as it may be shown: header values in clear are masked. The same text when there are
 * none. */
struct text secret_mask(struct text document, struct arena *arena);
