/*
 * Link map - open addressing, never more than half full.
 */

#include "storage/link_map.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"

#include <assert.h>

struct link {
    struct text name, target;
};

static struct link *slot_of(const struct link_map *map, struct text link);

struct link_map link_map_in(struct arena *arena, size_t count)
{
    struct link_map map = {0};
    size_t size = 16;

    while (size < count * 2)
        size *= 2;
    random_bytes(&map.key, sizeof(map.key));
    map.slots = arena_many(arena, struct link, size);
    map.mask = size - 1;
    return map;
}

bool link_map_add(struct link_map *map, struct text link, struct text target)
{
    struct link *slot = slot_of(map, link);

    if (slot->name.data)
        return text_equals(slot->target, target);
    assert(map->count * 2 <= map->mask);
    *slot = (struct link){link, target};
    map->count++;
    return true;
}

struct text link_map_find(const struct link_map *map, struct text link)
{
    return map->count ? slot_of(map, link)->target : (struct text){0};
}

/* Where the link is, or would be. */
static struct link *slot_of(const struct link_map *map, struct text link)
{
    size_t at = hash_bytes(&map->key, link.data, link.size) & map->mask;

    while (map->slots[at].name.data && !text_equals(map->slots[at].name, link))
        at = (at + 1) & map->mask;
    return &map->slots[at];
}
