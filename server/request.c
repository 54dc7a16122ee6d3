/*
 * Request - see request.h.
 */

#include "server/request.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/bundle.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/async.h"
#include "server/binary.h"
#include "server/config.h"
#include "server/format.h"
#include "server/http.h"
#include "server/knowledge.h"
#include "server/metrics.h"
#include "server/outcome.h"
#include "server/policy.h"
#include "server/precondition.h"
#include "server/provenance.h"
#include "server/route.h"
#include "server/write.h"

#include <assert.h>
#include <strings.h>

static bool run_interaction(struct request *req, struct err *err);
static bool is_read(const struct request *req);
static void answer_refusal(struct request *req, const struct err *err);

/* Bundle entries have no headers, but elements that stand for some of them. */
static struct text entry_header(const struct bundle_entry *entry, const char *name)
{
    if (strcasecmp(name, "If-Match") == 0)
        return entry->if_match;
    if (strcasecmp(name, "If-None-Match") == 0)
        return entry->if_none_match;
    if (strcasecmp(name, "If-Modified-Since") == 0)
        return entry->if_modified_since;
    if (strcasecmp(name, "If-None-Exist") == 0)
        return entry->if_none_exist;
    return (struct text){0};
}

struct text request_header(const struct request *req, const char *name)
{
    if (req->entry)
        return entry_header(req->entry, name);
    if (req->kept.data)
        return async_header(req->kept, name);
    return req->http ? http_header(req->http, name) : (struct text){0};
}

bool request_parse_resource(struct request *req, struct err *err)
{
    const struct config *config = req->service->config;
    const struct json_limits limits = {
        .size = (size_t)config->body_size,
        .depth = (unsigned)config->json_depth,
        .nodes = (unsigned)config->json_nodes,
    };

    if (req->resource)
        return true;
    if (binary_is_content(req))
        return binary_read_content(req, err);
    if (req->entry)
        return err_set(err, ERR_INVALID, "resource", "This entry needs a resource.");
    req->resource = format_read_body(req, &limits, err);
    return req->resource != NULL;
}

/* When there are more findings than are kept, errors are worth more than warnings. */
static void validate(struct request *req)
{
    const struct policy *policy = req->service->policy;
    const struct definitions *definitions = req->knowledge->definitions;
    struct issues *issues = &req->issues;
    struct issues read = *issues;

    policy_check(policy, definitions, req->resource, issues);
    if (!issues->dropped || !issues->errors || issues->errors_only)
        return;
    *issues = read;
    if (issues->last)
        issues->last->next = NULL;
    issues->errors_only = true;
    policy_check(policy, definitions, req->resource, issues);
}

bool request_read_resource(struct request *req, struct err *err)
{
    bool parsed_before = req->resource != NULL;

    if (!request_parse_resource(req, err))
        return false;
    if (!parsed_before)
        validate(req);
    return true;
}

bool request_check_findings(const struct request *req, struct err *err)
{
    if (req->issues.errors == 0)
        return true;
    metrics_count(METRIC_INVALID, 1, req->route ? req->route->interaction : "none", NULL, NULL);
    return err_set(err, ERR_UNPROCESSABLE, NULL, "The resource is not what R4 says it should be.");
}

bool request_resource(struct request *req, struct err *err)
{
    return request_read_resource(req, err) && request_check_findings(req, err);
}

void request_run(struct request *req)
{
    struct err err = {0};

    if (!run_interaction(req, &err))
        answer_refusal(req, &err);
}

/* An entry of a batch that an earlier run of the same job has done is not done again. */
static bool recall(struct request *req, bool *recalled, struct err *err)
{
    struct store_write write = {0};

    if (!req->entry || !req->access.once || is_read(req))
        return true;
    if (!store_once_recall(req->service->store, &req->access, req->access.step, &write, 1,
                           req->arena, recalled, err))
        return false;
    if (*recalled)
        write_answer_entry(req, &write);
    return true;
}

static bool run_interaction(struct request *req, struct err *err)
{
    bool recalled = false;

    if (!binary_takes_any_format(req) && !format_negotiate(req, err))
        return false;
    if (!route_find(req, err))
        return false;
    if (async_is_wanted(req))
        return async_accept(req, err);
    if (!provenance_take(req, err) || !recall(req, &recalled, err))
        return false;
    return recalled || req->route->run(req, err);
}

static bool is_read(const struct request *req)
{
    return strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
}

/* Headers that belong to the refusal (Allow, ETag of a deleted one) stay. */
static void answer_refusal(struct request *req, const struct err *err)
{
    req->answer.status = outcome_status(err->kind);
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.version = NULL;
    req->answer.body = outcome_json(req->arena, err, &req->issues, req->number);
    req->answer.outcome = req->answer.body;
    if (err->kind == ERR_BUSY || err->kind == ERR_THROTTLED)
        answer_header(req, "Retry-After", "1");
    if (req->answer.status == 503 && req->access.once && req->access.once->busy)
        *req->access.once->busy = true;
    /* What is not offered is the client's to know. */
    if (req->answer.status >= 500 && err->kind != ERR_NOT_SUPPORTED)
        log_warn(&req->log, "refused", "where", err->where, "why", err->text, NULL);
}

void answer_header(struct request *req, const char *name, const char *value)
{
    struct answer *answer = &req->answer;

    assert(answer->header_count < ANSWER_HEADERS_MAX);
    answer->headers[answer->header_count++] = (struct header){name, value};
}

static struct text write_json(struct request *req, const struct node *resource)
{
    struct buf out = buf_in(req->arena);

    json_write(resource, &out);
    return (struct text){out.data, out.size};
}

void answer_resource(struct request *req, int status, const struct node *resource)
{
    req->answer.status = status;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = write_json(req, resource);
}

void answer_version(struct request *req, int status, const struct store_version *version)
{
    answer_etag(req, version);
    req->answer.status = status;
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = (struct text){version->json, version->json_size};
}

static void add_location(struct request *req, const struct store_version *version)
{
    answer_header(req, "Location",
                  arena_printf(req->arena, "%s/%s/%s/_history/%lld", req->service->base,
                               version->type, version->id, (long long)version->number));
}

/* R4 http.html#create, #ops (Prefer). Findings that were no errors come with the
 * OperationOutcome when the client asks for one. */
void answer_write(struct request *req, int status, const struct store_version *version)
{
    struct store_version *kept = arena_one(req->arena, struct store_version);

    *kept = *version;
    /* Neither an entry of a Bundle nor criteria say what it was. */
    if (status == 201 || req->entry || !req->id)
        add_location(req, kept);
    if (req->prefer_return == PREFER_MINIMAL) {
        answer_etag(req, kept);
        req->answer.status = status;
        return;
    }
    answer_version(req, status, kept);
    if (req->prefer_return == PREFER_OUTCOME)
        answer_resource(req, status, issues_outcome(req->arena, &req->issues));
    if (req->prefer_return == PREFER_OUTCOME && req->entry)
        req->answer.outcome = req->answer.body;
}
