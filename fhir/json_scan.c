/*
 * JSON scan - see json_scan.h.
 */

#include "fhir/json_scan.h"

#include "base/arena.h"
#include "fhir/json_bytes.h"

#include <stdarg.h>

static const char *skip_utf8(struct json_scan *scan, const char *at);
static bool unescape(struct json_scan *scan, const char *begin, struct text *value);
static const char *find_close(struct json_scan *scan, const char *at);
static bool unescape_one(struct json_scan *scan, const char **at, char **out);
static bool unescape_unicode(struct json_scan *scan, const char **at, char **out);
static bool hex4(const char *at, const char *end, unsigned *value);
static char *put_utf8(char *out, unsigned code);
static const char *digits(const char *at, const char *end);
static bool skip_value(struct json_scan *scan);
static bool skip_string(struct json_scan *scan);

char json_scan_skip_space(struct json_scan *scan)
{
    const char *at = scan->at, *end = scan->end;

    while (at < end) {
#ifdef __SSE2__
        /* Indented documents have long runs of spaces. */
        while (end - at >= 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)at);
            unsigned spaces =
                (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')));
            if (spaces != 0xffff) {
                at += __builtin_ctz(~spaces);
                break;
            }
            at += 16;
        }
        if (at == end)
            break;
#endif
        if (*at != ' ' && *at != '\n' && *at != '\r' && *at != '\t') {
            scan->at = at;
            return *at;
        }
        at++;
    }
    scan->at = at;
    return 0;
}

bool json_scan_string(struct json_scan *scan, struct text *value, bool *plain)
{
    const char *begin = scan->at + 1, *at = begin;

    for (;;) {
        at = json_plain_end(at, scan->end);
        if (at == scan->end)
            return json_scan_fail(scan, scan->at, "this string has no closing quote");
        if (*at == '"') {
            *value = (struct text){begin, (size_t)(at - begin)};
            *plain = true;
            scan->at = at + 1;
            return true;
        }
        if (*at == '\\') {
            *plain = false;
            return unescape(scan, begin, value);
        }
        if ((unsigned char)*at < 0x20)
            return json_scan_fail(scan, at, "a control character stands in a string; escape it");
        at = skip_utf8(scan, at);
        if (!at)
            return false;
    }
}

/* Skips characters beyond ASCII; NULL when they are no UTF-8 (RFC 3629). */
static const char *skip_utf8(struct json_scan *scan, const char *at)
{
    const unsigned char *c = (const unsigned char *)at, *end = (const unsigned char *)scan->end;

    while (c < end && *c >= 0x80) {
        unsigned more = *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
        unsigned char low = 0x80, high = 0xbf; /* of the second byte */

        if (*c == 0xe0)
            low = 0xa0; /* below: overlong */
        else if (*c == 0xed)
            high = 0x9f; /* above: surrogates */
        else if (*c == 0xf0)
            low = 0x90;
        else if (*c == 0xf4)
            high = 0x8f; /* above: beyond U+10FFFF */
        if (*c < 0xc2 || *c > 0xf4 || (size_t)(end - c) <= more || c[1] < low || c[1] > high ||
            (more > 1 && (c[2] & 0xc0) != 0x80) || (more > 2 && (c[3] & 0xc0) != 0x80)) {
            json_scan_fail(scan, (const char *)c, "these bytes are no UTF-8, which JSON must be");
            return NULL;
        }
        c += 1 + more;
    }
    return (const char *)c;
}

/* Copies the string that begins at `begin` without its escapes; they never
 * get longer than they were written. */
static bool unescape(struct json_scan *scan, const char *begin, struct text *value)
{
    const char *close = find_close(scan, begin);
    const char *at = begin, *run;
    char *copy, *out;

    if (!close)
        return json_scan_fail(scan, scan->at, "this string has no closing quote");
    copy = out = arena_alloc_raw(scan->arena, (size_t)(close - begin) + 1);

    while (at < close) {
        run = json_plain_end(at, close);
        memcpy(out, at, (size_t)(run - at));
        out += run - at;
        at = run;
        if (at == close)
            break;
        if (*at == '\\') {
            if (!unescape_one(scan, &at, &out))
                return false;
        } else if ((unsigned char)*at < 0x20) {
            return json_scan_fail(scan, at, "a control character stands in a string; escape it");
        } else {
            run = skip_utf8(scan, at);
            if (!run)
                return false;
            memcpy(out, at, (size_t)(run - at));
            out += run - at;
            at = run;
        }
    }
    *out = 0;
    *value = (struct text){copy, (size_t)(out - copy)};
    scan->at = close + 1;
    return true;
}

/* The closing quote of the string whose inside is `at`, or NULL. */
static const char *find_close(struct json_scan *scan, const char *at)
{
    for (;;) {
        at = json_unescaped_end(at, scan->end);
        if (at >= scan->end)
            return NULL;
        if (*at == '"')
            return at;
        at += *at == '\\' ? 2 : 1;
        if (at > scan->end)
            return NULL;
    }
}

static bool unescape_one(struct json_scan *scan, const char **at, char **out)
{
    static const char plain[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    unsigned char letter = (unsigned char)(*at)[1];

    if (letter == 'u')
        return unescape_unicode(scan, at, out);
    if (letter >= 128 || plain[letter] == 0)
        return json_scan_fail(scan, *at, "JSON has no such escape in a string");
    *(*out)++ = plain[letter];
    *at += 2;
    return true;
}

static bool unescape_unicode(struct json_scan *scan, const char **at, char **out)
{
    unsigned code, low;

    if (!hex4(*at + 2, scan->end, &code))
        return json_scan_fail(scan, *at, "\\u needs four hexadecimal digits");
    if (code == 0)
        return json_scan_fail(scan, *at, "U+0000 is not allowed in FHIR strings; remove it");
    if (code >= 0xdc00 && code <= 0xdfff)
        return json_scan_fail(scan, *at, "this half of a surrogate pair has no first half");
    if (code >= 0xd800 && code <= 0xdbff) {
        const char *second = *at + 6;

        if (scan->end - second < 6 || second[0] != '\\' || second[1] != 'u' ||
            !hex4(second + 2, scan->end, &low) || low < 0xdc00 || low > 0xdfff)
            return json_scan_fail(scan, *at, "this half of a surrogate pair has no second half");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    *out = put_utf8(*out, code);
    *at += 6;
    return true;
}

static bool hex4(const char *at, const char *end, unsigned *value)
{
    *value = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        unsigned lower = c | 0x20U;

        if (c >= '0' && c <= '9')
            *value = *value * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *value = *value * 16 + (lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

bool json_scan_number(struct json_scan *scan, struct text *value)
{
    const char *begin = scan->at, *at = begin, *end = scan->end, *next;

    if (at < end && *at == '-')
        at++;
    if (at < end && *at == '0')
        next = at + 1;
    else
        next = digits(at, end);
    if (next == at)
        return json_scan_fail(scan, begin, "a number needs a digit here");
    at = next;
    if (at < end && *at >= '0' && *at <= '9')
        return json_scan_fail(scan, begin, "a number must not begin with a needless 0");

    if (at < end && *at == '.') {
        next = digits(at + 1, end);
        if (next == at + 1)
            return json_scan_fail(scan, at, "a digit must follow the point of a number");
        at = next;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        next = digits(at, end);
        if (next == at)
            return json_scan_fail(scan, at, "a digit must follow the exponent sign of a number");
        at = next;
    }
    *value = (struct text){begin, (size_t)(at - begin)};
    scan->at = at;
    return true;
}

static const char *digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

bool json_scan_word(struct json_scan *scan, struct text *value)
{
    static const struct text words[] = {{"true", 4}, {"false", 5}, {"null", 4}};

    for (unsigned i = 0; i < 3; i++) {
        size_t left = (size_t)(scan->end - scan->at);

        if (left >= words[i].size && memcmp(scan->at, words[i].data, words[i].size) == 0) {
            *value = (struct text){scan->at, words[i].size};
            scan->at += words[i].size;
            return true;
        }
    }
    return json_scan_expected(scan, "a value");
}

struct text json_scan_member(const struct json_scan *scan, struct text name)
{
    struct err ignored = {0};
    struct json_scan look = *scan;
    struct text key = {0}, value = {0};
    bool plain;

    look.err = &ignored;
    look.at++; /* the brace */
    while (json_scan_space(&look) == '"') {
        if (!json_scan_string(&look, &key, &plain) || json_scan_space(&look) != ':')
            break;
        look.at++;
        if (text_equals(key, name)) {
            if (json_scan_space(&look) == '"' && json_scan_string(&look, &value, &plain))
                return value;
            break;
        }
        json_scan_space(&look);
        if (!skip_value(&look) || json_scan_space(&look) != ',')
            break;
        look.at++;
    }
    return (struct text){0};
}

/* Skips a value by its brackets and quotes alone: whether it is JSON is found
 * out when it is read. */
static bool skip_value(struct json_scan *scan)
{
    size_t depth = 0;

    while (scan->at < scan->end) {
        switch (*scan->at) {
        case '"':
            if (!skip_string(scan))
                return false;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return true;
            depth--;
            break;
        case ',':
            if (depth == 0)
                return true;
            break;
        default:
            break;
        }
        scan->at++;
    }
    return false;
}

static bool skip_string(struct json_scan *scan)
{
    const char *close = find_close(scan, scan->at + 1);

    if (close)
        scan->at = close + 1;
    return close != NULL;
}

bool json_scan_fail(struct json_scan *scan, const char *at, const char *fmt, ...)
{
    const char *line = scan->start;
    unsigned lines = 1, column = 1;
    char text[256];
    va_list args;

    for (const char *c = scan->start; c < at; c++) {
        if (*c != '\n')
            continue;
        lines++;
        line = c + 1;
    }
    for (const char *c = line; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80; /* characters, as editors count */

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_set(scan->err, ERR_INVALID, NULL, "Line %u, column %u: %s.", lines, column, text);
}

bool json_scan_expected(struct json_scan *scan, const char *expected)
{
    if (scan->at >= scan->end)
        return json_scan_fail(scan, scan->end, "the document ends where %s was expected", expected);
    return json_scan_fail(scan, scan->at, "expected %s", expected);
}
