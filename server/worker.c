/*
 * Worker - see worker.h.
 */

#include "server/worker.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "server/config.h"
#include "server/dispatch.h"
#include "server/format.h"
#include "server/http.h"
#include "server/job.h"
#include "server/knowledge.h"
#include "server/listen.h"
#include "server/metrics.h"
#include "server/request.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define HEADER_SIZE     (64U << 10)
#define CONNECTIONS_MAX 10000

struct worker {
    struct worker_config config;
    pthread_t thread;
    struct loop *loop;
    struct service service;
    struct http *http;
    struct err err;
    char label[32]; /* of its gauges */
    bool clean;
    bool serving, stop_asked;
    enum worker_state state;                  /* as the main loop was told */
    _Atomic(const struct knowledge *) taught; /* not in force yet; or NULL */
};

static void *run_thread(void *context);
static void start_serving(void *context);
static void stop_serving(void *context);
static void on_ready(void *context);
static void on_failed(void *context);
static void on_stopped(void *context);

struct worker *worker_start(const struct worker_config *config, unsigned number)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        abort();
    worker->config = *config;
    worker->service = (struct service){
        .config = config->config,
        .base = config->base,
        .policy = config->policy,
        .knowledge = knowledge_hold(config->knowledge),
    };
    snprintf(worker->label, sizeof(worker->label), "thread=\"%u\"", number);
    worker->loop = loop_new();
    if (pthread_create(&worker->thread, NULL, run_thread, worker) != 0)
        abort();
    return worker;
}

/* Signals are the main thread's. */
static void *run_thread(void *context)
{
    struct worker *worker = context;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    fiber_spawn(worker->loop, start_serving, worker);
    loop_run(worker->loop);
    return NULL;
}

static bool open_store(struct worker *worker)
{
    const struct config *config = worker->config.config;
    const struct store_config store = {
        .database = config->database,
        .statement_timeout_ms = (int)config->statement_timeout,
        .search_timeout_ms = (int)config->search_timeout,
        .transaction_timeout_ms = (int)config->transaction_timeout,
        .transaction_lanes = (unsigned)config->transaction_lanes,
        .include_max = (unsigned)config->include_max,
        .reference_base =
            strcmp(config->reference_check, "local") == 0 ? worker->config.base : NULL,
        .result_status_rules = config->result_status_rules,
        .unsafe_durability = config->unsafe_durability,
    };

    worker->service.store = store_open(worker->loop, &store, &worker->err);
    return worker->service.store != NULL;
}

static bool open_http(struct worker *worker)
{
    const struct config *config = worker->config.config;
    const struct http_config http = {
        .address = worker->config.address->host,
        .port = worker->config.address->port,
        .reuse_port = true,
        .body_size = (size_t)config->body_size,
        .header_size = HEADER_SIZE,
        .requests = (unsigned)config->requests,
        .connections = CONNECTIONS_MAX,
        .idle_timeout_ms = (int)config->idle_timeout,
        .read_timeout_ms = (int)config->read_timeout,
        .handle = dispatch,
        .refuse = dispatch_refusal,
        .refusal_type = FORMAT_FHIR_JSON,
        .context = &worker->service,
    };

    worker->http = http_listen(worker->loop, &http, &worker->err);
    return worker->http != NULL;
}

static double connections_open(void *context)
{
    return http_counts(((const struct worker *)context)->http).connections;
}

static double requests_open(void *context)
{
    return http_counts(((const struct worker *)context)->http).requests;
}

static void start_serving(void *context)
{
    struct worker *worker = context;

    if (!open_store(worker) || !open_http(worker)) {
        store_close(worker->service.store);
        loop_post(worker->config.main_loop, on_failed, worker);
        loop_stop(worker->loop);
        return;
    }
    metrics_gauge("isthmus_http_connections", "Connections open now.", worker->label,
                  connections_open, worker);
    metrics_gauge("isthmus_http_requests_open", "Requests under way now.", worker->label,
                  requests_open, worker);
    loop_post(worker->config.main_loop, on_ready, worker);
    worker->service.jobs = job_runner_start(worker->loop, &worker->service);
    worker->serving = true;
    if (worker->stop_asked)
        fiber_spawn(worker->loop, stop_serving, worker);
}

/* In the order of the dependencies: no new requests, no requests, no store. */
static void stop_serving(void *context)
{
    struct worker *worker = context;

    worker->service.draining = true;
    http_stop_listening(worker->http);
    worker->clean =
        http_drain(worker->http, (int)worker->config.config->drain_timeout) &&
        job_runner_stop(worker->service.jobs, (int)worker->config.config->drain_timeout);
    metrics_remove_gauges(worker);
    if (worker->clean) {
        store_close(worker->service.store);
        http_free(worker->http);
    }
    loop_post(worker->config.main_loop, on_stopped, worker);
    loop_stop(worker->loop);
}

static void tell(struct worker *worker, enum worker_state state)
{
    worker->state = state;
    worker->config.changed(worker, worker->config.context);
}

static void on_ready(void *context)
{
    tell(context, WORKER_READY);
}

static void on_failed(void *context)
{
    tell(context, WORKER_FAILED);
}

static void on_stopped(void *context)
{
    tell(context, WORKER_STOPPED);
}

static void on_stop_asked(void *context)
{
    struct worker *worker = context;

    if (worker->serving && !worker->stop_asked)
        fiber_spawn(worker->loop, stop_serving, worker);
    worker->stop_asked = true;
}

/* Between two requests, or while some wait: they hold what they began with. */
static void on_taught(void *context)
{
    struct worker *worker = context;
    const struct knowledge *taught = atomic_exchange(&worker->taught, NULL);

    if (!taught)
        return;
    knowledge_release(worker->service.knowledge);
    worker->service.knowledge = taught;
}

void worker_teach(struct worker *worker, const struct knowledge *knowledge)
{
    knowledge_release(atomic_exchange(&worker->taught, knowledge_hold(knowledge)));
    loop_post(worker->loop, on_taught, worker);
}

void worker_stop(struct worker *worker)
{
    loop_post(worker->loop, on_stop_asked, worker);
}

bool worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    bool clean = worker->clean;
    knowledge_release(worker->service.knowledge);
    knowledge_release(worker->taught);
    if (clean || worker->state == WORKER_FAILED)
        loop_free(worker->loop);
    free(worker);
    return clean;
}

enum worker_state worker_state(const struct worker *worker)
{
    return worker->state;
}

const struct err *worker_err(const struct worker *worker)
{
    return &worker->err;
}
