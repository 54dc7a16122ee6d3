/*
 * Binary - see binary.h.
 *
 * What a partner stored must never run in somebody's browser on this origin:
 * the browser is told to believe the type, to run nothing, and to save
 * whatever is not known to be harmless.
 */

#include "server/binary.h"

#include "base/arena.h"
#include "base/base64.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/format.h"
#include "server/http.h"
#include "server/outcome.h"
#include "server/precondition.h"
#include "server/route.h"

#include <inttypes.h>

#define PIECE ((size_t)64 * 1024) /* characters that are decoded at a time; a multiple of 4 */

/* Types that a browser shows without running anything in them. */
static const char *const harmless[] = {"text/plain", "image/png",         "image/jpeg", "image/gif",
                                       "image/webp", "application/pdf",   "audio/mpeg", "audio/wav",
                                       "video/mp4",  "application/dicom", NULL};

/* What is sent: bytes first to end (exclusive) of `size`. */
struct content {
    struct text data; /* base64 */
    size_t size, first, end;
};

enum range { RANGE_NONE, RANGE_GOOD, RANGE_BAD };

static enum range read_range(const struct request *req, struct content *content);
static void answer_bad_range(struct request *req, const struct content *content);
static bool send_content(struct request *req, struct err *err);

static bool is_binary_path(const struct request *req)
{
    return req->http &&
           (text_is(req->path, "Binary") || text_starts_with(req->path, TEXT("Binary/")));
}

bool binary_takes_any_format(struct request *req)
{
    struct err refused = {0};

    if (!is_binary_path(req) || format_parameter(req, "_format").data)
        return false;
    if (!format_negotiate(req, &refused))
        req->xml = false;
    return true;
}

/* The media type without its parameters. */
static struct text bare(struct text type)
{
    struct text name, parameters;

    return text_trim(text_split(type, ';', &name, &parameters) ? name : type);
}

static bool is_fhir(struct text type)
{
    return text_equals_nocase(bare(type), TEXT("application/fhir+json")) ||
           text_equals_nocase(bare(type), TEXT("application/fhir+xml"));
}

/* `"resourceType" : "Binary"` near the beginning. */
static bool looks_like_json(struct text body)
{
    const struct text word = TEXT("\"resourceType\"");
    size_t window = body.size < 4096 ? body.size : 4096;
    const char *found = window ? memmem(body.data, window, word.data, word.size) : NULL;

    if (!found)
        return false;
    struct text rest = {found + word.size, (size_t)(body.data + window - found) - word.size};
    rest = text_trim(rest);
    if (!text_starts_with(rest, TEXT(":")))
        return false;
    return text_starts_with(text_trim((struct text){rest.data + 1, rest.size - 1}),
                            TEXT("\"Binary\""));
}

static bool looks_like_xml(struct text body)
{
    size_t window = body.size < 4096 ? body.size : 4096;

    return window && memmem(body.data, window, "<Binary", 7) &&
           memmem(body.data, window, "http://hl7.org/fhir", 19);
}

/* R4 binary.html#rest: a body of FHIR's own types is the resource, everything
 * else content. application/json and application/xml can be either; they are the resource
 * when they hold one. */
bool binary_is_content(const struct request *req)
{
    struct text type = req->entry ? (struct text){0} : request_header(req, "Content-Type");

    if (!req->http || !req->type || strcmp(req->type, "Binary") != 0 || req->route->definition ||
        !type.size || is_fhir(type) ||
        (strcmp(req->method, "POST") != 0 && strcmp(req->method, "PUT") != 0))
        return false;
    return !looks_like_json(req->body) && !looks_like_xml(req->body);
}

bool binary_read_content(struct request *req, struct err *err)
{
    struct node *binary = node_new_resource(req->arena, "Binary");
    struct text type = text_trim(request_header(req, "Content-Type"));
    struct text context = text_trim(request_header(req, "X-Security-Context"));

    if (strcmp(req->method, "PUT") == 0 && req->id)
        node_add_value(req->arena, binary, "id", text_of(req->id));
    node_add_value(req->arena, binary, "contentType", type);
    if (context.size)
        node_add_value(req->arena, node_add(req->arena, binary, "securityContext"), "reference",
                       context);
    if (req->body.size) {
        size_t size = base64_size(req->body.size);
        char *data = arena_alloc_raw(req->arena, size);
        struct node *node = node_add(req->arena, binary, "data");

        base64_encode(req->body.data, req->body.size, data);
        node->value = (struct text){data, size}; /* not copied: it may be large */
        node->flags |= NODE_PLAIN;
        req->body = (struct text){0};
        http_release_body(req->http);
    }
    (void)err;
    if (req->prefer_return == PREFER_NOTHING_SAID)
        req->prefer_return = PREFER_MINIMAL; /* nobody wants it back as base64 */
    req->resource = binary;
    return true;
}

bool binary_wants_content(const struct request *req)
{
    struct text accept = request_header(req, "Accept"), range;

    if (!req->http || strcmp(req->type, "Binary") != 0 || format_parameter(req, "_format").data)
        return false;
    while (text_next(&accept, ',', &range))
        if (is_fhir(range))
            return false;
    return true;
}

/* What comes out of the database could break out of a header, if somebody got it in there. */
static const char *header_text(struct request *req, struct text value, const char *instead)
{
    bool good = value.size > 0 && value.size < 1000;

    for (size_t i = 0; good && i < value.size; i++)
        good = value.data[i] >= ' ' && value.data[i] <= '~';
    return good ? text_dup(req->arena, value) : instead;
}

static bool is_harmless(struct text type)
{
    for (const char *const *known = harmless; *known; known++)
        if (text_equals_nocase(bare(type), text_of(*known)))
            return true;
    return false;
}

static void add_headers(struct request *req, const struct node *binary)
{
    struct text type = node_value(binary, "contentType");
    const struct node *context = node_path(binary, "securityContext.reference");

    req->answer.content_type = header_text(req, type, "application/octet-stream");
    if (context)
        answer_header(req, "X-Security-Context", header_text(req, context->value, "unknown"));
    answer_header(req, "X-Content-Type-Options", "nosniff");
    answer_header(req, "Content-Security-Policy", "default-src 'none'; sandbox");
    answer_header(req, "Content-Disposition", is_harmless(type) ? "inline" : "attachment");
    answer_header(req, "Accept-Ranges", "bytes");
    answer_header(req, "Vary", "Accept");
}

bool binary_answer(struct request *req, const struct store_version *version, struct err *err)
{
    struct content *content = arena_one(req->arena, struct content);
    struct issues issues;

    issues_init(&issues, req->arena, 1);
    const struct node *binary =
        json_read(req->arena, version->json, version->json_size, &json_stored_limits, &issues, err);
    if (!binary)
        return false;
    content->data = node_value(binary, "data");
    content->size = base64_decoded_size(content->data);
    content->end = content->size;
    answer_etag(req, version);
    add_headers(req, binary);
    enum range range = read_range(req, content);
    if (range == RANGE_BAD) {
        answer_bad_range(req, content);
        return true;
    }
    req->answer.status = range == RANGE_GOOD ? 206 : 200;
    if (range == RANGE_GOOD)
        answer_header(req, "Content-Range",
                      arena_printf(req->arena, "bytes %zu-%zu/%zu", content->first,
                                   content->end - 1, content->size));
    answer_header(req, "Content-Length",
                  arena_printf(req->arena, "%zu", content->end - content->first));
    req->answer.stream = send_content;
    req->answer.stream_context = content;
    return true;
}

/* RFC 9110 14.1.2. Several ranges at once, and other units, are passed over, as may be; so is a
 * range with If-Range, because our ETags are weak and such a one never matches. */
static enum range read_range(const struct request *req, struct content *content)
{
    struct text range = request_header(req, "Range"), from, to;
    int64_t first, last;

    if (strcmp(req->method, "GET") != 0 || !text_starts_with(range, TEXT("bytes=")) ||
        memchr(range.data, ',', range.size) || request_header(req, "If-Range").data)
        return RANGE_NONE;
    range = (struct text){range.data + 6, range.size - 6};
    if (!text_split(range, '-', &from, &to))
        return RANGE_NONE;
    if (from.size == 0) {
        if (!text_to_int64(to, 0, INT64_MAX, &last))
            return RANGE_NONE;
        if (last == 0 || content->size == 0)
            return RANGE_BAD;
        content->first = (size_t)last < content->size ? content->size - (size_t)last : 0;
        return RANGE_GOOD;
    }
    if (!text_to_int64(from, 0, INT64_MAX, &first) ||
        (to.size && (!text_to_int64(to, 0, INT64_MAX, &last) || last < first)))
        return RANGE_NONE;
    if ((size_t)first >= content->size)
        return RANGE_BAD;
    content->first = (size_t)first;
    if (to.size && (size_t)last < content->size - 1)
        content->end = (size_t)last + 1;
    return RANGE_GOOD;
}

static void answer_bad_range(struct request *req, const struct content *content)
{
    struct err err = {0};

    err_set(&err, ERR_INVALID, "Range", "The content has %zu bytes; none of them is in the range.",
            content->size);
    answer_header(req, "Content-Range", arena_printf(req->arena, "bytes */%zu", content->size));
    req->answer.status = 416;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = outcome_json(req->arena, &err, NULL, req->number);
}

/* Without white space, four characters are three bytes: what stands before the range is skipped. */
static size_t skip(struct content *content)
{
    size_t groups = content->first / 3;
    size_t tight = (content->size + 2) / 3 * 4;

    if (content->data.size > tight)
        return 0; /* there is white space */
    content->data.data += groups * 4;
    content->data.size -= groups * 4;
    return groups * 3;
}

static bool send_content(struct request *req, struct err *err)
{
    struct content content = *(const struct content *)req->answer.stream_context;
    struct base64_decoder decoder = {0};
    uint8_t *bytes = arena_alloc_raw(req->arena, PIECE);
    size_t at = skip(&content); /* of the first byte that the next piece gives */

    while (content.data.size && at < content.end) {
        size_t count = content.data.size < PIECE ? content.data.size : PIECE;
        size_t size = base64_decode(&decoder, (struct text){content.data.data, count}, bytes);

        if (size == SIZE_MAX)
            return err_set(err, ERR_INTERNAL, "Binary.data", "The stored content is damaged.");
        size_t begin = content.first > at ? content.first - at : 0;
        size_t end = content.end - at < size ? content.end - at : size;
        if (begin < end && !http_answer_chunk(req->http, bytes + begin, end - begin, err))
            return false;
        at += size;
        content.data.data += count;
        content.data.size -= count;
    }
    return true;
}
