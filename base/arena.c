/*
 * Arena - memory that is freed all at once.
 *
 * A list of blocks, each twice as large as the one before; allocating moves a
 * pointer. The arena itself sits in its first block. First blocks are kept for
 * the next arena of the same thread, because every request needs one.
 */

#include "base/arena.h"

#include "base/err.h"
#include "base/sanitizer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>

#define ALIGNMENT   ((size_t)16)
#define FIRST_BLOCK ((size_t)16 * 1024)
#define LAST_BLOCK  ((size_t)1024 * 1024)
#define KEPT_BLOCKS 64

/* A gap of forbidden bytes behind each allocation, so that ASan sees overruns. */
#define GAP (BUILT_WITH_ASAN ? ALIGNMENT : 0)

struct block {
    struct block *next; /* the one before it in time; or in the free list */
    size_t size;        /* all of it, with this header */
} __attribute__((aligned(16)));

struct deferred {
    struct deferred *next;
    void (*undo)(void *object);
    void *object;
};

struct arena {
    struct block *blocks; /* newest first */
    struct block *first;
    char *at, *end; /* what is left of the block being filled */
    size_t next_size;
    size_t used;
    struct deferred *deferred; /* newest first */
} __attribute__((aligned(16)));

static __thread struct {
    struct block *blocks;
    unsigned count;
} kept;

static struct block *take_first_block(void);
static void keep_first_block(struct block *block);
static struct block *new_block(size_t size);
static void *alloc_slow(struct arena *arena, size_t size);
static void run_deferred(struct arena *arena);
static void free_later_blocks(struct arena *arena);
static void start_over(struct arena *arena);

struct arena *arena_new(void)
{
    struct block *block = take_first_block();
    struct arena *arena = (struct arena *)(block + 1);

    ASAN_UNPOISON_MEMORY_REGION(arena, sizeof(*arena));
    *arena = (struct arena){.blocks = block, .first = block};
    start_over(arena);
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    run_deferred(arena);
    free_later_blocks(arena);
    keep_first_block(arena->first);
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena);
    free_later_blocks(arena);
    start_over(arena);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

void *arena_alloc_raw(struct arena *arena, size_t size)
{
    size_t step = ((size + ALIGNMENT - 1) & ~(ALIGNMENT - 1)) + GAP;
    char *memory = arena->at;

    if (size > SIZE_MAX / 2)
        abort();
    if (step > (size_t)(arena->end - memory))
        return alloc_slow(arena, size);
    arena->at += step;
    arena->used += size;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc_raw(arena, size), 0, size);
}

void *arena_alloc_many(struct arena *arena, size_t size, size_t count)
{
    size_t total;

    if (__builtin_mul_overflow(size, count, &total))
        abort();
    return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_alloc_raw(arena, size + 1);

    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    char small[256];
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    assert(size >= 0);
    if ((size_t)size < sizeof(small))
        return arena_strndup(arena, small, (size_t)size);

    char *text = arena_alloc_raw(arena, (size_t)size + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)size + 1, fmt, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *arena, void (*undo)(void *object), void *object)
{
    struct deferred *deferred = arena_alloc_raw(arena, sizeof(*deferred));

    *deferred = (struct deferred){arena->deferred, undo, object};
    arena->deferred = deferred;
}

/* Something large gets a block of its own, so that the rest of the current
 * one is not lost; anything else opens the next block. */
static void *alloc_slow(struct arena *arena, size_t size)
{
    size_t whole = sizeof(struct block) + size + ALIGNMENT + GAP;
    bool large = whole > arena->next_size / 2;
    struct block *block = new_block(large ? whole : arena->next_size);
    char *start = (char *)(block + 1);

    block->next = arena->blocks;
    arena->blocks = block;
    if (large) {
        arena->used += size;
        ASAN_UNPOISON_MEMORY_REGION(start, size);
        return start;
    }
    arena->at = start;
    arena->end = (char *)block + block->size;
    if (arena->next_size < LAST_BLOCK)
        arena->next_size *= 2;
    return arena_alloc_raw(arena, size);
}

static struct block *new_block(size_t size)
{
    struct block *block = malloc(size);

    if (!block)
        abort();
    block->size = size;
    ASAN_POISON_MEMORY_REGION(block + 1, size - sizeof(*block));
    return block;
}

/* Deferred calls may defer further ones. */
static void run_deferred(struct arena *arena)
{
    while (arena->deferred) {
        struct deferred *deferred = arena->deferred;
        arena->deferred = deferred->next;
        deferred->undo(deferred->object);
    }
}

static void free_later_blocks(struct arena *arena)
{
    while (arena->blocks != arena->first) {
        struct block *block = arena->blocks;
        arena->blocks = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block, block->size);
        free(block);
    }
}

static void start_over(struct arena *arena)
{
    arena->at = (char *)(arena + 1);
    arena->end = (char *)arena->first + arena->first->size;
    arena->next_size = 2 * FIRST_BLOCK;
    arena->used = 0;
    ASAN_POISON_MEMORY_REGION(arena->at, (size_t)(arena->end - arena->at));
}

static struct block *take_first_block(void)
{
    struct block *block = kept.blocks;

    if (!block) {
        block = new_block(FIRST_BLOCK);
        block->next = NULL;
        return block;
    }
    kept.blocks = block->next;
    kept.count--;
    block->next = NULL;
    return block;
}

/* ASan gets the memory back at once: its quarantine finds late uses. */
static void keep_first_block(struct block *block)
{
    if (BUILT_WITH_ASAN || kept.count >= KEPT_BLOCKS) {
        ASAN_UNPOISON_MEMORY_REGION(block, block->size);
        free(block);
        return;
    }
    block->next = kept.blocks;
    kept.blocks = block;
    kept.count++;
}
