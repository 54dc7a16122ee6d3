/*
 * Read - GET [base]/[type]/[id] and GET [base]/[type]/[id]/_history/[vid].
 */

#include "server/binary.h"
#include "server/interactions.h"
#include "server/precondition.h"
#include "server/subset.h"

static bool answer_found(struct request *req, const struct store_version *version, struct err *err);

bool read_current(struct request *req, struct err *err)
{
    const struct store_version *version;

    if (!subset_read(req, err))
        return false;
    if (!store_read(req->service->store, &req->access, req->type, req->id, req->arena, &version,
                    err))
        return false;
    return answer_found(req, version, err);
}

bool read_version(struct request *req, struct err *err)
{
    const struct store_version *version;

    if (!subset_read(req, err))
        return false;
    if (!store_vread(req->service->store, &req->access, req->type, req->id, req->version,
                     req->arena, &version, err))
        return false;
    return answer_found(req, version, err);
}

/* 404 for what never was, 410 for what was deleted (R4 http.html#read). */
static bool answer_found(struct request *req, const struct store_version *version, struct err *err)
{
    if (!version)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no %s with this id%s.", req->type,
                       req->version ? " and version" : "");
    if (!version->json) {
        answer_etag(req, version);
        return err_set(err, ERR_GONE, NULL, "This %s was deleted; its history is still there.",
                       req->type);
    }
    if (precondition_not_modified(req, version)) {
        answer_etag(req, version);
        req->answer.status = 304;
        return true;
    }
    if (binary_wants_content(req))
        return binary_answer(req, version, err);
    answer_version(req, 200, version);
    subset_answer(req, version);
    return true;
}
