/*
 * Format - see format.h.
 */

#include "server/format.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <ctype.h>
#include <strings.h>

static bool check_wanted(struct text wanted, const char *where, struct err *err);
static void read_prefer(struct request *req, struct text prefer);

static bool equals_nocase(struct text text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static struct text trim(struct text text)
{
    while (text.size && isspace((unsigned char)text.data[0]))
        text.data++, text.size--;
    while (text.size && isspace((unsigned char)text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the next of a list; false when none is left. */
static bool next_item(struct text *rest, char separator, struct text *item)
{
    if (!rest->data)
        return false;
    if (!text_split(*rest, separator, item, rest)) {
        *item = *rest;
        rest->data = NULL;
    }
    *item = trim(*item);
    return true;
}

bool format_negotiate(struct request *req, struct err *err)
{
    struct text format = format_parameter(req, "_format");
    struct text accept = request_header(req, "Accept");

    req->pretty = text_is(format_parameter(req, "_pretty"), "true");
    read_prefer(req, request_header(req, "Prefer"));

    /* R4 http.html#parameters: _format overrides Accept. */
    if (format.data)
        return check_wanted(format, "_format", err);
    return !accept.data || check_wanted(accept, "Accept", err);
}

/* The FHIR version a media type asks for, or absent. */
static struct text fhir_version(struct text parameters)
{
    struct text item, name, value;

    while (next_item(&parameters, ';', &item))
        if (text_split(item, '=', &name, &value) && equals_nocase(trim(name), "fhirVersion"))
            return trim(value);
    return (struct text){0};
}

/* Whether a media type, with its parameters, is one in which we speak. */
static bool is_json(struct text media, bool wildcards)
{
    static const char *const names[] = {"application/fhir+json", "application/json", "text/json",
                                        "json", NULL};
    static const char *const wild[] = {"*/*", "application/*", NULL};
    struct text name, parameters = {0};

    if (!text_split(media, ';', &name, &parameters))
        name = media;
    struct text version = fhir_version(parameters);
    if (version.data && !text_is(version, "4.0") && !text_is(version, "4.0.1"))
        return false;
    for (const char *const *known = names; *known; known++)
        if (equals_nocase(trim(name), *known))
            return true;
    for (const char *const *known = wild; wildcards && *known; known++)
        if (equals_nocase(trim(name), *known))
            return true;
    return false;
}

/* `;q=0` says "not this". */
static bool is_refused(struct text media)
{
    struct text item, name, value;

    while (next_item(&media, ';', &item))
        if (text_split(item, '=', &name, &value) && equals_nocase(trim(name), "q")) {
            value = trim(value);
            while (value.size && (value.data[0] == '0' || value.data[0] == '.'))
                value.data++, value.size--;
            return value.size == 0;
        }
    return false;
}

static bool check_wanted(struct text wanted, const char *where, struct err *err)
{
    struct text media;

    while (next_item(&wanted, ',', &media))
        if (is_json(media, true) && !is_refused(media))
            return true;
    return err_set(err, ERR_NOT_ACCEPTABLE, where,
                   "Only application/fhir+json of FHIR 4.0 is offered here.");
}

bool format_check_body(const struct request *req, struct err *err)
{
    struct text type = request_header(req, "Content-Type");

    if (type.data && !is_json(type, false))
        return err_set(err, ERR_MEDIA_TYPE, "Content-Type",
                       "Send application/fhir+json of FHIR 4.0; nothing else can be read here.");
    return true;
}

static void read_preference(struct request *req, struct text preference)
{
    if (equals_nocase(preference, "return=minimal"))
        req->prefer_return = PREFER_MINIMAL;
    else if (equals_nocase(preference, "return=representation"))
        req->prefer_return = PREFER_REPRESENTATION;
    else if (equals_nocase(preference, "return=OperationOutcome"))
        req->prefer_return = PREFER_OUTCOME;
    else if (equals_nocase(preference, "handling=lenient"))
        req->lenient = true;
}

static void read_prefer(struct request *req, struct text prefer)
{
    struct text list, item;

    if (!req->entry)
        req->prefer_return = PREFER_NOTHING_SAID;
    while (next_item(&prefer, ',', &list))
        while (next_item(&list, ';', &item))
            read_preference(req, item);
}

/* The stored bytes went through the reader once, so they are good. */
void format_prettify(struct request *req)
{
    struct err err = {0};
    struct issues issues;
    struct buf out = buf_in(req->arena);

    issues_init(&issues, req->arena, 1);
    struct node *tree = json_read(req->arena, req->answer.body.data, req->answer.body.size,
                                  &json_default_limits, &issues, &err);
    if (!tree)
        return;
    json_write_pretty(tree, &out);
    req->answer.body = (struct text){out.data, out.size};
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

    return at ? (int)(at - digits) : -1;
}

struct text format_decode(struct arena *arena, struct text raw)
{
    struct buf out = buf_in(arena);

    for (size_t i = 0; i < raw.size; i++) {
        bool escape = raw.data[i] == '%' && i + 2 < raw.size && hex(raw.data[i + 1]) >= 0 &&
                      hex(raw.data[i + 2]) >= 0;
        if (escape)
            buf_add_char(&out, (char)(hex(raw.data[i + 1]) * 16 + hex(raw.data[i + 2])));
        else
            buf_add_char(&out, raw.data[i]);
        i += escape ? 2 : 0;
    }
    return (struct text){buf_text(&out), out.size};
}

struct text format_parameter(const struct request *req, const char *name)
{
    struct text rest = req->query, item, key, value;

    while (next_item(&rest, '&', &item))
        if (text_split(item, '=', &key, &value) && text_is(key, name))
            return format_decode(req->arena, value);
    return (struct text){0};
}
