/*
 * isthmus sync - keeps up with partners, and says how that stands.
 */

#include "base/arena.h"
#include "base/log.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/sync_internal.h"
#include "storage/landing.h"
#include "storage/store.h"

#include <signal.h>

#define WORDS_MAX 8
#define LANES     5 /* at least: for the batches that are under way at once, and for landing */
#define TENANT    1 /* as the requests of serve() */

const struct access sync_access = {.tenant = TENANT, .client = "isthmus sync"};

static const char usage[] =
    "usage: isthmus sync [--once] [--partner ID] [--metrics ADDRESS:PORT] [OPTIONS]\n"
    "       isthmus sync status [--partner ID] [--json] [OPTIONS]\n"
    "       isthmus sync account PARTNER [--json] [OPTIONS]\n"
    "       isthmus sync dead list PARTNER [WHICH] [--all] [--json] [OPTIONS]\n"
    "       isthmus sync dead show PARTNER NUMBER [OPTIONS]\n"
    "       isthmus sync dead replay PARTNER [WHICH] [--dry-run] [OPTIONS]\n"
    "       isthmus sync dead discard PARTNER --reason TEXT [WHICH] [--by NAME] [--second NAME]\n"
    "       isthmus sync dead help\n"
    "       isthmus sync push list PARTNER [--json] [OPTIONS]\n"
    "       isthmus sync push retry PARTNER [--class CLASS] [OPTIONS]\n\n"
    "Pulls what is new at the partners (isthmus partner), applies it, and pushes to those that\n"
    "shall have what is new here. OPTIONS are those of isthmus serve: --data DIR or --database\n"
    "URL; who pushes needs --base-url, too.\n\n"
    "  --once       does all of it once, without waiting for its time, and ends; exit status 1\n"
    "               when something could not be done to its end\n"
    "  --partner    only this one\n"
    "  --metrics    serves /metrics there\n"
    "  WHICH        --number N, --class CLASS, --since TIME, --until TIME (when it died first;\n"
    "               2026-11-23 or 2026-11-23T07:00:00Z), --window N: all that is given has to fit\n"
    "  --all        also those that were replayed or discarded, by whom and why\n\n"
    "status shows how far each pull is; on a terminal it goes on doing so. account prints the\n"
    "balance of a partner: what came is what was applied, was unchanged, is older, dead or\n"
    "waits. Exit status 1 when it is not. dead is about what could not be applied (help explains\n"
    "all classes), push about\n"
    "what could not be sent: list shows what waits and what failed, retry sends the latter "
    "again.\n"
    "What is discarded is kept with its reason; of results, --second names who agrees.\n";

static const struct subcommand {
    const char *name, *second;
    store_work_fn *run;
    unsigned words; /* that must follow */
    bool needs_reason;
} subcommands[] = {
    {"status", NULL, sync_status, 0, false},        {"account", NULL, sync_account, 1, false},
    {"dead", "list", sync_dead_list, 1, false},     {"dead", "show", sync_dead_show, 2, false},
    {"dead", "replay", sync_dead_replay, 1, false}, {"dead", "discard", sync_dead_discard, 1, true},
    {"dead", "help", sync_dead_help, 0, false},     {"push", "list", sync_push_list, 1, false},
    {"push", "retry", sync_push_retry, 1, false},   {0},
};

/* Rows of the table of arguments. */
enum {
    ONCE,
    PARTNER,
    JSON,
    DRY_RUN,
    CLASS,
    REASON,
    NUMBER,
    BY,
    SECOND,
    METRICS,
    SINCE,
    UNTIL,
    WINDOW,
    ALL,
    HELP
};

static unsigned count_words(const char *const *words)
{
    unsigned count = 0;

    while (words[count])
        count++;
    return count;
}

/* --partner in place of the first word. */
static void take_partner(struct sync_job *job, unsigned wanted)
{
    unsigned count = count_words(job->words);
    const char **words = arena_many(job->arena, const char *, count + 2);

    if (!job->partner || count + 1 != wanted)
        return;
    words[0] = job->partner;
    for (unsigned i = 0; i < count; i++)
        words[i + 1] = job->words[i];
    job->words = words;
}

/* What to run; NULL when it was called wrongly. Without a word it is the worker. */
static store_work_fn *choose(struct sync_job *job)
{
    if (!job->words[0])
        return sync_run;
    for (const struct subcommand *sub = subcommands; sub->name; sub++) {
        unsigned own = sub->second ? 2 : 1;
        if (strcmp(sub->name, job->words[0]) != 0 ||
            (sub->second && (!job->words[1] || strcmp(sub->second, job->words[1]) != 0)))
            continue;
        job->words += own;
        take_partner(job, sub->words);
        return count_words(job->words) == sub->words && (!sub->needs_reason || job->reason)
                   ? sub->run
                   : NULL;
    }
    return NULL;
}

static const char *last(const struct argument *argument)
{
    return argument->count ? argument->values[argument->count - 1] : NULL;
}

static int run(struct argument *own, const struct config *config, const char *const *words,
               struct arena *arena, struct err *err)
{
    struct sync_job job = {
        .words = words,
        .arena = arena,
        .partner = last(&own[PARTNER]),
        .class = last(&own[CLASS]),
        .reason = last(&own[REASON]),
        .decider = last(&own[BY]),
        .second = last(&own[SECOND]),
        .number = last(&own[NUMBER]),
        .metrics = last(&own[METRICS]),
        .since = last(&own[SINCE]),
        .until = last(&own[UNTIL]),
        .window = last(&own[WINDOW]),
        .all = own[ALL].count > 0,
        .once = own[ONCE].count > 0,
        .json = own[JSON].count > 0,
        .dry_run = own[DRY_RUN].count > 0,
    };
    store_work_fn *work = choose(&job);
    struct config more = *config;

    if (!work)
        return 2;
    if (more.transaction_lanes < LANES)
        more.transaction_lanes = LANES;
    return with_store(&more, work, &job, err) && !job.unbalanced ? 0 : 1;
}

int command_sync(int argc, char **argv)
{
    struct argument own[] = {{.name = "once"},
                             {.name = "partner", .takes_value = true},
                             {.name = "json"},
                             {.name = "dry-run"},
                             {.name = "class", .takes_value = true},
                             {.name = "reason", .takes_value = true},
                             {.name = "number", .takes_value = true},
                             {.name = "by", .takes_value = true},
                             {.name = "second", .takes_value = true},
                             {.name = "metrics", .takes_value = true},
                             {.name = "since", .takes_value = true},
                             {.name = "until", .takes_value = true},
                             {.name = "window", .takes_value = true},
                             {.name = "all"},
                             {.name = "help"},
                             {0}};
    struct arena *arena = arena_new();
    const char *words[WORDS_MAX] = {0};
    struct config config;
    struct err err = {0};
    int status = 2;

    if (arguments_take(own, &argc, argv, arena, &err) && own[HELP].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    if (!err.kind && config_load(&config, arena, argc, argv, words, WORDS_MAX, &err)) {
        log_setup(log_level_of(config.log_level), strcmp(config.log_format, "json") == 0);
        status = run(own, &config, words, arena, &err);
    }
    if (err.kind)
        fprintf(stderr, "isthmus sync: %s\n", err.text);
    else if (status == 2)
        fputs(usage, stderr);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}

struct landing_partner *sync_partner(const struct store_site *site, const char *name,
                                     struct arena *arena, struct err *err)
{
    struct landing_partner *partner = NULL;

    if (!landing_partner_get(site->store, &sync_access, name, 0, arena, &partner, err))
        return NULL;
    if (!partner)
        err_set(err, ERR_NOT_FOUND, name,
                "There is no partner %.64s; `isthmus partner list` says which there are.", name);
    return partner;
}
