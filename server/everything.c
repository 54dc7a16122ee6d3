/*
 * Everything - GET and POST [base]/Patient/[id]/$everything.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/query.h"
#include "fhir/query_everything.h"
#include "server/condition.h"
#include "server/interactions.h"
#include "server/page.h"

bool everything(struct request *req, struct err *err)
{
    const struct store_version *patient;
    struct query_options options = condition_options(req);
    struct text self = req->query;
    struct store_page page;

    if (!store_read(req->service->store, &req->access, req->type, req->id, req->arena, &patient,
                    err))
        return false;
    if (!patient)
        return err_set(err, ERR_NOT_FOUND, NULL, "There is no such patient.");
    if (!patient->json)
        return err_set(err, ERR_GONE, NULL, "This patient was deleted.");

    const struct query *query =
        query_everything(req->arena, text_of(req->id), req->query, &options, &req->issues, err);
    if (!query || !store_search(req->service->store, &req->access, query, req->arena, &page, err))
        return false;
    page_answer(req, PAGE_SEARCHSET, &page, self);
    return true;
}
