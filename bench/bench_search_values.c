/*
 * Bench search values - how long it takes to find what resources can be
 * found by, for each resource type.
 *
 *     bench_search_values FILE.ndjson...
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"

#include <assert.h>
#include <errno.h>

/* The resources of each type are run over until this much time has passed. */
#define RUN_MICROSECONDS 500000

struct resource {
    const struct node *root;
    struct resource *next;
};

/* By type number. */
struct group {
    struct resource *resources;
    size_t count;
};

static bool read_file(const char *path, struct buf *content);
static bool read_resources(struct arena *arena, struct text rest, struct group *groups);
static int64_t cpu_microseconds(void);
static void run(const struct type *type, const struct group *group);

int main(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct group *groups = arena_many(arena, struct group, resource_type_count());
    struct buf content = {0};
    struct err err = {0};
    int64_t start = clock_monotonic();

    if (argc < 2)
        return fprintf(stderr, "usage: bench_search_values FILE.ndjson...\n"), 2;
    if (!search_values_setup(&err))
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("%u parameters compiled in %.1f ms\n", search_param_count(),
           (double)(clock_monotonic() - start) / 1e3);
    for (int i = 1; i < argc; i++) {
        if (!read_file(argv[i], &content))
            return 1;
    }
    if (!read_resources(arena, (struct text){content.data, content.size}, groups))
        return 1;

    printf("%-24s %10s %10s %10s %12s\n", "", "resources", "values", "us each", "bytes each");
    for (unsigned i = 0; i < resource_type_count(); i++) {
        if (groups[i].count > 0)
            run(type_at(i), &groups[i]);
    }
    buf_release(&content);
    arena_free(arena);
    return 0;
}

static bool read_file(const char *path, struct buf *content)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    while ((got = fread(buf_reserve(content, 1 << 20), 1, 1 << 20, file)) > 0)
        content->size += got;
    fclose(file);
    buf_add_char(content, '\n');
    return true;
}

static bool read_resources(struct arena *arena, struct text rest, struct group *groups)
{
    struct text line;

    while (text_split(rest, '\n', &line, &rest)) {
        struct resource *resource = arena_one(arena, struct resource);
        struct issues issues;
        struct err err = {0};

        if (line.size == 0)
            continue;
        issues_init(&issues, arena, 1);
        resource->root =
            json_read(arena, line.data, line.size, &json_default_limits, &issues, &err);
        if (!resource->root) {
            fprintf(stderr, "%s\n", err.text);
            return false;
        }
        struct group *group = &groups[resource->root->type->number];
        resource->next = group->resources;
        group->resources = resource;
        group->count++;
    }
    return true;
}

/* Of this process alone: other work on the machine does not count. */
static int64_t cpu_microseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void run(const struct type *type, const struct group *group)
{
    struct arena *arena = arena_new();
    size_t done = 0, found = 0, bytes = 0;
    int64_t start = cpu_microseconds(), now = start;

    while (now - start < RUN_MICROSECONDS) {
        for (const struct resource *resource = group->resources; resource;
             resource = resource->next) {
            struct search_values values;
            unsigned failed;

            search_values_extract(resource->root, arena, &values, &failed);
            assert(failed == 0);
            found += values.count;
            bytes += arena_used(arena);
            done++;
            arena_reset(arena);
        }
        now = cpu_microseconds();
    }
    assert(done > 0);
    printf("%-24s %10zu %10.1f %10.2f %12zu\n", type->name, group->count,
           (double)found / (double)done, (double)(now - start) / (double)done, bytes / done);
    arena_free(arena);
}
