/*
 * Create - POST [base]/[type]; with If-None-Exist only when nothing matches.
 */

#include "server/condition.h"
#include "server/interactions.h"
#include "server/write.h"

static bool answer_created(struct request *req, struct store_write *write, struct err *err);

bool create(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_CREATE, .type = req->type};
    struct text criteria = request_header(req, "If-None-Exist");
    bool done;

    if (!request_resource(req, err) || !write_check_resource(req, err))
        return false;
    write.resource = req->resource;
    if (criteria.data) {
        write.criteria = condition_parse(req, req->type, criteria, "If-None-Exist", err);
        done = write.criteria && store_transaction(req->service->store, &req->access, &write, 1,
                                                   NULL, 0, req->arena, err);
    } else {
        done = store_write(req->service->store, &req->access, &write, req->arena, err);
    }
    return done && answer_created(req, &write, err);
}

/* R4 http.html#ccreate: one match is 200 and changes nothing, several are 412. */
static bool answer_created(struct request *req, struct store_write *write, struct err *err)
{
    if (write->outcome == STORE_MANY_MATCHES)
        return err_set(err, ERR_PRECONDITION, "If-None-Exist",
                       "Several resources match the criteria; make them select at most one.");
    answer_write(req, write->outcome == STORE_EXISTS ? 200 : 201, &write->version);
    return true;
}
