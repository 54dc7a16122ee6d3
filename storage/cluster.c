/*
 * Cluster - its life: locked, made, started, revived, stopped.
 */

#include "storage/cluster.h"

#include "base/fiber.h"
#include "base/loop.h"
#include "storage/cluster_process.h"
#include "storage/cluster_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS   60000  /* PostgreSQL may have to recover first */
#define RECOVER_MS 600000 /* while it says that it does */
#define STOP_MS    60000
#define ORPHAN_MS  15000 /* for one left behind to stop in order */
#define REVIVE_MS  3000  /* between attempts */
#define TRIES      20    /* to start it */
#define TRIES_USED 600   /* while others are still at work in its folder */
#define TRY_MS     100

#define CONNINFO_SIZE (PATH_MAX + 64)

struct cluster {
    struct cluster_place place;
    char conninfo[CONNINFO_SIZE];
    int lock;  /* descriptor of DIR/isthmus.lock */
    pid_t pid; /* of the postmaster; 0: not running */
    bool stopping, reviving;
    struct loop *loop;
    void (*died)(void *context, const char *problem);
    void *context;
};

static bool lock_folder(struct cluster *cluster, struct err *err);
static bool initialise(struct cluster *cluster, struct err *err);
static bool stop_orphan(const struct cluster *cluster, struct err *err);
static bool launch(struct cluster *cluster, struct err *err);
static bool launch_once(struct cluster *cluster);
static bool wait_until_ready(struct cluster *cluster);
static bool has_exited(struct cluster *cluster);
static void format_conninfo(char conninfo[CONNINFO_SIZE], const struct cluster_place *place);
static void on_child(void *context);
static void revive(void *context);
static void stop_postgres(struct cluster *cluster);

struct cluster *cluster_start(const struct cluster_config *config, struct err *err)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    if (!cluster)
        abort();
    cluster->lock = -1;
    if (!cluster_place_find(&cluster->place, config, err) || !lock_folder(cluster, err) ||
        !initialise(cluster, err) || !cluster_write_settings(&cluster->place, err) ||
        !stop_orphan(cluster, err) || !launch(cluster, err)) {
        cluster_stop(cluster);
        return NULL;
    }
    format_conninfo(cluster->conninfo, &cluster->place);
    return cluster;
}

/* The lock ends with the process, however it ends. */
static bool lock_folder(struct cluster *cluster, struct err *err)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/isthmus.lock", cluster->place.folder);
    cluster->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (cluster->lock < 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be opened: %s.", path, strerror(errno));
    if (flock(cluster->lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_CONFLICT, "data",
                       "The data folder %s is in use by another isthmus; two cannot share one.",
                       cluster->place.folder);
    return true;
}

/* Made under another name and moved, so that an interrupted initdb leaves no half cluster. */
static bool initialise(struct cluster *cluster, struct err *err)
{
    char fresh[PATH_MAX + 8], program[PATH_MAX + 16], done[PATH_MAX + 16];
    struct stat info;
    struct err cause = {0};

    snprintf(done, sizeof(done), "%s/PG_VERSION", cluster->place.data);
    if (stat(done, &info) == 0)
        return true;
    snprintf(fresh, sizeof(fresh), "%s.new", cluster->place.data);
    snprintf(program, sizeof(program), "%s/initdb", cluster->place.bin);
    const char *const clean[] = {"/bin/rm", "-rf", fresh, NULL};
    if (!cluster_run(clean[0], clean, err))
        return false;
    if (mkdir(fresh, 0700) != 0 || chown(fresh, cluster->place.uid, cluster->place.gid) != 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be made: %s.", fresh, strerror(errno));
    const char *const arguments[] = {
        program, "-D", fresh,  "-U",         "isthmus",          "-A",
        "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-instructions",
        NULL,
    };
    if (!cluster_wait(cluster_spawn(&cluster->place, arguments), "initdb", &cause))
        return err_set(err, ERR_INTERNAL, "data", "initdb could not make a cluster; %s says why.",
                       cluster->place.log);
    if (rename(fresh, cluster->place.data) != 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be made: %s.", cluster->place.data,
                       strerror(errno));
    return true;
}

/* What a killed server leaves behind stops by itself (see cluster_spawn()); hurry it. One that was
 * recovering may not listen, or be at its last checkpoint for long: nothing is lost by leaving that
 * to the next start. */
static bool stop_orphan(const struct cluster *cluster, struct err *err)
{
    char state[64];
    pid_t pid = cluster_read_pid(cluster->place.data, state, sizeof(state));

    if (!pid || !cluster_is_postgres(pid))
        return true;
    kill(pid, SIGINT);
    if (cluster_wait_gone(pid, ORPHAN_MS))
        return true;
    kill(pid, SIGQUIT);
    return cluster_wait_gone(pid, STOP_MS) ||
           err_set(err, ERR_CONFLICT, "data",
                   "A PostgreSQL that an earlier server left behind (process %d) does not stop.",
                   (int)pid);
}

/* Backends of a postmaster that was killed need a moment to notice, and first end what they are at;
 * until they have, their shared memory keeps a new one from starting. One that waits for another
 * which is gone never notices. Nothing is lost by ending them: what was committed is recovered. */
static bool launch(struct cluster *cluster, struct err *err)
{
    for (int try = 0; try < TRIES_USED; try++) {
        int signal = try < TRIES ? 0 : try < 2 * TRIES ? SIGQUIT : SIGKILL;
        bool used = cluster_is_used(cluster->place.data, signal); /* and who ends was in the way */

        if (launch_once(cluster))
            return true;
        if (cluster->pid > 0 || (try >= TRIES && !used))
            break;
        cluster_sleep(TRY_MS);
    }
    return err_set(err, ERR_INTERNAL, "data", "PostgreSQL did not start; %s says why.",
                   cluster->place.log);
}

static bool launch_once(struct cluster *cluster)
{
    char program[PATH_MAX + 16];

    snprintf(program, sizeof(program), "%s/postgres", cluster->place.bin);
    const char *const arguments[] = {program, "-D", cluster->place.data, NULL};
    cluster->pid = cluster_spawn(&cluster->place, arguments);
    return cluster->pid > 0 && wait_until_ready(cluster);
}

static bool wait_until_ready(struct cluster *cluster)
{
    char state[64];

    for (int waited = 0; waited < RECOVER_MS; waited += 5) {
        if (has_exited(cluster))
            return false;
        pid_t pid = cluster_read_pid(cluster->place.data, state, sizeof(state));
        if (pid == cluster->pid && strncmp(state, "ready", 5) == 0)
            return true;
        if (waited > READY_MS && strncmp(state, "starting", 8) != 0)
            return false;
        cluster_sleep(5);
    }
    return false;
}

static bool has_exited(struct cluster *cluster)
{
    if (waitpid(cluster->pid, NULL, WNOHANG) == 0)
        return false;
    cluster->pid = 0;
    return true;
}

const char *cluster_conninfo(const struct cluster *cluster)
{
    return cluster->conninfo;
}

const char *cluster_program(const struct cluster *cluster, const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", cluster->place.bin, name);
    return path;
}

const char *cluster_running(const char *folder)
{
    static char conninfo[CONNINFO_SIZE];
    struct cluster_place place = {0};
    char state[64];

    if (!cluster_place_paths(&place, folder, NULL))
        return NULL;
    pid_t pid = cluster_read_pid(place.data, state, sizeof(state));
    if (!pid || !cluster_is_postgres(pid) || strncmp(state, "ready", 5) != 0)
        return NULL;
    format_conninfo(conninfo, &place);
    return conninfo;
}

static void format_conninfo(char conninfo[CONNINFO_SIZE], const struct cluster_place *place)
{
    snprintf(conninfo, CONNINFO_SIZE, "host=%s port=5432 user=isthmus dbname=postgres",
             place->socket);
}

void cluster_watch(struct cluster *cluster, struct loop *loop,
                   void (*died)(void *context, const char *problem), void *context)
{
    cluster->loop = loop;
    cluster->died = died;
    cluster->context = context;
    loop_on_signal(loop, SIGCHLD, on_child, cluster);
}

static void on_child(void *context)
{
    struct cluster *cluster = context;

    if (cluster->stopping || cluster->reviving || cluster->pid <= 0 || !has_exited(cluster))
        return;
    cluster->reviving = true;
    cluster->died(cluster->context, "PostgreSQL ended unexpectedly.");
    fiber_spawn(cluster->loop, revive, cluster);
}

/* In a fiber: tries until it runs, however long the disk is full. */
static void revive(void *context)
{
    struct cluster *cluster = context;

    while (!cluster->stopping) {
        struct err err = {0};
        if (launch(cluster, &err))
            break;
        cluster->died(cluster->context, err.text);
        if (cluster->pid > 0)
            stop_postgres(cluster);
        cluster_sleep(REVIVE_MS);
    }
    cluster->reviving = false;
}

void cluster_stop(struct cluster *cluster)
{
    if (!cluster)
        return;
    cluster->stopping = true;
    if (cluster->pid > 0)
        stop_postgres(cluster);
    if (cluster->lock >= 0)
        close(cluster->lock);
    free(cluster);
}

static void stop_postgres(struct cluster *cluster)
{
    kill(cluster->pid, SIGINT);
    for (int waited = 0; waited < STOP_MS; waited += 5) {
        if (has_exited(cluster))
            return;
        cluster_sleep(5);
    }
    kill(cluster->pid, SIGQUIT); /* recovers at the next start */
    waitpid(cluster->pid, NULL, 0);
}
