/*
 * Create - POST [base]/[type]; with If-None-Exist only when nothing matches.
 */

#include "server/condition.h"
#include "server/interactions.h"
#include "server/write.h"

bool create(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_CREATE, .type = req->type};
    struct text criteria = request_header(req, "If-None-Exist");

    if (!request_resource(req, err) || !write_check_resource(req, err))
        return false;
    write.resource = req->resource;
    write.no_content = req->prefer_return == PREFER_MINIMAL;
    if (criteria.data)
        write.criteria = condition_parse(req, req->type, criteria, "If-None-Exist", err);
    if ((criteria.data && !write.criteria) ||
        !store_write(req->service->store, &req->access, &write, req->arena, err) ||
        write_failed(req, &write, err))
        return false;

    /* R4 http.html#ccreate: one match is 200 and changes nothing, several are 412. */
    answer_write(req, write.outcome == STORE_EXISTS ? 200 : 201, &write.version);
    return true;
}
