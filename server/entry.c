/*
 * Entry - see entry.h.
 */

#include "server/entry.h"

#include "base/arena.h"
#include "fhir/node.h"

struct link_search {
    const struct bundle *bundle;
    const struct bundle_entry *own;
    struct text found;
};

const char *entry_where(const struct request *req, size_t index)
{
    return arena_printf(req->arena, "Bundle.entry[%zu]", index);
}

/* Copies into static storage of the few methods, so that they can be compared later. */
static const char *known_method(struct text method)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};

    for (const char *const *known = methods; *known; known++)
        if (text_is(method, *known))
            return *known;
    return NULL;
}

static bool take_url(const struct request *bundle, struct text url, struct request *req)
{
    struct text base = text_of(bundle->service->base);

    if (text_starts_with(url, base))
        url = (struct text){url.data + base.size, url.size - base.size};
    else if (memmem(url.data, url.size, "://", 3))
        return false;
    if (url.size && url.data[0] == '/')
        url = (struct text){url.data + 1, url.size - 1};
    req->path = url;
    text_split(url, '?', &req->path, &req->query);
    return true;
}

bool entry_request(const struct request *bundle, const struct bundle_entry *entry, size_t index,
                   struct request *req, struct err *err)
{
    *req = (struct request){
        .service = bundle->service,
        .entry = entry,
        .arena = bundle->arena,
        .access = bundle->access,
        .log = bundle->log,
        .number = bundle->number,
        .method = entry->method.data ? known_method(entry->method) : NULL,
        .resource = entry->resource,
        .prefer_return = bundle->prefer_return,
        .lenient = bundle->lenient,
    };
    issues_init(&req->issues, bundle->arena, bundle->issues.limit);
    if (!req->method || !entry->url.data)
        return err_set(err, ERR_INVALID, entry_where(bundle, index),
                       "The entry needs request.method (GET, HEAD, POST, PUT, PATCH or DELETE) and "
                       "request.url.");
    if (!take_url(bundle, entry->url, req))
        return err_set(err, ERR_INVALID, entry_where(bundle, index),
                       "request.url is not below this server's base; send it relative, such as "
                       "Patient/1.");
    return true;
}

static void look_at(struct node *reference, void *context)
{
    struct link_search *search = context;

    if (search->found.data || !text_starts_with(reference->value, TEXT("urn:")))
        return;
    for (size_t i = 0; i < search->bundle->count; i++) {
        const struct bundle_entry *other = &search->bundle->entries[i];
        if (other != search->own && text_equals(other->full_url, reference->value))
            search->found = reference->value;
    }
}

struct text entry_foreign_link(const struct bundle *bundle, const struct bundle_entry *entry)
{
    struct link_search search = {.bundle = bundle, .own = entry};

    if (entry->resource)
        bundle_each_reference(entry->resource, look_at, &search);
    return search.found;
}
