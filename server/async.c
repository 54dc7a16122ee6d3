/*
 * Async - see async.h.
 *
 * A request is kept as lines (`POST` and the query, then headers), an empty
 * line, and the body; its result as a line with status and Content-Type, and the body.
 */

#include "server/async.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "server/config.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/job.h"
#include "server/knowledge.h"
#include "server/outcome.h"
#include "server/reindex.h"
#include "server/route.h"
#include "storage/jobs.h"

#include <inttypes.h>
#include <strings.h>

#define FINDINGS_MAX 200
#define RETRY_AFTER  "1"

/* What of a request decides over its answer. */
static const char *const kept_headers[] = {"Content-Type", "Accept", "Prefer", "X-Provenance"};

static struct text keep(struct request *req);
static bool find(struct request *req, struct job **job, struct err *err);
static void answer_running(struct request *req, const struct job *job);
static bool answer_result(struct request *req, const struct job *job, struct err *err);
static void begin(struct request *req, const struct service *service, const struct job *job,
                  const struct store_once *once, struct arena *arena);

bool async_is_wanted(const struct request *req)
{
    struct text prefer = request_header(req, "Prefer"), list, item;

    if (!req->http || req->route->run != bundle_post)
        return false;
    while (text_next(&prefer, ',', &list))
        while (text_next(&list, ';', &item))
            if (text_equals_nocase(text_trim(item), TEXT("respond-async")))
                return true;
    return false;
}

bool async_accept(struct request *req, struct err *err)
{
    const char *name;

    if (!req->body.size)
        return err_set(err, ERR_INVALID, NULL, "There is no body; send a Bundle.");
    if (!jobs_add(req->service->store, &req->access, ASYNC_KIND, keep(req),
                  req->service->config->jobs_waiting, req->arena, &name, err))
        return false;
    async_promise(req, name);
    return true;
}

void async_promise(struct request *req, const char *job_name)
{
    job_runner_kick(req->service->jobs);
    answer_header(req, "Content-Location",
                  arena_printf(req->arena, "%s/_async/%s", req->service->base, job_name));
    answer_header(req, "Retry-After", RETRY_AFTER);
    req->answer.status = 202;
}

static struct text keep(struct request *req)
{
    struct buf out = buf_in(req->arena);

    buf_printf(&out, "%s %.*s\n", req->method, TEXT_ARGS(req->query));
    /* Not the header, with which a client could write anything into the log. */
    buf_printf(&out, "X-Request-Id: %s\n", req->number);
    for (size_t i = 0; i < COUNT(kept_headers); i++) {
        struct text value = request_header(req, kept_headers[i]);
        if (value.data)
            buf_printf(&out, "%s: %.*s\n", kept_headers[i], TEXT_ARGS(value));
    }
    buf_add_char(&out, '\n');
    buf_add(&out, req->body.data, req->body.size);
    return (struct text){out.data, out.size};
}

struct text async_header(struct text kept, const char *name)
{
    struct text line, have, value;

    while (text_next(&kept, '\n', &line) && line.size)
        if (text_split(line, ':', &have, &value) && text_equals_nocase(have, text_of(name)))
            return text_trim(value);
    return (struct text){0};
}

/* Asking. */

static bool find(struct request *req, struct job **job, struct err *err)
{
    if (!jobs_find(req->service->store, &req->access, req->id, req->arena, job, err))
        return false;
    if (*job && (strcmp((*job)->kind, ASYNC_KIND) == 0 || strcmp((*job)->kind, REINDEX_KIND) == 0))
        return true;
    return err_set(err, ERR_NOT_FOUND, NULL,
                   "There is no such request: it was never made, was cancelled, or its answer was "
                   "kept long enough.");
}

bool async_status(struct request *req, struct err *err)
{
    struct job *job;

    if (!find(req, &job, err))
        return false;
    if (job->state == JOB_DONE)
        return answer_result(req, job, err);
    answer_running(req, job);
    return true;
}

static void answer_running(struct request *req, const struct job *job)
{
    const char *progress = "waiting";

    if (job->state == JOB_RUNNING && job->progress)
        progress = job->progress;
    else if (job->state == JOB_RUNNING)
        progress = job->steps ? arena_printf(req->arena, "running, %" PRId64 " entries written",
                                             job->steps)
                              : "running";
    answer_header(req, "X-Progress", progress);
    answer_header(req, "Retry-After", RETRY_AFTER);
    req->answer.status = 202;
}

static bool answer_result(struct request *req, const struct job *job, struct err *err)
{
    char *expires = arena_alloc_raw(req->arena, CLOCK_HTTP_SIZE);
    struct text head, status, type;
    int64_t number;

    if (!text_split(job->result, '\n', &head, &req->answer.body) ||
        !text_split(head, ' ', &status, &type) || !text_to_int64(status, 200, 599, &number))
        return err_set(err, ERR_INTERNAL, NULL, "What came of this request cannot be read.");
    clock_format_http(job->expires, expires);
    answer_header(req, "Expires", expires);
    req->answer.status = (int)number;
    req->answer.content_type = req->answer.body.size ? text_dup(req->arena, type) : NULL;
    return true;
}

/* While it runs this cancels it: what is not written yet will not be. */
bool async_forget(struct request *req, struct err *err)
{
    struct job *job;
    bool removed;

    if (!find(req, &job, err) ||
        !jobs_remove(req->service->store, &req->access, req->id, req->arena, &removed, err))
        return false;
    req->answer.status = 202;
    return true;
}

/* Running. */

bool async_run(const struct service *service, const struct job *job, struct arena *arena,
               struct text *result)
{
    bool busy = false;
    const struct store_once once = {.job = job->number, .runner = job->runner, .busy = &busy};
    struct buf out = buf_in(arena);
    struct request req;

    begin(&req, service, job, &once, arena);
    request_run(&req);
    format_answer(&req);
    /* Also for one entry of a batch: those that are done are not done again. */
    if (busy && job->takes < JOB_TAKES_MAX)
        return false;
    buf_printf(&out, "%d %s\n", req.answer.status,
               req.answer.content_type ? req.answer.content_type : "");
    buf_add(&out, req.answer.body.data, req.answer.body.size);
    *result = (struct text){out.data, out.size};
    return true;
}

static void release_knowledge(void *knowledge)
{
    knowledge_release(knowledge);
}

static void begin(struct request *req, const struct service *service, const struct job *job,
                  const struct store_once *once, struct arena *arena)
{
    const char *end = memmem(job->payload.data, job->payload.size, "\n\n", 2);
    struct text first, rest, method;

    *req = (struct request){
        .service = service,
        .knowledge = knowledge_hold(service->knowledge),
        .arena = arena,
        .access = job->access,
        .method = "POST",
        .path = TEXT(""),
        .prefer_return = PREFER_NOTHING_SAID,
    };
    arena_defer(arena, release_knowledge, (void *)req->knowledge);
    issues_init(&req->issues, arena, FINDINGS_MAX);
    req->access.once = once;
    if (end && text_split(job->payload, '\n', &first, &rest)) {
        text_split(first, ' ', &method, &req->query);
        req->kept = (struct text){rest.data, (size_t)(end + 2 - rest.data)};
        req->body =
            (struct text){end + 2, job->payload.size - (size_t)(end + 2 - job->payload.data)};
    }
    req->number = text_dup(arena, async_header(req->kept, "X-Request-Id"));
    if (!req->number)
        req->number = job->name;
    req->log.pairs[0] = "request";
    req->log.pairs[1] = req->number;
}

struct text async_refusal(struct arena *arena, const struct err *err)
{
    struct text outcome = outcome_json(arena, err, NULL, NULL);

    return text_of(arena_printf(arena, "%d %s\n%.*s", outcome_status(err->kind), FORMAT_FHIR_JSON,
                                TEXT_ARGS(outcome)));
}
