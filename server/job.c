/*
 * Job runner - see job.h.
 */

#include "server/job.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/random.h"
#include "server/async.h"
#include "server/config.h"
#include "server/reindex.h"
#include "server/request.h"
#include "storage/jobs.h"

#include <stdlib.h>

enum {
    LOOK_MS = 1000,   /* between two looks for a job, when nobody kicks */
    BEAT_MS = 2000,   /* between two signs of life */
    STALE_MS = 10000, /* without any: its process is dead */
    TEND_MS = 60000,  /* between two looks for results to forget, and for what has to be done */
    AGAIN_MS = 1000,  /* before a job is put back that could not be done now */
};

static const struct kind {
    const char *name;
    job_fn *run;
} kinds[] = {
    {ASYNC_KIND, async_run},
    {REINDEX_KIND, reindex_run},
};

struct job_runner {
    const struct service *service;
    struct waiter pause, stopped;
    unsigned fibers;
    bool stopping;
    int64_t tended;
};

/* Signs of life while a job runs. */
struct pulse {
    const struct service *service;
    const struct job *job;
    struct waiter stop, stopped;
    bool over;
};

static void work(void *context);
static bool take_one(struct job_runner *runner);
static void run_job(struct job_runner *runner, const struct job *job, struct arena *arena);
static void beat(void *context);
static void tend(struct job_runner *runner);

struct job_runner *job_runner_start(struct loop *loop, const struct service *service)
{
    int64_t count = service->config->job_runners;

    if (count == 0)
        return NULL;
    struct job_runner *runner = calloc(1, sizeof(*runner));
    if (!runner)
        abort();
    runner->service = service;
    for (int64_t i = 0; i < count; i++) {
        runner->fibers++;
        fiber_spawn(loop, work, runner);
    }
    return runner;
}

void job_runner_kick(struct job_runner *runner)
{
    if (runner)
        fiber_wake(&runner->pause);
}

bool job_runner_stop(struct job_runner *runner, int timeout_ms)
{
    int64_t end = clock_monotonic() + (int64_t)timeout_ms * 1000;
    struct err late = {0};

    if (!runner)
        return true;
    runner->stopping = true;
    while (runner->fibers) {
        int64_t left = (end - clock_monotonic()) / 1000;
        fiber_wake(&runner->pause);
        if (left <= 0)
            return false;
        /* One of several that pause is woken at a time. */
        if (fiber_wait(&runner->stopped, left < 20 ? (int)left : 20, &late))
            continue;
    }
    free(runner);
    return true;
}

static void work(void *context)
{
    struct job_runner *runner = context;

    while (!runner->stopping) {
        if (take_one(runner) || runner->stopping)
            continue;
        tend(runner);
        /* Only one fiber can wait for a kick; the others look from time to time. */
        struct err late = {0};
        if (runner->pause.fiber)
            fiber_sleep(LOOK_MS);
        else if (fiber_wait(&runner->pause, LOOK_MS, &late))
            continue;
    }
    runner->fibers--;
    fiber_wake(&runner->stopped);
}

/* Whether there may be more to do at once. */
static bool take_one(struct job_runner *runner)
{
    struct arena *arena = arena_new();
    struct job *job = NULL;
    struct err err = {0};
    int64_t number = (int64_t)(random_number() >> 1) | 1;

    if (!jobs_take(runner->service->store, number, STALE_MS, arena, &job, &err))
        log_debug(NULL, "cannot look for jobs", "why", err.text, NULL);
    if (job)
        run_job(runner, job, arena);
    arena_free(arena);
    return job != NULL;
}

static bool run_kind(struct job_runner *runner, const struct job *job, struct arena *arena,
                     struct text *result)
{
    struct err err = {0};

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].name, job->kind) == 0 && job->takes <= JOB_TAKES_MAX)
            return kinds[i].run(runner->service, job, arena, result);
    err_set(&err, ERR_INTERNAL, NULL,
            "This request was begun %d times, and the server ended each time before it was done.",
            job->takes - 1);
    *result = async_refusal(arena, &err);
    return true;
}

static void run_job(struct job_runner *runner, const struct job *job, struct arena *arena)
{
    struct store *store = runner->service->store;
    struct pulse pulse = {.service = runner->service, .job = job};
    struct text result = {0};
    struct err err = {0};

    fiber_spawn(fiber_loop(), beat, &pulse);
    bool done = run_kind(runner, job, arena, &result);
    pulse.over = true;
    fiber_wake(&pulse.stop);
    if (!fiber_wait(&pulse.stopped, -1, &err))
        abort(); /* it waits without a deadline */

    if (done && jobs_finish(store, job, result, runner->service->config->job_keep, &err))
        return;
    if (!done)
        fiber_sleep(AGAIN_MS);
    else
        log_warn(NULL, "cannot keep what came of a job", "why", err.text, NULL);
    /* When even this fails the heartbeat has stopped, and somebody takes it. */
    if (!jobs_release(store, job, &err))
        log_warn(NULL, "cannot put a job back", "why", err.text, NULL);
}

static void beat(void *context)
{
    struct pulse *pulse = context;

    while (!pulse->over) {
        struct err err = {0};
        bool mine;

        if (!fiber_wait(&pulse->stop, BEAT_MS, &err) && !pulse->over) {
            err = (struct err){0};
            if (!jobs_beat(pulse->service->store, pulse->job, NULL, &mine, &err))
                log_warn(NULL, "cannot tell that a job is under way", "why", err.text, NULL);
        }
    }
    fiber_wake(&pulse->stopped);
}

static void tend(struct job_runner *runner)
{
    int64_t now = clock_monotonic();
    struct err err = {0};

    if (runner->tended && now - runner->tended < (int64_t)TEND_MS * 1000)
        return;
    runner->tended = now;
    if (!jobs_expire(runner->service->store, &err))
        log_debug(NULL, "cannot forget old results", "why", err.text, NULL);
    reindex_catch_up(runner->service);
}
