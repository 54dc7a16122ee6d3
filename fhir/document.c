/*
 * Document - see document.h.
 */

#include "fhir/document.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/node.h"
#include "fhir/search_values.h"

#include <stdlib.h>

/* A name as it is looked for: `base`, `separator` and `rest`, or `rest` alone. */
struct wanted {
    struct text base, separator, rest, version;
};

static bool is_contained(const struct node *node);
static bool is_bundle(const struct node *node);
static const char *named_children(const struct node *owner);
static struct document_named named_child(const struct node *child);
static int compare_named(const void *a, const void *b);
static struct wanted wanted_by(struct text reference, const struct node *entry);
static const struct node *find_around(const struct node *from, struct text reference,
                                      const struct document_index *index);
static const struct node *find_first(const struct node *owner, const struct wanted *wanted,
                                     const struct document_index *index);
static size_t find_in_index(const struct document_index *index, const struct wanted *wanted,
                            const struct node **resource);
static int compare_wanted(const struct wanted *wanted, const struct document_named *named);
static int compare_name(const struct wanted *wanted, struct text name);
static int compare_part(struct text part, struct text *rest);

const struct node *document_resource(const struct node *node)
{
    while (node->parent && !node_is_resource(node))
        node = node->parent;
    return node;
}

const struct node *document_container(const struct node *node)
{
    while (node->parent && !(node_is_resource(node) && !is_contained(node)))
        node = node->parent;
    return node;
}

static bool is_contained(const struct node *node)
{
    return text_equals(node->name, TEXT("contained"));
}

static bool is_bundle(const struct node *node)
{
    return node_is_resource(node) && text_is(text_of(node->type->name), "Bundle");
}

const struct document_index *document_index_new(struct arena *arena, const struct node *resource,
                                                const struct document_index *outer)
{
    const struct node *first = node_child(resource, named_children(resource));
    struct document_index *index;
    size_t count = 0;

    if (!first && !is_bundle(resource))
        return outer;
    for (const struct node *child = first; child; child = node_next_same(child))
        count++;
    index = arena_one(arena, struct document_index);
    index->owner = resource;
    index->outer = outer;
    index->items = arena_many(arena, struct document_named, count + 1);
    for (const struct node *child = first; child; child = node_next_same(child)) {
        index->items[index->count] = named_child(child);
        index->count += index->items[index->count].name.data != NULL;
    }
    qsort(index->items, index->count, sizeof(*index->items), compare_named);
    return index;
}

static const char *named_children(const struct node *owner)
{
    return is_bundle(owner) ? "entry" : "contained";
}

static struct document_named named_child(const struct node *child)
{
    const struct node *version;
    struct document_named named = {.node = child, .resource = child};

    if (is_contained(child)) {
        named.name = node_value(child, "id");
        return named;
    }
    named.name = node_value(child, "fullUrl");
    named.resource = node_child(child, "resource");
    if (named.resource && !named.resource->type)
        named.resource = NULL;
    version = named.resource ? node_path(named.resource, "meta.versionId") : NULL;
    if (version)
        named.version = version->value;
    return named;
}

static int compare_texts(struct text a, struct text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* qsort() of glibc keeps equal ones as they stand. */
static int compare_named(const void *a, const void *b)
{
    const struct document_named *x = a, *y = b;
    int order = compare_texts(x->name, y->name);

    if (order == 0)
        order = (x->resource == NULL) - (y->resource == NULL);
    return order != 0 ? order : compare_texts(x->version, y->version);
}

const struct node *document_find(const struct node *from, struct text reference,
                                 const struct document_index *index)
{
    struct wanted wanted = {0};

    if (!reference.data || reference.size == 0)
        return NULL;
    if (reference.data[0] != '#')
        return find_around(from, reference, index);
    if (reference.size == 1)
        return document_container(from);
    wanted.rest = (struct text){reference.data + 1, reference.size - 1};
    return find_first(document_container(from), &wanted, index);
}

/* In every Bundle around the reference, the innermost first. */
static const struct node *find_around(const struct node *from, struct text reference,
                                      const struct document_index *index)
{
    const struct node *entry = NULL, *found = NULL;

    for (const struct node *node = from; node && !found; node = node->parent) {
        if (text_is(node->name, "entry"))
            entry = node;
        if (is_bundle(node)) {
            struct wanted wanted = wanted_by(reference, entry);

            found = find_first(node, &wanted, index);
        }
    }
    return found;
}

/* A version is looked for in the resource. A relative reference goes by the fullUrl of the entry
 * it stands in, if that is a RESTful one: R4 bundle.html#references. */
static struct wanted wanted_by(struct text reference, const struct node *entry)
{
    struct wanted wanted = {.separator = TEXT("/"), .rest = reference};
    struct text base, type, id, version;

    if (reference_split(reference, &base, &type, &id, &version) && version.data) {
        wanted.version = version;
        wanted.rest.size = (size_t)(id.data + id.size - reference.data);
    }
    if (!memchr(reference.data, ':', reference.size) && entry &&
        reference_split(node_value(entry, "fullUrl"), &base, &type, &id, &version))
        wanted.base = base;
    return wanted;
}

enum document_match document_find_entry(const struct document_index *index,
                                        const struct node *entry, struct text reference,
                                        const struct node **resource)
{
    struct wanted wanted = wanted_by(reference, entry);
    size_t count = find_in_index(index, &wanted, resource);

    return count == 0 ? DOCUMENT_NOTHING : count == 1 ? DOCUMENT_ONE : DOCUMENT_SEVERAL;
}

const struct node *document_find_uuid(const struct document_index *index, struct text id)
{
    const struct wanted wanted = {.base = TEXT("urn:uuid"), .separator = TEXT(":"), .rest = id};
    const struct node *found = NULL;

    find_in_index(index, &wanted, &found);
    return found;
}

static const struct node *find_first(const struct node *owner, const struct wanted *wanted,
                                     const struct document_index *index)
{
    const struct node *found = NULL;

    while (index && index->owner != owner)
        index = index->outer;
    if (index) {
        find_in_index(index, wanted, &found);
        return found;
    }
    for (const struct node *child = node_child(owner, named_children(owner)); child && !found;
         child = node_next_same(child)) {
        struct document_named named = named_child(child);

        if (named.name.data && compare_wanted(wanted, &named) == 0)
            found = named.resource;
    }
    return found;
}

/* Gives the first, and tells how many there are. */
static size_t find_in_index(const struct document_index *index, const struct wanted *wanted,
                            const struct node **resource)
{
    size_t low = 0, high = index->count, found = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_wanted(wanted, &index->items[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* More than two are as good as two: there may be thousands with the same name. */
    for (; low < index->count && found < 2; low++) {
        if (compare_wanted(wanted, &index->items[low]) != 0)
            break;
        if (found++ == 0)
            *resource = index->items[low].resource;
    }
    return found;
}

/* In the order of compare_named(). */
static int compare_wanted(const struct wanted *wanted, const struct document_named *named)
{
    int order = compare_name(wanted, named->name);

    if (order == 0 && !named->resource)
        order = -1;
    if (order == 0 && wanted->version.data)
        order = compare_texts(wanted->version, named->version);
    return order;
}

/* As memcmp() of the whole, put together, with the name. */
static int compare_name(const struct wanted *wanted, struct text name)
{
    int order = 0;

    if (wanted->base.data) {
        order = compare_part(wanted->base, &name);
        if (order == 0)
            order = compare_part(wanted->separator, &name);
    }
    return order != 0 ? order : compare_texts(wanted->rest, name);
}

/* Takes the part off the front of `rest` when it is there. */
static int compare_part(struct text part, struct text *rest)
{
    size_t size = part.size < rest->size ? part.size : rest->size;
    int order = size > 0 ? memcmp(part.data, rest->data, size) : 0;

    if (order != 0)
        return order;
    if (size < part.size)
        return 1;
    *rest = (struct text){rest->data + size, rest->size - size};
    return 0;
}
