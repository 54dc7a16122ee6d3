/*
 * Keeper - see keeper.h.
 */

#include "server/keeper.h"

#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "fhir/definitions.h"
#include "server/config.h"
#include "server/knowledge.h"
#include "server/metrics.h"
#include "storage/packages.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define AFTER_FAILURE_MS 1000

struct keeper {
    struct keeper_config config;
    pthread_t thread;
    struct loop *loop;
    struct packages *packages;
    _Atomic(const struct knowledge *) news; /* on its way to the main loop */
    atomic_size_t memory;                   /* that definitions take, for /metrics */
    struct err err;
    bool stopped;
};

static void *run_thread(void *context);
static void keep(void *context);
static bool learn(struct keeper *keeper, int64_t *epoch);
static void learn_again(struct keeper *keeper, int64_t *epoch);
static void on_learned(void *context);
static void on_failed(void *context);
static void on_stop(void *context);
static double memory_of(void *context);

struct keeper *keeper_start(const struct keeper_config *config)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));

    if (!keeper)
        abort();
    keeper->config = *config;
    keeper->loop = loop_new();
    metrics_gauge("isthmus_definitions_bytes", "Memory that definitions of packages take.", NULL,
                  memory_of, keeper);
    if (pthread_create(&keeper->thread, NULL, run_thread, keeper) != 0)
        abort();
    return keeper;
}

/* Signals are the main thread's. */
static void *run_thread(void *context)
{
    struct keeper *keeper = context;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    fiber_spawn(keeper->loop, keep, keeper);
    loop_run(keeper->loop);
    return NULL;
}

static void keep(void *context)
{
    struct keeper *keeper = context;
    const struct config *config = keeper->config.config;
    int64_t epoch = 0;

    keeper->packages =
        packages_open(keeper->loop, config->database, config->unsafe_durability, &keeper->err);
    if (keeper->packages && learn(keeper, &epoch)) {
        while (!keeper->stopped && packages_watch(keeper->packages, epoch))
            learn_again(keeper, &epoch);
    } else {
        loop_post(keeper->config.main_loop, on_failed, keeper);
    }
    packages_close(keeper->packages);
    keeper->packages = NULL;
    loop_stop(keeper->loop);
}

static bool learn(struct keeper *keeper, int64_t *epoch)
{
    const struct knowledge *knowledge =
        knowledge_read(keeper->packages, keeper->config.config, keeper->config.base, &keeper->err);

    if (!knowledge)
        return false;
    *epoch = knowledge->epoch;
    atomic_store(&keeper->memory, definitions_memory(knowledge->definitions));
    knowledge_release(atomic_exchange(&keeper->news, knowledge));
    loop_post(keeper->config.main_loop, on_learned, keeper);
    return true;
}

/* When the database is away, what is known stays in force. */
static void learn_again(struct keeper *keeper, int64_t *epoch)
{
    keeper->err = (struct err){0};
    if (learn(keeper, epoch)) {
        log_info(NULL, "packages changed", NULL);
        return;
    }
    log_warn(NULL, "cannot read what is installed", "why", keeper->err.text, NULL);
    fiber_sleep(AFTER_FAILURE_MS);
}

static void on_learned(void *context)
{
    struct keeper *keeper = context;
    const struct knowledge *news = atomic_exchange(&keeper->news, NULL);

    if (news) /* else a later one took its place, and was taken */
        keeper->config.learned(news, keeper->config.context);
}

static void on_failed(void *context)
{
    struct keeper *keeper = context;

    keeper->config.failed(&keeper->err, keeper->config.context);
}

static void on_stop(void *context)
{
    struct keeper *keeper = context;

    keeper->stopped = true;
    if (keeper->packages)
        packages_stop_watching(keeper->packages);
}

void keeper_end(struct keeper *keeper)
{
    if (!keeper)
        return;
    loop_post(keeper->loop, on_stop, keeper);
    pthread_join(keeper->thread, NULL);
    metrics_remove_gauges(keeper);
    knowledge_release(keeper->news);
    loop_free(keeper->loop);
    free(keeper);
}

static double memory_of(void *context)
{
    return (double)atomic_load(&((struct keeper *)context)->memory);
}
