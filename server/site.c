/*
 * Site - see site.h.
 */

#include "server/site.h"

#include "base/arena.h"
#include "base/buf.h"
#include "server/completeness.h"
#include "server/format.h"
#include "server/metrics.h"
#include "server/outcome.h"
#include "server/version.h"

typedef void page_fn(struct request *req);

struct site_page {
    const char *path;
    page_fn *run;
};

static page_fn index_page, health_page, ready_page, metrics_page;

static const struct site_page pages[] = {
    {"/", index_page},
    {"/healthz", health_page},
    {"/readyz", ready_page},
    {"/metrics", metrics_page},
    {0},
};

static void answer_text(struct request *req, int status, const char *text)
{
    req->answer.status = status;
    req->answer.content_type = "text/plain; charset=utf-8";
    req->answer.body = text_of(text);
}

static void answer_err(struct request *req, enum err_kind kind, const char *text)
{
    struct err err = {0};

    err_set(&err, kind, NULL, "%s", text);
    req->answer.status = outcome_status(kind);
    req->answer.content_type = FORMAT_FHIR_JSON;
    req->answer.body = outcome_json(req->arena, &err, NULL, req->number);
}

void site_run(struct request *req, struct text path)
{
    bool get = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;

    for (const struct site_page *page = pages; page->path; page++) {
        if (!text_is(path, page->path))
            continue;
        if (get) {
            page->run(req);
        } else {
            answer_header(req, "Allow", "GET, HEAD, OPTIONS");
            answer_err(req, ERR_METHOD, "This path allows GET only.");
        }
        return;
    }
    if (completeness_run(req, path))
        return;
    answer_err(req, ERR_NOT_FOUND, "Nothing is served at this path; the FHIR base is /fhir.");
}

static void index_page(struct request *req)
{
    answer_text(req, 200,
                arena_printf(req->arena,
                             "Isthmus %s, an EHR exchange server speaking FHIR R4\n\n"
                             "FHIR base      %s\n"
                             "what it can    %s/metadata\n"
                             "alive, ready   /healthz /readyz\n"
                             "metrics        /metrics\n"
                             "can I rely on  /completeness?patient=ID /partners/ID/completeness\n",
                             ISTHMUS_VERSION, req->service->base, req->service->base));
}

static void health_page(struct request *req)
{
    answer_text(req, 200, "ok\n");
}

static void ready_page(struct request *req)
{
    struct err err = {0};

    if (req->service->draining)
        answer_text(req, 503, "stopping\n");
    else if (!store_ping(req->service->store, &err))
        answer_text(req, 503, arena_printf(req->arena, "no database: %s\n", err.text));
    else
        answer_text(req, 200, "ready\n");
}

static void metrics_page(struct request *req)
{
    struct buf out = buf_in(req->arena);

    metrics_write(&out);
    store_write_metrics(req->service->store, &out);
    req->answer.status = 200;
    req->answer.content_type = METRICS_CONTENT_TYPE;
    req->answer.body = (struct text){out.data, out.size};
}
