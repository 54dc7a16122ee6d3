/*
 * Functions on strings by regular expressions (FHIRPath 2.0, section 5.6).
 */

#include "fhir/fhirpath_strings.h"

#include "base/buf.h"
#include "fhir/fhirpath_regex.h"

#include <ctype.h>

static struct regex *compile(struct eval *eval, struct text pattern)
{
    const char *reason;
    struct regex *regex = regex_compile(eval->arena, pattern, &reason);

    if (!regex)
        eval_refuse(eval, "the regular expression cannot be used: %s", reason);
    return eval_memory(eval, 0) ? regex : NULL;
}

static bool search(struct eval *eval, struct regex *regex, struct text text, size_t from,
                   bool whole, struct regex_match *match, bool *found)
{
    *found = regex_search(regex, text, from, whole, &eval->steps, match);
    return eval->steps > 0 || eval_step(eval);
}

static bool match(struct eval *eval, const struct expr *call, const struct scope *scope,
                  const struct list *focus, bool whole, struct list *out)
{
    struct regex *regex;
    struct regex_match where;
    struct text text, pattern;
    bool found;

    if (!eval_focus_and_text(eval, call, scope, focus, &text, &pattern, &found))
        return false;
    if (!found)
        return true;
    regex = compile(eval, pattern);
    return regex && search(eval, regex, text, 0, whole, &where, &found) &&
           list_add_boolean(eval, out, found);
}

bool function_matches(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct list *out)
{
    return match(eval, call, scope, focus, false, out);
}

bool function_matches_full(struct eval *eval, const struct expr *call, const struct scope *scope,
                           const struct list *focus, struct list *out)
{
    return match(eval, call, scope, focus, true, out);
}

/* $1 or ${1} stands for a group; a backslash takes the next character as it is. */
static void add_replacement(struct buf *out, struct text with, struct text text,
                            const struct regex_match *match)
{
    for (size_t i = 0; i < with.size; i++) {
        bool brace = i + 3 < with.size && with.data[i + 1] == '{' && with.data[i + 3] == '}';
        size_t at = i + (brace ? 2 : 1);

        if (with.data[i] == '$' && at < with.size && isdigit((unsigned char)with.data[at])) {
            int group = with.data[at] - '0';

            if (match->start[group] >= 0 && match->end[group] >= 0)
                buf_add(out, text.data + match->start[group],
                        (size_t)(match->end[group] - match->start[group]));
            i = at + brace;
        } else {
            i += with.data[i] == '\\' && i + 1 < with.size;
            buf_add_char(out, with.data[i]);
        }
    }
}

bool function_replace_matches(struct eval *eval, const struct expr *call, const struct scope *scope,
                              const struct list *focus, struct list *out)
{
    struct buf result = buf_in(eval->arena);
    struct text text, pattern, with;
    struct regex *regex;
    struct regex_match where;
    size_t at = 0;
    bool found;

    if (!eval_replacement(eval, call, scope, focus, &text, &pattern, &with, &found))
        return false;
    if (!found)
        return true;
    if (pattern.size == 0)
        return list_add_text(eval, out, FHIRPATH_STRING, text);
    regex = compile(eval, pattern);
    if (!regex)
        return false;
    while (at <= text.size) {
        if (!eval_memory(eval, with.size + text.size) ||
            !search(eval, regex, text, at, false, &where, &found))
            return false;
        if (!found)
            break;
        buf_add(&result, text.data + at, (size_t)where.start[0] - at);
        add_replacement(&result, with, text, &where);
        at = (size_t)where.end[0];
        if (where.end[0] == where.start[0]) {
            if (at < text.size)
                buf_add_char(&result, text.data[at]);
            at++;
        }
    }
    if (at < text.size)
        buf_add(&result, text.data + at, text.size - at);
    return list_add_built(eval, out, &result);
}
