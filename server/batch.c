/*
 * Batch - POST [base] with a Bundle of type batch: independent requests.
 * A Bundle of type transaction goes to transaction.c.
 */

#include "server/batch.h"

#include "base/buf.h"
#include "fhir/bundle.h"
#include "fhir/node.h"
#include "server/bundle_answer.h"
#include "server/config.h"
#include "server/entry.h"
#include "server/interactions.h"
#include "server/outcome.h"

static bool read_bundle(struct request *req, struct bundle *bundle, struct err *err);
static bool batch(struct request *req, const struct bundle *bundle);

bool bundle_post(struct request *req, struct err *err)
{
    struct bundle bundle;

    if (!request_resource(req, err) || !read_bundle(req, &bundle, err))
        return false;
    if (text_is(bundle.type, "transaction"))
        return transaction(req, &bundle, err);
    if (text_is(bundle.type, "batch"))
        return batch(req, &bundle);
    return err_set(err, ERR_INVALID, "Bundle.type",
                   "A Bundle posted to the base must be of type batch or transaction; to store a "
                   "Bundle as it is, post it to Bundle.");
}

static bool read_bundle(struct request *req, struct bundle *bundle, struct err *err)
{
    if (!bundle_read(req->arena, req->resource, bundle, err))
        return false;
    if (bundle->count > (size_t)req->service->config->bundle_entries)
        return err_set(
            err, ERR_TOO_LARGE, "Bundle.entry",
            "The Bundle has %zu entries, more than the %lld taken at once; send several.",
            bundle->count, (long long)req->service->config->bundle_entries);
    return true;
}

/* The status of an entry that never became a request. */
static void refuse_entry(struct request *req, const struct err *err)
{
    req->answer = (struct answer){.status = outcome_status(err->kind)};
    req->answer.outcome = outcome_json(req->arena, err, NULL, NULL);
}

/* R4 http.html#brules: entries may not depend on one another. */
static bool check_independent(const struct request *outer, const struct bundle *bundle,
                              size_t index, struct err *err)
{
    if (!entry_foreign_link(bundle, &bundle->entries[index]).data)
        return true;
    return err_set(err, ERR_INVALID, entry_where(outer, index),
                   "The resource refers to another entry; in a batch entries are independent. Send "
                   "a transaction.");
}

static void run_entry(struct request *outer, const struct bundle *bundle, size_t index,
                      struct request *req)
{
    struct err err = {0};

    if (!entry_request(outer, &bundle->entries[index], index, req, &err) ||
        !check_independent(outer, bundle, index, &err)) {
        refuse_entry(req, &err);
        return;
    }
    if (req->path.size == 0) {
        err_set(&err, ERR_INVALID, entry_where(outer, index), "A batch cannot contain another.");
        refuse_entry(req, &err);
        return;
    }
    request_run(req);
}

static bool batch(struct request *req, const struct bundle *bundle)
{
    struct buf out = buf_in(req->arena);

    bundle_answer_begin(&out, "batch-response");
    for (size_t i = 0; i < bundle->count; i++) {
        struct request entry;
        run_entry(req, bundle, i, &entry);
        bool wanted = strcmp(entry.method ? entry.method : "", "GET") == 0 ||
                      req->prefer_return == PREFER_REPRESENTATION;
        bundle_answer_add(&out, &entry.answer, wanted);
    }
    bundle_answer_end(req, &out);
    return true;
}
