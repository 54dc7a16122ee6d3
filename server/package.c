/*
 * isthmus package - installs, lists and removes packages of definitions, also
 * while servers run: they notice by themselves.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/search_extend.h"
#include "server/arguments.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/knowledge.h"
#include "server/package_report.h"
#include "server/package_source.h"
#include "server/with_packages.h"

#define PATHS_MAX  100
#define ISSUES_MAX 10000

#define SWEEP_US       (30 * INT64_C(1000000))
#define SWEEP_PAUSE_MS 20

static const char usage[] =
    "usage: isthmus package install FILE.tgz|FOLDER... [--json] [--data DIR | --database URL]\n"
    "       isthmus package list [--json] [--data DIR | --database URL]\n"
    "       isthmus package remove NAME[#VERSION] [--data DIR | --database URL]\n\n"
    "A package is a FHIR NPM package (a .tgz), or a folder with its JSON files. Its profiles,\n"
    "extensions, value sets and code systems are used by every server on the database from then\n"
    "on, without a restart; search parameters when isthmus reindex has been through. Installing a\n"
    "version again replaces it.\n\n"
    "  --json    print one JSON object instead of text\n";

struct job {
    const char *const *words; /* paths or names, NULL-ended */
    struct arena *arena;
    bool json;
};

typedef bool action_fn(struct job *job, const struct config *config, struct err *err);

static bool install_all(struct job *job, const struct config *config, struct err *err);
static bool list_all(struct job *job, const struct config *config, struct err *err);
static bool remove_one(struct job *job, const struct config *config, struct err *err);

static const struct action {
    const char *name;
    action_fn *run;
    bool takes_words;
} actions[] = {
    {"install", install_all, true},
    {"list", list_all, false},
    {"remove", remove_one, true},
    {0},
};

static const struct action *find_action(const char *name);
static bool sweep(struct packages *packages, struct err *err);

int command_package(int argc, char **argv)
{
    struct argument own[] = {{.name = "json"}, {.name = "help"}, {0}};
    struct arena *arena = arena_new();
    const char *words[PATHS_MAX + 2] = {0};
    struct config config;
    struct err err = {0};
    int status = 0;

    bool called_right = arguments_take(own, &argc, argv, arena, &err);
    if (called_right && own[1].count) {
        fputs(usage, stdout);
        arena_free(arena);
        return 0;
    }
    called_right =
        called_right && config_load(&config, arena, argc, argv, words, PATHS_MAX + 2, &err);
    const struct action *action = called_right && words[0] ? find_action(words[0]) : NULL;
    struct job job = {.words = words + 1, .arena = arena, .json = own[0].count > 0};
    called_right = action && action->takes_words == (words[1] != NULL);
    if (!called_right || !action->run(&job, &config, &err))
        status = called_right ? 1 : 2;
    if (err.kind)
        fprintf(stderr, "isthmus package: %s\n", err.text);
    if (status == 2)
        fputs(usage, stderr);
    arena_free(arena);
    return fflush(stdout) == 0 ? status : 1;
}

static const struct action *find_action(const char *name)
{
    for (const struct action *action = actions; action->name; action++)
        if (strcmp(action->name, name) == 0)
            return action;
    return NULL;
}

/* Install. */

struct installation {
    struct job *job;
    struct package_source *sources;
    size_t count;
};

static bool install(struct packages *packages, void *context, struct err *err);

/* All files are read before any is installed. */
static bool install_all(struct job *job, const struct config *config, struct err *err)
{
    struct installation installation = {
        .job = job,
        .sources = arena_many(job->arena, struct package_source, PATHS_MAX + 1),
    };

    for (const char *const *path = job->words; *path; path++)
        if (!package_source_read(*path, job->arena, &installation.sources[installation.count++],
                                 err))
            return false;
    return with_packages(config, install, &installation, err);
}

/* What the servers will make of all that is installed now. */
static bool try(struct packages *packages, struct issues *issues, size_t *parameters,
                struct err *err)
{
    struct knowledge_gathering gathering;

    knowledge_gather(&gathering);
    gathering.parameters = search_extender_new(gathering.arena);
    bool good = knowledge_add_installed(&gathering, packages, err);
    search_extender_finish(gathering.parameters, issues, parameters);
    definitions_release(definitions_finish(gathering.definitions, issues));
    knowledge_forget(&gathering);
    return good;
}

static bool install(struct packages *packages, void *context, struct err *err)
{
    struct installation *installation = context;
    struct arena *arena = installation->job->arena;
    struct package *installed;
    struct issues issues;
    size_t installed_count, parameters = 0;

    for (size_t i = 0; i < installation->count; i++) {
        const struct package_source *source = &installation->sources[i];

        if (!packages_install(packages, &source->about, source->definitions, source->count, err))
            return false;
    }
    issues_init(&issues, arena, ISSUES_MAX);
    if (!try(packages, &issues, &parameters, err) ||
        !packages_list(packages, arena, &installed, &installed_count, err))
        return false;
    const struct package_report report = {
        .sources = installation->sources,
        .source_count = installation->count,
        .installed = installed,
        .installed_count = installed_count,
        .issues = &issues,
    };
    package_report_print(&report, installation->job->json, arena);
    if (parameters && !installation->job->json)
        printf(
            "search parameters beyond R4 in all packages: %zu; servers index by them from now on, "
            "and search by them after `isthmus reindex`\n",
            parameters);
    return true;
}

/* List. */

static bool list(struct packages *packages, void *context, struct err *err)
{
    struct job *job = context;
    struct package *installed;
    size_t count;

    if (!packages_list(packages, job->arena, &installed, &count, err))
        return false;
    package_list_print(installed, count, job->json, job->arena);
    return true;
}

static bool list_all(struct job *job, const struct config *config, struct err *err)
{
    return with_packages(config, list, job, err);
}

/* Remove. */

static bool remove_package(struct packages *packages, void *context, struct err *err)
{
    struct job *job = context;
    struct text name = text_of(job->words[0]), version = {0};
    unsigned removed;

    text_split(name, '#', &name, &version);
    if (!packages_remove(packages, text_dup(job->arena, name), text_dup(job->arena, version),
                         &removed, err))
        return false;
    if (removed == 0)
        return err_set(err, ERR_NOT_FOUND, NULL,
                       "%s is not installed; `isthmus package list` says what is.", job->words[0]);
    printf("%s: removed\n", job->words[0]);
    return sweep(packages, err);
}

/* What is stored by search parameters that went with it. Servers have to follow before anything is
 * taken away, which takes them a moment; if one does not, they do the rest. */
static bool sweep(struct packages *packages, struct err *err)
{
    bool more = true;

    for (int64_t end = clock_monotonic() + SWEEP_US; more && clock_monotonic() < end;) {
        if (!packages_sweep(packages, &more, err))
            return false;
        if (more)
            fiber_sleep(SWEEP_PAUSE_MS);
    }
    if (more)
        printf("what is stored by its search parameters is removed by the servers when all of them "
               "know\n");
    return true;
}

static bool remove_one(struct job *job, const struct config *config, struct err *err)
{
    return with_packages(config, remove_package, job, err);
}
