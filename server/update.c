/*
 * Update - PUT [base]/[type]/[id], and PUT [base]/[type]?criteria.
 */

#include "server/interactions.h"
#include "server/write.h"

bool update(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_UPDATE, .type = req->type, .id = req->id};

    if (!write_read_conditions(req, NULL, &write, err) || !request_resource(req, err) ||
        !write_check_resource(req, err))
        return false;
    write.resource = req->resource;
    write.no_content = req->prefer_return == PREFER_MINIMAL;
    if (!write_check_id(req, NULL, &write, err) ||
        !store_write(req->service->store, &req->access, &write, req->arena, err) ||
        write_failed(req, &write, err))
        return false;

    answer_write(req, write.outcome == STORE_CREATED ? 201 : 200, &write.version);
    return true;
}
