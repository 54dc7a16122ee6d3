/*
 * With store - see with_store.h.
 */

#include "server/with_store.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "fhir/search_values.h"
#include "server/backup.h"
#include "server/config.h"
#include "storage/packages.h"
#include "storage/store.h"

#define AFTER_FAILURE_MS 1000

struct job {
    struct store_site site;
    store_work_fn *work;
    void *context;
    struct err *err;
    bool good;
    struct packages *packages; /* what is installed, to follow it */
    bool following;
    struct waiter followed;
};

/* Search parameters come and go while the work is done, and others wait until we have them. */
static void follow(void *context)
{
    struct job *job = context;
    struct err err = {0};
    int64_t epoch = 0;
    bool good = packages_follow(job->packages, &epoch, &err);

    while (good && packages_watch(job->packages, epoch))
        if (!packages_follow(job->packages, &epoch, &err)) {
            err = (struct err){0};
            fiber_sleep(AFTER_FAILURE_MS);
        }
    job->following = false;
    fiber_wake(&job->followed);
}

static bool begin_to_follow(struct job *job)
{
    job->packages = packages_open(job->site.loop, job->site.database,
                                  job->site.config->unsafe_durability, job->err);
    job->following = job->packages != NULL;
    if (job->following)
        fiber_spawn(job->site.loop, follow, job);
    return job->following;
}

static void end_following(struct job *job)
{
    struct err err = {0};

    if (job->packages)
        packages_stop_watching(job->packages);
    while (job->following)
        if (!fiber_wait(&job->followed, -1, &err))
            break;
    packages_close(job->packages);
}

static void run(void *context)
{
    struct job *job = context;
    const struct config *config = job->site.config;
    const struct store_config store = {
        .database = job->site.database,
        .statement_timeout_ms = (int)config->statement_timeout,
        .search_timeout_ms = (int)config->search_timeout,
        .transaction_timeout_ms = (int)config->transaction_timeout,
        .transaction_lanes = (unsigned)config->transaction_lanes,
        .include_max = (unsigned)config->include_max,
        .result_status_rules = config->result_status_rules,
        .unsafe_durability = config->unsafe_durability,
    };

    job->site.store = store_open(job->site.loop, &store, job->err);
    job->good =
        job->site.store && begin_to_follow(job) && job->work(&job->site, job->context, job->err);
    end_following(job);
    store_close(job->site.store);
    loop_stop(job->site.loop);
}

bool with_store(const struct config *config, store_work_fn *work, void *context, struct err *err)
{
    struct job job = {.site = {.config = config}, .work = work, .context = context, .err = err};
    struct arena *arena = arena_new();
    struct backup_target target = {0};

    if (search_values_setup(err) && backup_target_open(&target, config, arena, err)) {
        job.site.database = target.conninfo;
        job.site.loop = loop_new();
        fiber_spawn(job.site.loop, run, &job);
        loop_run(job.site.loop);
        loop_free(job.site.loop);
    }
    backup_target_close(&target);
    arena_free(arena);
    return job.good;
}
