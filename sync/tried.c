/*
 * Tried - see tried.h.
 */

#include "sync/tried.h"

#include "base/err.h"
#include "base/hash.h"

#define FIRST 256 /* slots */

static uint64_t key_of(const char *type, const char *id)
{
    static const struct hash_key secret = {0x687964726174, 0x65};
    struct hash_state state;

    hash_init(&state, &secret);
    hash_part(&state, type, strlen(type));
    hash_part(&state, id, strlen(id));
    uint64_t key = hash_done(&state);
    return key ? key : 1;
}

void tried_release(struct tried *tried)
{
    free(tried->slots);
    *tried = (struct tried){0};
}

/* The slot of this key, or the free one where it belongs. */
static struct tried_slot *slot_of(const struct tried *tried, uint64_t key)
{
    size_t at = key % tried->room;

    while (tried->slots[at].key && tried->slots[at].key != key)
        at = (at + 1) % tried->room;
    return &tried->slots[at];
}

bool tried_may(const struct tried *tried, const char *type, const char *id, int64_t now)
{
    if (tried->room == 0)
        return true;
    const struct tried_slot *slot = slot_of(tried, key_of(type, id));
    return !slot->key || slot->again <= now;
}

static void grow(struct tried *tried)
{
    struct tried larger = {.room = tried->room ? 2 * tried->room : FIRST, .count = tried->count};

    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    if (!larger.slots)
        abort();
    for (size_t i = 0; i < tried->room; i++)
        if (tried->slots[i].key)
            *slot_of(&larger, tried->slots[i].key) = tried->slots[i];
    free(tried->slots);
    *tried = larger;
}

void tried_note(struct tried *tried, const char *type, const char *id, int64_t again)
{
    if (tried->count * 2 >= tried->room)
        grow(tried);
    uint64_t key = key_of(type, id);
    struct tried_slot *slot = slot_of(tried, key);
    tried->count += !slot->key;
    *slot = (struct tried_slot){key, again};
}
