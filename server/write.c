/*
 * Writes - see write.h.
 */

#include "server/write.h"

#include "base/arena.h"
#include "fhir/bundle.h"
#include "server/condition.h"
#include "server/config.h"
#include "server/precondition.h"

static void look_for_search(struct node *reference, void *context);
static bool read_match(const struct request *req, const char *where, int64_t *version,
                       struct err *err);
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
                       "The resource is %s %s, but the URL says %s; send it to its own type.",
                       text_article(resource->type->name), resource->type->name, type);
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

bool write_read_conditions(struct request *req, const char *where, struct store_write *write,
                           struct err *err)
{
    if (!read_match(req, where, &write->if_match, err))
        return false;
    if (req->id || write->action == STORE_CREATE)
        return true;
    write->criteria = condition_parse(req, req->type, req->query, where ? where : "URL", err);
    return write->criteria != NULL;
}

/* RFC 9110 13.1: one ETag, or any version at all, or none. */
static bool read_match(const struct request *req, const char *where, int64_t *version,
                       struct err *err)
{
    struct text match = request_header(req, "If-Match");
    struct text none = request_header(req, "If-None-Match");

    *version = 0;
    if (match.data && none.data)
        return err_set(err, ERR_INVALID, where ? where : "If-Match",
                       "If-Match and If-None-Match exclude each other.");
    if (none.data && !text_is(text_trim(none), "*"))
        return err_set(err, ERR_INVALID, where ? where : "If-None-Match",
                       "If-None-Match of a write can only be *: the resource must not exist.");
    if (none.data)
        *version = STORE_NO_VERSION;
    else if (match.data && text_is(text_trim(match), "*"))
        *version = STORE_ANY_VERSION;
    else if (match.data && !etag_parse(match, version))
        return err_set(err, ERR_INVALID, where ? where : "If-Match",
                       "If-Match must be * or one ETag as this server gives them, such as "
                       "W/\"3\".");
    return true;
}

bool write_check_id(const struct request *req, const char *where, struct store_write *write,
                    struct err *err)
{
    struct text id = node_value(write->resource, "id");

    if (!req->id) {
        write->id = id.data ? text_dup(req->arena, id) : NULL;
        return true;
    }
    if (!id.data)
        return err_set(err, ERR_INVALID, where ? where : "id",
                       "An update needs the resource's id, the same as in the URL.");
    return text_is(id, req->id) ||
           err_set(err, ERR_INVALID, where ? where : "id",
                   "The resource's id differs from the one in the URL; send it to its own URL.");
}

bool write_removes_several(const struct config *config)
{
    return strcmp(config->conditional_delete, "multiple") == 0;
}

bool write_failed(const struct request *req, const struct store_write *write, struct err *err)
{
    const char *where = write->criteria ? "URL" : NULL;

    if (write->outcome < STORE_VERSION_MISMATCH)
        return false;
    if (write->outcome == STORE_VERSION_MISMATCH)
        where = request_header(req, "If-Match").data ? "If-Match" : "If-None-Match";
    else if (write->action == STORE_CREATE)
        where = "If-None-Exist";
    store_refuse(write, where, err);
    return true;
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
