/*
 * Map - open addressing, at most half full.
 */

#include "base/map.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"

#define FIRST_ROOM 64

static struct map_entry *probe(const struct map *map, struct text key);
static void grow(struct map *map);

void *map_find(const struct map *map, struct text key)
{
    return map->room > 0 ? probe(map, key)->value : NULL;
}

struct map_entry *map_entry(struct map *map, struct text key)
{
    struct map_entry *entry;

    if (2 * map->count >= map->room)
        grow(map);
    entry = probe(map, key);
    if (!entry->key.data) {
        entry->key = key.data ? key : TEXT("");
        map->count++;
    }
    return entry;
}

/* The entry with this key, or the free one where it belongs. */
static struct map_entry *probe(const struct map *map, struct text key)
{
    /* Where the map lies is nothing that somebody outside can know. */
    const struct hash_key secret = {(uint64_t)(uintptr_t)map->entries, map->room};
    size_t slot = hash_bytes(&secret, key.data, key.size) & (map->room - 1);

    while (map->entries[slot].key.data && !text_equals(map->entries[slot].key, key))
        slot = (slot + 1) & (map->room - 1);
    return &map->entries[slot];
}

static void grow(struct map *map)
{
    struct map old = *map;

    map->room = old.room > 0 ? 2 * old.room : FIRST_ROOM;
    map->entries = arena_many(map->arena, struct map_entry, map->room);
    for (size_t i = 0; i < old.room; i++)
        if (old.entries[i].key.data)
            *probe(map, old.entries[i].key) = old.entries[i];
}
