/*
 * Format - see format.h.
 */

#include "server/format.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/xml.h"

/* The media types in which we speak; the words are for _format. */
static const struct media {
    const char *name;
    bool xml;
} medias[] = {
    {"application/fhir+json", false},
    {"application/json", false},
    {"text/json", false},
    {"json", false},
    {"application/fhir+xml", true},
    {"application/xml", true},
    {"text/xml", true},
    {"xml", true},
};

/* How much one format is wanted: RFC 9110 12.5.1, and among equals what was named
 * rather than meant by a wildcard, and what was named first. */
struct wish {
    int quality;   /* in thousandths; 0: not acceptable */
    int precision; /* of the range that says so: 0 nothing, 1 all, 2 application, 3 the type */
    int rank;      /* later ranges have less */
};

static const struct media *media_of_body(const struct request *req);
static bool choose(struct request *req, struct text wanted, const char *where, struct err *err);
static void read_prefer(struct request *req, struct text prefer);
static struct text parameter_of(struct text parameters, const char *wanted);

static bool is_word(struct text text, const char *word)
{
    return text_equals_nocase(text_trim(text), text_of(word));
}

static struct text unquoted(struct text text)
{
    bool quoted = text.size > 1 && text.data[0] == '"' && text.data[text.size - 1] == '"';

    return quoted ? (struct text){text.data + 1, text.size - 2} : text;
}

/* Of a body, in any type that is read here (RFC 8259 8.1, R4 http.html#mime-type). */
static bool check_charset(const struct request *req, struct err *err)
{
    struct text type = request_header(req, "Content-Type"), name, parameters;

    if (!req->body.size || !type.data || !text_split(type, ';', &name, &parameters))
        return true;
    struct text charset = parameter_of(parameters, "charset");
    charset = unquoted(charset);
    return !charset.data || is_word(charset, "utf-8") || is_word(charset, "us-ascii") ||
           err_set(err, ERR_MEDIA_TYPE, "Content-Type",
                   "Bodies are read as UTF-8, not in another charset; send UTF-8.");
}

bool format_negotiate(struct request *req, struct err *err)
{
    struct text format = format_parameter(req, "_format");
    struct text accept = request_header(req, "Accept");

    req->pretty = text_is(format_parameter(req, "_pretty"), "true");
    req->xml = false;
    read_prefer(req, request_header(req, "Prefer"));
    if (!check_charset(req, err))
        return false;

    /* R4 http.html#parameters: _format overrides Accept. */
    if (format.data)
        return choose(req, format, "_format", err);
    if (accept.data)
        return choose(req, accept, "Accept", err);
    /* Who says nothing reads what he writes. */
    const struct media *body = media_of_body(req);
    req->xml = body && body->xml;
    return true;
}

/* The value of a media type's parameter, or absent. */
static struct text parameter_of(struct text parameters, const char *wanted)
{
    struct text item, name, value;

    while (text_next(&parameters, ';', &item))
        if (text_split(item, '=', &name, &value) && is_word(name, wanted))
            return text_trim(value);
    return (struct text){0};
}

/* Splits a media type from its parameters; false when these ask for another version of FHIR. */
static bool split_media(struct text media, struct text *name, struct text *parameters)
{
    *parameters = (struct text){0};
    if (!text_split(media, ';', name, parameters))
        *name = media;
    struct text version = parameter_of(*parameters, "fhirVersion");
    return !version.data || text_is(version, "4.0") || text_is(version, "4.0.1");
}

static const struct media *find_media(struct text name)
{
    for (size_t i = 0; i < COUNT(medias); i++)
        if (is_word(name, medias[i].name))
            return &medias[i];
    return NULL;
}

static const struct media *media_of_body(const struct request *req)
{
    struct text type = request_header(req, "Content-Type"), name, parameters;

    return type.data && split_media(type, &name, &parameters) ? find_media(name) : NULL;
}

/* `q` in thousandths; what is no number counts as 1. */
static int quality_of(struct text parameters)
{
    struct text q = parameter_of(parameters, "q");
    int value = 0, digits = 0;

    if (q.size == 0 || q.data[0] != '0')
        return 1000;
    for (size_t i = 2; i < q.size && digits < 3 && q.data[i] >= '0' && q.data[i] <= '9'; i++) {
        value = value * 10 + q.data[i] - '0';
        digits++;
    }
    for (; digits < 3; digits++)
        value *= 10;
    return value;
}

/* The most precise range decides; of equals the one that stands first. */
static void note_wish(struct wish *wish, struct wish said)
{
    if (said.precision > wish->precision)
        *wish = said;
}

static bool is_better(struct wish a, struct wish b)
{
    if (a.quality != b.quality)
        return a.quality > b.quality;
    if (a.precision != b.precision)
        return a.precision > b.precision;
    return a.rank > b.rank;
}

static bool choose(struct request *req, struct text wanted, const char *where, struct err *err)
{
    struct text range, name, parameters;
    struct wish json = {0}, xml = {0};
    int rank = 0;

    while (text_next(&wanted, ',', &range)) {
        if (!split_media(range, &name, &parameters))
            continue;
        const struct media *media = find_media(name);
        int precision = media                            ? 3
                        : is_word(name, "application/*") ? 2
                        : is_word(name, "*/*")           ? 1
                                                         : 0;
        struct wish said = {quality_of(parameters), precision, --rank};
        if (!media || !media->xml)
            note_wish(&json, said);
        if (!media || media->xml)
            note_wish(&xml, said);
    }
    req->xml = xml.quality > 0 && is_better(xml, json);
    return json.quality > 0 || req->xml ||
           err_set(err, ERR_NOT_ACCEPTABLE, where,
                   "Only application/fhir+json and application/fhir+xml of FHIR 4.0 are offered "
                   "here.");
}

struct node *format_read_body(struct request *req, const struct json_limits *limits,
                              struct err *err)
{
    struct text type = request_header(req, "Content-Type"), body = req->body;
    const struct media *media = media_of_body(req);

    if (type.data && !media) {
        err_set(err, ERR_MEDIA_TYPE, "Content-Type",
                "Send application/fhir+json or application/fhir+xml of FHIR 4.0; nothing else can "
                "be read here.");
        return NULL;
    }
    if (media && media->xml)
        return xml_read(req->arena, body.data, body.size, limits, &req->issues, err);
    return json_read(req->arena, body.data, body.size, limits, &req->issues, err);
}

/* RFC 7240 2: white space around the `=` and quotes around the value say nothing. */
static void read_preference(struct request *req, struct text preference)
{
    struct text name, value;

    if (!text_split(preference, '=', &name, &value))
        return;
    value = unquoted(text_trim(value));
    if (is_word(name, "handling") && is_word(value, "lenient"))
        req->lenient = true;
    if (!is_word(name, "return"))
        return;
    if (is_word(value, "minimal"))
        req->prefer_return = PREFER_MINIMAL;
    else if (is_word(value, "representation"))
        req->prefer_return = PREFER_REPRESENTATION;
    else if (is_word(value, "OperationOutcome"))
        req->prefer_return = PREFER_OUTCOME;
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

/* What we answer was written by ourselves, and what was stored went through the
 * reader once: it can be read. */
void format_answer(struct request *req)
{
    struct answer *answer = &req->answer;
    struct buf out = buf_in(req->arena);
    struct err err = {0};
    struct issues issues;

    if (!answer->content_type || strcmp(answer->content_type, FORMAT_FHIR_JSON) != 0)
        return;
    answer_header(req, "Vary", "Accept");
    if (!req->xml && !req->pretty)
        return;
    issues_init(&issues, req->arena, 1);
    const struct node *tree = json_read(req->arena, answer->body.data, answer->body.size,
                                        &json_stored_limits, &issues, &err);
    if (!tree) {
        log_warn(&req->log, "unreadable answer", "why", err.text, NULL);
        return;
    }
    if (req->xml)
        (req->pretty ? xml_write_pretty : xml_write)(tree, &out);
    else
        json_write_pretty(tree, &out);
    answer->content_type = req->xml ? FORMAT_FHIR_XML : FORMAT_FHIR_JSON;
    answer->body = (struct text){out.data, out.size};
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
