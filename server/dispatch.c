/*
 * Dispatch - see dispatch.h.
 */

#include "server/dispatch.h"

#include "base/arena.h"
#include "base/clock.h"
#include "server/cors.h"
#include "server/format.h"
#include "server/http.h"
#include "server/knowledge.h"
#include "server/metrics.h"
#include "server/outcome.h"
#include "server/request.h"
#include "server/route.h"
#include "server/site.h"

#define FINDINGS_MAX 200
#define TENANT       1 /* the only one, until clients have one of their own */

static void begin(struct request *req, struct http_request *http, const struct service *service);
static bool below_base(struct request *req, const struct http_request *http);
static void run(struct request *req);
static void finish(struct request *req, int64_t started);

void dispatch(struct http_request *http, void *context)
{
    const struct service *service = context;
    int64_t started = clock_monotonic();
    struct request req;

    begin(&req, http, service);
    if (cors_is_preflight(&req))
        cors_answer_preflight(&req);
    else if (below_base(&req, http))
        run(&req);
    else
        site_run(&req, http->path);
    cors_add_headers(&req);
    finish(&req, started);
}

static void run(struct request *req)
{
    request_run(req);
    format_answer(req);
}

/* A client's request id is kept when it is harmless, so that logs on both sides agree. */
static const char *request_number(const struct http_request *http)
{
    static _Thread_local unsigned counter;
    struct text given = http_header(http, "X-Request-Id");
    bool harmless = given.size > 0 && given.size <= 64;

    for (size_t i = 0; harmless && i < given.size; i++)
        harmless = strchr("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                          given.data[i]) != NULL;
    if (harmless)
        return text_dup(http->arena, given);
    return arena_printf(http->arena, "%llx-%x", (unsigned long long)clock_now(), counter++);
}

static void release_knowledge(void *knowledge)
{
    knowledge_release(knowledge);
}

static void begin(struct request *req, struct http_request *http, const struct service *service)
{
    *req = (struct request){
        .service = service,
        .knowledge = knowledge_hold(service->knowledge),
        .http = http,
        .arena = http->arena,
        .access = {.tenant = TENANT, .client = "anonymous"},
        .number = request_number(http),
        .method = http->method,
        .query = http->query,
        .body = http->body,
        .body_size = http->body.size,
        .prefer_return = PREFER_NOTHING_SAID,
    };
    arena_defer(http->arena, release_knowledge, (void *)req->knowledge);
    issues_init(&req->issues, http->arena, FINDINGS_MAX);
    req->log.pairs[0] = "request";
    req->log.pairs[1] = req->number;
    answer_header(req, "X-Request-Id", req->number);
}

/* Sets req->path to what stands below the base. */
static bool below_base(struct request *req, const struct http_request *http)
{
    struct text base = TEXT(DISPATCH_FHIR);
    struct text path = http->path;

    if (!text_starts_with(path, base) || (path.size > base.size && path.data[base.size] != '/'))
        return false;
    size_t skip = path.size > base.size ? base.size + 1 : base.size;
    req->path = (struct text){path.data + skip, path.size - skip};
    /* "Patient/" is "Patient". */
    if (req->path.size && req->path.data[req->path.size - 1] == '/')
        req->path.size--;
    return true;
}

static const char *interaction_of(const struct request *req)
{
    return req->route ? req->route->interaction : "none";
}

static void observe(const struct request *req, int64_t duration)
{
    static const char *const classes[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const char *interaction = interaction_of(req);
    int class = req->answer.status / 100;
    char status[8];

    metrics_count(METRIC_REQUESTS, 1, req->method, interaction,
                  classes[class >= 0 && class < 6 ? class : 0]);
    metrics_observe(METRIC_REQUEST_SECONDS, duration, interaction);
    metrics_count(METRIC_REQUEST_BYTES, req->body_size, interaction, NULL, NULL);
    metrics_count(METRIC_ANSWER_BYTES, req->answer.body.size, interaction, NULL, NULL);
    if (!log_enabled(LOG_DEBUG))
        return;
    snprintf(status, sizeof(status), "%d", req->answer.status);
    log_debug(&req->log, "answered", "method", req->method, "interaction", interaction, "type",
              req->type ? req->type : "", "status", status, NULL);
}

static void stream(struct request *req, const struct http_answer *answer)
{
    struct err err = {0};

    http_answer_start(req->http, answer);
    if (req->answer.stream(req, &err)) {
        http_answer_end(req->http);
        return;
    }
    log_debug(&req->log, "answer cut", "why", err.text, NULL);
    http_answer_abort(req->http);
}

static void finish(struct request *req, int64_t started)
{
    const struct answer *answer = &req->answer;
    struct http_header headers[ANSWER_HEADERS_MAX + 1];
    size_t count = 0;

    for (; count < answer->header_count; count++)
        headers[count] =
            (struct http_header){answer->headers[count].name, answer->headers[count].value};
    if (answer->content_type)
        headers[count++] = (struct http_header){"Content-Type", answer->content_type};
    const struct http_answer whole = {
        .status = answer->status,
        .headers = headers,
        .header_count = count,
        .body = answer->body,
    };
    if (answer->stream)
        stream(req, &whole);
    else
        http_answer(req->http, &whole);
    observe(req, clock_monotonic() - started);
}

struct text dispatch_refusal(struct arena *arena, int status, const struct err *err, void *context)
{
    (void)status, (void)context;
    return outcome_json(arena, err, NULL, NULL);
}
