/*
 * Format - see format.h.
 */

#include "server/format.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/json.h"
#include "fhir/node.h"

static bool check_wanted(struct text wanted, const char *where, struct err *err);
static void read_prefer(struct request *req, struct text prefer);

static bool is_word(struct text text, const char *word)
{
    return text_equals_nocase(text_trim(text), text_of(word));
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

    while (text_next(&parameters, ';', &item))
        if (text_split(item, '=', &name, &value) && is_word(name, "fhirVersion"))
            return text_trim(value);
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
        if (is_word(name, *known))
            return true;
    for (const char *const *known = wild; wildcards && *known; known++)
        if (is_word(name, *known))
            return true;
    return false;
}

/* `;q=0` says "not this". */
static bool is_refused(struct text media)
{
    struct text item, name, value;

    while (text_next(&media, ';', &item))
        if (text_split(item, '=', &name, &value) && is_word(name, "q")) {
            value = text_trim(value);
            while (value.size && (value.data[0] == '0' || value.data[0] == '.'))
                value.data++, value.size--;
            return value.size == 0;
        }
    return false;
}

static bool check_wanted(struct text wanted, const char *where, struct err *err)
{
    struct text media;

    while (text_next(&wanted, ',', &media))
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
    if (is_word(preference, "return=minimal"))
        req->prefer_return = PREFER_MINIMAL;
    else if (is_word(preference, "return=representation"))
        req->prefer_return = PREFER_REPRESENTATION;
    else if (is_word(preference, "return=OperationOutcome"))
        req->prefer_return = PREFER_OUTCOME;
    else if (is_word(preference, "handling=lenient"))
        req->lenient = true;
}

static void read_prefer(struct request *req, struct text prefer)
{
    struct text list, item;

    if (!req->entry)
        req->prefer_return = PREFER_NOTHING_SAID;
    while (text_next(&prefer, ',', &list))
        while (text_next(&list, ';', &item))
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

struct text format_decode(struct arena *arena, struct text raw)
{
    struct buf out = buf_in(arena);

    for (size_t i = 0; i < raw.size; i++) {
        int high = -1, low = -1;

        if (raw.data[i] == '%' && i + 2 < raw.size) {
            high = text_hex_digit(raw.data[i + 1]);
            low = text_hex_digit(raw.data[i + 2]);
        }
        if (high < 0 || low < 0) {
            buf_add_char(&out, raw.data[i]);
            continue;
        }
        buf_add_char(&out, (char)(high * 16 + low));
        i += 2;
    }
    return (struct text){buf_text(&out), out.size};
}

struct text format_parameter(const struct request *req, const char *name)
{
    struct text rest = req->query, item, key, value;

    while (text_next(&rest, '&', &item))
        if (text_split(item, '=', &key, &value) && text_is(key, name))
            return format_decode(req->arena, value);
    return (struct text){0};
}
