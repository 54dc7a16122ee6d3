/*
 * Cluster processes - see cluster_process.h.
 */

#include "storage/cluster_process.h"

#include "base/fiber.h"
#include "storage/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool drop_privileges(const struct cluster_place *place);

pid_t cluster_spawn(const struct cluster_place *place, const char *const *arguments)
{
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

/* In the child: become the account that PostgreSQL runs as. */
static bool drop_privileges(const struct cluster_place *place)
{
    if (!place->account)
        return true;
    return initgroups(place->account, place->gid) == 0 && setgid(place->gid) == 0 &&
           setuid(place->uid) == 0;
}

bool cluster_wait(pid_t child, const char *what, struct err *err)
{
    int status = 0;

    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            break;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return err_set(err, ERR_INTERNAL, NULL, "%s failed.", what);
}

bool cluster_run(const char *program, const char *const *arguments, struct err *err)
{
    pid_t child = fork();

    if (child == 0) {
        execv(program, (char *const *)arguments);
        _exit(127);
    }
    return cluster_wait(child, program, err);
}

/* postmaster.pid: the pid on line 1, the state on line 8. */
pid_t cluster_read_pid(const char *data, char *state, size_t room)
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

/* /proc/PID/stat: pid (name) state. One that nobody has waited for yet is none any more. */
bool cluster_is_postgres(pid_t pid)
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

bool cluster_wait_gone(pid_t pid, int limit_ms)
{
    for (int waited = 0; waited < limit_ms; waited += 10) {
        if (!cluster_is_postgres(pid))
            return true;
        cluster_sleep(10);
    }
    return false;
}

/* Each of them works in the data folder. While the postmaster that the folder names is there, they
 * are his. */
bool cluster_is_used(const char *data, int signal)
{
    char folder[PATH_MAX], link[PATH_MAX], path[NAME_MAX + 16], state[64];
    bool owned = cluster_is_postgres(cluster_read_pid(data, state, sizeof(state)));
    DIR *processes = realpath(data, folder) ? opendir("/proc") : NULL;
    const struct dirent *process;
    bool used = false;

    while (processes && (process = readdir(processes))) {
        const pid_t pid = (pid_t)strtol(process->d_name, NULL, 10);

        snprintf(path, sizeof(path), "/proc/%s/cwd", process->d_name);
        ssize_t size = readlink(path, link, sizeof(link) - 1);
        link[size > 0 ? size : 0] = 0;
        if (pid <= 0 || strcmp(link, folder) != 0 || !cluster_is_postgres(pid))
            continue;
        used = true;
        if (!owned && signal)
            kill(pid, signal);
    }
    if (processes)
        closedir(processes);
    return used;
}

/* At the start and the end there is no loop; between them nothing may block it. */
void cluster_sleep(int ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

    if (fiber_loop())
        fiber_sleep(ms);
    else
        nanosleep(&time, NULL);
}
