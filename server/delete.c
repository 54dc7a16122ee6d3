/*
 * Delete - DELETE [base]/[type]/[id], and DELETE [base]/[type]?criteria. A tombstone: the
 * history stays.
 */

#include "server/interactions.h"
#include "server/precondition.h"
#include "server/write.h"

/* R4 http.html#delete: 204 also when there is nothing to delete. */
bool remove_current(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_REMOVE, .type = req->type, .id = req->id};
    struct store *store = req->service->store;

    if (!write_read_conditions(req, NULL, &write, err))
        return false;
    write.multiple = write.criteria && write_removes_several(req->service->config);
    if (write.multiple
            ? !store_transaction(store, &req->access, &write, 1, NULL, 0, req->arena, err)
            : !store_write(store, &req->access, &write, req->arena, err))
        return false;
    if (write_failed(req, &write, err))
        return false;

    req->answer.status = 204;
    if (write.outcome == STORE_REMOVED && !write.multiple)
        answer_etag(req, write_keep_version(req, &write));
    return true;
}
