/*
 * Stamp - id and meta of a version that is about to be written.
 */

#include "storage/stamp.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "storage/body.h"
#include "storage/store.h"

#include <assert.h>
#include <inttypes.h>

enum {
    USUAL_SIZE = 2048,
    LARGE = 1024 * 1024, /* data that are not copied if that can be avoided */
};

static void stamp_tree(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                       struct arena *arena);
static void stamp_meta(struct node *meta, int64_t number, int64_t last_updated,
                       struct arena *arena);
static struct text write_bytes(struct node *resource, struct arena *arena);
static struct text pack_around(struct body_codec *codec, struct node *resource, struct node *data,
                               struct arena *arena);

struct text stamp(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                  struct arena *arena)
{
    return stamp_in(resource, id, number, last_updated, arena, arena);
}

struct text stamp_in(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                     struct arena *arena, struct arena *bytes)
{
    stamp_tree(resource, id, number, last_updated, arena);
    return write_bytes(resource, bytes);
}

struct text stamp_pack(struct body_codec *codec, struct node *resource, const char *id,
                       int64_t number, int64_t last_updated, struct arena *arena,
                       struct arena *bytes, struct store_version *content)
{
    struct node *data = node_child(resource, "data");

    stamp_tree(resource, id, number, last_updated, arena);
    if (!content && data && data->value.size >= LARGE && (data->flags & NODE_PLAIN))
        return pack_around(codec, resource, data, bytes);

    struct text json = write_bytes(resource, content ? arena : bytes);
    if (content) {
        content->json = json.data;
        content->json_size = json.size;
    }
    return body_pack(codec, json, bytes);
}

static void stamp_tree(struct node *resource, const char *id, int64_t number, int64_t last_updated,
                       struct arena *arena)
{
    struct node *meta = node_child(resource, "meta");

    if (!meta)
        meta = node_add(arena, resource, "meta");
    stamp_meta(meta, number, last_updated, arena);
    node_move_first(meta);
    node_move_first(node_set_value(arena, resource, "id", text_of(id)));
}

/* A Binary is nearly all data: room for that at once, or it would be copied as the buffer grows. */
static struct text write_bytes(struct node *resource, struct arena *arena)
{
    struct buf json = buf_in(arena);

    buf_reserve(&json, USUAL_SIZE + node_value(resource, "data").size);
    json_write(resource, &json);
    return (struct text){buf_text(&json), json.size};
}

/* The rest is written with a mark in place of the data, and they are packed where it stands. */
static struct text pack_around(struct body_codec *codec, struct node *resource, struct node *data,
                               struct arena *arena)
{
    struct text value = data->value, json;
    char mark[UUID_SIZE]; /* which nobody can have written elsewhere in it */

    random_uuid(mark);
    data->value = text_of(mark);
    json = write_bytes(resource, arena);
    data->value = value;

    const char *place = memmem(json.data, json.size, mark, strlen(mark));
    assert(place);
    const char *behind = place + strlen(mark);
    const struct text pieces[] = {
        {json.data, (size_t)(place - json.data)},
        value,
        {behind, (size_t)(json.data + json.size - behind)},
    };
    return body_pack_pieces(codec, pieces, 3, arena);
}

static void stamp_meta(struct node *meta, int64_t number, int64_t last_updated, struct arena *arena)
{
    char digits[24], instant[CLOCK_INSTANT_SIZE];
    int size = snprintf(digits, sizeof(digits), "%" PRId64, number);

    clock_format_instant(last_updated, instant);
    node_move_first(node_set_value(arena, meta, "lastUpdated", text_of(instant)));
    node_move_first(node_set_value(arena, meta, "versionId", (struct text){digits, (size_t)size}));
}
