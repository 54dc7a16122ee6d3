#pragma once

/*
 * Arena - memory that is freed all at once.
 *
 * Every request owns one. Whatever lives as long as the request is allocated
 * here and never freed by hand; what a foreign library allocated is tied to
 * the arena with arena_defer().
 *
 * Running out of memory aborts the process: no caller checks for NULL. Input
 * size is bounded before anything is allocated, so a hostile client meets a
 * limit, not the allocator.
 */

#include <stddef.h>

struct arena;

struct arena *arena_new(void) __attribute__((returns_nonnull));

/* Runs the deferred calls, last first, then frees everything. NULL is a no-op. */
void arena_free(struct arena *arena);

/* Runs the deferred calls and forgets every allocation, but keeps the first
 * block for the next user: for loops over many small documents. */
void arena_reset(struct arena *arena);

/* Bytes handed out since arena_new() or arena_reset(). */
size_t arena_used(const struct arena *arena);

/* Zeroed memory for one `type`, or for `count` of them. */
#define arena_one(arena, type)         ((type *)arena_alloc((arena), sizeof(type)))
#define arena_many(arena, type, count) ((type *)arena_alloc_many((arena), sizeof(type), (count)))

/* Zeroed memory, aligned for any type. Never returns NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull, malloc));
void *arena_alloc_many(struct arena *arena, size_t size, size_t count)
    __attribute__((returns_nonnull, malloc));

/* The same without the zeroing, for buffers that are filled at once. */
void *arena_alloc_raw(struct arena *arena, size_t size) __attribute__((returns_nonnull, malloc));

char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));

/* A NUL-terminated copy of `size` bytes. */
char *arena_strndup(struct arena *arena, const char *text, size_t size)
    __attribute__((returns_nonnull));

char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Calls `undo(object)` when the arena is freed: json_decref(), PQclear(), ... */
void arena_defer(struct arena *arena, void (*undo)(void *object), void *object);
