/*
 * Document - see document.h.
 */

#include "fhir/document.h"

#include "base/err.h"
#include "fhir/node.h"
#include "fhir/search_values.h"

/* A reference as it is looked for among fullUrls: `base` + "/" + `rest`, or `rest` alone. */
struct wanted {
    struct text base, rest, version;
};

static bool is_contained(const struct node *node);
static const struct node *find_contained(const struct node *container, struct text id);
static const struct node *find_in_bundles(const struct node *from, struct text reference);
static const struct node *find_entry(const struct node *bundle, const struct wanted *wanted);
static bool has_url(struct text url, const struct wanted *wanted);
static void make_absolute(const struct node *entry, struct wanted *wanted);

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

const struct node *document_find(const struct node *from, struct text reference)
{
    if (!reference.data || reference.size == 0)
        return NULL;
    if (reference.data[0] != '#')
        return find_in_bundles(from, reference);
    if (reference.size == 1)
        return document_container(from);
    return find_contained(document_container(from),
                          (struct text){reference.data + 1, reference.size - 1});
}

static bool is_contained(const struct node *node)
{
    return text_equals(node->name, TEXT("contained"));
}

static const struct node *find_contained(const struct node *container, struct text id)
{
    for (const struct node *child = container->first; child; child = child->next)
        if (is_contained(child) && text_equals(node_value(child, "id"), id))
            return child;
    return NULL;
}

/* In every Bundle around the reference, the innermost first. */
static const struct node *find_in_bundles(const struct node *from, struct text reference)
{
    struct wanted wanted = {.rest = reference};
    struct text base, type, id, version;
    const struct node *entry = NULL, *found = NULL;

    if (reference_split(reference, &base, &type, &id, &version) && version.data) {
        wanted.version = version;
        wanted.rest.size = (size_t)(id.data + id.size - reference.data);
    }
    for (const struct node *node = from; node && !found; node = node->parent) {
        if (text_equals(node->name, TEXT("entry")))
            entry = node;
        if (!node_is_resource(node) || !text_is(text_of(node->type->name), "Bundle"))
            continue;
        if (!memchr(reference.data, ':', reference.size))
            make_absolute(entry, &wanted);
        found = find_entry(node, &wanted);
    }
    return found;
}

/* A relative reference goes by the fullUrl of the entry it stands in, if that is a RESTful one:
 * R4 bundle.html#references. */
static void make_absolute(const struct node *entry, struct wanted *wanted)
{
    struct text base, type, id, version;

    wanted->base = (struct text){NULL, 0};
    if (entry && reference_split(node_value(entry, "fullUrl"), &base, &type, &id, &version))
        wanted->base = base;
}

static const struct node *find_entry(const struct node *bundle, const struct wanted *wanted)
{
    for (const struct node *entry = bundle->first; entry; entry = entry->next) {
        const struct node *resource;

        if (!text_equals(entry->name, TEXT("entry")) ||
            !has_url(node_value(entry, "fullUrl"), wanted))
            continue;
        resource = node_child(entry, "resource");
        if (!resource || !wanted->version.data)
            return resource;
        const struct node *version = node_path(resource, "meta.versionId");
        if (version && text_equals(version->value, wanted->version))
            return resource;
    }
    return NULL;
}

static bool has_url(struct text url, const struct wanted *wanted)
{
    if (!wanted->base.data)
        return text_equals(url, wanted->rest);
    return url.size == wanted->base.size + 1 + wanted->rest.size &&
           text_ends_with(url, wanted->rest) && text_starts_with(url, wanted->base) &&
           url.data[wanted->base.size] == '/';
}
