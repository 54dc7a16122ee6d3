/*
 * Bundles - the rules of R4 bundle.html that no invariant states, and an index
 * over the entries, because a large Bundle has many references into itself.
 */

#include "fhir/validate_walk.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/search_values.h"

#include <stdlib.h>

struct indexed {
    struct text url;     /* fullUrl */
    struct text version; /* meta.versionId, or absent */
    const struct node *entry, *resource;
};

struct bundle_index {
    const struct node *bundle;
    struct indexed *entries; /* those with a fullUrl and a resource, sorted */
    size_t count;
};

/* A reference as it is looked for: `base`, `separator` and `rest`, or `rest` alone. */
struct wanted {
    struct text base, separator, rest, version;
};

static int compare_entries(const void *a, const void *b);
static enum bundle_match find_entry(const struct bundle_index *index, const struct wanted *wanted,
                                    const struct node **resource);
static int compare_url(const struct wanted *wanted, struct text url);
static int compare_part(struct text part, struct text *rest);
static void check_duplicates(struct walk *walk);
static void check_links(struct walk *walk, const struct node *bundle);
static void check_entry(struct walk *walk, const struct node *entry, struct text type);
static void check_full_url(struct walk *walk, const struct node *entry, const struct node *full_url,
                           const struct node *resource);
static void check_first(struct walk *walk, const struct node *bundle, struct text type);
static void check_path(struct walk *walk, const struct node *node, struct text path);
static void check_included(struct walk *walk, const struct node *reference);

const struct bundle_index *bundle_index_new(struct walk *walk, const struct node *bundle)
{
    struct bundle_index *index = arena_one(walk->arena, struct bundle_index);
    size_t room = 0;

    index->bundle = bundle;
    for (const struct node *entry = node_child(bundle, "entry"); entry;
         entry = node_next_same(entry))
        room++;
    index->entries = arena_many(walk->arena, struct indexed, room + 1);
    for (const struct node *entry = node_child(bundle, "entry"); entry;
         entry = node_next_same(entry)) {
        struct indexed one = {.url = node_value(entry, "fullUrl"),
                              .entry = entry,
                              .resource = node_child(entry, "resource")};
        const struct node *version =
            one.resource ? node_path(one.resource, "meta.versionId") : NULL;

        if (version)
            one.version = version->value;
        if (one.url.data && one.resource && one.resource->type)
            index->entries[index->count++] = one;
    }
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    return index;
}

static int compare_texts(struct text a, struct text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_entries(const void *a, const void *b)
{
    const struct indexed *x = a, *y = b;
    int order = compare_texts(x->url, y->url);

    return order != 0 ? order : compare_texts(x->version, y->version);
}

enum bundle_match bundle_find(const struct walk *walk, struct text reference,
                              const struct node **resource)
{
    struct wanted wanted = {.separator = TEXT("/"), .rest = reference};
    struct text base, type, id, version;

    if (reference_split(reference, &base, &type, &id, &version) && version.data) {
        wanted.version = version;
        wanted.rest.size = (size_t)(id.data + id.size - reference.data);
    }
    /* A relative one goes by the fullUrl of the entry it stands in, if that is RESTful. */
    if (!uri_is_absolute(reference)) {
        if (!walk->entry ||
            !reference_split(node_value(walk->entry, "fullUrl"), &base, &type, &id, &version))
            return BUNDLE_NOTHING;
        wanted.base = base;
    }
    return find_entry(walk->bundle, &wanted, resource);
}

const struct node *bundle_find_uuid(const struct walk *walk, struct text id)
{
    const struct wanted wanted = {.base = TEXT("urn:uuid"), .separator = TEXT(":"), .rest = id};
    const struct node *found = NULL;

    find_entry(walk->bundle, &wanted, &found);
    return found;
}

static enum bundle_match find_entry(const struct bundle_index *index, const struct wanted *wanted,
                                    const struct node **resource)
{
    size_t low = 0, high = index->count, found = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_url(wanted, index->entries[middle].url) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < index->count && compare_url(wanted, index->entries[low].url) == 0; low++) {
        if (wanted->version.data && !text_equals(wanted->version, index->entries[low].version))
            continue;
        *resource = index->entries[low].resource;
        found++;
    }
    return found == 0 ? BUNDLE_NOTHING : found == 1 ? BUNDLE_ONE : BUNDLE_SEVERAL;
}

/* As memcmp() of the whole, put together, with the url. */
static int compare_url(const struct wanted *wanted, struct text url)
{
    int order = 0;

    if (wanted->base.data) {
        order = compare_part(wanted->base, &url);
        if (order == 0)
            order = compare_part(wanted->separator, &url);
    }
    return order != 0 ? order : compare_texts(wanted->rest, url);
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

void bundle_check(struct walk *walk, const struct node *bundle)
{
    struct text type = node_value(bundle, "type");

    if (!text_is(type, "history"))
        check_duplicates(walk);
    check_links(walk, bundle);
    for (const struct node *entry = node_child(bundle, "entry"); entry;
         entry = node_next_same(entry))
        check_entry(walk, entry, type);
    if (node_child(bundle, "entry"))
        check_first(walk, bundle, type);
}

/* Invariant bdl-7, in n log n. */
static void check_duplicates(struct walk *walk)
{
    const struct bundle_index *index = walk->bundle;

    for (size_t i = 1; i < index->count; i++)
        if (compare_entries(&index->entries[i - 1], &index->entries[i]) == 0)
            issue_add_at(walk->issues, ISSUE_ERROR, "invariant", index->entries[i].entry,
                         "bdl-7 is not met. What must hold: fullUrl must be unique in a bundle, or "
                         "else entries with the same fullUrl must have different meta.versionId.");
}

/* R4 http.html#paging: each of the links that lead through pages is one. */
static void check_links(struct walk *walk, const struct node *bundle)
{
    static const char *const relations[] = {"self", "first", "previous", "prev", "next", "last"};

    for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++) {
        unsigned count = 0;

        for (const struct node *link = node_child(bundle, "link"); link;
             link = node_next_same(link))
            if (text_is(node_value(link, "relation"), relations[i]) && ++count == 2)
                issue_add_at(walk->issues, ISSUE_ERROR, "invalid", link,
                             "The link %s must stand here once only.", relations[i]);
    }
}

static void check_entry(struct walk *walk, const struct node *entry, struct text type)
{
    const struct node *full_url = node_child(entry, "fullUrl");
    const struct node *resource = node_child(entry, "resource");
    const struct node *mode = node_path(entry, "search.mode");

    if (full_url && full_url->value.size > 0)
        check_full_url(walk, entry, full_url, resource);
    if (text_is(type, "searchset") && resource && resource->type &&
        !(mode && text_is(mode->value, "outcome")) &&
        !text_is(text_of(resource->type->name), "OperationOutcome") && !node_child(resource, "id"))
        issue_add_at(walk->issues, ISSUE_ERROR, "required", resource,
                     "What a search finds must have its id.");
}

/* R4 bundle.html#bundle-unique: absolute, and not in disagreement with the id. */
static void check_full_url(struct walk *walk, const struct node *entry, const struct node *full_url,
                           const struct node *resource)
{
    struct text base, type, id, version, own, method = {0};
    const struct node *request = node_child(entry, "request");

    if (!uri_is_absolute(full_url->value)) {
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", full_url,
                     "A fullUrl must be an absolute URL, or a urn:uuid: or urn:oid:.");
        return;
    }
    if (!resource || !resource->type ||
        !reference_split(full_url->value, &base, &type, &id, &version))
        return;
    if (request)
        method = node_value(request, "method");
    own = node_value(resource, "id");
    if (!text_is(type, resource->type->name) ||
        (own.data ? !text_equals(id, own) : !text_is(method, "POST")))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", full_url,
                     "A fullUrl that names a type and an id must name those of the resource; "
                     "correct it, or write a urn:uuid:.");
}

/* What the first resource of a document or message refers to must be in there, too. */
static const struct {
    const char *bundle, *path;
} included[] = {
    {"document", "subject"},        {"document", "encounter"},     {"document", "author"},
    {"document", "attester.party"}, {"document", "custodian"},     {"document", "event.detail"},
    {"document", "section.author"}, {"document", "section.focus"}, {"document", "section.entry"},
    {"message", "focus"},
};

static void check_first(struct walk *walk, const struct node *bundle, struct text type)
{
    const struct node *entry = node_child(bundle, "entry"), *first = node_child(entry, "resource");
    struct walk inner = *walk;

    if (!first || !first->type)
        return;
    inner.entry = entry;
    inner.container = first;
    for (size_t i = 0; i < sizeof(included) / sizeof(included[0]); i++)
        if (text_is(type, included[i].bundle))
            check_path(&inner, first, text_of(included[i].path));
}

/* All elements along a path; sections may have sections. */
static void check_path(struct walk *walk, const struct node *node, struct text path)
{
    struct text step = path, rest = {0};

    text_split(path, '.', &step, &rest);
    for (const struct node *child = node->first; child; child = child->next) {
        if (!text_equals(child->name, step))
            continue;
        if (!rest.data) {
            check_included(walk, child);
            continue;
        }
        check_path(walk, child, rest);
        if (text_is(step, "section"))
            check_path(walk, child, path);
    }
}

/* R4 documents.html#content, messaging.html. */
static void check_included(struct walk *walk, const struct node *reference)
{
    struct text literal = node_value(reference, "reference");
    const struct node *found;
    enum bundle_match match;

    if (literal.size == 0 || literal.data[0] == '#')
        return;
    match = bundle_find(walk, literal, &found);
    if (match == BUNDLE_NOTHING)
        issue_add_at(walk->issues, ISSUE_ERROR, "not-found", reference,
                     "No entry of the Bundle has the fullUrl that this reference leads to; put the "
                     "resource in, and refer to its fullUrl.");
    else if (match == BUNDLE_SEVERAL)
        issue_add_at(walk->issues, ISSUE_ERROR, "multiple-matches", reference,
                     "Several entries of the Bundle have the fullUrl that this reference leads to; "
                     "refer to one version of them.");
}
