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
#include "storage/store.h"

struct job {
    struct store_site site;
    store_work_fn *work;
    void *context;
    struct err *err;
    bool good;
};

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
    job->good = job->site.store && job->work(&job->site, job->context, job->err);
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
