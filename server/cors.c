/*
 * CORS - see cors.h.
 */

#include "server/cors.h"

#include "server/config.h"
#include "server/http.h"

static bool origin_allowed(const struct request *req, struct text origin);

bool cors_is_preflight(const struct request *req)
{
    return strcmp(req->method, "OPTIONS") == 0;
}

void cors_answer_preflight(struct request *req)
{
    req->answer.status = 204;
    answer_header(req, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    if (!http_header(req->http, "Access-Control-Request-Method").data)
        return;
    answer_header(req, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    answer_header(req, "Access-Control-Allow-Headers",
                  "Accept, Authorization, Content-Type, If-Match, If-None-Match, "
                  "If-Modified-Since, If-None-Exist, Prefer, Range, X-Provenance, "
                  "X-Request-Id, X-Security-Context");
    answer_header(req, "Access-Control-Max-Age", "86400");
}

void cors_add_headers(struct request *req)
{
    struct text origin = http_header(req->http, "Origin");

    /* What is answered to one origin is not to be kept for another. */
    if (strcmp(req->service->config->cors_origins, "*") != 0)
        answer_header(req, "Vary", "Origin");
    if (!origin.data || !origin_allowed(req, origin))
        return;
    answer_header(
        req, "Access-Control-Allow-Origin",
        strcmp(req->service->config->cors_origins, "*") == 0 ? "*" : text_dup(req->arena, origin));
    answer_header(
        req, "Access-Control-Expose-Headers",
        "Location, Content-Location, ETag, Last-Modified, Retry-After, X-Progress, Accept-Ranges, "
        "Content-Range, Content-Disposition, X-Request-Id, X-Security-Context");
}

static bool origin_allowed(const struct request *req, struct text origin)
{
    struct text rest = text_of(req->service->config->cors_origins), item;

    while (text_next(&rest, ' ', &item))
        if (text_is(item, "*") || (item.size && text_equals(item, origin)))
            return true;
    return false;
}
