/*
 * Update - PUT [base]/[type]/[id].
 */

#include "server/interactions.h"
#include "server/write.h"

static bool same_identity(struct request *req, struct err *err);

bool update(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_UPDATE, .type = req->type, .id = req->id};

    if (!write_check_headers(req, NULL, err) || !request_resource(req, err) ||
        !write_check_resource(req, err) || !same_identity(req, err) ||
        !request_if_match(req, &write.if_match, err))
        return false;
    write.resource = req->resource;
    if (!store_write(req->service->store, &req->access, &write, req->arena, err))
        return false;
    if (write.outcome == STORE_VERSION_MISMATCH)
        return write_refuse_version(&write, err);

    answer_write(req, write.outcome == STORE_CREATED ? 201 : 200, &write.version);
    return true;
}

/* R4 http.html#update: the id in the resource SHALL be there and be the URL's. */
static bool same_identity(struct request *req, struct err *err)
{
    struct text id = node_value(req->resource, "id");

    if (!id.data)
        return err_set(err, ERR_INVALID, "id",
                       "An update needs the resource's id, the same as in the URL.");
    if (!text_is(id, req->id))
        return err_set(
            err, ERR_INVALID, "id",
            "The resource's id differs from the one in the URL; send it to its own URL.");
    return true;
}
