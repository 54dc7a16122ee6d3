/*
 * Search param text - fields one behind the other, with a separator that no JSON text
 * may contain unescaped, and so no definition does.
 */

#include "fhir/search_param_text.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/type.h"

#define SEPARATOR '\x1e'
#define ANY       "*"

/* Programs that could not write side rows of composites so that these can be removed again read a
 * mere number, and refuse this. */
#define PARTS " parts"

static bool read_type(struct text name, enum search_type *type);
static bool read_parts(struct arena *arena, struct text *rest, struct search_param *param);
static bool read_targets(struct arena *arena, struct text rest, struct search_param *param);

static void add(struct buf *out, const char *field)
{
    buf_add_text(out, field);
    buf_add_char(out, SEPARATOR);
}

struct text search_param_write(struct arena *arena, const struct search_param *param)
{
    struct buf out = buf_in(arena);

    add(&out, search_type_name(param->search_type));
    add(&out, param->url);
    add(&out, param->expression);
    add(&out,
        param->component_count ? arena_printf(arena, "%u" PARTS, param->component_count) : "0");
    for (unsigned i = 0; i < param->component_count; i++) {
        add(&out, param->components[i].code);
        add(&out, search_type_name(param->components[i].type));
        add(&out, param->components[i].expression);
    }
    if (!param->targets)
        add(&out, ANY);
    for (const char *const *target = param->targets; target && *target; target++)
        add(&out, *target);
    return (struct text){buf_text(&out), out.size};
}

bool search_param_read(struct arena *arena, struct text text, struct search_param *param)
{
    struct text type, url, expression;

    if (!text_next(&text, SEPARATOR, &type) || !read_type(type, &param->search_type) ||
        !text_next(&text, SEPARATOR, &url) || !text_next(&text, SEPARATOR, &expression))
        return false;
    param->url = text_dup(arena, url);
    param->expression = text_dup(arena, expression);
    return read_parts(arena, &text, param) && read_targets(arena, text, param);
}

static bool read_type(struct text name, enum search_type *type)
{
    for (unsigned i = 0; i <= SEARCH_SPECIAL; i++) {
        *type = (enum search_type)i;
        if (text_is(name, search_type_name(*type)))
            return true;
    }
    return false;
}

static bool read_parts(struct arena *arena, struct text *rest, struct search_param *param)
{
    struct text number;
    int64_t count;

    if (!text_next(rest, SEPARATOR, &number))
        return false;
    if (text_ends_with(number, TEXT(PARTS)))
        number.size -= sizeof(PARTS) - 1;
    if (!text_to_int64(number, 0, SEARCH_PARTS_MAX, &count))
        return false;
    struct search_component *parts = arena_many(arena, struct search_component, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        struct text code, type, expression;

        if (!text_next(rest, SEPARATOR, &code) || !text_next(rest, SEPARATOR, &type) ||
            !read_type(type, &parts[i].type) || !text_next(rest, SEPARATOR, &expression))
            return false;
        parts[i].code = text_dup(arena, code);
        parts[i].expression = text_dup(arena, expression);
    }
    param->components = count ? parts : NULL;
    param->component_count = (uint16_t)count;
    return true;
}

static bool read_targets(struct arena *arena, struct text rest, struct search_param *param)
{
    const char **targets = arena_many(arena, const char *, resource_type_count() + 1U);
    struct text name;
    size_t count = 0;

    param->targets = NULL;
    while (text_next(&rest, SEPARATOR, &name)) {
        const struct type *type = resource_type_find(name);

        if (text_is(name, ANY) || name.size == 0)
            continue;
        if (!type || count == resource_type_count())
            return false;
        targets[count++] = type->name;
    }
    if (count)
        param->targets = targets;
    return true;
}
