#include "storage/cluster.h"
#include "storage/cluster_process.h"

#include "base/fiber.h"
#include "base/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

/* A folder that other accounts can pass through. */
static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/isthmus-cluster-XXXXXX");
    return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[96];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static struct cluster_config config(void)
{
    return (struct cluster_config){.folder = folder, .account = "postgres"};
}

static struct cluster *start(void)
{
    struct cluster_config c = config();
    struct err err = {0};
    struct cluster *cluster = cluster_start(&c, &err);

    if (!cluster)
        fail_msg("%s", err.text);
    return cluster;
}

/* What a statement answers, as text, or "" when there is no answer. */
static const char *ask(const struct cluster *cluster, const char *sql)
{
    static char answer[256];
    char command[1024];

    snprintf(command, sizeof(command), "%s -X -q -A -t -c \"%s\" \"%s\" 2>/dev/null",
             cluster_program(cluster, "psql"), sql, cluster_conninfo(cluster));
    FILE *pipe = popen(command, "r");
    if (!pipe || !fgets(answer, sizeof(answer), pipe))
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (pipe)
        pclose(pipe);
    return answer;
}

static pid_t postmaster(void)
{
    char path[96];
    int pid = 0;

    snprintf(path, sizeof(path), "%s/postgres/postmaster.pid", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    return pid;
}

static void what_was_written_is_there_at_the_next_start(void **state)
{
    (void)state;
    struct cluster *cluster = start();
    ask(cluster, "create table t as select 42 as n");
    cluster_stop(cluster);
    cluster = start();
    assert_string_equal(ask(cluster, "select n from t"), "42");
    cluster_stop(cluster);
    assert_int_equal(cluster_version(folder, NULL), cluster_newest());
}

static void it_is_durable_private_and_silent(void **state)
{
    (void)state;
    struct cluster *cluster = start();
    assert_string_equal(ask(cluster, "select string_agg(setting, ',' order by name) from "
                                     "pg_settings where name in ('fsync', 'full_page_writes', "
                                     "'synchronous_commit', 'data_checksums')"),
                        "on,on,on,on");
    assert_string_equal(ask(cluster, "show listen_addresses"), "");
    assert_string_equal(ask(cluster, "show unix_socket_permissions"), "0700");
    assert_string_equal(ask(cluster, "show log_min_error_statement"), "panic");
    assert_string_equal(ask(cluster, "show log_parameter_max_length_on_error"), "0");
    assert_string_equal(ask(cluster, "show server_encoding"), "UTF8");
    assert_string_equal(ask(cluster, "select datcollate from pg_database where datname = "
                                     "current_database()"),
                        "C");

    char path[96];
    struct stat info;
    snprintf(path, sizeof(path), "%s/socket", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    ask(cluster, "select 'a secret' from no_such_table");
    cluster_stop(cluster);

    char command[128];
    snprintf(command, sizeof(command), "grep -q 'a secret' %s/postgres.log", folder);
    assert_int_not_equal(system(command), 0);
}

static void a_folder_serves_one_at_a_time(void **state)
{
    struct cluster_config c = config();
    struct err err = {0};

    (void)state;
    struct cluster *cluster = start();
    assert_null(cluster_start(&c, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_non_null(strstr(err.text, folder));
    assert_string_equal(ask(cluster, "select 1"), "1");
    cluster_stop(cluster);
}

/* A server that is killed, with its PostgreSQL as it was. */
static void what_a_killed_server_left_behind_is_stopped_and_its_data_found(void **state)
{
    int status;

    (void)state;
    pid_t server = fork();
    if (server == 0) {
        struct cluster_config c = config();
        struct err err = {0};
        struct cluster *cluster = cluster_start(&c, &err);

        if (cluster)
            ask(cluster, "create table left_behind as select 7 as n");
        kill(getpid(), SIGKILL);
    }
    waitpid(server, &status, 0);
    struct cluster *cluster = start();
    assert_string_equal(ask(cluster, "select n from left_behind"), "7");
    cluster_stop(cluster);
}

struct watch {
    struct loop *loop;
    struct cluster *cluster;
    unsigned deaths;
};

static void on_death(void *context, const char *problem)
{
    struct watch *watch = context;

    assert_non_null(problem);
    watch->deaths++;
}

static void kill_and_wait(void *context)
{
    struct watch *watch = context;

    pid_t before = postmaster();
    ask(watch->cluster, "create table survivor as select 9 as n");
    kill(before, SIGKILL);
    for (int i = 0; i < 2400 && watch->deaths == 0; i++)
        fiber_sleep(25);
    assert_int_equal(watch->deaths, 1);
    for (int i = 0; i < 2400 && !*ask(watch->cluster, "select n from survivor"); i++)
        fiber_sleep(25);
    assert_string_equal(ask(watch->cluster, "select n from survivor"), "9");
    assert_int_not_equal(postmaster(), before);
    /* psql may have its answer before the fiber that started PostgreSQL has seen it. */
    while (loop_fibers(watch->loop) > 1)
        fiber_sleep(5);
    loop_stop(watch->loop);
}

static void a_postgresql_that_dies_is_started_again(void **state)
{
    struct watch watch = {.loop = loop_new(), .cluster = start()};

    (void)state;
    cluster_watch(watch.cluster, watch.loop, on_death, &watch);
    fiber_spawn(watch.loop, kill_and_wait, &watch);
    loop_run(watch.loop);
    cluster_stop(watch.cluster);
    loop_free(watch.loop);
}

/* A backend that notices the death of its postmaster late, as one does that waits for its disk. */
/* One that does not even hear of it. */
static void what_a_dead_postgresql_leaves_at_work_is_ended(void **state)
{
    struct cluster *cluster = start();
    char command[512];
    int backend = 0;

    (void)state;
    snprintf(command, sizeof(command), "%s -X -c 'select pg_sleep(1000)' '%s' >%s/psql.log 2>&1 &",
             cluster_program(cluster, "psql"), cluster_conninfo(cluster), folder);
    assert_int_equal(system(command), 0);
    while (backend == 0)
        sscanf(ask(cluster, "select pid from pg_stat_activity where wait_event = 'PgSleep'"), "%d",
               &backend);
    assert_int_equal(kill(backend, SIGSTOP), 0);
    assert_int_equal(kill(postmaster(), SIGKILL), 0);
    cluster_stop(cluster);
    cluster = start();
    assert_false(cluster_is_postgres(backend));
    assert_string_equal(ask(cluster, "select 1"), "1");
    cluster_stop(cluster);
}

static void data_of_another_version_are_refused(void **state)
{
    struct cluster_config c = config();
    struct err err = {0};
    char path[96];

    (void)state;
    snprintf(path, sizeof(path), "%s/postgres", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/postgres/PG_VERSION", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("9\n", file);
    fclose(file);
    assert_null(cluster_start(&c, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.text, "isthmus upgrade"));
}

static void a_folder_the_account_cannot_reach_is_refused(void **state)
{
    struct cluster_config c = config();
    struct err err = {0};

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0700), 0);
    assert_null(cluster_start(&c, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.text, "postgres"));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_written_is_there_at_the_next_start),
        IN_FOLDER(it_is_durable_private_and_silent),
        IN_FOLDER(a_folder_serves_one_at_a_time),
        IN_FOLDER(what_a_killed_server_left_behind_is_stopped_and_its_data_found),
        IN_FOLDER(a_postgresql_that_dies_is_started_again),
        IN_FOLDER(what_a_dead_postgresql_leaves_at_work_is_ended),
        IN_FOLDER(data_of_another_version_are_refused),
        IN_FOLDER(a_folder_the_account_cannot_reach_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
