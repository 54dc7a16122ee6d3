/*
 * Buf - bytes that grow at the end.
 */

#include "base/buf.h"

#include "base/arena.h"
#include "base/err.h"

#include <assert.h>
#include <stdint.h>

#define SMALLEST ((size_t)256)

static void grow(struct buf *buf, size_t room);

struct buf buf_in(struct arena *arena)
{
    return (struct buf){.arena = arena};
}

void buf_release(struct buf *buf)
{
    if (!buf->arena)
        free(buf->data);
    *buf = (struct buf){.arena = buf->arena};
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    size_t needed;

    if (__builtin_add_overflow(buf->size, more, &needed))
        abort();
    if (needed > buf->room || !buf->data)
        grow(buf, needed);
    return buf->data + buf->size;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buf_reserve(buf, size), data, size);
    buf->size += size;
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    *buf_reserve(buf, 1) = c;
    buf->size++;
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    buf_vprintf(buf, fmt, args);
    va_end(args);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
    char *at = buf_reserve(buf, 64);
    size_t room = buf->room - buf->size;
    va_list again;
    int size;

    va_copy(again, args);
    size = vsnprintf(at, room, fmt, args);
    assert(size >= 0);
    if ((size_t)size >= room)
        vsnprintf(buf_reserve(buf, (size_t)size + 1), (size_t)size + 1, fmt, again);
    va_end(again);
    buf->size += (size_t)size;
}

char *buf_text(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}

static void grow(struct buf *buf, size_t room)
{
    if (room < SMALLEST)
        room = SMALLEST;
    if (buf->room <= SIZE_MAX / 2 && room < 2 * buf->room)
        room = 2 * buf->room;

    if (buf->arena) {
        char *data = arena_alloc_raw(buf->arena, room);
        if (buf->data)
            memcpy(data, buf->data, buf->size);
        buf->data = data;
    } else {
        buf->data = realloc(buf->data, room);
        if (!buf->data)
            abort();
    }
    buf->room = room;
}
