/*
 * Writes - see write.h.
 */

#include "server/write.h"

#include "base/arena.h"
#include "fhir/bundle.h"
#include "server/precondition.h"

static void look_for_search(struct node *reference, void *context);
static bool is_subsetted(const struct node *resource);

bool write_check_resource(struct request *req, struct err *err)
{
    return write_check_content(req->resource, req->type, err);
}

bool write_check_content(struct node *resource, const char *type, struct err *err)
{
    struct text link = {0};

    if (!write_check(resource, type, NULL, err))
        return false;
    /* A Bundle that is stored as it is keeps the links of its entries. */
    if (strcmp(type, "Bundle") != 0)
        bundle_each_reference(resource, look_for_search, &link);
    return !link.data ||
           err_set(
               err, ERR_INVALID, NULL,
               "A reference is a search; it can be resolved in a transaction only. Send one, or "
               "refer to the resource by its id.");
}

/* R4 http.html#trules: conditional references. */
static void look_for_search(struct node *reference, void *context)
{
    struct text *link = context;

    if (bundle_link_is_search(reference->value))
        *link = reference->value;
}

bool write_check(const struct node *resource, const char *type, const char *where, struct err *err)
{
    if (strcmp(resource->type->name, type) != 0)
        return err_set(err, ERR_INVALID, where,
                       "The resource is a %s, but the URL says %s; send it to its own type.",
                       resource->type->name, type);
    if (is_subsetted(resource))
        return err_set(err, ERR_UNPROCESSABLE, where ? where : "meta.tag",
                       "This is a partial view of a resource (tag SUBSETTED); storing it would "
                       "lose what it leaves out. Read the whole resource and change that.");
    return true;
}

/* R4 search.html#summary: such views are not to be written back. */
static bool is_subsetted(const struct node *resource)
{
    const struct node *tag = node_path(resource, "meta.tag");

    for (; tag; tag = node_next_same(tag))
        if (text_is(node_value(tag, "code"), "SUBSETTED"))
            return true;
    return false;
}

bool write_check_headers(const struct request *req, const char *where, struct err *err)
{
    if (!request_header(req, "If-None-Match").data)
        return true;
    return err_set(err, ERR_NOT_SUPPORTED, where ? where : "If-None-Match",
                   "If-None-Match is answered for reads only. To create what may exist already, "
                   "send a create with If-None-Exist.");
}

bool write_refuse_version(const struct store_write *write, struct err *err)
{
    if (write->version.number == 0)
        return err_set(err, ERR_PRECONDITION, "If-Match",
                       "There is no version to match: this resource does not exist.");
    return err_set(err, ERR_PRECONDITION, "If-Match",
                   "The current version is %lld; read it, apply your change to it, and try again.",
                   (long long)write->version.number);
}

const struct store_version *write_keep_version(struct request *req, const struct store_write *write)
{
    struct store_version *kept = arena_one(req->arena, struct store_version);

    *kept = write->version;
    return kept;
}

void write_answer_entry(struct request *entry, const struct store_write *write)
{
    switch (write->outcome) {
    case STORE_REMOVED:
        answer_etag(entry, write_keep_version(entry, write));
        entry->answer.status = 204;
        break;
    case STORE_NOTHING_TO_REMOVE:
        entry->answer.status = 204;
        break;
    case STORE_CREATED:
        answer_write(entry, 201, &write->version);
        break;
    default:
        answer_write(entry, 200, &write->version);
    }
}
