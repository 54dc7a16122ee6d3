/*
 * Reindex - see reindex.h; and isthmus reindex, which does it by itself.
 */

#include "server/reindex.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/type.h"
#include "server/arguments.h"
#include "server/async.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/format.h"
#include "server/with_store.h"
#include "storage/jobs.h"
#include "storage/reindex.h"

#include <inttypes.h>
#include <time.h>

#define TENANT 1
#define ALL    "*" /* in place of a type, as payload */

enum { TRIES = 10 };

static const char usage[] =
    "usage: isthmus reindex [--type TYPE] [--data DIR | --database URL]\n\n"
    "Makes anew what resources are found by, from their content: after packages brought search\n"
    "parameters, or a new version of this program says so. No versions are made. Servers may run\n"
    "meanwhile. Stopped or killed, it goes on from there when it is run again.\n\n"
    "  --type TYPE   only resources of this type\n";

bool reindex(struct request *req, struct err *err)
{
    struct err cause = {0};
    const char *name;

    if (!jobs_add(req->service->store, &req->access, REINDEX_KIND,
                  text_of(req->type ? req->type : ALL), 1, req->arena, &name, &cause))
        return cause.kind == ERR_THROTTLED
                   ? err_set(err, ERR_THROTTLED, NULL,
                             "An indexing waits or runs already, and there is one at a time. Try "
                             "again when it is done.")
                   : err_set(err, cause.kind, NULL, "%s", cause.text);
    async_promise(req, name);
    return true;
}

void reindex_catch_up(const struct service *service)
{
    const struct access access = {.tenant = TENANT, .client = "isthmus"};
    struct arena *arena = arena_new();
    struct err err = {0};
    const char *name;

    if (!reindex_is_needed())
        ;
    else if (jobs_add(service->store, &access, REINDEX_KIND, TEXT(REINDEX_BEHIND), 1, arena, &name,
                      &err))
        log_info(NULL, "indexing anew what an earlier version stored", NULL);
    else if (err.kind != ERR_THROTTLED)
        log_warn(NULL, "cannot begin to index anew", "why", err.text, NULL);
    arena_free(arena);
}

void reindex_warn(const struct config *config)
{
    if (reindex_is_needed())
        log_warn(NULL, "what an earlier version stored has to be indexed anew", "meaning",
                 "until then searches find by it what the earlier version would have found; what "
                 "that version did not know of (near, _contained) is refused",
                 "remedy",
                 config->job_runners ? "the server begins with it now" : "isthmus reindex", NULL);
}

/* As a job. */

struct task {
    const struct service *service;
    const struct job *job;
};

static const char *describe(const struct reindex_progress *progress, char *out, size_t size)
{
    if (progress->waiting)
        snprintf(out, size,
                 "%s: waits for %" PRId64 " connections of processes that do not know the packages",
                 progress->type, progress->waiting);
    else
        snprintf(out, size, "%s: %" PRId64 " of %" PRId64, progress->type, progress->done,
                 progress->total > progress->done ? progress->total : progress->done);
    return out;
}

static bool tell_job(void *context, const struct reindex_progress *progress)
{
    const struct task *task = context;
    struct err err = {0};
    char text[160];
    bool mine = true;

    if (!jobs_beat(task->service->store, task->job, describe(progress, text, sizeof(text)), &mine,
                   &err))
        return true; /* it is only told later; the work itself shows whether the database is there
                      */
    return mine && !task->service->draining;
}

static struct text report(struct arena *arena, int64_t rewritten)
{
    struct node *outcome = node_new_resource(arena, "OperationOutcome");
    struct node *issue = node_add(arena, outcome, "issue");
    struct buf out = buf_in(arena);

    node_add_value(arena, issue, "severity", TEXT("information"));
    node_add_value(arena, issue, "code", TEXT("informational"));
    node_add_value(
        arena, issue, "diagnostics",
        text_of(arena_printf(arena, "Done; %" PRId64 " resources were indexed differently before.",
                             rewritten)));
    buf_printf(&out, "200 %s\n", FORMAT_FHIR_JSON);
    json_write(outcome, &out);
    return (struct text){buf_text(&out), out.size};
}

/* Of what the server began by itself: nobody asks for its result. */
static void log_end(const char *type, int64_t rewritten, const struct err *err)
{
    char count[24];

    if (strcmp(type, REINDEX_BEHIND) != 0)
        return;
    snprintf(count, sizeof(count), "%" PRId64, rewritten);
    if (err->kind)
        log_warn(NULL, "cannot index anew what an earlier version stored", "why", err->text, NULL);
    else
        log_info(NULL, "what an earlier version stored is indexed", "changed", count, NULL);
}

bool reindex_run(const struct service *service, const struct job *job, struct arena *arena,
                 struct text *result)
{
    struct task task = {.service = service, .job = job};
    const char *type = text_dup(arena, job->payload);
    int64_t rewritten = 0;
    struct err err = {0};

    if (store_reindex(service->store, &job->access, strcmp(type, ALL) == 0 ? NULL : type, tell_job,
                      &task, &rewritten, &err))
        *result = report(arena, rewritten);
    else if (err.kind == ERR_BUSY)
        return false;
    else
        *result = async_refusal(arena, &err);
    log_end(type, rewritten, &err);
    return true;
}

/* As a command. */

struct command {
    const char *type;
    int64_t rewritten; /* by all tries */
    bool begun;        /* in this try */
};

static bool tell_terminal(void *context, const struct reindex_progress *progress)
{
    char text[160];

    (void)context;
    if (progress->waiting || progress->total || progress->done) {
        printf("%s\n", describe(progress, text, sizeof(text)));
        fflush(stdout);
    }
    return true;
}

static bool work(const struct store_site *site, void *context, struct err *err)
{
    const struct access access = {.tenant = TENANT, .client = "isthmus reindex"};
    struct command *command = context;

    int64_t rewritten = 0;

    command->begun = true;
    bool good =
        store_reindex(site->store, &access, command->type, tell_terminal, command, &rewritten, err);
    command->rewritten += rewritten;
    return good;
}

/* A server may be changing what is indexed at this moment, as `isthmus index` told it to: then this
 * process is shut out, since it does not know of that. Opened again it does, and goes on. */
static bool work_on(const struct config *config, struct command *command, struct err *err)
{
    for (int i = 0; i < TRIES; i++) {
        const struct timespec pause = {1, 0};

        *err = (struct err){0};
        command->begun = false;
        if (with_store(config, work, command, err))
            return true;
        if (!command->begun || (err->kind != ERR_BUSY && err->kind != ERR_CONFLICT))
            return false;
        printf("what is indexed was changed meanwhile: goes on\n");
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
    return false;
}

int command_reindex(int argc, char **argv)
{
    struct argument own[] = {{.name = "type", .takes_value = true}, {.name = "help"}, {0}};
    struct arena *arena = arena_new();
    const char *words[2] = {0};
    struct command command = {0};
    struct config config;
    struct err err = {0};
    int status = 2;

    if (arguments_take(own, &argc, argv, arena, &err) && own[1].count) {
        fputs(usage, stdout);
        status = 0;
    } else if (!err.kind && config_load(&config, arena, argc, argv, words, 2, &err) && !words[0]) {
        command.type = own[0].count ? own[0].values[0] : NULL;
        if (command.type && !resource_type_find(text_of(command.type)))
            err_set(&err, ERR_INVALID, "type", "R4 has no resource type %s.", command.type);
        else
            status = work_on(&config, &command, &err) ? 0 : 1;
    }
    if (err.kind)
        fprintf(stderr, "isthmus reindex: %s\n", err.text);
    else if (status == 2)
        fputs(usage, stderr);
    else if (status == 0 && !own[1].count)
        printf("done; %" PRId64 " resources were indexed differently before\n", command.rewritten);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}
