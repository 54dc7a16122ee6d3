/*
 * Batch - POST [base] with a Bundle of type batch: independent requests; and of type history,
 * whose versions are written again (replay.h).
 * A Bundle of type transaction goes to transaction.c.
 */

#include "server/batch.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/bundle.h"
#include "server/bundle_answer.h"
#include "server/config.h"
#include "server/entry.h"
#include "server/interactions.h"
#include "server/knowledge.h"
#include "server/outcome.h"
#include "server/policy.h"
#include "server/replay.h"

/* A batch whose findings are not all kept is refused as a whole. */
#define FINDINGS_MAX 1000

/* What all entries of one batch are looked at with. */
struct batch {
    struct request *req;
    const struct bundle *bundle;
    struct entry_names names;
    struct issues *findings; /* one list an entry */
};

static bool read_bundle(struct request *req, struct bundle *bundle, struct err *err);
static void check_required(struct request *req, const struct bundle *bundle);
static bool batch(struct request *req, const struct bundle *bundle, const size_t *order,
                  struct err *err);

bool bundle_post(struct request *req, struct err *err)
{
    struct bundle bundle;

    if (req->issues.limit < FINDINGS_MAX)
        req->issues.limit = FINDINGS_MAX;
    req->issues.errors_only = req->prefer_return != PREFER_OUTCOME;
    if (!request_read_resource(req, err) || !read_bundle(req, &bundle, err))
        return false;
    check_required(req, &bundle);
    if (text_is(bundle.type, "batch"))
        return batch(req, &bundle, NULL, err);
    if (text_is(bundle.type, "history"))
        return batch(req, &bundle, replay_order(req->arena, &bundle), err);
    if (!request_check_findings(req, err))
        return false;
    if (text_is(bundle.type, "transaction"))
        return transaction(req, &bundle, err);
    return err_set(err, ERR_INVALID, "Bundle.type",
                   "A Bundle posted to the base must be of type batch, transaction or history; to "
                   "store a Bundle as it is, post it to Bundle.");
}

/* What is in the Bundle is to be written, so what its type requires holds for it. */
static void check_required(struct request *req, const struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (bundle->entries[i].resource)
            policy_check_required(req->service->policy, req->knowledge->definitions,
                                  bundle->entries[i].resource, &req->issues);
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
    req->answer.outcome = outcome_json(req->arena, err, &req->issues, NULL);
}

/* R4 http.html#brules: entries may not depend on one another. */
static bool check_independent(const struct batch *batch, size_t index, struct err *err)
{
    if (!entry_foreign_link(&batch->names, &batch->bundle->entries[index]).data)
        return true;
    return err_set(err, ERR_INVALID, entry_where(batch->req, index),
                   "The resource refers to another entry, or by a search; in a batch entries are "
                   "independent. Send a transaction.");
}

static bool check_entry(const struct batch *batch, size_t index, struct request *entry,
                        struct err *err)
{
    bool made = entry_request(batch->req, &batch->bundle->entries[index], index, entry, err);

    entry->issues = batch->findings[index];
    if (entry->issues.errors)
        return request_check_findings(entry, err);
    if (!made || !check_independent(batch, index, err))
        return false;
    return entry->path.size > 0 || err_set(err, ERR_INVALID, entry_where(batch->req, index),
                                           "A batch cannot contain another.");
}

/* What is left of an entry when it is done. */
struct done {
    struct answer answer;
    bool with_resource;
};

static void run_entry(const struct batch *batch, size_t index, struct done *done)
{
    struct request entry;
    struct err cause = {0};

    if (check_entry(batch, index, &entry, &cause))
        request_run(&entry);
    else
        refuse_entry(&entry, &cause);
    done->answer = entry.answer;
    done->with_resource = entry_wants_resource(&entry);
}

/* `order`: in which entries are done; NULL: as they come. They are answered as they came. */
static bool batch(struct request *req, const struct bundle *bundle, const size_t *order,
                  struct err *err)
{
    struct batch batch = {req, bundle, entry_names(req->arena, bundle), NULL};
    struct done *done = arena_many(req->arena, struct done, bundle->count);
    struct buf out = buf_in(req->arena);

    if (!entry_findings(bundle, &req->issues, req->arena, &batch.findings))
        return request_check_findings(req, err);
    for (size_t i = 0; i < bundle->count; i++) {
        size_t index = order ? order[i] : i;

        run_entry(&batch, index, &done[index]);
    }
    bundle_answer_begin(&out, "batch-response");
    for (size_t i = 0; i < bundle->count; i++)
        bundle_answer_add(&out, &done[i].answer, done[i].with_resource);
    bundle_answer_end(req, &out);
    return true;
}
