/*
 * Any resource to the rewriting of links: no crash; without replacements
 * nothing changes; with them the result is a resource again, and as many
 * links are offered the second time.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct counts {
    unsigned offered, references;
};

static struct text keep(struct text link, void *context)
{
    struct counts *counts = context;

    assert(link.data && link.size > 0);
    counts->offered++;
    return (struct text){0};
}

static struct text change(struct text link, void *context)
{
    struct counts *counts = context;

    assert(link.data && link.size > 0);
    counts->offered++;
    return TEXT("x'<\"&>y");
}

static void count(struct node *reference, void *context)
{
    struct counts *counts = context;

    assert(reference->value.data);
    counts->references++;
}

static struct node *read_bytes(struct arena *arena, const char *data, size_t size, unsigned depth)
{
    struct json_limits limits = {.size = (size_t)8 << 20, .depth = depth, .nodes = 100000};
    struct err err = {0};
    struct issues issues;

    issues_init(&issues, arena, 0);
    return json_read(arena, data, size, &limits, &issues, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct buf before = buf_in(arena), after = buf_in(arena);
    struct counts first = {0}, second = {0};
    struct node *root = read_bytes(arena, (const char *)data, size, 64);

    if (root) {
        json_write(root, &before);
        bundle_rewrite_links(arena, root, keep, &first);
        json_write(root, &after);
        assert(before.size == after.size && memcmp(before.data, after.data, after.size) == 0);

        bundle_each_reference(root, count, &first);
        bundle_rewrite_links(arena, root, change, &second);
        assert(first.offered == second.offered);
        bundle_each_reference(root, count, &second);
        assert(first.references == second.references);
        buf_clear(&after);
        json_write(root, &after);
        assert(read_bytes(arena, after.data, after.size, 2 * 64));
    }
    arena_free(arena);
    return 0;
}
