#pragma once

/*
 * A private PostgreSQL for one test program, and fibers to test in.
 *
 *     cmocka_run_group_tests(tests, postgres_start, postgres_stop)
 *
 * Each test takes a database of its own with postgres_database() and runs its
 * body with postgres_run(). The server dies with the test program.
 */

#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define POSTGRES_UNUSED __attribute__((unused))

static char postgres_dir[64];
static char postgres_bin[256];
static pid_t postgres_pid;
static unsigned postgres_databases;
static const char *postgres_template = "template1"; /* what new databases begin with */

/* Runs a shell command as the account that owns the cluster; its exit status. */
static int __attribute__((format(printf, 1, 2), unused)) postgres_shell(const char *fmt, ...)
{
    char inner[4096], command[5000];
    va_list args;

    va_start(args, fmt);
    vsnprintf(inner, sizeof(inner), fmt, args);
    va_end(args);
    snprintf(command, sizeof(command), "%s sh -c '%s'",
             geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : "",
             inner);
    return system(command);
}

/* What one command printed first, without its newline. */
static POSTGRES_UNUSED void postgres_output(const char *command, char *out, size_t size)
{
    FILE *pipe = popen(command, "r");

    if (!pipe || !fgets(out, (int)size, pipe))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (pipe)
        pclose(pipe);
}

static POSTGRES_UNUSED void postgres_exec(void)
{
    char data[96], socket[96];

    snprintf(data, sizeof(data), "%s/data", postgres_dir);
    snprintf(socket, sizeof(socket), "unix_socket_directories=%s", postgres_dir);
    char program[300];
    snprintf(program, sizeof(program), "%s/postgres", postgres_bin);
    char *as_root[] = {(char[]){"setpriv"},
                       (char[]){"--reuid=postgres"},
                       (char[]){"--regid=postgres"},
                       (char[]){"--clear-groups"},
                       (char[]){"--pdeathsig=QUIT"},
                       program,
                       (char[]){"-D"},
                       data,
                       (char[]){"-c"},
                       socket,
                       NULL};
    char *as_user[] = {(char[]){"setpriv"},
                       (char[]){"--pdeathsig=QUIT"},
                       program,
                       (char[]){"-D"},
                       data,
                       (char[]){"-c"},
                       socket,
                       NULL};
    char log[96];

    snprintf(log, sizeof(log), "%s/log", postgres_dir);
    if (!freopen(log, "a", stdout) || !freopen(log, "a", stderr))
        _exit(126);
    execvp("setpriv", geteuid() == 0 ? as_root : as_user);
    _exit(127);
}

static POSTGRES_UNUSED void postgres_spawn(void)
{
    postgres_pid = fork();
    if (postgres_pid == 0)
        postgres_exec();
    for (int i = 0; i < 1200; i++) {
        if (postgres_shell("%s/pg_isready -q -h %s", postgres_bin, postgres_dir) == 0)
            return;
        usleep(50000);
    }
    abort();
}

static POSTGRES_UNUSED int postgres_start(void **state)
{
    const char *temporary = getenv("TMPDIR");

    (void)state;
    postgres_output("ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1", postgres_bin,
                    sizeof(postgres_bin));
    snprintf(postgres_dir, sizeof(postgres_dir), "%s/isthmus-test-XXXXXX",
             temporary && strlen(temporary) < 30 ? temporary : "/tmp");
    if (!mkdtemp(postgres_dir))
        return -1;
    if (geteuid() == 0) {
        char command[128];

        snprintf(command, sizeof(command), "chown postgres %s", postgres_dir);
        if (system(command) != 0)
            return -1;
    }
    if (postgres_shell("%s/initdb -N -A trust -U isthmus -E UTF8 --no-locale -D %s/data >/dev/null",
                       postgres_bin, postgres_dir) != 0)
        return -1;
    if (postgres_shell("printf \"listen_addresses = \\\"\\\"\\nmax_connections = 100\\n"
                       "shared_buffers = 64MB\\n\" | tr \\\" \"\\047\" "
                       ">>%s/data/postgresql.conf",
                       postgres_dir) != 0)
        return -1;
    postgres_spawn();
    return 0;
}

static POSTGRES_UNUSED void postgres_kill(int signal)
{
    kill(postgres_pid, signal);
    waitpid(postgres_pid, NULL, 0);
}

static POSTGRES_UNUSED int postgres_stop(void **state)
{
    char command[128];

    (void)state;
    postgres_kill(SIGINT);
    snprintf(command, sizeof(command), "rm -rf %s", postgres_dir);
    return system(command) == 0 ? 0 : -1;
}

/* A new database like the template: its connection string, which lives until the next call. */
static POSTGRES_UNUSED const char *postgres_database(void)
{
    static char conninfo[256];

    assert_int_equal(postgres_shell("%s/createdb -h %s -U isthmus -T %s test%u", postgres_bin,
                                    postgres_dir, postgres_template, ++postgres_databases),
                     0);
    snprintf(conninfo, sizeof(conninfo), "host=%s user=isthmus dbname=test%u", postgres_dir,
             postgres_databases);
    return conninfo;
}

/* The database that postgres_database() made last. */
static POSTGRES_UNUSED const char *postgres_conninfo(void)
{
    static char conninfo[256];

    snprintf(conninfo, sizeof(conninfo), "host=%s user=isthmus dbname=test%u", postgres_dir,
             postgres_databases);
    return conninfo;
}

/* Runs SQL (without " and $) in that database, beside the test, and answers the first row as text;
 * blocks. */
static POSTGRES_UNUSED const char *postgres_sql(const char *sql)
{
    static char out[1024];
    char command[4096];
    const char *as =
        geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";

    snprintf(command, sizeof(command), "%s%s/psql -X -q -A -t -v ON_ERROR_STOP=1 -c \"%s\" \"%s\"",
             as, postgres_bin, sql, postgres_conninfo());
    postgres_output(command, out, sizeof(out));
    return out;
}

/* Asks in a fiber until the answer is this, for as long as a slow machine may need. */
static POSTGRES_UNUSED void postgres_until(const char *sql, const char *expected)
{
    for (int i = 0; i < 3000; i++) {
        if (strcmp(postgres_sql(sql), expected) == 0)
            return;
        fiber_sleep(20);
    }
    fail_msg("%s is never %s", sql, expected);
}

/* Runs `body` in a fiber, until it and every fiber it spawned are done. */
static POSTGRES_UNUSED void postgres_stop_when_idle(void *context)
{
    if (loop_fibers(context) == 0)
        loop_stop(context);
}

static POSTGRES_UNUSED void postgres_run(void (*body)(void *context), void *context)
{
    struct loop *loop = loop_new();

    loop_add_turn_end(loop, postgres_stop_when_idle, loop);
    fiber_spawn(loop, body, context);
    loop_run(loop);
    loop_remove_turn_end(loop, postgres_stop_when_idle, loop);
    loop_free(loop);
}
