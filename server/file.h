#pragma once

/*
 * File - a whole file into memory, for the commands that take one.
 */

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Adds what the file holds to `content`, but reads on only until there is more
 * than `most`: enough for the reader of the content to refuse it. False, with
 * the reason in errno and `content` empty, when it cannot be read. */
bool file_read(const char *path, size_t most, struct buf *content);
