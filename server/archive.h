#pragma once

/*
 * Archive - the files in a tar archive (plain or compressed by gzip), or in a
 * folder, into memory. Nothing is ever written to disk, so names in an archive
 * lead nowhere; and sizes are limited whatever the archive claims.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct archive_limits {
    size_t file;    /* bytes of one file, unpacked */
    size_t total;   /* of all that are taken */
    unsigned count; /* entries in the archive or folder, taken or not */
};

/* Whether a file is wanted, by its name ("package/ValueSet-x.json"; in a folder: below it). */
typedef bool archive_wanted_fn(const char *name);

/* `content` lives in the arena, NUL-terminated besides; so does `name`. */
typedef void archive_take_fn(const char *name, struct text content, void *context);

/* Hands every ordinary file that is wanted to `take`, in the order of the
 * archive. ERR_INVALID when it is no such archive, damaged or cut off;
 * ERR_TOO_LARGE beyond a limit. */
bool archive_read(const char *path, const struct archive_limits *limits, archive_wanted_fn *wanted,
                  archive_take_fn *take, void *context, struct arena *arena, struct err *err);

/* The same for the files in a folder, and for those in its folder `inside`
 * (then their names begin with "inside/"), not deeper. */
bool archive_read_folder(const char *path, const char *inside, const struct archive_limits *limits,
                         archive_wanted_fn *wanted, archive_take_fn *take, void *context,
                         struct arena *arena, struct err *err);
