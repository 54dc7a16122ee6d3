/*
 * Bench store - how many resources one thread reads by id through the store.
 *
 *     bench_store CONNINFO [SECONDS]
 *
 * Writes Observations once (64 fibers, each write durable before the next of
 * its fiber), then reads them in random order: 64 fibers, one connection. Prints
 * reads a second and the processor time of this process for each, and a key
 * for bench_store.sh, which sets pgbench beside it.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/search_values.h"
#include "storage/store_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <sys/resource.h>

enum { FIBERS = 64, RESOURCES = 20000 };

struct bench {
    const char *conninfo;
    struct store *store;
    int64_t seconds;
    int64_t deadline;
    uint64_t next, random, done;
    unsigned left;
    struct waiter finished;
};

static const struct access everything = {.client = "bench"};

static void run(void *context);
static void run_fibers(struct bench *bench, void (*body)(void *context));
static void leave(struct bench *bench);
static void write_some(void *context);
static void write_one(struct bench *bench, uint64_t number, struct arena *arena);
static void read_some(void *context);
static double processor_time(void);
static void check(bool ok, const struct err *err);

int main(int argc, char **argv)
{
    struct bench bench = {.conninfo = argc > 1 ? argv[1] : NULL, .seconds = 5, .random = 1};
    struct loop *loop = loop_new();
    struct err err = {0};

    if (!bench.conninfo) {
        fprintf(stderr, "usage: bench_store CONNINFO [SECONDS]\n");
        return 2;
    }
    if (argc > 2)
        bench.seconds = strtol(argv[2], NULL, 10);
    check(search_values_setup(&err), &err);
    fiber_spawn(loop, run, &bench);
    loop_run(loop);
    loop_free(loop);
    return 0;
}

static void run(void *context)
{
    struct bench *bench = context;
    struct store_config config = {.database = bench->conninfo,
                                  .statement_timeout_ms = 10000,
                                  .search_timeout_ms = 10000,
                                  .transaction_timeout_ms = 10000,
                                  .transaction_lanes = 1};
    struct loop *loop = fiber_loop();
    struct err err = {0};

    bench->store = store_open(loop, &config, &err);
    check(bench->store != NULL, &err);
    int64_t begin = clock_monotonic();
    run_fibers(bench, write_some);
    printf("store_write/s %.0f\n", RESOURCES * 1e6 / (double)(clock_monotonic() - begin));

    begin = clock_monotonic();
    bench->deadline = begin + bench->seconds * 1000000;
    double processor = processor_time();
    run_fibers(bench, read_some);
    processor = processor_time() - processor;
    printf("store_read/s %.0f\n", (double)bench->done * 1e6 / (double)(clock_monotonic() - begin));
    struct pg_counters counters;
    pg_count(bench->store->read, &counters);
    printf("store_read_per_sync %.1f\n", (double)counters.statements / (double)counters.syncs);
    printf("store_read_cpu_us %.2f\n", processor * 1e6 / (double)bench->done);

    struct tokens tokens = store_tokens(bench->store, &everything);
    printf("key %" PRId64 "\n", token_rkey(&tokens, TEXT("Observation"), TEXT("b1")));
    store_close(bench->store);
    loop_stop(loop);
}

static void run_fibers(struct bench *bench, void (*body)(void *context))
{
    struct err err = {0};

    bench->left = FIBERS;
    for (int i = 0; i < FIBERS; i++)
        fiber_spawn(fiber_loop(), body, bench);
    while (bench->left)
        check(fiber_wait(&bench->finished, -1, &err), &err);
}

static void leave(struct bench *bench)
{
    if (--bench->left == 0)
        fiber_wake(&bench->finished);
}

static void write_some(void *context)
{
    struct bench *bench = context;
    struct arena *arena = arena_new();

    while (bench->next < RESOURCES) {
        write_one(bench, bench->next++, arena);
        arena_reset(arena);
    }
    arena_free(arena);
    leave(bench);
}

static void write_one(struct bench *bench, uint64_t number, struct arena *arena)
{
    const char *id = arena_printf(arena, "b%" PRIu64, number);
    const char *json = arena_printf(
        arena,
        "{\"resourceType\":\"Observation\",\"id\":\"%s\",\"status\":\"final\",\"category\":[{"
        "\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\","
        "\"code\":\"vital-signs\",\"display\":\"vital-signs\"}]}],\"code\":{\"coding\":[{"
        "\"system\":\"http://loinc.org\",\"code\":\"8302-2\",\"display\":\"Body Height\"}],"
        "\"text\":\"Body Height\"},\"subject\":{\"reference\":\"Patient/p%" PRIu64 "\"},"
        "\"encounter\":{\"reference\":\"Encounter/e%" PRIu64 "\"},"
        "\"effectiveDateTime\":\"2026-11-22T13:48:05+01:00\",\"issued\":"
        "\"2026-11-22T13:48:05.123+01:00\",\"valueQuantity\":{\"value\":%" PRIu64 ".5,"
        "\"unit\":\"cm\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"cm\"}}",
        id, number % 100, number % 1000, 100 + number % 100);
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    struct store_write write = {
        .action = STORE_UPDATE,
        .type = "Observation",
        .id = id,
        .resource = json_read(arena, json, strlen(json), &json_default_limits, &issues, &err),
    };
    check(write.resource != NULL, &err);
    check(store_write(bench->store, &everything, &write, arena, &err), &err);
}

static void read_some(void *context)
{
    struct bench *bench = context;
    struct arena *arena = arena_new();

    while (clock_monotonic() < bench->deadline) {
        for (int i = 0; i < 16; i++) {
            const struct store_version *version;
            struct err err = {0};
            char id[24];

            bench->random = bench->random * 6364136223846793005U + 1442695040888963407U;
            snprintf(id, sizeof(id), "b%" PRIu64, (bench->random >> 33) % RESOURCES);
            check(store_read(bench->store, &everything, "Observation", id, arena, &version, &err),
                  &err);
            assert(version && version->json_size > 100);
            bench->done++;
            arena_reset(arena);
        }
    }
    arena_free(arena);
    leave(bench);
}

static double processor_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void check(bool ok, const struct err *err)
{
    if (ok)
        return;
    fprintf(stderr, "bench_store: %s\n", err->text);
    exit(1);
}
