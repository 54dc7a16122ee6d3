/*
 * Cursors - fields as tagged bytes, signed.
 */

#include "storage/cursor.h"

#include "base/arena.h"

enum { TAG_INT = 1, TAG_FLOAT, TAG_TEXT, TAG_ABSENT };
enum { SIGNATURE = 8, CURSOR_MAX = 4096 };

static void put(struct cursor *cursor, char tag, const void *data, size_t size);
static bool take(struct cursor *cursor, char tag, void *data, size_t size);
static uint64_t sign(const struct hash_key *key, uint64_t query, struct text bytes);
static char *encode(struct arena *arena, const struct buf *bytes);
static bool decode(struct arena *arena, struct text text, struct text *bytes);
static int digit(char c);
static bool refuse(struct err *err);

struct cursor cursor_begin(struct arena *arena)
{
    return (struct cursor){.arena = arena, .bytes = buf_in(arena)};
}

void cursor_put_int(struct cursor *cursor, int64_t value)
{
    put(cursor, TAG_INT, &value, sizeof(value));
}

void cursor_put_float(struct cursor *cursor, double value)
{
    put(cursor, TAG_FLOAT, &value, sizeof(value));
}

void cursor_put_text(struct cursor *cursor, struct text value)
{
    uint32_t size = (uint32_t)value.size;

    if (!value.data) {
        put(cursor, TAG_ABSENT, NULL, 0);
        return;
    }
    put(cursor, TAG_TEXT, &size, sizeof(size));
    buf_add(&cursor->bytes, value.data, value.size);
}

static void put(struct cursor *cursor, char tag, const void *data, size_t size)
{
    buf_add_char(&cursor->bytes, tag);
    if (size)
        buf_add(&cursor->bytes, data, size);
}

const char *cursor_text(struct cursor *cursor, const struct hash_key *key, uint64_t query)
{
    uint64_t signature = sign(key, query, (struct text){cursor->bytes.data, cursor->bytes.size});

    buf_add(&cursor->bytes, &signature, sizeof(signature));
    return encode(cursor->arena, &cursor->bytes);
}

bool cursor_open(struct cursor *cursor, struct arena *arena, struct text text,
                 const struct hash_key *key, uint64_t query, struct err *err)
{
    uint64_t signature;

    *cursor = (struct cursor){.arena = arena};
    if (text.size > CURSOR_MAX || !decode(arena, text, &cursor->rest) ||
        cursor->rest.size < SIGNATURE)
        return refuse(err);
    cursor->rest.size -= SIGNATURE;
    memcpy(&signature, cursor->rest.data + cursor->rest.size, sizeof(signature));
    return signature == sign(key, query, cursor->rest) || refuse(err);
}

int64_t cursor_take_int(struct cursor *cursor)
{
    int64_t value = 0;

    take(cursor, TAG_INT, &value, sizeof(value));
    return value;
}

double cursor_take_float(struct cursor *cursor)
{
    double value = 0;

    take(cursor, TAG_FLOAT, &value, sizeof(value));
    return value;
}

struct text cursor_take_text(struct cursor *cursor)
{
    uint32_t size = 0;

    if (cursor->rest.size && cursor->rest.data[0] == TAG_ABSENT) {
        take(cursor, TAG_ABSENT, NULL, 0);
        return (struct text){0};
    }
    if (!take(cursor, TAG_TEXT, &size, sizeof(size)) || size > cursor->rest.size) {
        cursor->failed = true;
        return (struct text){0};
    }
    struct text value = {arena_strndup(cursor->arena, cursor->rest.data, size), size};
    cursor->rest.data += size;
    cursor->rest.size -= size;
    return value;
}

static bool take(struct cursor *cursor, char tag, void *data, size_t size)
{
    if (cursor->rest.size < 1 + size || cursor->rest.data[0] != tag) {
        cursor->failed = true;
        return false;
    }
    if (size)
        memcpy(data, cursor->rest.data + 1, size);
    cursor->rest.data += 1 + size;
    cursor->rest.size -= 1 + size;
    return true;
}

bool cursor_end(const struct cursor *cursor, struct err *err)
{
    return (!cursor->failed && cursor->rest.size == 0) || refuse(err);
}

static uint64_t sign(const struct hash_key *key, uint64_t query, struct text bytes)
{
    struct hash_state state;

    hash_init(&state, key);
    hash_number(&state, query);
    hash_part(&state, bytes.data, bytes.size);
    return hash_done(&state);
}

static char *encode(struct arena *arena, const struct buf *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = arena_alloc_raw(arena, bytes->size * 4 / 3 + 3);
    char *out = text;
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < bytes->size; i++) {
        bits = bits << 8 | (unsigned char)bytes->data[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = digits[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = digits[bits << (6 - have) & 63];
    *out = '\0';
    return text;
}

static bool decode(struct arena *arena, struct text text, struct text *bytes)
{
    char *out = arena_alloc_raw(arena, text.size + 1);
    uint32_t bits = 0;
    int have = 0;

    *bytes = (struct text){out, 0};
    for (size_t i = 0; i < text.size; i++) {
        int value = digit(text.data[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[bytes->size++] = (char)(bits >> have & 255);
        }
    }
    return true;
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool refuse(struct err *err)
{
    return err_set(err, ERR_GONE, NULL,
                   "This page is not available any more: it was not made by this server, or not "
                   "for this query. Start again from the first page.");
}
