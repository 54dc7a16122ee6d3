#pragma once

/*
 * Link map - what each link of a transaction becomes: full urls of entries
 * and references by search, to "Type/id".
 */

#include "base/hash.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct link_map {
    struct hash_key key; /* the links come from outside: nobody shall make them collide */
    struct link *slots;
    size_t mask;
    size_t count;
};

/* Room for `count` links. */
struct link_map link_map_in(struct arena *arena, size_t count);

/* Both texts are borrowed. False when the link is there already, with another target. */
bool link_map_add(struct link_map *map, struct text link, struct text target);

/* Absent when there is none. */
struct text link_map_find(const struct link_map *map, struct text link);
