/*
 * Page cursor - see page_cursor.h.
 */

#include "sync/page_cursor.h"

#include "base/err.h"

char cursor_peek(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}

static bool skip_string(struct cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '\\')
            c->at++;
        else if (*c->at == '"') {
            c->at++;
            return true;
        }
    }
    return false;
}

static bool skip_nested(struct cursor *c)
{
    size_t depth = 0;

    while (c->at < c->end) {
        char byte = *c->at;
        if (byte == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        c->at++;
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && --depth == 0)
            return true;
    }
    return false;
}

bool cursor_take(struct cursor *c, struct text *value)
{
    char first = cursor_peek(c);
    const char *begin = c->at;
    bool good = true;

    if (first == '{' || first == '[')
        good = skip_nested(c);
    else if (first == '"')
        good = skip_string(c);
    else
        while (c->at < c->end && !(*c->at && strchr(",]} \t\r\n", *c->at)))
            c->at++;
    *value = (struct text){begin, (size_t)(c->at - begin)};
    return good && value->size > 0;
}

struct cursor cursor_in(struct text value)
{
    return (struct cursor){value.data + 1, value.data + value.size};
}

bool cursor_go(struct cursor *c, struct text *name)
{
    char byte = cursor_peek(c);

    if (byte == ',') {
        c->at++;
        byte = cursor_peek(c);
    }
    if (byte == '}' || byte == ']')
        return false;
    if (!name)
        return true;
    if (byte != '"' || !cursor_take(c, name) || cursor_peek(c) != ':') {
        c->at = NULL;
        return false;
    }
    c->at++;
    *name = (struct text){name->data + 1, name->size - 2};
    return true;
}

bool cursor_next(struct cursor *c, struct text *name, struct text *value)
{
    if (!cursor_go(c, name))
        return false;
    if (cursor_take(c, value))
        return true;
    c->at = NULL;
    return false;
}

bool cursor_is_object(struct text value)
{
    return value.size >= 2 && value.data[0] == '{';
}

bool cursor_is_list(struct text value)
{
    return value.size >= 2 && value.data[0] == '[';
}

struct text cursor_first(struct text list)
{
    struct text value = {0};

    if (!cursor_is_list(list))
        return value;
    struct cursor c = cursor_in(list);
    cursor_next(&c, NULL, &value);
    return value;
}

struct text cursor_member(struct text object, const char *wanted)
{
    struct text name, value;

    if (!cursor_is_object(object))
        return (struct text){0};
    struct cursor c = cursor_in(object);
    while (cursor_next(&c, &name, &value))
        if (text_is(name, wanted))
            return value;
    return (struct text){0};
}

bool cursor_take_plain(struct cursor *c, struct text *value)
{
    static const char plain[] = "+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char first = cursor_peek(c);

    if (!cursor_take(c, value))
        return false;
    for (size_t i = 0; first != '{' && first != '[' && first != '"' && i < value->size; i++)
        if (!memchr(plain, value->data[i], sizeof(plain) - 1))
            return false;
    return true;
}

bool cursor_leave(struct cursor *c, char bracket)
{
    if (!c->at || c->at >= c->end || *c->at != bracket)
        return false;
    c->at++;
    return true;
}
