/*
 * Text - a slice of UTF-8 that somebody else owns.
 */

#include "base/text.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "base/fold_table.inc"

#include <ctype.h>
#include <strings.h>

/* What stands between words, in bits: as much as was seen since the last letter. */
enum separator { SPACE = 1, APOSTROPHE = 2, PUNCTUATION = 4 };

/* What is being written by text_fold(): a separator is written only when
 * something follows it. */
struct folding {
    char *at;
    char *start;
    unsigned between; /* separators since the last letter */
    unsigned ignored; /* those that are nothing when no others stand beside them */
    unsigned met[2];  /* how often only apostrophes stood between letters, and how often other
                       * punctuation without a space */
};

static size_t sequence(const unsigned char *at, const unsigned char *end);
static const unsigned char *fold_ascii(struct folding *folding, const unsigned char *at,
                                       const unsigned char *end);
static void fold_character(struct folding *folding, const unsigned char *at, size_t size);
static const char *find_row(uint32_t code);
static bool is_dropped(uint32_t code);
static unsigned separator_of(uint32_t code, const char *row);
static void put(struct folding *folding, const char *data, size_t size);

bool text_equals_nocase(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

bool text_starts_with(struct text text, struct text prefix)
{
    return text.size >= prefix.size &&
           (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

bool text_ends_with(struct text text, struct text suffix)
{
    return text.size >= suffix.size &&
           (suffix.size == 0 ||
            memcmp(text.data + text.size - suffix.size, suffix.data, suffix.size) == 0);
}

bool text_split(struct text text, char separator, struct text *head, struct text *rest)
{
    const char *found = text.size > 0 ? memchr(text.data, separator, text.size) : NULL;

    if (!found)
        return false;

    struct text before = {text.data, (size_t)(found - text.data)};
    struct text after = {found + 1, text.size - before.size - 1};
    *head = before;
    *rest = after;
    return true;
}

bool text_next(struct text *rest, char separator, struct text *item)
{
    if (!rest->data)
        return false;
    if (!text_split(*rest, separator, item, rest)) {
        *item = *rest;
        *rest = (struct text){0};
    }
    return true;
}

struct text text_trim(struct text text)
{
    while (text.size > 0 && isspace((unsigned char)text.data[0]))
        text.data++, text.size--;
    while (text.size > 0 && isspace((unsigned char)text.data[text.size - 1]))
        text.size--;
    return text;
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *text_dup(struct arena *arena, struct text text)
{
    return text.data ? arena_strndup(arena, text.data, text.size) : NULL;
}

/* Counts downwards from zero, because INT64_MIN has no positive counterpart. */
bool text_to_int64(struct text text, int64_t min, int64_t max, int64_t *value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative;
    int64_t number = 0;

    if (at == text.size)
        return false;
    for (; at < text.size; at++) {
        char c = text.data[at];
        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, c - '0', &number))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, number, &number))
        return false;
    if (number < min || number > max)
        return false;
    *value = number;
    return true;
}

bool text_is_utf8(struct text text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    const unsigned char *end = at + text.size;

    while (at < end) {
        uint64_t eight;
        if (end - at >= 8 && (memcpy(&eight, at, 8), !(eight & UINT64_C(0x8080808080808080)))) {
            at += 8;
            continue;
        }
        size_t size = sequence(at, end);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

size_t text_character(struct text text)
{
    const unsigned char *at = (const unsigned char *)text.data;

    return sequence(at, at + text.size);
}

/* The length of the UTF-8 character at `at`, 0 when it is none (Unicode 15, table 3-7). */
/* "a uri", but "an unsignedInt": by the sound. */
const char *text_article(const char *noun)
{
    return strchr("AEIOaeio", noun[0]) || strncmp(noun, "un", 2) == 0 ? "an" : "a";
}

static size_t sequence(const unsigned char *at, const unsigned char *end)
{
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

    if (size == 1)
        return 1;
    if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - at) < size)
        return 0;
    if (lead == 0xE0)
        low = 0xA0; /* overlong */
    else if (lead == 0xED)
        high = 0x9F; /* surrogates */
    else if (lead == 0xF0)
        low = 0x90; /* overlong */
    else if (lead == 0xF4)
        high = 0x8F; /* above U+10FFFF */
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

static struct text fold(struct arena *arena, struct text text, struct folding *folding)
{
    const unsigned char *at = (const unsigned char *)text.data;
    const unsigned char *end = at + text.size;

    if (!text.data)
        return text;

    /* Folding makes no character longer (fold_table.py sees to it). */
    folding->start = folding->at = arena_alloc_raw(arena, text.size + 1);
    while (at < end) {
        if (*at < 0x80) {
            at = fold_ascii(folding, at, end);
            continue;
        }
        size_t size = sequence(at, end);
        fold_character(folding, at, size);
        at += size > 0 ? size : 1;
    }
    *folding->at = '\0';
    return (struct text){folding->start, (size_t)(folding->at - folding->start)};
}

struct text text_fold(struct arena *arena, struct text text)
{
    return fold(arena, text, &(struct folding){0});
}

size_t text_fold_forms(struct arena *arena, struct text text, struct text forms[TEXT_FORMS_MAX])
{
    struct folding apart = {0}, joined = {.ignored = APOSTROPHE | PUNCTUATION},
                   elided = {.ignored = APOSTROPHE};
    size_t count = 1;

    forms[0] = fold(arena, text, &apart);
    if (forms[0].size == 0)
        return 0;
    if (apart.met[0] || apart.met[1])
        forms[count++] = fold(arena, text, &joined);
    if (apart.met[0] && apart.met[1])
        forms[count++] = fold(arena, text, &elided);
    return count;
}

static const unsigned char *fold_ascii(struct folding *folding, const unsigned char *at,
                                       const unsigned char *end)
{
    for (; at < end && *at < 0x80; at++) {
        unsigned char c = *at;
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            char letter = (char)c;
            put(folding, &letter, 1);
        } else {
            folding->between |= c <= ' ' || c == 0x7F   ? SPACE
                                : c == '\'' || c == '`' ? APOSTROPHE
                                                        : PUNCTUATION;
        }
    }
    return at;
}

static void fold_character(struct folding *folding, const unsigned char *at, size_t size)
{
    uint32_t code = 0xFFFD;

    if (size == 2)
        code = (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu);
    else if (size == 3)
        code = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);

    const char *row = find_row(code);
    if (is_dropped(code))
        return;
    unsigned separator = separator_of(code, row);
    folding->between |= separator;
    if (row)
        put(folding, row + (row[0] == ' '), strlen(row + (row[0] == ' ')));
    else if (!separator)
        put(folding, (const char *)at, size > 0 ? size : 1);
}

static const char *find_row(uint32_t code)
{
    if (code >= 0xA0 && code - 0xA0 < COUNT(fold_latin))
        return fold_latin[code - 0xA0];
    if (code >= 0x370 && code - 0x370 < COUNT(fold_greek))
        return fold_greek[code - 0x370];
    if (code >= 0x1E00 && code - 0x1E00 < COUNT(fold_extended))
        return fold_extended[code - 0x1E00];
    if (code >= 0xFB00 && code - 0xFB00 < COUNT(fold_ligatures))
        return fold_ligatures[code - 0xFB00];
    if (code >= 0xFF01 && code - 0xFF01 < COUNT(fold_wide))
        return fold_wide[code - 0xFF01];
    return NULL;
}

/* Combining marks, and what only steers how a text is shown. */
static bool is_dropped(uint32_t code)
{
    return (code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200F) ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
           code == 0xFEFF;
}

/* 0: none. Of C1 controls, modifier letters used as apostrophes, General Punctuation, and
 * the spaces and full stops of CJK; otherwise the table tells. */
static unsigned separator_of(uint32_t code, const char *row)
{
    if ((code >= 0x80 && code <= 0xA0) || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
        code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000)
        return SPACE;
    if (code == 0xB4 || (code >= 0x2B9 && code <= 0x2DF) || code == 0x2018 || code == 0x2019 ||
        code == 0x201B || code == 0x2032 || code == 0xFF07)
        return APOSTROPHE;
    if ((code >= 0x2000 && code <= 0x206F) || (code >= 0x3001 && code <= 0x3003) ||
        (row && row[0] == ' '))
        return PUNCTUATION;
    return 0;
}

static void put(struct folding *folding, const char *data, size_t size)
{
    unsigned between = folding->between;

    if (size == 0)
        return;
    if (folding->at > folding->start && between) {
        folding->met[0] += between == APOSTROPHE;
        folding->met[1] += (between & PUNCTUATION) && !(between & SPACE);
        if (between & ~folding->ignored)
            *folding->at++ = ' ';
    }
    folding->between = 0;
    memcpy(folding->at, data, size);
    folding->at += size;
}
