#pragma once

/*
 * Gzip files - files read whole or line by line, plain or compressed: which
 * it is shows in the bytes, not in the name.
 */

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct gzip_file;

/* NULL with ERR_INVALID when it cannot be opened. */
struct gzip_file *gzip_file_open(const char *name, struct err *err);

/* NULL is a no-op. */
void gzip_file_close(struct gzip_file *file);

/* The next line without its end, in `line`; `*more` false at the end of the
 * file. Fails on damaged or cut-off compression, and on a line beyond `most` bytes. */
bool gzip_file_line(struct gzip_file *file, struct buf *line, size_t most, bool *more,
                    struct err *err);

/* All that is left. */
bool gzip_file_all(struct gzip_file *file, struct buf *content, size_t most, struct err *err);

/* Bytes of the file as stored that have been read. */
uint64_t gzip_file_position(const struct gzip_file *file);
