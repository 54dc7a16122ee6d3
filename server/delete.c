/*
 * Delete - DELETE [base]/[type]/[id]. A tombstone: the history stays.
 */

#include "server/interactions.h"
#include "server/precondition.h"
#include "server/write.h"

/* R4 http.html#delete: 204 also when there is nothing to delete. */
bool remove_current(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_REMOVE, .type = req->type, .id = req->id};

    if (!request_if_match(req, &write.if_match, err) ||
        !store_write(req->service->store, &req->access, &write, req->arena, err))
        return false;
    if (write.outcome == STORE_VERSION_MISMATCH)
        return write_refuse_version(&write, err);

    req->answer.status = 204;
    if (write.outcome == STORE_REMOVED)
        answer_etag(req, write_keep_version(req, &write));
    return true;
}
