/*
 * Query text - percent encoding, FHIR's escapes, and how far two names differ.
 */

#include "fhir/query_text.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

static bool is_plain(char c);
static bool is_special(char c);
static unsigned min3(unsigned a, unsigned b, unsigned c);

bool query_decode(struct arena *arena, struct text encoded, struct text *decoded)
{
    char *out = arena_alloc_raw(arena, encoded.size + 1);
    size_t size = 0;

    for (size_t i = 0; i < encoded.size; i++) {
        char c = encoded.data[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            if (encoded.size - i < 3)
                return false;
            int high = text_hex_digit(encoded.data[i + 1]);
            int low = text_hex_digit(encoded.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0')
            return false;
        out[size++] = c;
    }
    out[size] = '\0';
    *decoded = (struct text){out, size};
    return text_is_utf8(*decoded);
}

void query_encode(struct buf *out, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (is_plain(text.data[i]))
            buf_add_char(out, text.data[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)text.data[i]);
    }
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~,:/$", c));
}

bool query_next_item(struct text *rest, char separator, struct text *item)
{
    if (!rest->data)
        return false;

    for (size_t i = 0; i < rest->size; i++) {
        if (rest->data[i] == '\\' && i + 1 < rest->size && is_special(rest->data[i + 1])) {
            i++;
        } else if (rest->data[i] == separator) {
            *item = (struct text){rest->data, i};
            *rest = (struct text){rest->data + i + 1, rest->size - i - 1};
            return true;
        }
    }
    *item = *rest;
    *rest = (struct text){0};
    return true;
}

size_t query_count_items(struct text text, char separator)
{
    struct text item;
    size_t count = 0;

    while (query_next_item(&text, separator, &item))
        count++;
    return count;
}

static bool is_special(char c)
{
    return c == ',' || c == '|' || c == '$' || c == '\\';
}

struct text query_unescape(struct arena *arena, struct text text)
{
    if (!text.data || !memchr(text.data, '\\', text.size))
        return text;

    char *out = arena_alloc_raw(arena, text.size);
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\\' && i + 1 < text.size && is_special(text.data[i + 1]))
            i++;
        out[size++] = text.data[i];
    }
    return (struct text){out, size};
}

/* Optimal string alignment, three rows at a time; names are short. */
unsigned query_edit_distance(struct text a, struct text b, unsigned limit)
{
    enum { LONGEST = 64 };
    unsigned rows[3][LONGEST + 1];

    if (a.size > LONGEST || b.size > LONGEST)
        return limit + 1;
    for (unsigned j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned differs = a.data[i - 1] != b.data[j - 1];

            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = min3(row[j], above2[j - 2] + 1, row[j]);
        }
    }
    unsigned distance = rows[a.size % 3][b.size];
    return distance > limit ? limit + 1 : distance;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}
