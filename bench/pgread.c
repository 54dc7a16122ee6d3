/*
 * Pgread - how many rows by key PostgreSQL gives to one thread that pipelines.
 *
 *     pgread CONNINFO SQL KEYS CONNECTIONS DEPTH SECONDS
 *
 * SQL has one parameter, an int8; KEYS is a file with a key a line. Every
 * connection has DEPTH queries under way, sent and answered with one sync a
 * turn of the loop. Prints the rows found per second.
 */

#include <libpq-fe.h>

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS_MAX 64
#define STATEMENT       "read"

struct keys {
    int64_t *at;
    size_t count, next;
};

struct connection {
    PGconn *pg;
    int waiting; /* queries under way */
};

struct bench {
    struct connection connections[CONNECTIONS_MAX];
    int count, depth;
    struct keys keys;
    uint64_t rows, missing;
};

static void read_keys(struct keys *keys, const char *path);
static PGconn *connect_to(const char *conninfo, const char *sql);
static void run(struct bench *bench, double seconds);
static void fill(struct bench *bench, struct connection *connection);
static void drain(struct bench *bench, struct connection *connection);
static void take(struct bench *bench, struct connection *connection, PGresult *result);
static double now(void);
static void fail(const char *what, const char *why) __attribute__((noreturn));

int main(int argc, char **argv)
{
    static struct bench bench;
    double seconds, start;

    if (argc != 7)
        fail("usage", "pgread CONNINFO SQL KEYS CONNECTIONS DEPTH SECONDS");
    bench.count = (int)strtol(argv[4], NULL, 10);
    bench.depth = (int)strtol(argv[5], NULL, 10);
    seconds = strtod(argv[6], NULL);
    if (bench.count < 1 || bench.count > CONNECTIONS_MAX || bench.depth < 1 || seconds <= 0)
        fail("usage", "1 to 64 connections, a depth and seconds above 0");
    read_keys(&bench.keys, argv[3]);
    for (int i = 0; i < bench.count; i++)
        bench.connections[i].pg = connect_to(argv[1], argv[2]);
    start = now();
    run(&bench, seconds);
    printf("%.0f rows/s, %llu missing\n", (double)bench.rows / (now() - start),
           (unsigned long long)bench.missing);
    return bench.missing > 0;
}

static void read_keys(struct keys *keys, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[64];
    size_t room = 0;

    if (!file)
        fail(path, strerror(errno));
    while (fgets(line, sizeof(line), file)) {
        if (keys->count == room) {
            room = room ? 2 * room : 1024;
            keys->at = realloc(keys->at, room * sizeof(keys->at[0]));
            if (!keys->at)
                fail(path, "too many keys");
        }
        keys->at[keys->count++] = strtoll(line, NULL, 10);
    }
    fclose(file);
    if (keys->count == 0)
        fail(path, "no keys");
}

static PGconn *connect_to(const char *conninfo, const char *sql)
{
    PGconn *pg = PQconnectdb(conninfo);
    PGresult *result;

    if (PQstatus(pg) != CONNECTION_OK)
        fail("connect", PQerrorMessage(pg));
    PQclear(PQexec(pg, "set plan_cache_mode = force_generic_plan"));
    result = PQprepare(pg, STATEMENT, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("prepare", PQerrorMessage(pg));
    PQclear(result);
    if (PQsetnonblocking(pg, 1) != 0 || !PQenterPipelineMode(pg))
        fail("pipeline", PQerrorMessage(pg));
    return pg;
}

static void run(struct bench *bench, double seconds)
{
    struct pollfd polls[CONNECTIONS_MAX];
    double end = now() + seconds;

    for (int i = 0; i < bench->count; i++)
        fill(bench, &bench->connections[i]);
    while (now() < end) {
        for (int i = 0; i < bench->count; i++) {
            PGconn *pg = bench->connections[i].pg;
            bool unsent = PQflush(pg) == 1;

            polls[i] = (struct pollfd){PQsocket(pg), (short)(POLLIN | (unsent ? POLLOUT : 0)), 0};
        }
        if (poll(polls, (nfds_t)bench->count, 1000) < 0 && errno != EINTR)
            fail("poll", strerror(errno));
        for (int i = 0; i < bench->count; i++) {
            if (!(polls[i].revents & (POLLIN | POLLERR | POLLHUP)))
                continue;
            drain(bench, &bench->connections[i]);
            fill(bench, &bench->connections[i]);
        }
    }
}

/* Sends what is missing to `depth`, and one sync behind all of it. */
static void fill(struct bench *bench, struct connection *connection)
{
    bool sent = false;

    for (; connection->waiting < bench->depth; connection->waiting++, sent = true) {
        struct keys *keys = &bench->keys;
        uint64_t key = htobe64((uint64_t)keys->at[keys->next]);
        const char *value = (const char *)&key;
        int length = sizeof(key), binary = 1;

        /* A step that shares no factor with most counts: the order is not that of the index. */
        keys->next = (keys->next + 7919) % keys->count;
        if (!PQsendQueryPrepared(connection->pg, STATEMENT, 1, &value, &length, &binary, 1))
            fail("send", PQerrorMessage(connection->pg));
    }
    if (sent && !PQpipelineSync(connection->pg))
        fail("sync", PQerrorMessage(connection->pg));
}

static void drain(struct bench *bench, struct connection *connection)
{
    if (!PQconsumeInput(connection->pg))
        fail("read", PQerrorMessage(connection->pg));
    while (!PQisBusy(connection->pg)) {
        PGresult *result = PQgetResult(connection->pg);

        if (!result) {
            /* Between two queries, or nothing left: then the next one is NULL as well. */
            if (connection->waiting == 0 || PQisBusy(connection->pg))
                return;
            result = PQgetResult(connection->pg);
            if (!result)
                return;
        }
        take(bench, connection, result);
        PQclear(result);
    }
}

static void take(struct bench *bench, struct connection *connection, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        connection->waiting--;
        if (PQntuples(result) == 1)
            bench->rows++;
        else
            bench->missing++;
        return;
    case PGRES_PIPELINE_SYNC:
        return;
    default:
        fail("query", PQresultErrorMessage(result));
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "pgread: %s: %s\n", what, why);
    exit(2);
}
