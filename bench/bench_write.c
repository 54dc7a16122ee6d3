/*
 * Bench write - how fast resources get into PostgreSQL, and where the time goes.
 *
 *     bench_write CONNINFO BUNDLE.json...
 *
 * Reads transaction Bundles, then prints: the processor time of each step of
 * one resource without a database; transactions of whole Bundles, several at a
 * time; single creates, each durable before it is answered, 64 at a time.
 * bench_write.sh gives it a database and sets pgbench beside it.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/row.h"
#include "storage/stamp.h"
#include "storage/store_internal.h"

#include <assert.h>
#include <sys/resource.h>

enum {
    TRANSACTIONS_AT_ONCE = 4,
    WRITERS = 64,
    CREATES = 60000,
};

struct document {
    struct text json;
    size_t entries;
};

struct bench {
    const char *conninfo;
    struct document *documents;
    size_t count, next;
    struct store *store;
    size_t written, left;
    struct waiter done;
    struct text observation; /* for creates */
};

static const struct access access_all = {.client = "bench"};

static void run(void *context);
static void read_document(struct document *document, const char *path);
static void measure_steps(struct bench *bench);
static void measure_transactions(struct bench *bench);
static void measure_creates(struct bench *bench);

int main(int argc, char **argv)
{
    struct bench bench = {.count = (size_t)argc - 2};
    struct loop *loop;
    struct err err = {0};

    if (argc < 3)
        return fprintf(stderr, "usage: bench_write CONNINFO BUNDLE.json...\n"), 2;
    if (!search_values_setup(&err))
        return fprintf(stderr, "%s\n", err.text), 1;
    bench.conninfo = argv[1];
    bench.documents = calloc(bench.count, sizeof(*bench.documents));
    for (size_t i = 0; i < bench.count; i++)
        read_document(&bench.documents[i], argv[2 + i]);

    loop = loop_new();
    fiber_spawn(loop, run, &bench);
    loop_run(loop);
    loop_free(loop);
    return 0;
}

static void run(void *context)
{
    struct bench *bench = context;
    struct store_config config = {.database = bench->conninfo,
                                  .statement_timeout_ms = 30000,
                                  .search_timeout_ms = 30000,
                                  .transaction_timeout_ms = 60000,
                                  .transaction_lanes = TRANSACTIONS_AT_ONCE};
    struct err err = {0};

    bench->store = store_open(fiber_loop(), &config, &err);
    if (!bench->store) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    measure_steps(bench);
    measure_transactions(bench);
    measure_creates(bench);
    store_close(bench->store);
    loop_stop(fiber_loop());
}

static void read_document(struct document *document, const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;

    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0) {
        perror(path);
        exit(1);
    }
    char *data = malloc((size_t)size + 1);
    rewind(file);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        exit(1);
    fclose(file);
    document->json = (struct text){data, (size_t)size};
}

static double cpu_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double process_cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static struct bundle parse(struct arena *arena, struct text json)
{
    struct issues issues;
    struct bundle bundle;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    struct node *node = json_read(arena, json.data, json.size, &json_default_limits, &issues, &err);
    if (!node || !bundle_read(arena, node, &bundle, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return bundle;
}

static struct text keep_link(struct text link, void *context)
{
    (void)link;
    (void)context;
    return (struct text){0};
}

/* Steps */

enum step { STEP_PARSE, STEP_LINKS, STEP_EXTRACT, STEP_ROW, STEP_STAMP, STEP_PACK, STEPS };

static void measure_steps(struct bench *bench)
{
    static const char *const names[] = {"parse", "links", "extract", "row", "stamp", "pack"};
    struct tokens tokens = store_tokens(bench->store, &access_all);
    struct arena *arena = arena_new(), *scratch = arena_new();
    double us[STEPS] = {0};
    size_t resources = 0, json_bytes = 0, body_bytes = 0, toks = 0, sides = 0;

    for (size_t i = 0; i < bench->count; i++) {
        double at = cpu_us(), now;
        struct bundle bundle = parse(arena, bench->documents[i].json);
        us[STEP_PARSE] += cpu_us() - at;

        bench->documents[i].entries = bundle.count;
        for (size_t k = 0; k < bundle.count; k++) {
            struct node *resource = bundle.entries[k].resource;
            struct search_values values;

#define TIMED(step, work)                                                                          \
    at = cpu_us();                                                                                 \
    work;                                                                                          \
    now = cpu_us();                                                                                \
    us[step] += now - at;
            TIMED(STEP_LINKS, bundle_rewrite_links(scratch, resource, keep_link, NULL))
            TIMED(STEP_EXTRACT, search_values_extract(resource, scratch, &values, NULL))
            TIMED(STEP_ROW,
                  struct row *row = row_make(&tokens, resource->type, TEXT("x"), &values, scratch))
            TIMED(STEP_STAMP, struct text json = stamp(resource, "x", 1, 0, scratch))
            TIMED(STEP_PACK, struct text body = body_pack(bench->store->codec, json, scratch))
            toks += row->tok_count;
            sides += row->string_count + row->date_count + row->quantity_count;
            json_bytes += json.size;
            body_bytes += body.size;
            if (!bench->observation.data && text_is(text_of(resource->type->name), "Observation") &&
                json.size > 700)
                bench->observation = text_of(strndup(json.data, json.size));
        }
        resources += bundle.count;
        arena_reset(scratch);
        arena_reset(arena);
    }
    printf("%zu resources; each: %.0f bytes JSON, %.0f stored, %.1f tokens, %.2f side rows\n",
           resources, (double)json_bytes / (double)resources,
           (double)body_bytes / (double)resources, (double)toks / (double)resources,
           (double)sides / (double)resources);
    for (int i = 0; i < STEPS; i++)
        printf("  %-10s %6.2f us\n", names[i], us[i] / (double)resources);
    arena_free(scratch);
    arena_free(arena);
}

/* Transactions */

static void load_bundles(void *context)
{
    struct bench *bench = context;

    while (bench->next < bench->count) {
        struct arena *arena = arena_new();
        struct bundle bundle = parse(arena, bench->documents[bench->next++].json);
        struct store_write *writes = arena_many(arena, struct store_write, bundle.count);
        struct err err = {0};

        for (size_t i = 0; i < bundle.count; i++)
            writes[i] = (struct store_write){
                .action = STORE_CREATE,
                .type = bundle.entries[i].resource->type->name,
                .resource = bundle.entries[i].resource,
                .full_url = bundle.entries[i].full_url,
            };
        if (!store_transaction(bench->store, &access_all, writes, bundle.count, NULL, 0, arena,
                               &err)) {
            fprintf(stderr, "%s %s\n", err.where, err.text);
            exit(1);
        }
        bench->written += bundle.count;
        arena_free(arena);
    }
    bench->left--;
    fiber_wake(&bench->done);
}

static void run_fibers(struct bench *bench, void (*body)(void *), size_t count, const char *what)
{
    struct err err = {0};
    int64_t start = clock_monotonic();
    double cpu = process_cpu_us();

    bench->written = bench->next = 0;
    bench->left = count;
    for (size_t i = 0; i < count; i++)
        fiber_spawn(fiber_loop(), body, bench);
    while (bench->left > 0)
        if (!fiber_wait(&bench->done, -1, &err))
            exit(1);
    double seconds = (double)(clock_monotonic() - start) / 1e6;
    printf("%-40s %8.0f resources/s, %5.1f us of our processor time each\n", what,
           (double)bench->written / seconds, (process_cpu_us() - cpu) / (double)bench->written);
    fflush(stdout);
}

static void measure_transactions(struct bench *bench)
{
    run_fibers(bench, load_bundles, 1, "transactions, one at a time");
    run_fibers(bench, load_bundles, TRANSACTIONS_AT_ONCE, "transactions, 4 at a time");
}

/* Creates */

static void create_some(void *context)
{
    struct bench *bench = context;
    struct arena *arena = arena_new();

    while (bench->next < CREATES) {
        struct issues issues;
        struct err err = {0};

        bench->next++;
        issues_init(&issues, arena, 10);
        struct store_write write = {
            .action = STORE_CREATE,
            .type = "Observation",
            .resource = json_read(arena, bench->observation.data, bench->observation.size,
                                  &json_default_limits, &issues, &err),
        };
        if (!write.resource || !store_write(bench->store, &access_all, &write, arena, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        bench->written++;
        arena_reset(arena);
    }
    arena_free(arena);
    bench->left--;
    fiber_wake(&bench->done);
}

static void measure_creates(struct bench *bench)
{
    if (bench->observation.data)
        run_fibers(bench, create_some, WRITERS, "creates, 64 at a time");
}
