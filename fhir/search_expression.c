/*
 * Search expression - see search_expression.h.
 */

#include "fhir/search_expression.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/type.h"

enum { NAME_MAX_SIZE = 64 };

static const char value[] = "value";

static size_t name_size(struct text rest);
static const struct type *choice(struct text name);
static bool begins_name(struct text expression, size_t at);

struct text search_expression_plain(struct arena *arena, struct text expression)
{
    struct buf out = buf_in(arena);
    bool quoted = false;

    for (size_t at = 0; at < expression.size;) {
        const char *here = expression.data + at;
        struct text rest = {here, expression.size - at};
        size_t size = name_size(rest);

        quoted ^= *here == '\'';
        if (quoted || size == 0 || !begins_name(expression, at)) {
            buf_add_char(&out, expression.data[at++]);
            continue;
        }
        const struct type *type =
            choice((struct text){here + sizeof(value) - 1, size - (sizeof(value) - 1)});
        if (type)
            buf_printf(&out, "%s.ofType(%s)", value, type->name);
        else
            buf_add(&out, here, size);
        at += size;
    }
    return (struct text){buf_text(&out), out.size};
}

static bool is_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Of `value` and the rest of the name; 0 when something else stands here. */
static size_t name_size(struct text rest)
{
    size_t size = sizeof(value) - 1;

    if (!text_starts_with(rest, TEXT("value")))
        return 0;
    while (size < rest.size && is_part(rest.data[size]))
        size++;
    return size;
}

/* DateTime and Quantity: a type as it is, or with a small letter. */
static const struct type *choice(struct text name)
{
    char small[NAME_MAX_SIZE];

    if (name.size == 0 || name.size >= sizeof(small) || name.data[0] < 'A' || name.data[0] > 'Z')
        return NULL;
    const struct type *type = type_find(name);
    if (type)
        return type;
    memcpy(small, name.data, name.size);
    small[0] = (char)(small[0] - 'A' + 'a');
    return type_find((struct text){small, name.size});
}

static bool begins_name(struct text expression, size_t at)
{
    char before = at > 0 ? expression.data[at - 1] : ' ';

    return !is_part(before) && before != '_' && before != '`' && before != '%';
}
