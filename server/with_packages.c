/*
 * With packages - see with_packages.h.
 */

#include "server/with_packages.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "server/backup.h"
#include "server/config.h"
#include "storage/packages.h"

struct job {
    const struct config *config;
    const char *database;
    struct loop *loop;
    packages_work_fn *work;
    void *context;
    struct err *err;
    bool good;
};

static void run(void *context)
{
    struct job *job = context;
    struct packages *packages =
        packages_open(job->loop, job->database, job->config->unsafe_durability, job->err);

    job->good = packages && job->work(packages, job->context, job->err);
    packages_close(packages);
    loop_stop(job->loop);
}

bool with_packages(const struct config *config, packages_work_fn *work, void *context,
                   struct err *err)
{
    struct job job = {.config = config, .work = work, .context = context, .err = err};
    struct arena *arena = arena_new();
    struct backup_target target = {0};

    if (backup_target_open(&target, config, arena, err)) {
        job.database = target.conninfo;
        job.loop = loop_new();
        fiber_spawn(job.loop, run, &job);
        loop_run(job.loop);
        loop_free(job.loop);
    }
    backup_target_close(&target);
    arena_free(arena);
    return job.good;
}
