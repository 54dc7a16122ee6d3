/*
 * Replay - see replay.h.
 *
 * A history is written newest first, so its entries are done from the last to the first. Where all
 * versions of a resource say their number, they are done by that, in the places
 * that they have together.
 */

#include "server/replay.h"

#include "base/arena.h"
#include "fhir/node.h"
#include "server/precondition.h"

#include <stdlib.h>

struct step {
    size_t index; /* of the entry */
    size_t place; /* when it is done: 0 first */
    struct text name;
    int64_t version; /* 0: unknown */
};

static void make_request(struct arena *arena, struct bundle_entry *entry);
static int64_t version_of(const struct bundle_entry *entry);
static int by_name_and_place(const void *a, const void *b);
static void order_versions(struct step *steps, size_t count, size_t *places);
static int by_version(const void *a, const void *b);
static int by_place(const void *a, const void *b);

size_t *replay_order(struct arena *arena, struct bundle *bundle)
{
    struct step *steps = arena_many(arena, struct step, bundle->count);
    size_t *places = arena_many(arena, size_t, bundle->count);
    size_t *order = arena_many(arena, size_t, bundle->count);

    for (size_t i = 0; i < bundle->count; i++) {
        struct bundle_entry *entry = &bundle->entries[i];

        make_request(arena, entry);
        steps[i] = (struct step){i, bundle->count - 1 - i, entry->url, version_of(entry)};
    }
    qsort(steps, bundle->count, sizeof(*steps), by_name_and_place);
    for (size_t first = 0, end; first < bundle->count; first = end) {
        for (end = first + 1;
             end < bundle->count && text_equals(steps[end].name, steps[first].name); end++)
            ;
        order_versions(steps + first, end - first, places);
    }
    qsort(steps, bundle->count, sizeof(*steps), by_place);
    for (size_t i = 0; i < bundle->count; i++)
        order[i] = steps[i].index;
    return order;
}

/* The id is the one that the resource had there, also where it was created. */
static void make_request(struct arena *arena, struct bundle_entry *entry)
{
    bool creates = text_is(entry->method, "POST");
    const struct node *resource = entry->resource;

    entry->if_match = entry->if_none_match = entry->if_none_exist = (struct text){0};
    if (!resource || !(creates || text_is(entry->method, "PUT") || text_is(entry->method, "PATCH")))
        return;
    struct text id = node_value(resource, "id");
    if (!id.data)
        return;
    entry->method = TEXT("PUT");
    entry->url = text_of(arena_printf(arena, "%s/%.*s", resource->type->name, TEXT_ARGS(id)));
}

static int64_t version_of(const struct bundle_entry *entry)
{
    const struct node *etag = node_path(entry->node, "response.etag");
    const struct node *version =
        entry->resource ? node_path(entry->resource, "meta.versionId") : NULL;
    int64_t number;

    if (version && text_to_int64(version->value, 1, INT64_MAX, &number))
        return number;
    return etag && etag_parse(etag->value, &number) ? number : 0;
}

static int by_name_and_place(const void *a, const void *b)
{
    const struct step *left = a, *right = b;
    size_t left_size = left->name.size, right_size = right->name.size;
    size_t size = left_size < right_size ? left_size : right_size;
    int order = size ? memcmp(left->name.data, right->name.data, size) : 0;

    if (order == 0)
        order = (left_size > right_size) - (left_size < right_size);
    return order ? order : by_place(a, b);
}

static void order_versions(struct step *steps, size_t count, size_t *places)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].version == 0)
            return;
        places[i] = steps[i].place;
    }
    qsort(steps, count, sizeof(*steps), by_version);
    for (size_t i = 0; i < count; i++)
        steps[i].place = places[i];
}

static int by_version(const void *a, const void *b)
{
    const struct step *left = a, *right = b;

    if (left->version != right->version)
        return left->version < right->version ? -1 : 1;
    return by_place(a, b);
}

static int by_place(const void *a, const void *b)
{
    const struct step *left = a, *right = b;

    return (left->place > right->place) - (left->place < right->place);
}
