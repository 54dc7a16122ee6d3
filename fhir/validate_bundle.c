/*
 * Bundles - the rules of R4 bundle.html that no invariant states.
 */

#include "fhir/validate_walk.h"

#include "base/count.h"
#include "base/err.h"
#include "fhir/document.h"
#include "fhir/search_values.h"

static void check_duplicates(struct walk *walk);
static void check_links(struct walk *walk, const struct node *bundle);
static void check_entry(struct walk *walk, const struct node *entry, struct text type);
static bool needs_full_url(const struct node *resource, struct text type);
static void check_full_url(struct walk *walk, const struct node *entry, const struct node *full_url,
                           const struct node *resource);
static void check_first(struct walk *walk, const struct node *bundle, struct text type);
static void check_path(struct walk *walk, const struct node *node, struct text path);
static void check_included(struct walk *walk, const struct node *reference);

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
    const struct document_named *items = walk->bundle->items;

    for (size_t i = 1, first = 0; i < walk->bundle->count; i++) {
        if (!text_equals(items[i - 1].name, items[i].name))
            first = i;
        else if (text_equals(items[i - 1].version, items[i].version) ||
                 (!items[i].resource && items[first].version.size == 0))
            issue_add_at(walk->issues, ISSUE_ERROR, "invariant", items[i].node,
                         "bdl-7 is not met. What must hold: fullUrl must be unique in a bundle, or "
                         "else entries with the same fullUrl must have different meta.versionId.");
    }
}

/* R4 http.html#paging: each of the links that lead through pages is one. */
static void check_links(struct walk *walk, const struct node *bundle)
{
    static const char *const relations[] = {"self", "first", "previous", "prev", "next", "last"};

    for (size_t i = 0; i < COUNT(relations); i++) {
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
    else if (needs_full_url(resource, type))
        issue_add_at(
            walk->issues, ISSUE_ERROR, "required", entry,
            "The entry needs a fullUrl: the absolute URL of its resource, or a urn:uuid:.");
    if (text_is(type, "searchset") && resource && resource->type &&
        !(mode && text_is(mode->value, "outcome")) &&
        !text_is(text_of(resource->type->name), "OperationOutcome") && !node_child(resource, "id"))
        issue_add_at(walk->issues, ISSUE_ERROR, "required", resource,
                     "What a search finds must have its id.");
}

/* R4 bundle-definitions.html#Bundle.entry.fullUrl: it SHALL have a value, except in requests that
 * create and in results of operations that are not identified. Batches are requests, or their
 * results; an OperationOutcome among what a search found has no identity. */
static bool needs_full_url(const struct node *resource, struct text type)
{
    if (!resource || !resource->type || text_is(text_of(resource->type->name), "OperationOutcome"))
        return false;
    if (text_is(type, "document") || text_is(type, "message"))
        return true;
    return (text_is(type, "collection") || text_is(type, "searchset") ||
            text_is(type, "history")) &&
           node_child(resource, "id");
}

/* The same place: absolute, and not in disagreement with the id. */
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
    for (size_t i = 0; i < COUNT(included); i++)
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
    struct text literal = node_value(reference, "reference"), base, type, id, version;
    const struct node *found;
    enum document_match match;

    if (literal.size == 0 || literal.data[0] == '#')
        return;
    match = document_find_entry(walk->bundle, walk->entry, literal, &found);
    if (match == DOCUMENT_NOTHING && reference_split(literal, &base, &type, &id, &version) &&
        !base.data && document_find_uuid(walk->bundle, id))
        issue_add_at(walk->issues, ISSUE_WARNING, "not-found", reference,
                     "The resource is in the Bundle, but as urn:uuid:, to which no relative "
                     "reference leads; refer to its fullUrl.");
    else if (match == DOCUMENT_NOTHING)
        issue_add_at(walk->issues, ISSUE_ERROR, "not-found", reference,
                     "No entry of the Bundle has the fullUrl that this reference leads to; put the "
                     "resource in, and refer to its fullUrl.");
    else if (match == DOCUMENT_SEVERAL)
        issue_add_at(walk->issues, ISSUE_ERROR, "multiple-matches", reference,
                     "Several entries of the Bundle have the fullUrl that this reference leads to; "
                     "refer to one version of them.");
}
