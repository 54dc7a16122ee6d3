/*
 * Bundle answers - see bundle_answer.h.
 */

#include "server/bundle_answer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "fhir/json.h"
#include "server/format.h"

#include <strings.h>

void bundle_answer_begin(struct buf *out, const char *type)
{
    buf_printf(out, "{\"resourceType\":\"Bundle\",\"type\":\"%s\"", type);
}

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return " OK";
    case 201:
        return " Created";
    case 204:
        return " No Content";
    case 304:
        return " Not Modified";
    default:
        return "";
    }
}

static const char *find_header(const struct answer *answer, const char *name)
{
    for (unsigned i = 0; i < answer->header_count; i++)
        if (strcasecmp(answer->headers[i].name, name) == 0)
            return answer->headers[i].value;
    return NULL;
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, ",\"%s\":", name);
    json_write_string(out, value, strlen(value));
}

static void add_response(struct buf *out, const struct answer *answer)
{
    char updated[CLOCK_INSTANT_SIZE];

    buf_printf(out, "\"response\":{\"status\":\"%d%s\"", answer->status, reason(answer->status));
    add_member(out, "location", find_header(answer, "Location"));
    add_member(out, "etag", find_header(answer, "ETag"));
    if (answer->version) {
        clock_format_instant(answer->version->last_updated, updated);
        add_member(out, "lastModified", updated);
    }
    if (answer->outcome.size) {
        buf_add_text(out, ",\"outcome\":");
        buf_add(out, answer->outcome.data, answer->outcome.size);
    }
    buf_add_char(out, '}');
}

void bundle_answer_add(struct buf *out, const struct answer *answer, bool representation)
{
    bool first = out->data[out->size - 1] != '}';

    buf_add_text(out, first ? ",\"entry\":[{" : ",{");
    if (representation && answer->status < 300 && answer->body.size) {
        buf_add_text(out, "\"resource\":");
        buf_add(out, answer->body.data, answer->body.size);
        buf_add_char(out, ',');
    }
    add_response(out, answer);
    buf_add_char(out, '}');
}

void bundle_answer_end(struct request *req, struct buf *out)
{
    bool empty = out->data[out->size - 1] != '}';

    buf_add_text(out, empty ? "}" : "]}");
    req->answer.status = 200;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = (struct text){out->data, out->size};
}
