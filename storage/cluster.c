/*
 * Cluster - see cluster.h.
 */

#include "storage/cluster.h"

#include "base/fiber.h"
#include "base/loop.h"
#include "storage/cluster_place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS   60000  /* PostgreSQL may have to recover first */
#define RECOVER_MS 600000 /* while it says that it does */
#define STOP_MS    60000
#define ORPHAN_MS  15000 /* for one left behind to stop in order */
#define REVIVE_MS  3000  /* between attempts */

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
static bool write_settings(const struct cluster *cluster, struct err *err);
static bool stop_orphan(const struct cluster *cluster, struct err *err);
static bool launch(struct cluster *cluster, struct err *err);
static void format_conninfo(char conninfo[CONNINFO_SIZE], const struct cluster_place *place);
static void stop_postgres(struct cluster *cluster);
static void sleep_ms(int ms);

struct cluster *cluster_start(const struct cluster_config *config, struct err *err)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    if (!cluster)
        abort();
    cluster->lock = -1;
    if (!cluster_place_find(&cluster->place, config, err) || !lock_folder(cluster, err) ||
        !initialise(cluster, err) || !write_settings(cluster, err) || !stop_orphan(cluster, err) ||
        !launch(cluster, err)) {
        cluster_stop(cluster);
        return NULL;
    }
    format_conninfo(cluster->conninfo, &cluster->place);
    return cluster;
}

static void format_conninfo(char conninfo[CONNINFO_SIZE], const struct cluster_place *place)
{
    snprintf(conninfo, CONNINFO_SIZE, "host=%s port=5432 user=isthmus dbname=postgres",
             place->socket);
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

/* At the start and the end there is no loop; between them nothing may block it. */
static void sleep_ms(int ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

    if (fiber_loop())
        fiber_sleep(ms);
    else
        nanosleep(&time, NULL);
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

/* In the child: become the account that PostgreSQL runs as. */
static bool drop_privileges(const struct cluster_place *place)
{
    if (!place->account)
        return true;
    return initgroups(place->account, place->gid) == 0 && setgid(place->gid) == 0 &&
           setuid(place->uid) == 0;
}

/* Runs a program of PostgreSQL as its account, output to the log. */
static pid_t spawn(const struct cluster *cluster, const char *const *arguments)
{
    const struct cluster_place *place = &cluster->place;
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0)
        return child;

    int log = open(place->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    /* A group of its own, so that Ctrl-C on the terminal reaches us only; and
     * should we be killed, it stops by itself. The death signal is cleared by
     * setuid, hence set after it. */
    setpgid(0, 0);
    if (log < 0 || null < 0 || fchown(log, place->uid, place->gid) != 0 ||
        !drop_privileges(place) || prctl(PR_SET_PDEATHSIG, SIGINT) != 0 || getppid() != parent)
        _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir(place->folder) == 0)
        execv(arguments[0], (char *const *)arguments);
    _exit(127);
}

static bool wait_for(pid_t child, const char *what, struct err *err)
{
    int status = 0;

    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            break;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return err_set(err, ERR_INTERNAL, NULL, "%s failed.", what);
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
    if (!wait_for(spawn(cluster, arguments), "initdb", &cause))
        return err_set(err, ERR_INTERNAL, "data", "initdb could not make a cluster; %s says why.",
                       cluster->place.log);
    if (rename(fresh, cluster->place.data) != 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be made: %s.", cluster->place.data,
                       strerror(errno));
    return true;
}

/* A share of the machine's memory, within reason: other things live here too. */
static long shared_buffers_mb(void)
{
    long long total = (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE);
    long mb = (long)(total / 8 >> 20);

    return mb < 128 ? 128 : mb > 1024 ? 1024 : mb;
}

static const char settings[] = "# Written at every start. What you set with ALTER SYSTEM wins.\n"
                               "listen_addresses = ''\n"
                               "unix_socket_directories = '%s'\n"
                               "unix_socket_permissions = 0700\n"
                               "port = 5432\n"
                               "max_connections = 100\n"
                               "shared_buffers = %ldMB\n"
                               "work_mem = 16MB\n"
                               "maintenance_work_mem = 256MB\n"
                               "fsync = on\n"
                               "full_page_writes = on\n"
                               "synchronous_commit = on\n"
                               "wal_buffers = 16MB\n"
                               "max_wal_size = 4GB\n"
                               "checkpoint_timeout = 15min\n"
                               "checkpoint_completion_target = 0.9\n"
                               "wal_compression = lz4\n"
                               "random_page_cost = 1.1\n"
                               "effective_io_concurrency = 100\n"
                               "jit = off\n"
                               "gin_pending_list_limit = 256kB\n"
                               "autovacuum_naptime = 15s\n"
                               "autovacuum_vacuum_cost_limit = 2000\n"
                               "timezone = UTC\n"
                               "log_timezone = UTC\n"
                               /* Health data stay out of the log: no statements, no values. */
                               "log_statement = none\n"
                               "log_min_error_statement = panic\n"
                               "log_min_messages = warning\n"
                               "log_error_verbosity = terse\n"
                               "log_parameter_max_length = 0\n"
                               "log_parameter_max_length_on_error = 0\n"
                               "log_checkpoints = off\n";

static bool include_settings(const char *path, struct err *err)
{
    static const char line[] = "include_if_exists = 'isthmus.conf'\n";
    char found[256];
    FILE *file = fopen(path, "r+e");
    bool there = false;

    while (file && !there && fgets(found, sizeof(found), file))
        there = strcmp(found, line) == 0;
    bool good = file && (there || (fseek(file, 0, SEEK_END) == 0 && fputs(line, file) >= 0));
    if (file && fclose(file) != 0)
        good = false;
    return good ||
           err_set(err, ERR_INVALID, "data", "%s cannot be written: %s.", path, strerror(errno));
}

static bool write_settings(const struct cluster *cluster, struct err *err)
{
    char path[PATH_MAX + 32];

    snprintf(path, sizeof(path), "%s/isthmus.conf", cluster->place.data);
    FILE *file = fopen(path, "we");
    if (!file)
        return err_set(err, ERR_INVALID, "data", "%s cannot be written: %s.", path,
                       strerror(errno));
    fprintf(file, settings, cluster->place.socket, shared_buffers_mb());
    if (fchown(fileno(file), cluster->place.uid, cluster->place.gid) != 0 || fclose(file) != 0)
        return err_set(err, ERR_INVALID, "data", "%s cannot be written: %s.", path,
                       strerror(errno));
    snprintf(path, sizeof(path), "%s/postgresql.conf", cluster->place.data);
    return include_settings(path, err);
}

/* postmaster.pid: the pid on line 1, the state on line 8. */
static pid_t read_pid_file(const char *data, char *state, size_t room)
{
    char path[PATH_MAX + 32], line[PATH_MAX];
    pid_t pid = 0;

    state[0] = 0;
    snprintf(path, sizeof(path), "%s/postmaster.pid", data);
    FILE *file = fopen(path, "re");
    for (int number = 1; file && fgets(line, sizeof(line), file); number++) {
        if (number == 1)
            pid = (pid_t)strtol(line, NULL, 10);
        if (number == 8)
            snprintf(state, room, "%.*s", (int)room - 1, line);
    }
    if (file)
        fclose(file);
    return pid > 0 ? pid : 0;
}

/* A pid is reused after a reboot: only a postgres counts, and one that nobody has waited for yet
 * is none any more. /proc/PID/stat: pid (name) state. */
static bool is_postgres(pid_t pid)
{
    char path[64], line[128] = "", state = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(line, sizeof(line), file))
        line[0] = 0;
    fclose(file);
    const char *name = strchr(line, '('), *end = strrchr(line, ')');
    if (name && end && end[1] == ' ')
        state = end[2];
    return name && strncmp(name + 1, "postgres", 8) == 0 && state && !strchr("ZX", state);
}

static bool wait_until_gone(pid_t pid, int limit_ms)
{
    for (int waited = 0; waited < limit_ms; waited += 10) {
        if (!is_postgres(pid))
            return true;
        sleep_ms(10);
    }
    return false;
}

/* What a killed server leaves behind stops by itself (see spawn()); hurry it. One that was
 * recovering may not listen, or be at its last checkpoint for long: nothing is lost by leaving that
 * to the next start. */
static bool stop_orphan(const struct cluster *cluster, struct err *err)
{
    char state[64];
    pid_t pid = read_pid_file(cluster->place.data, state, sizeof(state));

    if (!pid || !is_postgres(pid))
        return true;
    kill(pid, SIGINT);
    if (wait_until_gone(pid, ORPHAN_MS))
        return true;
    kill(pid, SIGQUIT);
    return wait_until_gone(pid, STOP_MS) ||
           err_set(err, ERR_CONFLICT, "data",
                   "A PostgreSQL that an earlier server left behind (process %d) does not stop.",
                   (int)pid);
}

static bool has_exited(struct cluster *cluster)
{
    if (waitpid(cluster->pid, NULL, WNOHANG) == 0)
        return false;
    cluster->pid = 0;
    return true;
}

static bool wait_until_ready(struct cluster *cluster)
{
    char state[64];

    for (int waited = 0; waited < RECOVER_MS; waited += 5) {
        if (has_exited(cluster))
            return false;
        pid_t pid = read_pid_file(cluster->place.data, state, sizeof(state));
        if (pid == cluster->pid && strncmp(state, "ready", 5) == 0)
            return true;
        if (waited > READY_MS && strncmp(state, "starting", 8) != 0)
            return false;
        sleep_ms(5);
    }
    return false;
}

static bool launch_once(struct cluster *cluster)
{
    char program[PATH_MAX + 16];

    snprintf(program, sizeof(program), "%s/postgres", cluster->place.bin);
    const char *const arguments[] = {program, "-D", cluster->place.data, NULL};
    cluster->pid = spawn(cluster, arguments);
    return cluster->pid > 0 && wait_until_ready(cluster);
}

/* Backends of a postmaster that was killed need a moment to notice; until
 * they have, their shared memory keeps a new one from starting. */
static bool launch(struct cluster *cluster, struct err *err)
{
    for (int try = 0; try < 20; try++) {
        if (launch_once(cluster))
            return true;
        if (cluster->pid > 0)
            break;
        sleep_ms(100);
    }
    return err_set(err, ERR_INTERNAL, "data", "PostgreSQL did not start; %s says why.",
                   cluster->place.log);
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
        sleep_ms(REVIVE_MS);
    }
    cluster->reviving = false;
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

void cluster_watch(struct cluster *cluster, struct loop *loop,
                   void (*died)(void *context, const char *problem), void *context)
{
    cluster->loop = loop;
    cluster->died = died;
    cluster->context = context;
    loop_on_signal(loop, SIGCHLD, on_child, cluster);
}

static void stop_postgres(struct cluster *cluster)
{
    kill(cluster->pid, SIGINT);
    for (int waited = 0; waited < STOP_MS; waited += 5) {
        if (has_exited(cluster))
            return;
        sleep_ms(5);
    }
    kill(cluster->pid, SIGQUIT); /* recovers at the next start */
    waitpid(cluster->pid, NULL, 0);
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

const char *cluster_running(const char *folder)
{
    static char conninfo[CONNINFO_SIZE];
    struct cluster_place place = {0};
    char state[64];

    if (!cluster_place_paths(&place, folder, NULL))
        return NULL;
    pid_t pid = read_pid_file(place.data, state, sizeof(state));
    if (!pid || !is_postgres(pid) || strncmp(state, "ready", 5) != 0)
        return NULL;
    format_conninfo(conninfo, &place);
    return conninfo;
}

bool cluster_run(const char *program, const char *const *arguments, struct err *err)
{
    pid_t child = fork();

    if (child == 0) {
        execv(program, (char *const *)arguments);
        _exit(127);
    }
    return wait_for(child, program, err);
}
