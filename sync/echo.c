/*
 * Echo - see echo.h.
 */

#include "sync/echo.h"

#include "base/arena.h"
#include "base/hash.h"
#include "fhir/node.h"
#include "fhir/search_param.h"

#define FEEDER "urn:isthmus:feeder"
#define OURS   "urn:isthmus:"

static struct hash_key content_key(const struct store *store);
static uint64_t hash_node(const struct hash_key *key, const struct node *node, uint64_t place);
static bool is_said(const struct node *node);

void echo_instance(const struct store *store, char instance[LANDING_ID_SIZE])
{
    landing_local_id(store, 0, TEXT("instance"), TEXT("instance"), instance);
}

struct text echo_system(const struct store *store, struct arena *arena)
{
    char instance[LANDING_ID_SIZE];

    echo_instance(store, instance);
    return text_of(arena_printf(arena, OURS "%s", instance));
}

/* Marks. */

static struct node *feeder_tag(const struct node *resource)
{
    struct node *tag = node_path(resource, "meta.tag");

    while (tag && !text_is(node_value(tag, "system"), FEEDER))
        tag = node_next_same(tag);
    return tag;
}

struct text echo_feeder(const struct node *resource)
{
    const struct node *tag = feeder_tag(resource);

    return tag ? node_value(tag, "code") : (struct text){0};
}

void echo_unmark(struct node *resource)
{
    struct node *tag;

    while ((tag = feeder_tag(resource)))
        node_remove(tag);
}

bool echo_has_identifier(const char *type)
{
    const struct type *known = resource_type_find(text_of(type));
    const struct element *element = known ? type_element(known, TEXT("identifier"), NULL) : NULL;

    return element && element->max == ELEMENT_MANY &&
           search_param_find(type, TEXT("identifier")) != NULL;
}

void echo_add_identifier(struct arena *arena, struct node *resource, struct text system,
                         struct text value)
{
    struct node *identifier = node_child(resource, "identifier");

    for (; identifier; identifier = node_next_same(identifier))
        if (text_equals(node_value(identifier, "system"), system))
            return;
    identifier = node_add(arena, resource, "identifier");
    node_add_value(arena, identifier, "system", system);
    node_add_value(arena, identifier, "value", value);
}

void echo_mark(struct arena *arena, struct node *resource, const char *instance, struct text source)
{
    struct node *meta = node_child(resource, "meta");

    echo_unmark(resource);
    if (!meta)
        meta = node_add(arena, resource, "meta");
    if (source.size > 0)
        node_set_value(arena, meta, "source", source);
    struct node *tag = node_add(arena, meta, "tag");
    node_add_value(arena, tag, "system", TEXT(FEEDER));
    node_add_value(arena, tag, "code", text_of(instance));
}

/* Content. */

uint64_t echo_content(const struct node *resource, const struct store *store)
{
    const struct hash_key key = content_key(store);
    uint64_t hash = hash_node(&key, resource, 0);

    return hash ? hash : 1;
}

/* A key of its own, made of the database's, which stays in storage/. */
static struct hash_key content_key(const struct store *store)
{
    unsigned char bytes[UUID_BYTES] = {0};
    uint64_t halves[2] = {0};
    char local[LANDING_ID_SIZE];

    landing_local_id(store, 0, TEXT("content"), TEXT("content"), local);
    uuid_read(text_of(local), bytes);
    for (size_t i = 0; i < UUID_BYTES; i++)
        halves[i / 8] = halves[i / 8] << 8 | bytes[i];
    return (struct hash_key){halves[0], halves[1]};
}

/* Children are added up, so that their order makes no difference; repetitions carry their place. */
static uint64_t hash_node(const struct hash_key *key, const struct node *node, uint64_t place)
{
    const struct node *before = NULL;
    struct hash_state state;
    uint64_t children = 0, index = 0;

    for (const struct node *child = node->first; child; child = child->next) {
        if (!is_said(child))
            continue;
        index = before && text_equals(before->name, child->name) ? index + 1 : 0;
        children += hash_node(key, child, index);
        before = child;
    }
    hash_init(&state, key);
    if (!node_is_resource(node)) /* its name says only where it stood: alone, or in a Bundle */
        hash_part(&state, node->name.data ? node->name.data : "", node->name.size);
    hash_part(&state, node->value.data ? node->value.data : "", node->value.size);
    hash_number(&state, place);
    hash_number(&state, children);
    if (node_is_resource(node))
        hash_part(&state, node->type->name, strlen(node->type->name));
    return hash_done(&state);
}

static bool is_said(const struct node *node)
{
    const struct node *parent = node->parent;

    if (text_is(node->name, "reference"))
        return !parent->type || strcmp(parent->type->name, "Reference") != 0;
    if (!node_is_resource(parent))
        return true;
    if (text_is(node->name, "id") || text_is(node->name, "meta") || text_is(node->name, "text"))
        return false;
    return !text_is(node->name, "identifier") ||
           !text_starts_with(node_value(node, "system"), TEXT(OURS));
}
