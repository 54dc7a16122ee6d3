#pragma once

/*
 * Map - from texts to pointers, in an arena. Entries are added and changed,
 * never taken out. Reading is safe from several threads when nobody adds.
 */

#include "base/text.h"

#include <stddef.h>

struct arena;

struct map_entry {
    struct text key; /* data NULL: a free slot */
    void *value;
};

/* Zero-initialised but for `arena` is an empty one. */
struct map {
    struct arena *arena; /* borrowed */
    struct map_entry *entries;
    size_t room, count;
};

/* The value of a key, or NULL. */
void *map_find(const struct map *map, struct text key);

/* The entry of a key, added with the value NULL when it is new. The key is
 * borrowed: it must live as long as the map; a caller that copies it puts the
 * copy into the entry. Valid until the next call. */
struct map_entry *map_entry(struct map *map, struct text key);
