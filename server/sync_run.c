/*
 * isthmus sync - the worker as a process: signals, metrics, and its end.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "fhir/definitions.h"
#include "server/config.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/sync_internal.h"
#include "storage/hold.h"
#include "storage/store.h"
#include "sync/fetch.h"
#include "sync/worker.h"

#include <signal.h>
#include <unistd.h>

#define CONNECTIONS 16 /* to one host */
#define DRAIN_MS    2000

struct run {
    struct sync_worker *worker;
    const struct store_site *site;
    struct waiter waiter; /* for the end, or that it is asked for */
    bool stopping, ended;
};

static void on_ended(void *context)
{
    struct run *run = context;

    run->ended = true;
    fiber_wake(&run->waiter);
}

/* As of serve: a second signal ends it at once. */
static void on_signal(void *context)
{
    struct run *run = context;

    if (run->stopping)
        _exit(130);
    run->stopping = true;
    log_info(NULL, "stopping", "waits for", "what is being landed and applied", NULL);
    sync_worker_stop(run->worker);
    fiber_wake(&run->waiter);
}

/* Who waits for a lock that another holds may wait for ever. What is not committed is done again by
 * the next worker, as after a crash. */
static void wait_for_end(struct run *run)
{
    int patience = (int)run->site->config->drain_timeout;
    struct err late = {0};

    while (!run->ended && !run->stopping)
        (void)!fiber_wait(&run->waiter, -1, &late);
    if (run->ended || (fiber_wait(&run->waiter, patience, &late) && run->ended))
        return;
    log_warn(NULL, "stops without waiting", "why",
             "what is being applied waits for another process", "meaning",
             "the next worker goes on with it", NULL);
    _exit(1);
}

/* Metrics. */

static int write_metrics(const struct run *run, struct buf *out)
{
    sync_worker_write_metrics(run->worker, out);
    store_write_metrics(run->site->store, out);
    metrics_write_gauges(out);
    return 200;
}

static int write_alive(const struct run *run, struct buf *out)
{
    (void)run;
    buf_add_text(out, "ok\n");
    return 200;
}

static int write_ready(const struct run *run, struct buf *out)
{
    const bool ready = sync_worker_is_ready(run->worker);

    buf_add_text(out, ready           ? "ready\n"
                      : run->stopping ? "stopping\n"
                                      : "no database: partners cannot be looked up\n");
    return ready ? 200 : 503;
}

/* As the server's (server/site.c). */
static const struct {
    const char *path;
    int (*write)(const struct run *run, struct buf *out);
} pages[] = {{"/metrics", write_metrics}, {"/healthz", write_alive}, {"/readyz", write_ready}};

static void answer_page(struct http_request *request, void *context)
{
    const struct run *run = context;
    static const struct http_header header = {"Content-Type", METRICS_CONTENT_TYPE};
    struct buf out = buf_in(request->arena);
    int status = 404;

    for (size_t i = 0; i < COUNT(pages); i++)
        if (text_is(request->path, pages[i].path))
            status = pages[i].write(run, &out);
    if (status == 404)
        buf_add_text(&out, "only /metrics, /healthz and /readyz\n");
    const struct http_answer answer = {
        .status = status,
        .headers = &header,
        .header_count = 1,
        .body = {out.data, out.size},
    };
    http_answer(request, &answer);
}

static struct text refuse(struct arena *arena, int status, const struct err *err, void *context)
{
    (void)status, (void)context;
    return text_of(arena_printf(arena, "%s\n", err->text));
}

/* "127.0.0.1:9300"; without authentication it serves this machine only. */
static struct http *listen_metrics(struct run *run, const char *address, struct arena *arena,
                                   struct err *err)
{
    const char *colon = strrchr(address, ':');
    int64_t port = 0;
    struct http_config config = {
        .body_size = 1024,
        .header_size = 16384,
        .requests = 8,
        .connections = 32,
        .idle_timeout_ms = 30000,
        .read_timeout_ms = 5000,
        .handle = answer_page,
        .refuse = refuse,
        .refusal_type = "text/plain",
        .context = run,
    };

    if (!colon || !text_to_int64(text_of(colon + 1), 0, 65535, &port)) {
        err_set(err, ERR_INVALID, "metrics", "--metrics is ADDRESS:PORT, such as 127.0.0.1:9300.");
        return NULL;
    }
    config.address = arena_strndup(arena, address, (size_t)(colon - address));
    config.port = (uint16_t)port;
    return http_listen(run->site->loop, &config, err);
}

static void close_metrics(struct http *http)
{
    if (!http)
        return;
    http_stop_listening(http);
    if (http_drain(http, DRAIN_MS))
        http_free(http);
}

bool sync_run(const struct store_site *site, void *context, struct err *err)
{
    const struct sync_job *job = context;
    struct run run = {.site = site};
    struct http *http = job->metrics ? listen_metrics(&run, job->metrics, job->arena, err) : NULL;

    if (job->metrics && !http)
        return false;
    const struct sync_config config = {
        .loop = site->loop,
        .store = site->store,
        .fetcher = fetcher_new(site->loop, CONNECTIONS),
        .hold = hold_new(site->loop, site->database),
        .tenant = sync_access.tenant,
        .partner = job->partner,
        .once = job->once,
        .metrics = http != NULL,
        .own_base = text_of(site->config->base_url[0] ? site->config->base_url : NULL),
        .definitions = definitions_base(),
        .ended = on_ended,
        .context = &run,
    };
    run.worker = sync_worker_start(&config);
    loop_on_signal(site->loop, SIGTERM, on_signal, &run);
    loop_on_signal(site->loop, SIGINT, on_signal, &run);
    wait_for_end(&run);
    close_metrics(http);
    bool good = sync_worker_is_good(run.worker);
    sync_worker_free(run.worker);
    hold_free(config.hold);
    fetcher_free(config.fetcher);
    if (!good && job->once)
        err_set(err, ERR_BUSY, NULL,
                "Not everything could be pulled; `isthmus sync account` says what is missing.");
    return good || !job->once;
}
