/*
 * Critical - see critical.h.
 */

#include "fhir/critical.h"

#include <ctype.h>
#include <strings.h>

/* The next string of the text between two quotes, as written; `*rest` begins behind it. */
static bool next_string(struct text *rest, struct text *string)
{
    const char *end = rest->data + rest->size, *from = memchr(rest->data, '"', rest->size);
    const char *to = from ? from + 1 : end;

    while (to < end && *to != '"')
        to += *to == '\\' && to + 1 < end ? 2 : 1;
    if (!from || to >= end)
        return false;
    *string = (struct text){from + 1, (size_t)(to - from - 1)};
    *rest = (struct text){to + 1, (size_t)(end - to - 1)};
    return true;
}

/* Whether a colon follows: then the string was a name. */
static bool is_name(struct text rest)
{
    size_t i = 0;

    while (i < rest.size && isspace((unsigned char)rest.data[i]))
        i++;
    return i < rest.size && rest.data[i] == ':';
}

static bool is_one_of(struct text string, const char *const *values)
{
    for (; *values; values++)
        if (text_is(string, *values))
            return true;
    return false;
}

static bool has_word(struct text string, const char *word)
{
    size_t size = strlen(word);

    for (size_t i = 0; i + size <= string.size; i++)
        if (strncasecmp(string.data + i, word, size) == 0)
            return true;
    return false;
}

bool critical_result(struct text body)
{
    static const char *const codes[] = {"AA", "HH", "LL", NULL};
    static const char *const states[] = {"final", "amended", "corrected", "appended", NULL};
    bool observation = false, report = false, interpreted = false, critical = false, done = false;
    struct text rest = body, string, name = {0};

    while (rest.data && next_string(&rest, &string)) {
        if (is_name(rest)) {
            name = string;
            interpreted = interpreted || text_is(name, "interpretation");
            continue;
        }
        observation =
            observation || (text_is(name, "resourceType") && text_is(string, "Observation"));
        report = report || (text_is(name, "resourceType") && text_is(string, "DiagnosticReport"));
        done = done || (text_is(name, "status") && is_one_of(string, states));
        critical = critical || is_one_of(string, codes) ||
                   ((text_is(name, "text") || text_is(name, "display")) &&
                    (has_word(string, "critical") || has_word(string, "panic")));
    }
    return (observation && interpreted && critical) || (report && done);
}
