/*
 * Entry - see entry.h.
 */

#include "server/entry.h"

#include "base/arena.h"
#include "fhir/node.h"
#include "server/interactions.h"
#include "server/route.h"

struct link_search {
    const struct entry_names *names;
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

/* Criteria may hold URLs of their own. */
static bool is_absolute(struct text url)
{
    const char *query = memchr(url.data, '?', url.size);

    return memmem(url.data, query ? (size_t)(query - url.data) : url.size, "://", 3) != NULL;
}

static bool take_url(const struct request *bundle, struct text url, struct request *req)
{
    struct text base = text_of(bundle->service->base);

    if (text_starts_with(url, base) && (url.size == base.size || strchr("/?", url.data[base.size])))
        url = (struct text){url.data + base.size, url.size - base.size};
    else if (is_absolute(url))
        return false;
    if (url.size && url.data[0] == '/')
        url = (struct text){url.data + 1, url.size - 1};
    req->path = url;
    text_split(url, '?', &req->path, &req->query);
    if (req->path.size && req->path.data[req->path.size - 1] == '/')
        req->path.size--;
    return true;
}

bool entry_request(const struct request *bundle, const struct bundle_entry *entry, size_t index,
                   struct request *req, struct err *err)
{
    *req = (struct request){
        .service = bundle->service,
        .knowledge = bundle->knowledge,
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
    req->access.step = (int32_t)index;
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

bool entry_wants_resource(const struct request *entry)
{
    const struct route *route = entry->route;

    if (!route || strcmp(entry->method, "HEAD") == 0)
        return false;
    if (route->run == create || route->run == update || route->run == patch_resource)
        return entry->prefer_return == PREFER_REPRESENTATION;
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *left = a, *right = b;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = size ? memcmp(left->data, right->data, size) : 0;

    return order ? order : (left->size > right->size) - (left->size < right->size);
}

struct entry_names entry_names(struct arena *arena, const struct bundle *bundle)
{
    struct entry_names names = {arena_many(arena, struct text, bundle->count), 0};

    for (size_t i = 0; i < bundle->count; i++)
        if (bundle->entries[i].full_url.size)
            names.urls[names.count++] = bundle->entries[i].full_url;
    if (names.count)
        qsort(names.urls, names.count, sizeof(names.urls[0]), compare_texts);
    return names;
}

static void look_at(struct node *reference, void *context)
{
    struct link_search *search = context;
    const struct entry_names *names = search->names;
    struct text link = reference->value;

    if (search->found.data || !text_starts_with(link, TEXT("urn:")) ||
        text_equals(link, search->own->full_url))
        return;
    if (names->count && bsearch(&link, names->urls, names->count, sizeof(link), compare_texts))
        search->found = link;
}

struct text entry_foreign_link(const struct entry_names *names, const struct bundle_entry *entry)
{
    struct link_search search = {.names = names, .own = entry};

    if (entry->resource)
        bundle_each_reference(entry->resource, look_at, &search);
    return search.found;
}

/* Takes "Bundle.entry[3]" from the front of an expression. */
static bool take_index(const char **expression, size_t count, size_t *index)
{
    const struct text head = TEXT("Bundle.entry[");
    struct text number, rest;
    int64_t value;

    if (!*expression || !text_starts_with(text_of(*expression), head) ||
        !text_split(text_of(*expression + head.size), ']', &number, &rest) ||
        !text_to_int64(number, 0, INT64_MAX, &value) || (size_t)value >= count)
        return false;
    *index = (size_t)value;
    *expression = rest.data;
    return true;
}

bool entry_findings(const struct bundle *bundle, const struct issues *all, struct arena *arena,
                    struct issues **lists)
{
    const struct text inside = TEXT(".resource");
    bool all_moved = true;

    *lists = arena_many(arena, struct issues, bundle->count);
    for (size_t i = 0; i < bundle->count; i++)
        issues_init(&(*lists)[i], arena, all->limit);
    for (const struct issue *issue = all->first; issue; issue = issue->next) {
        const char *expression = issue->expression;
        size_t index;

        if (!take_index(&expression, bundle->count, &index)) {
            all_moved = all_moved && issue->severity > ISSUE_ERROR;
            continue;
        }
        const struct node *resource = bundle->entries[index].resource;
        bool whole = !resource || !text_starts_with(text_of(expression), inside);
        issue_add(&(*lists)[index], issue->severity, issue->code,
                  whole
                      ? issue->expression
                      : arena_printf(arena, "%s%s", resource->type->name, expression + inside.size),
                  "%s", issue->text);
    }
    return all_moved && (all->dropped == 0 || all->errors == 0);
}
