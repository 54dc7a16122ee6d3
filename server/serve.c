/*
 * isthmus serve - the server: PostgreSQL, threads, signals, and the order in
 * which all of it starts and stops.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/loop.h"
#include "fhir/search_values.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/dispatch.h"
#include "server/http.h"
#include "server/keeper.h"
#include "server/knowledge.h"
#include "server/listen.h"
#include "server/metrics.h"
#include "server/policy.h"
#include "server/reindex.h"
#include "server/version.h"
#include "server/worker.h"
#include "storage/cluster.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

struct server {
    struct arena *arena;
    struct config config;
    struct policy policy;
    struct listen_address address;
    const char *base;
    struct keeper *keeper;
    const struct knowledge *knowledge; /* NULL until the first was learned */
    struct cluster *cluster;           /* NULL with --database */
    struct loop *loop;                 /* of the main thread: signals, PostgreSQL */
    struct worker **workers;           /* NULL until then */
    int64_t ready, ended;
    bool stopping, failed;
    struct err cause; /* of the failure */
};

static bool prepare(struct server *server, int argc, char **argv, struct err *err);
static void allow_files(void);
static bool start_database(struct server *server, struct err *err);
static void start_keeper(struct server *server);
static void start_workers(struct server *server);
static void on_stop(void *context);
static void on_postgres_died(void *context, const char *problem);
static int finish(struct server *server);
static int print_help(void);

int command_serve(int argc, char **argv)
{
    struct server server = {0};
    struct err err = {0};

    if (argc == 1 && strcmp(argv[0], "--help") == 0)
        return print_help();
    server.arena = arena_new();
    if (!prepare(&server, argc, argv, &err) || !start_database(&server, &err)) {
        fprintf(stderr, "isthmus serve: %s\n", err.text);
        cluster_stop(server.cluster);
        arena_free(server.arena);
        return err.kind == ERR_INVALID && !server.cluster ? 2 : 1;
    }
    server.loop = loop_new();
    loop_on_signal(server.loop, SIGTERM, on_stop, &server);
    loop_on_signal(server.loop, SIGINT, on_stop, &server);
    if (server.cluster)
        cluster_watch(server.cluster, server.loop, on_postgres_died, &server);
    start_keeper(&server);
    loop_run(server.loop);
    return finish(&server);
}

static int print_help(void)
{
    struct buf out = {0};

    buf_add_text(
        &out, "usage: isthmus serve [OPTIONS]\n\n"
              "Serves FHIR under /fhir, and /healthz, /readyz and /metrics beside it. Prints\n"
              "`ready: URL` when it answers. Ctrl-C or SIGTERM stops it and its database.\n\n"
              "Every option can stand in a file (--config), in the environment (ISTHMUS_NAME) and\n"
              "on the command line; the later wins.\n\n");
    config_print_help(&out);
    fwrite(out.data, 1, out.size, stdout);
    buf_release(&out);
    return 0;
}

static bool prepare(struct server *server, int argc, char **argv, struct err *err)
{
    const char *words[2] = {0};

    if (!config_load(&server->config, server->arena, argc, argv, words, 2, err))
        return false;
    if (words[0])
        return err_set(err, ERR_INVALID, NULL, "%s is not expected here; see --help.", words[0]);
    log_setup(log_level_of(server->config.log_level),
              strcmp(server->config.log_format, "json") == 0);
    if (!policy_make(&server->policy, &server->config, server->arena, err) ||
        !listen_resolve(&server->config, &server->address, err) ||
        !http_port_is_free(server->address.host, server->address.port, err))
        return false;
    if (server->address.unauthenticated)
        log_warn(NULL, "no authentication", "meaning",
                 "everybody who reaches this address sees and changes everything", "use",
                 "synthetic data and demonstrations only", NULL);
    server->base =
        server->config.base_url[0]
            ? server->config.base_url
            : arena_printf(server->arena, "http://%s" DISPATCH_FHIR, server->address.text);
    metrics_gauge_process(ISTHMUS_VERSION);
    allow_files();
    search_values_set_base(text_of(server->base));
    return search_values_setup(err);
}

/* Each connection takes a file, and 1,024 are what a shell usually gives. */
static void allow_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_warn(NULL, "the limit of open files stays as it is", NULL);
}

static bool start_database(struct server *server, struct err *err)
{
    const struct cluster_config config = {
        .folder = server->config.data,
        .bin = server->config.postgres_bin,
        .account = server->config.postgres_user,
    };

    if (server->config.database[0])
        return true;
    server->cluster = cluster_start(&config, err);
    if (server->cluster)
        server->config.database = cluster_conninfo(server->cluster);
    return server->cluster != NULL;
}

/* In the main loop: a worker serves, could not start, or has stopped. */
static void on_worker(struct worker *worker, void *context)
{
    struct server *server = context;

    switch (worker_state(worker)) {
    case WORKER_READY:
        if (++server->ready == server->config.threads && !server->stopping) {
            printf("ready: %s\n", server->base);
            fflush(stdout);
            log_info(NULL, "ready", "base", server->base, "version", ISTHMUS_VERSION, NULL);
            reindex_warn(&server->config);
        }
        return;
    case WORKER_FAILED:
        server->failed = true;
        server->cause = *worker_err(worker);
        on_stop(server);
        break;
    default:
        break;
    }
    if (++server->ended == server->config.threads)
        loop_stop(server->loop);
}

static void warn_of_missing(const char *type, const char *profile)
{
    log_warn(NULL, "a required profile is not installed", "type", type, "profile", profile,
             "meaning", "no such resource can be written", NULL);
}

/* In the main loop. The first is what the workers wait for. */
static void on_learned(const struct knowledge *knowledge, void *context)
{
    struct server *server = context;

    knowledge_release(server->knowledge);
    server->knowledge = knowledge;
    policy_find_missing(&server->policy, knowledge->definitions, warn_of_missing);
    if (!server->workers)
        start_workers(server);
    else
        for (int64_t i = 0; i < server->config.threads; i++)
            worker_teach(server->workers[i], knowledge);
}

static void on_not_learned(const struct err *err, void *context)
{
    struct server *server = context;

    server->failed = true;
    server->cause = *err;
    loop_stop(server->loop);
}

static void start_keeper(struct server *server)
{
    const struct keeper_config config = {
        .config = &server->config,
        .base = server->base,
        .main_loop = server->loop,
        .learned = on_learned,
        .failed = on_not_learned,
        .context = server,
    };

    server->keeper = keeper_start(&config);
}

static void start_workers(struct server *server)
{
    const struct worker_config config = {
        .config = &server->config,
        .address = &server->address,
        .base = server->base,
        .policy = &server->policy,
        .knowledge = server->knowledge,
        .main_loop = server->loop,
        .changed = on_worker,
        .context = server,
    };

    server->workers = arena_many(server->arena, struct worker *, (size_t)server->config.threads);
    for (int64_t i = 0; i < server->config.threads; i++)
        server->workers[i] = worker_start(&config, (unsigned)i);
}

/* A second signal while draining ends at once; PostgreSQL then recovers at the next start. */
static void on_stop(void *context)
{
    struct server *server = context;

    if (server->stopping && !server->failed)
        _exit(130);
    if (server->stopping)
        return;
    server->stopping = true;
    log_info(NULL, "stopping", "waits for", "requests under way", NULL);
    for (int64_t i = 0; server->workers && i < server->config.threads; i++)
        worker_stop(server->workers[i]);
    if (!server->workers)
        loop_stop(server->loop);
}

static void on_postgres_died(void *context, const char *problem)
{
    (void)context;
    log_error(NULL, "no PostgreSQL", "why", problem, "remedy", "it is started again", NULL);
}

static int finish(struct server *server)
{
    bool clean = !server->failed;

    keeper_end(server->keeper);
    for (int64_t i = 0; server->workers && i < server->config.threads; i++)
        clean = worker_join(server->workers[i]) && clean;
    knowledge_release(server->knowledge);
    cluster_stop(server->cluster);
    log_info(NULL, "stopped", NULL);
    if (server->failed)
        fprintf(stderr, "isthmus serve: %s\n", server->cause.text);
    if (loop_fibers(server->loop) == 0) /* else PostgreSQL was just being started again */
        loop_free(server->loop);
    arena_free(server->arena);
    return clean ? 0 : 1;
}
