/*
 * URLs - see url.h.
 */

#include "sync/url.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <curl/curl.h>
#include <strings.h>

static CURLU *parse(const char *url)
{
    CURLU *parsed = curl_url();

    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK)
        return parsed;
    curl_url_cleanup(parsed);
    return NULL;
}

static char *part(struct arena *arena, CURLU *url, CURLUPart which)
{
    char *value = NULL;

    if (!url || curl_url_get(url, which, &value, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return NULL;
    char *copy = arena_strdup(arena, value);
    curl_free(value);
    return copy;
}

static bool is_web(struct arena *arena, CURLU *url)
{
    const char *scheme = part(arena, url, CURLUPART_SCHEME);

    return scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
           !part(arena, url, CURLUPART_USER);
}

static char *whole(struct arena *arena, CURLU *url)
{
    char *value = NULL;

    if (curl_url_get(url, CURLUPART_URL, &value, 0) != CURLUE_OK)
        return NULL;
    char *copy = arena_strdup(arena, value);
    curl_free(value);
    return copy;
}

char *url_join(struct arena *arena, const char *base, const char *link)
{
    CURLU *url = parse(base);
    char *joined = NULL;

    if (url && curl_url_set(url, CURLUPART_URL, link, 0) == CURLUE_OK && is_web(arena, url) &&
        curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK)
        joined = whole(arena, url);
    curl_url_cleanup(url);
    return joined;
}

static bool same(struct arena *arena, CURLU *one, CURLU *other, CURLUPart which)
{
    const char *a = part(arena, one, which), *b = part(arena, other, which);

    return a && b && strcasecmp(a, b) == 0;
}

bool url_same_origin(const char *one, const char *other)
{
    CURLU *a = parse(one), *b = parse(other);
    struct arena *arena = arena_new();
    bool equal = a && b && same(arena, a, b, CURLUPART_SCHEME) &&
                 same(arena, a, b, CURLUPART_HOST) && same(arena, a, b, CURLUPART_PORT);

    curl_url_cleanup(a);
    curl_url_cleanup(b);
    arena_free(arena);
    return equal;
}

char *url_with_origin(struct arena *arena, const char *url, const char *base)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *changed = parse(url), *origin = parse(base);
    char *text = NULL;

    for (unsigned i = 0; changed && origin && i < 3; i++)
        curl_url_set(changed, parts[i], part(arena, origin, parts[i]), 0);
    if (changed && origin)
        text = whole(arena, changed);
    curl_url_cleanup(changed);
    curl_url_cleanup(origin);
    return text;
}

bool url_is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

void url_encode(struct buf *out, struct text text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
            (c && strchr("-._~", c))) {
            buf_add_char(out, (char)c);
            continue;
        }
        char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        buf_add(out, encoded, 3);
    }
}

static struct text decode(struct arena *arena, struct text text, bool query)
{
    char *out = arena_alloc(arena, text.size + 1);
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && i + 2 < text.size) {
            high = text_hex_digit(text.data[i + 1]);
            low = text_hex_digit(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[size++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[size++] = query && text.data[i] == '+' ? ' ' : text.data[i];
        }
    }
    return (struct text){out, size};
}

struct text url_decode(struct arena *arena, struct text text)
{
    return decode(arena, text, false);
}

struct text url_parameter(struct arena *arena, const char *url, const char *name)
{
    struct text rest = {0}, pair, path, key, value;

    if (!text_split(text_of(url), '?', &path, &rest))
        return (struct text){0};
    text_split(rest, '#', &rest, &pair);
    while (text_next(&rest, '&', &pair)) {
        key = pair;
        value = TEXT("");
        text_split(pair, '=', &key, &value);
        if (text_is(decode(arena, key, true), name))
            return decode(arena, value, true);
    }
    return (struct text){0};
}

char *url_with_parameter(struct arena *arena, const char *url, const char *name, const char *value)
{
    struct text rest = {0}, pair, path = text_of(url), key, old;
    struct buf out = buf_in(arena);
    char separator = '?';

    text_split(path, '?', &path, &rest);
    buf_add(&out, path.data, path.size);
    while (text_next(&rest, '&', &pair)) {
        key = pair;
        text_split(pair, '=', &key, &old);
        if (text_is(decode(arena, key, true), name))
            continue;
        buf_add_char(&out, separator);
        buf_add(&out, pair.data, pair.size);
        separator = '&';
    }
    buf_printf(&out, "%c%s=", separator, name);
    url_encode(&out, text_of(value));
    return arena_strdup(arena, buf_text(&out));
}
