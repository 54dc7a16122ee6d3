#pragma once

/*
 * Buf - bytes that grow at the end.
 *
 * Embedded by its owner; zero-initialised is a valid empty one. Lives on the
 * heap, or in an arena when made with buf_in(). Running out of memory aborts.
 */

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct buf {
    char *data; /* not NUL-terminated; NULL while empty */
    size_t size;
    size_t room;
    struct arena *arena; /* borrowed; NULL for the heap */
};

/* An empty buf whose memory belongs to `arena`; buf_release() is not needed. */
struct buf buf_in(struct arena *arena);
void buf_release(struct buf *buf);

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes after the content and returns where they go;
 * the caller writes there and adds to `size`. */
char *buf_reserve(struct buf *buf, size_t more) __attribute__((returns_nonnull));

void buf_add(struct buf *buf, const void *data, size_t size);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* The content with a NUL behind it (not counted in `size`). */
char *buf_text(struct buf *buf) __attribute__((returns_nonnull));
