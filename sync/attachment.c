/*
 * Attachments - see attachment.h.
 */

#include "sync/attachment.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/sha1.h"
#include "fhir/json_scan.h"
#include "fhir/node.h"
#include "sync/page_cursor.h"

#define FIRST 256               /* slots */
#define MOST  ((size_t)1 << 20) /* what documents say of more is not remembered */

struct attachment {
    uint64_t key; /* 0: a free slot */
    int64_t size; /* -1: not said */
    bool hashed;
    uint8_t sha1[SHA1_SIZE];
};

static uint64_t key_of(struct text id)
{
    static const struct hash_key key = {0x6174746163686d65, 0x6e74};
    uint64_t hash = hash_bytes(&key, id.data, id.size);

    return hash ? hash : 1;
}

void attachments_release(struct attachments *attachments)
{
    free(attachments->slots);
    *attachments = (struct attachments){0};
}

/* The slot of this key, or the free one where it belongs. */
static struct attachment *slot_of(const struct attachments *attachments, uint64_t key)
{
    size_t at = key % attachments->room;

    while (attachments->slots[at].key && attachments->slots[at].key != key)
        at = (at + 1) % attachments->room;
    return &attachments->slots[at];
}

static void grow(struct attachments *attachments)
{
    struct attachments larger = {.room = attachments->room ? 2 * attachments->room : FIRST};

    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    if (!larger.slots)
        abort();
    for (size_t i = 0; i < attachments->room; i++)
        if (attachments->slots[i].key)
            *slot_of(&larger, attachments->slots[i].key) = attachments->slots[i];
    larger.count = attachments->count;
    free(attachments->slots);
    *attachments = larger;
}

/* The bytes that base64 stands for; absent when it is none. */
static struct text decoded(struct text base64, struct arena *arena)
{
    struct base64_decoder decoder = {0};
    if (!base64.data)
        return base64;
    uint8_t *out = arena_alloc_raw(arena, base64.size / 4 * 3 + 6);
    size_t size = base64_decode(&decoder, base64, out);

    if (size == SIZE_MAX)
        return (struct text){0};
    return (struct text){(const char *)out, size};
}

void attachments_note(struct attachments *attachments, const struct node *node, struct text id)
{
    struct attachment said = {.key = key_of(id), .size = -1};
    struct arena *arena = arena_new();
    struct text hash = node_value(node, "hash");

    if (!text_to_int64(node_value(node, "size"), 0, INT64_MAX, &said.size))
        said.size = -1;
    struct text digest = hash.size ? decoded(hash, arena) : (struct text){0};
    said.hashed = digest.size == SHA1_SIZE; /* what else some put there is no SHA-1 */
    if (said.hashed)
        memcpy(said.sha1, digest.data, SHA1_SIZE);
    arena_free(arena);
    if (said.size < 0 && !said.hashed)
        return;
    if (attachments->count * 2 >= attachments->room && attachments->count < MOST)
        grow(attachments);
    struct attachment *slot = slot_of(attachments, said.key);
    if (!slot->key && attachments->count >= MOST)
        return;
    attachments->count += !slot->key;
    *slot = said;
}

/* Binary.data; absent. */
static struct text data_of(struct text json, struct arena *arena)
{
    struct text data = cursor_member(text_trim(json), "data"), value = {0};
    struct err ignored = {0};
    struct json_scan scan = {data.data, data.data, data.data + data.size, arena, &ignored};
    bool plain;

    if (data.size < 2 || data.data[0] != '"' || !json_scan_string(&scan, &value, &plain))
        return (struct text){0};
    return value;
}

size_t attachments_size(struct text json, struct arena *arena)
{
    return base64_decoded_size(data_of(json, arena));
}

const char *attachments_refuse(const struct attachments *attachments, struct text id,
                               struct text json, struct arena *arena)
{
    const struct attachment *said = attachments->room ? slot_of(attachments, key_of(id)) : NULL;
    uint8_t digest[SHA1_SIZE];

    if (!said || !said->key)
        return NULL;
    struct text bytes = decoded(data_of(json, arena), arena);
    if (!bytes.data)
        return "A document shows it, but it has no data that could be compared.";
    if (said->size >= 0 && (uint64_t)said->size != bytes.size)
        return "It has another size than the document says that shows it.";
    sha1(bytes, digest);
    if (said->hashed && memcmp(digest, said->sha1, SHA1_SIZE) != 0)
        return "It has another hash than the document says that shows it.";
    return NULL;
}
