/*
 * Stamp - id and meta of a version that is about to be written.
 */

#include "storage/stamp.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <inttypes.h>

enum { USUAL_SIZE = 2048 };

static void stamp_meta(struct node *meta, int64_t number, int64_t last_updated,
                       struct arena *arena);

/* A Binary is nearly all data: room for that at once, or it would be copied as the buffer grows. */
static size_t large_value(const struct node *resource)
{
    return node_value(resource, "data").size;
}

struct text stamp(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                  struct arena *arena)
{
    return stamp_in(resource, id, number, last_updated, arena, arena);
}

struct text stamp_in(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                     struct arena *arena, struct arena *bytes)
{
    struct buf json = buf_in(bytes);
    struct node *meta = node_child(resource, "meta");

    if (!meta)
        meta = node_add(arena, resource, "meta");
    stamp_meta(meta, number, last_updated, arena);
    node_move_first(meta);
    node_move_first(node_set_value(arena, resource, "id", text_of(id)));

    buf_reserve(&json, USUAL_SIZE + large_value(resource));
    json_write(resource, &json);
    return (struct text){buf_text(&json), json.size};
}

static void stamp_meta(struct node *meta, int64_t number, int64_t last_updated, struct arena *arena)
{
    char digits[24], instant[CLOCK_INSTANT_SIZE];
    int size = snprintf(digits, sizeof(digits), "%" PRId64, number);

    clock_format_instant(last_updated, instant);
    node_move_first(node_set_value(arena, meta, "lastUpdated", text_of(instant)));
    node_move_first(node_set_value(arena, meta, "versionId", (struct text){digits, (size_t)size}));
}
