/*
 * Bench sync - how fast what partners send lands and is applied, beside plain transactions of the
 * same resources.
 *
 *     bench_sync CONNINFO POSTMASTER BUNDLE.json...
 *
 * Every resource of the Bundles, with the links between them made relative, in pages of 500:
 * landed, applied, landed and applied again unchanged, and again with one in a hundred changed;
 * then written by transactions of 500, one and four at a time. Processor time is this process's,
 * and that of PostgreSQL whose postmaster has that process id. bench_sync.sh gives it a database.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/map.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "storage/store_internal.h"
#include "sync/apply.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAGE = 500 };

struct bench {
    const char *conninfo;
    char **paths;
    size_t path_count;
    struct arena *arena;
    struct store *store;
    struct landing_row *rows;
    size_t count, room, next, left;
    struct waiter done;
};

struct stopwatch {
    int64_t begin;
    double ours, postgres; /* seconds of processors */
};

static long postmaster;

static const struct access everything = {.client = "bench"};

static void run(void *context);
static void read_bundle(struct bench *bench, const char *path);
static struct text relative(struct text link, void *map);
static void land(struct bench *bench, int32_t partner, const char *what);
static void apply(struct bench *bench, const struct apply_config *config, const char *what);
static void change_some(struct bench *bench);
static void transactions(struct bench *bench, size_t at_once);
static struct stopwatch start(void);
static void stop(const struct stopwatch *watch, const char *what, size_t count);
static void check(bool ok, const struct err *err);

int main(int argc, char **argv)
{
    struct bench bench = {.conninfo = argc > 3 ? argv[1] : NULL,
                          .paths = argv + 3,
                          .path_count = (size_t)argc - 3,
                          .arena = arena_new()};
    struct loop *loop = loop_new();
    struct err err = {0};

    if (!bench.conninfo) {
        fprintf(stderr, "usage: bench_sync CONNINFO POSTMASTER BUNDLE.json...\n");
        return 2;
    }
    postmaster = strtol(argv[2], NULL, 10);
    check(search_values_setup(&err), &err);
    fiber_spawn(loop, run, &bench);
    loop_run(loop);
    loop_free(loop);
    arena_free(bench.arena);
    return 0;
}

static void run(void *context)
{
    struct bench *bench = context;
    struct store_config store_config = {.database = bench->conninfo,
                                        .statement_timeout_ms = 60000,
                                        .search_timeout_ms = 60000,
                                        .transaction_timeout_ms = 60000,
                                        .transaction_lanes = 4};
    struct loop *loop = fiber_loop();
    struct landing_partner partner;
    struct err err = {0};

    for (size_t i = 0; i < bench->path_count; i++)
        read_bundle(bench, bench->paths[i]);
    bench->store = store_open(loop, &store_config, &err);
    check(bench->store != NULL, &err);
    check(landing_partner_put(bench->store, &everything, "bench", TEXT("{}"), -1, bench->arena,
                              &partner, &err),
          &err);
    struct apply_config config = {
        .partner = {.number = partner.number, .base = TEXT("https://bench.example/fhir")},
        .level = VALIDATION_STRUCTURE,
    };
    printf("%zu resources\n", bench->count);
    land(bench, partner.number, "land");
    apply(bench, &config, "apply");
    land(bench, partner.number, "land again");
    apply(bench, &config, "apply, nothing changed");
    change_some(bench);
    land(bench, partner.number, "land again");
    apply(bench, &config, "apply, 1 % changed");
    transactions(bench, 1);
    transactions(bench, 4);
    store_close(bench->store);
    loop_stop(loop);
}

static struct text read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buf content = buf_in(arena);
    size_t got;

    assert(file);
    do {
        got = fread(buf_reserve(&content, 1 << 20), 1, 1 << 20, file);
        content.size += got;
    } while (got > 0);
    fclose(file);
    return (struct text){content.data, content.size};
}

static void read_bundle(struct bench *bench, const char *path)
{
    struct arena *arena = arena_new();
    struct text json = read_file(arena, path);
    struct map map = {.arena = arena};
    struct bundle bundle;
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    struct node *node = json_read(arena, json.data, json.size, &json_default_limits, &issues, &err);
    check(node && bundle_read(arena, node, &bundle, &err), &err);
    for (size_t i = 0; i < bundle.count; i++) {
        const struct bundle_entry *entry = &bundle.entries[i];
        struct text *name = arena_one(arena, struct text);

        *name = text_of(arena_printf(arena, "%s/%.*s", entry->resource->type->name,
                                     TEXT_ARGS(node_value(entry->resource, "id"))));
        map_entry(&map, entry->full_url)->value = name;
    }
    for (size_t i = 0; i < bundle.count; i++) {
        struct buf out = {0};

        bundle_rewrite_links(arena, bundle.entries[i].resource, relative, &map);
        json_write(bundle.entries[i].resource, &out);
        if (bench->count == bench->room) {
            bench->room = bench->room ? 2 * bench->room : 1024;
            bench->rows = realloc(bench->rows, bench->room * sizeof(*bench->rows));
            assert(bench->rows);
        }
        bench->rows[bench->count++] = (struct landing_row){
            .body = {arena_strndup(bench->arena, out.data, out.size), out.size},
            .updated = INT64_MIN};
        buf_release(&out);
    }
    arena_free(arena);
}

static struct text relative(struct text link, void *map)
{
    const struct text *name = map_find(map, link);

    return name ? *name : (struct text){0};
}

static void land(struct bench *bench, int32_t partner, const char *what)
{
    struct landing_cursor_key key = {.partner = partner, .mode = "search", .type = ""};
    struct arena *arena = arena_new();
    struct landing_window window;
    struct stopwatch watch = start();
    struct err err = {0};
    bool already;

    check(landing_window_open(bench->store, &key, TEXT(""), false, arena, &window, &err), &err);
    for (size_t i = 0; i < bench->count; i += PAGE) {
        struct landing_unit unit = {
            .window = window.number,
            .url = text_of(arena_printf(arena, "page %zu", i)),
            .rows = bench->rows + i,
            .count = bench->count - i < PAGE ? bench->count - i : PAGE,
            .last = i + PAGE >= bench->count,
        };

        check(landing_land(bench->store, &unit, &already, &err), &err);
    }
    stop(&watch, what, bench->count);
    arena_free(arena);
}

static void apply(struct bench *bench, const struct apply_config *config, const char *what)
{
    struct landing_apply how = {.access = everything};
    struct landing_result result;
    struct stopwatch watch = start();
    struct err err = {0};

    check(apply_landed(bench->store, config, &how, &result, &err), &err);
    stop(&watch, what, bench->count);
    printf("    %" PRId64 " applied, %" PRId64 " unchanged, %" PRId64 " dead\n",
           result.counts.applied, result.counts.unchanged, result.counts.dead);
}

static void change_some(struct bench *bench)
{
    for (size_t i = 0; i < bench->count; i += 100) {
        struct text *body = &bench->rows[i].body;

        *body = text_of(arena_printf(bench->arena, "%.*s,\"language\":\"en\"}", (int)body->size - 1,
                                     body->data));
    }
}

static void write_some(void *context)
{
    struct bench *bench = context;
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};

    while (bench->next < bench->count) {
        size_t first = bench->next, count = bench->count - first;

        count = count < PAGE ? count : PAGE;
        bench->next += count;
        struct store_write *writes = arena_many(arena, struct store_write, count);
        for (size_t i = 0; i < count; i++) {
            struct text body = bench->rows[first + i].body;

            issues_init(&issues, arena, 1);
            struct node *node =
                json_read(arena, body.data, body.size, &json_default_limits, &issues, &err);
            check(node != NULL, &err);
            writes[i] = (struct store_write){
                .action = STORE_CREATE, .type = node->type->name, .resource = node};
        }
        check(store_transaction(bench->store, &everything, writes, count, NULL, 0, arena, &err),
              &err);
        arena_reset(arena);
    }
    arena_free(arena);
    if (--bench->left == 0)
        fiber_wake(&bench->done);
}

static void transactions(struct bench *bench, size_t at_once)
{
    struct stopwatch watch = start();
    struct err err = {0};
    char what[40];

    bench->next = 0;
    bench->left = at_once;
    for (size_t i = 0; i < at_once; i++)
        fiber_spawn(fiber_loop(), write_some, bench);
    check(fiber_wait(&bench->done, -1, &err), &err);
    snprintf(what, sizeof(what), "transactions of creates, %zu at a time", at_once);
    stop(&watch, what, bench->count);
}

static double processor_time(struct rusage *usage)
{
    getrusage(RUSAGE_SELF, usage);
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec / 1e6 +
           (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec / 1e6;
}

/* Of a process, and of its children that have ended; 0 when it is not the postmaster or one of
 * its. proc(5): fields 4, and 14 to 17, counted from behind the name. */
static double ticks_of(const char *pid)
{
    char path[64], line[1024] = "", state;
    long parent;
    unsigned long long user, kernel, user_ended, kernel_ended;

    snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && !fgets(line, sizeof(line), file))
        line[0] = 0;
    if (file)
        fclose(file);
    const char *fields = strrchr(line, ')');
    if (!fields ||
        sscanf(fields + 1, " %c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
               &state, &parent, &user, &kernel, &user_ended, &kernel_ended) != 6)
        return 0;
    if (parent != postmaster && strtol(pid, NULL, 10) != postmaster)
        return 0;
    return (double)(user + kernel + user_ended + kernel_ended);
}

static double postgres_time(void)
{
    DIR *folder = opendir("/proc");
    double ticks = 0;

    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            ticks += ticks_of(entry->d_name);
    if (folder)
        closedir(folder);
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

static struct stopwatch start(void)
{
    struct rusage usage;

    return (struct stopwatch){clock_monotonic(), processor_time(&usage), postgres_time()};
}

static void stop(const struct stopwatch *watch, const char *what, size_t count)
{
    struct rusage usage;
    double seconds = (double)(clock_monotonic() - watch->begin) / 1e6;
    double ours = (processor_time(&usage) - watch->ours) * 1e6 / (double)count;
    double postgres = (postgres_time() - watch->postgres) * 1e6 / (double)count;

    printf("%-36s %8.0f resources/s, processors: %6.1f us ours + %6.1f PostgreSQL's = %6.1f each, "
           "peak %ld MB\n",
           what, (double)count / seconds, ours, postgres, ours + postgres, usage.ru_maxrss / 1024);
}

static void check(bool ok, const struct err *err)
{
    if (ok)
        return;
    fprintf(stderr, "bench_sync: %s\n", err->text);
    exit(1);
}
