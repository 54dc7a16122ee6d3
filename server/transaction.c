/*
 * Transaction - POST [base] with a Bundle of type transaction: all or nothing.
 *
 * Writes go to the store in one piece, which orders, links and commits them;
 * reads run behind the commit, as R4 http.html#trules orders them last.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/node.h"
#include "server/batch.h"
#include "server/bundle_answer.h"
#include "server/condition.h"
#include "server/entry.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/patch.h"
#include "server/route.h"
#include "server/write.h"

/* A reference by search, and the entry in which it stands. */
struct found {
    struct text reference;
    size_t entry;
};

/* What one transaction is made of; arrays run parallel to the entries. */
struct plan {
    struct request *req;
    const struct bundle *bundle;
    struct request *entries;
    struct store_write *writes; /* only those that write, in the order of the entries */
    size_t write_count;
    size_t *write_of; /* per entry: index into writes, or SIZE_MAX for a read */
    struct store_condition *conditions;
    size_t condition_count;
    struct found *found; /* every reference by search */
    size_t found_count, found_room;
    size_t current; /* entry whose references are being looked at */
};

static bool plan_entry(struct plan *plan, size_t index, struct err *err);
static bool plan_patch(struct request *entry, const char *where, struct store_write *write,
                       struct err *err);
static bool gather_conditions(struct plan *plan, struct err *err);
static void give_findings(struct plan *plan);
static void take_findings(struct plan *plan);
static void run_reads(struct plan *plan);
static void answer_entries(struct plan *plan);

bool transaction(struct request *req, const struct bundle *bundle, struct err *err)
{
    struct plan plan = {
        .req = req,
        .bundle = bundle,
        .entries = arena_many(req->arena, struct request, bundle->count),
        .writes = arena_many(req->arena, struct store_write, bundle->count),
        .write_of = arena_many(req->arena, size_t, bundle->count),
    };

    for (size_t i = 0; i < bundle->count; i++)
        if (!plan_entry(&plan, i, err))
            return false;
    if (!gather_conditions(&plan, err))
        return false;
    if (req->prefer_return == PREFER_OUTCOME)
        give_findings(&plan);
    if (plan.write_count &&
        !store_transaction(req->service->store, &req->access, plan.writes, plan.write_count,
                           plan.conditions, plan.condition_count, req->arena, err)) {
        take_findings(&plan);
        return false;
    }
    run_reads(&plan);
    answer_entries(&plan);
    return true;
}

/* Which write an interaction is; -1 for one that reads. */
static int write_action(const struct route *route)
{
    if (route->run == create)
        return STORE_CREATE;
    if (route->run == update)
        return STORE_UPDATE;
    if (route->run == patch_resource)
        return STORE_AMEND;
    return route->run == remove_current ? (int)STORE_REMOVE : -1;
}

static bool check_write(struct plan *plan, struct request *entry, const char *where,
                        struct store_write *write, struct err *err)
{
    struct text criteria = request_header(entry, "If-None-Exist");

    if (!write_read_conditions(entry, where, write, err))
        return false;
    if (write->action == STORE_REMOVE) {
        write->multiple = write->criteria && write_removes_several(plan->req->service->config);
        return true;
    }
    if (!entry->resource)
        return err_set(err, ERR_INVALID, where, "The entry needs a resource.");
    if (write->action == STORE_AMEND)
        return plan_patch(entry, where, write, err);
    if (!write_check(entry->resource, entry->type, where, err))
        return false;
    if (write->action == STORE_UPDATE)
        return write_check_id(entry, where, write, err);
    if (!criteria.data)
        return true;
    write->criteria = condition_parse(entry, entry->type, criteria, where, err);
    return write->criteria != NULL;
}

/* The store makes the content, when it knows the current version. */
static bool plan_patch(struct request *entry, const char *where, struct store_write *write,
                       struct err *err)
{
    struct patch *patch = arena_one(entry->arena, struct patch);
    struct err cause = {0};

    if (!patch_read(entry, patch, &cause))
        return err_set(err, cause.kind, where, "%s", cause.text);
    write->amend = patch_amend;
    write->amend_context = patch;
    write->resource = NULL;
    return true;
}

/* Reads run behind the commit: what is wrong with them has to be found before. */
static bool check_read(struct request *entry, struct err *err)
{
    if (!format_negotiate(entry, err))
        return false;
    if (entry->route->run == search)
        return search_check(entry, err);
    return entry->route->run != history || history_check(entry, err);
}

/* A refusal of one entry is the transaction's, and names the entry. */
static bool plan_entry(struct plan *plan, size_t index, struct err *err)
{
    struct request *entry = &plan->entries[index];
    const struct bundle_entry *source = &plan->bundle->entries[index];
    const char *where = entry_where(plan->req, index);
    struct err cause = {0};

    plan->write_of[index] = SIZE_MAX;
    if (!entry_request(plan->req, source, index, entry, err))
        return false;
    if (!route_find(entry, &cause))
        return err_set(err, cause.kind, where, "%s", cause.text);
    if (entry->route->run == bundle_post)
        return err_set(err, ERR_INVALID, where, "A transaction cannot contain another.");
    int action = write_action(entry->route);
    if (action < 0)
        return check_read(entry, &cause) || err_set(err, cause.kind, where, "%s", cause.text);

    struct store_write *write = &plan->writes[plan->write_count];
    *write = (struct store_write){
        .action = (enum store_action)action,
        .type = entry->type,
        .id = entry->id,
        .resource = entry->resource,
        .no_content = plan->req->prefer_return != PREFER_REPRESENTATION,
        .full_url = source->full_url,
        .where = where,
    };
    plan->write_of[index] = plan->write_count++;
    return check_write(plan, entry, where, write, err);
}

/* Those that were no errors go into the answers of their entries. */
static void give_findings(struct plan *plan)
{
    struct issues *findings;

    entry_findings(plan->bundle, &plan->req->issues, plan->req->arena, &findings);
    for (size_t i = 0; i < plan->bundle->count; i++)
        plan->entries[i].issues = findings[i];
}

/* R4 http.html#trules: "Patient?identifier=..." as a reference. */
static void look_at_reference(struct node *reference, void *context)
{
    struct plan *plan = context;

    if (!bundle_link_is_search(reference->value))
        return;
    if (plan->found_count == plan->found_room) {
        size_t room = plan->found_room ? plan->found_room * 2 : 8;
        struct found *more = arena_many(plan->req->arena, struct found, room);
        if (plan->found_count)
            memcpy(more, plan->found, plan->found_count * sizeof(*more));
        plan->found = more;
        plan->found_room = room;
    }
    plan->found[plan->found_count++] = (struct found){reference->value, plan->current};
}

/* By text, then by entry, so that the first of equals is the first in the Bundle. */
static int compare_found(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    size_t left_size = left->reference.size, right_size = right->reference.size;
    int order = memcmp(left->reference.data, right->reference.data,
                       left_size < right_size ? left_size : right_size);

    if (order == 0)
        order = (left_size > right_size) - (left_size < right_size);
    return order ? order : (left->entry > right->entry) - (left->entry < right->entry);
}

static bool parse_condition(struct plan *plan, const struct found *found, struct err *err)
{
    struct store_condition *condition = &plan->conditions[plan->condition_count++];
    const char *where = entry_where(plan->req, found->entry);
    struct text type_name, criteria;

    text_split(found->reference, '?', &type_name, &criteria);
    *condition = (struct store_condition){.reference = found->reference, .where = where};
    condition->query =
        condition_parse(plan->req, resource_type_find(type_name)->name, criteria, where, err);
    return condition->query != NULL;
}

/* Thousands of entries may refer to the same patient by the same search: it is resolved once. */
static bool gather_conditions(struct plan *plan, struct err *err)
{
    for (plan->current = 0; plan->current < plan->bundle->count; plan->current++) {
        struct node *resource = plan->bundle->entries[plan->current].resource;
        size_t write = plan->write_of[plan->current];
        if (resource && write != SIZE_MAX && plan->writes[write].action != STORE_AMEND)
            bundle_each_reference(resource, look_at_reference, plan);
    }
    if (plan->found_count == 0)
        return true;
    qsort(plan->found, plan->found_count, sizeof(struct found), compare_found);
    plan->conditions = arena_many(plan->req->arena, struct store_condition, plan->found_count);
    for (size_t i = 0; i < plan->found_count; i++) {
        bool again = i && text_equals(plan->found[i].reference, plan->found[i - 1].reference);
        if (!again && !parse_condition(plan, &plan->found[i], err))
            return false;
    }
    return true;
}

/* What was found wrong with the result of a patch is why the whole failed. */
static void take_findings(struct plan *plan)
{
    for (size_t i = 0; i < plan->bundle->count; i++) {
        struct issues *findings = &plan->entries[i].issues;

        if (plan->entries[i].route->run != patch_resource || !findings->errors)
            continue;
        for (const struct issue *issue = findings->first; issue; issue = issue->next)
            issue_add(&plan->req->issues, issue->severity, issue->code,
                      arena_printf(plan->req->arena, "Bundle.entry[%zu]", i), "%s: %s",
                      issue->expression ? issue->expression : "-", issue->text);
    }
}

/* The writes are done and stay done: whatever becomes of a read, that there is
 * no such resource or that the database is gone, is the answer to that read. */
static void run_reads(struct plan *plan)
{
    for (size_t i = 0; i < plan->bundle->count; i++)
        if (plan->write_of[i] == SIZE_MAX)
            request_run(&plan->entries[i]);
}

static void answer_entries(struct plan *plan)
{
    struct request *req = plan->req;
    struct buf out = buf_in(req->arena);

    bundle_answer_begin(&out, "transaction-response");
    for (size_t i = 0; i < plan->bundle->count; i++) {
        struct request *entry = &plan->entries[i];
        bool read = plan->write_of[i] == SIZE_MAX;
        if (!read)
            write_answer_entry(entry, &plan->writes[plan->write_of[i]]);
        bundle_answer_add(&out, &entry->answer, entry_wants_resource(entry));
    }
    bundle_answer_end(req, &out);
}
