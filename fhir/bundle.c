/*
 * Bundle - see bundle.h.
 */

#include "fhir/bundle.h"

#include "base/arena.h"
#include "fhir/node.h"

static void read_entry(struct node *node, struct bundle_entry *entry);
static void read_request(const struct node *request, struct bundle_entry *entry);

bool bundle_read(struct arena *arena, const struct node *resource, struct bundle *bundle,
                 struct err *err)
{
    struct node *node;

    *bundle = (struct bundle){0};
    if (!resource->type || !text_is(text_of(resource->type->name), "Bundle"))
        return err_set(err, ERR_INVALID, "resourceType",
                       "This is no Bundle; send a Bundle, or this resource to its own type's URL.");

    bundle->type = node_value(resource, "type");
    for (node = node_child(resource, "entry"); node; node = node_next_same(node))
        bundle->count++;
    bundle->entries = arena_many(arena, struct bundle_entry, bundle->count);
    node = node_child(resource, "entry");
    for (size_t i = 0; i < bundle->count; i++, node = node_next_same(node))
        read_entry(node, &bundle->entries[i]);
    return true;
}

static void read_entry(struct node *node, struct bundle_entry *entry)
{
    const struct node *request = node_child(node, "request");

    entry->node = node;
    entry->full_url = node_value(node, "fullUrl");
    entry->resource = node_child(node, "resource");
    if (entry->resource && !node_is_resource(entry->resource))
        entry->resource = NULL; /* of no known type: reported when it was read */
    if (request)
        read_request(request, entry);
}

static void read_request(const struct node *request, struct bundle_entry *entry)
{
    entry->method = node_value(request, "method");
    entry->url = node_value(request, "url");
    entry->if_none_match = node_value(request, "ifNoneMatch");
    entry->if_modified_since = node_value(request, "ifModifiedSince");
    entry->if_match = node_value(request, "ifMatch");
    entry->if_none_exist = node_value(request, "ifNoneExist");
}
