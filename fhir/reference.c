/*
 * References - literal references taken apart (R4 references.html#literal).
 */

#include "fhir/search_values.h"

#include "base/err.h"
#include "fhir/type.h"

#include <ctype.h>

#define MAX_ID 64

/* R4 datatypes.html#id. */
static bool is_id(struct text text)
{
    if (text.size == 0 || text.size > MAX_ID)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-' && text.data[i] != '.')
            return false;
    }
    return true;
}

/* Takes the part behind the last slash off `rest`; the whole when there is none. */
static struct text take_last(struct text *rest)
{
    const char *slash = rest->size > 0 ? memrchr(rest->data, '/', rest->size) : NULL;
    struct text last = *rest;

    if (!slash) {
        *rest = (struct text){NULL, 0};
        return last;
    }
    last = (struct text){slash + 1, (size_t)(rest->data + rest->size - slash - 1)};
    rest->size = (size_t)(slash - rest->data);
    return last;
}

static bool is_base(struct text text)
{
    return text_starts_with(text, TEXT("http://")) || text_starts_with(text, TEXT("https://"));
}

bool reference_split(struct text reference, struct text *base, struct text *type, struct text *id,
                     struct text *version)
{
    struct text rest = reference, before, last, name;

    *version = (struct text){NULL, 0};
    if (!reference.data || reference.size == 0)
        return false;
    last = take_last(&rest);
    before = rest;
    name = take_last(&before);
    if (rest.data && text_is(name, "_history")) {
        *version = last;
        rest = before;
        last = take_last(&rest);
        before = rest;
        name = take_last(&before);
        if (!is_id(*version))
            return false;
    }
    if (!rest.data || !is_id(last) || !resource_type_find(name))
        return false;
    if (before.data && !is_base(before))
        return false;
    *base = before;
    *type = name;
    *id = last;
    return true;
}
