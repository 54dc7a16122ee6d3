/*
 * Functions on strings (FHIRPath 2.0, section 5.6). Positions and lengths
 * count characters, not bytes.
 */

#include "fhir/fhirpath_strings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_value.h"

#include <ctype.h>

/* The focus as a string; false with an error when it is none, and `*found` false when it is a
 * primitive without a value. */
static bool focus_text(struct eval *eval, const struct expr *call, const struct list *focus,
                       struct text *text, bool *found)
{
    struct fhirpath_value value;

    *text = (struct text){NULL, 0};
    *found = value_to_system(eval, &focus->items[0], &value);
    if (!*found && focus->items[0].type && focus->items[0].type->primitive != PRIMITIVE_NONE)
        return true;
    if (!*found || value.kind != FHIRPATH_STRING)
        return eval_refuse(eval, "%s() works on strings", call->call.function->name);
    *text = value.text;
    return eval_text_step(eval, value.text);
}

bool eval_focus_and_text(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct text *text, struct text *arg, bool *found)
{
    *arg = (struct text){NULL, 0};
    if (!focus_text(eval, call, focus, text, found))
        return false;
    if (!*found)
        return true;
    return eval_string_arg(eval, call, 0, scope, arg, found);
}

bool list_add_built(struct eval *eval, struct list *out, struct buf *buf)
{
    size_t size = buf->size;

    return list_add_text(eval, out, FHIRPATH_STRING, (struct text){buf_text(buf), size});
}

/* Where `part` begins in `text` at or behind `from`, or -1. */
static long find(struct text text, struct text part, size_t from)
{
    const char *found;

    if (part.size == 0)
        return from <= text.size ? (long)from : -1;
    if (from >= text.size)
        return -1;
    found = memmem(text.data + from, text.size - from, part.data, part.size);
    return found ? (long)(found - text.data) : -1;
}

static int64_t count_characters(struct text text)
{
    int64_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

/* The byte at which a character begins, or the end. */
static size_t character_offset(struct text text, int64_t number)
{
    for (size_t i = 0; i < text.size; i++) {
        if (((unsigned char)text.data[i] & 0xC0) != 0x80 && number-- == 0)
            return i;
    }
    return text.size;
}

bool function_index_of(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    struct text text, part;
    bool found;
    long at;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &part, &found))
        return false;
    if (!found)
        return true;
    at = find(text, part, 0);
    return list_add_integer(eval, out,
                            at < 0 ? -1 : count_characters((struct text){text.data, (size_t)at}));
}

bool function_last_index_of(struct eval *eval, const struct expr *call, const struct scope *scope,
                            const struct list *focus, struct list *out)
{
    struct text text, part;
    long at = -1;
    bool found;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &part, &found))
        return false;
    if (!found)
        return true;
    if (part.size == 0)
        return list_add_integer(eval, out, count_characters(text));
    for (long next = find(text, part, 0); next >= 0; next = find(text, part, (size_t)next + 1))
        at = next;
    return list_add_integer(eval, out,
                            at < 0 ? -1 : count_characters((struct text){text.data, (size_t)at}));
}

bool function_substring(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    int64_t start, length;
    bool found, has_length = false;
    struct text text;
    size_t from, to;

    if (!focus_text(eval, call, focus, &text, &found))
        return false;
    if (!found)
        return true;
    if (!eval_integer_arg(eval, call, 0, scope, &start, &found))
        return false;
    if (call->call.arg_count > 1 && !eval_integer_arg(eval, call, 1, scope, &length, &has_length))
        return false;
    if (!has_length)
        length = INT64_MAX;
    if (!found || start < 0 || start >= count_characters(text))
        return true;
    from = character_offset(text, start);
    text = (struct text){text.data + from, text.size - from};
    to = length <= 0 ? 0 : character_offset(text, length);
    return list_add_text(eval, out, FHIRPATH_STRING, (struct text){text.data, to});
}

bool function_starts_with(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    struct text text, part;
    bool found;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &part, &found))
        return false;
    return !found || list_add_boolean(eval, out, text_starts_with(text, part));
}

bool function_ends_with(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    struct text text, part;
    bool found;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &part, &found))
        return false;
    if (!found)
        return true;
    if (part.size > text.size)
        return list_add_boolean(eval, out, false);
    text = (struct text){text.data + text.size - part.size, part.size};
    return list_add_boolean(eval, out, text_equals(text, part));
}

bool function_contains(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    struct text text, part;
    bool found;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &part, &found))
        return false;
    return !found || list_add_boolean(eval, out, find(text, part, 0) >= 0);
}

/* Letters of ASCII: FHIRPath leaves others to the locale, and we have none. */
static bool change_case(struct eval *eval, const struct expr *call, const struct list *focus,
                        int (*change)(int), struct list *out)
{
    struct text text;
    char *copy;
    bool found;

    if (!focus_text(eval, call, focus, &text, &found))
        return false;
    if (!found)
        return true;
    if (!eval_memory(eval, text.size))
        return false;
    copy = arena_strndup(eval->arena, text.data, text.size);
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)copy[i] < 0x80)
            copy[i] = (char)change((unsigned char)copy[i]);
    }
    return list_add_text(eval, out, FHIRPATH_STRING, (struct text){copy, text.size});
}

bool function_upper(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)scope;
    return change_case(eval, call, focus, toupper, out);
}

bool function_lower(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    (void)scope;
    return change_case(eval, call, focus, tolower, out);
}

bool eval_replacement(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct text *text, struct text *pattern,
                      struct text *with, bool *found)
{
    bool has_with;

    if (!eval_focus_and_text(eval, call, scope, focus, text, pattern, found) ||
        !eval_string_arg(eval, call, 1, scope, with, &has_with))
        return false;
    *found = *found && has_with;
    return true;
}

bool function_replace(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    struct buf result = buf_in(eval->arena);
    struct text text, part, with;
    size_t at = 0, size;
    bool found;

    if (!eval_replacement(eval, call, scope, focus, &text, &part, &with, &found))
        return false;
    if (!found)
        return true;
    for (long next; (next = find(text, part, at)) >= 0;) {
        if (!eval_step(eval) || !eval_memory(eval, with.size))
            return false;
        buf_add(&result, text.data + at, (size_t)next - at);
        buf_add(&result, with.data, with.size);
        at = (size_t)next + part.size;
        if (part.size > 0)
            continue;
        /* An empty pattern stands between all characters. */
        if (at == text.size)
            break;
        size = character_offset((struct text){text.data + at, text.size - at}, 1);
        buf_add(&result, text.data + at, size);
        at += size;
    }
    buf_add(&result, text.data + at, text.size - at);
    return list_add_built(eval, out, &result);
}

bool function_length(struct eval *eval, const struct expr *call, const struct scope *scope,
                     const struct list *focus, struct list *out)
{
    struct text text;
    bool found;

    (void)scope;
    if (!focus_text(eval, call, focus, &text, &found))
        return false;
    return !found || list_add_integer(eval, out, count_characters(text));
}

bool function_to_chars(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    struct text text;
    bool found;

    (void)scope;
    if (!focus_text(eval, call, focus, &text, &found))
        return false;
    while (found && text.size > 0) {
        size_t size = character_offset(text, 1);

        if (!list_add_text(eval, out, FHIRPATH_STRING, (struct text){text.data, size}))
            return false;
        text = (struct text){text.data + size, text.size - size};
    }
    return true;
}

bool function_trim(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    struct text text;
    bool found;

    (void)scope;
    if (!focus_text(eval, call, focus, &text, &found))
        return false;
    if (!found)
        return true;
    while (text.size > 0 && isspace((unsigned char)text.data[0]))
        text = (struct text){text.data + 1, text.size - 1};
    while (text.size > 0 && isspace((unsigned char)text.data[text.size - 1]))
        text.size--;
    return list_add_text(eval, out, FHIRPATH_STRING, text);
}

bool function_split(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    struct text text, separator;
    size_t at = 0;
    bool found;
    long next;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &separator, &found))
        return false;
    if (!found)
        return true;
    if (separator.size == 0)
        return function_to_chars(eval, call, scope, focus, out);
    while ((next = find(text, separator, at)) >= 0) {
        if (!list_add_text(eval, out, FHIRPATH_STRING,
                           (struct text){text.data + at, (size_t)next - at}))
            return false;
        at = (size_t)next + separator.size;
    }
    return list_add_text(eval, out, FHIRPATH_STRING, (struct text){text.data + at, text.size - at});
}

bool function_join(struct eval *eval, const struct expr *call, const struct scope *scope,
                   const struct list *focus, struct list *out)
{
    struct buf result = buf_in(eval->arena);
    struct text separator = TEXT("");
    bool found = true;

    if (call->call.arg_count > 0 && !eval_string_arg(eval, call, 0, scope, &separator, &found))
        return false;
    for (size_t i = 0; i < focus->count; i++) {
        struct list one = {&focus->items[i], 1, 1};
        struct text text;

        if (!focus_text(eval, call, &one, &text, &found))
            return false;
        if (!found)
            continue;
        if (!eval_memory(eval, separator.size + text.size))
            return false;
        if (i > 0)
            buf_add(&result, separator.data, separator.size);
        buf_add(&result, text.data, text.size);
    }
    return list_add_built(eval, out, &result);
}
