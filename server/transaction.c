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
#include "server/interactions.h"
#include "server/route.h"
#include "server/write.h"

/* What one transaction is made of; arrays run parallel to the entries. */
struct plan {
    struct request *req;
    const struct bundle *bundle;
    struct request *entries;
    struct store_write *writes; /* only those that write, in the order of the entries */
    size_t write_count;
    size_t *write_of; /* per entry: index into writes, or SIZE_MAX for a read */
    struct store_condition *conditions;
    size_t condition_count, condition_room;
    size_t current; /* entry whose references are being looked at */
    struct err *err;
    bool failed;
};

static bool plan_entry(struct plan *plan, size_t index, struct err *err);
static bool gather_conditions(struct plan *plan, struct err *err);
static bool run_reads(struct plan *plan, struct err *err);
static void answer_entries(struct plan *plan);

bool transaction(struct request *req, const struct bundle *bundle, struct err *err)
{
    struct plan plan = {
        .req = req,
        .bundle = bundle,
        .entries = arena_many(req->arena, struct request, bundle->count),
        .writes = arena_many(req->arena, struct store_write, bundle->count),
        .write_of = arena_many(req->arena, size_t, bundle->count),
        .err = err,
    };

    for (size_t i = 0; i < bundle->count; i++)
        if (!plan_entry(&plan, i, err))
            return false;
    if (!gather_conditions(&plan, err))
        return false;
    if (plan.write_count &&
        !store_transaction(req->service->store, &req->access, plan.writes, plan.write_count,
                           plan.conditions, plan.condition_count, req->arena, err))
        return false;
    if (!run_reads(&plan, err))
        return false;
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
    return route->run == remove_current ? (int)STORE_REMOVE : -1;
}

static bool same_id(const struct request *entry, const char *where, struct err *err)
{
    struct text id = node_value(entry->resource, "id");

    if (id.data && !text_is(id, entry->id))
        return err_set(err, ERR_INVALID, where,
                       "The resource's id differs from the one in request.url.");
    return true;
}

static bool check_write(struct plan *plan, struct request *entry, const char *where,
                        struct store_write *write, struct err *err)
{
    struct text criteria = request_header(entry, "If-None-Exist");

    if (!request_if_match(entry, &write->if_match, err))
        return false;
    if (write->action == STORE_REMOVE)
        return true;
    if (!entry->resource)
        return err_set(err, ERR_INVALID, where, "The entry needs a resource.");
    if (!write_check(entry->resource, entry->type, where, err))
        return false;
    if (write->action == STORE_UPDATE)
        return same_id(entry, where, err);
    if (!criteria.data)
        return true;
    write->if_none_exist = condition_parse(plan->req, entry->type, criteria, where, err);
    return write->if_none_exist != NULL;
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
        return true;

    struct store_write *write = &plan->writes[plan->write_count];
    *write = (struct store_write){
        .action = (enum store_action)action,
        .type = entry->type,
        .id = entry->id,
        .resource = entry->resource,
        .full_url = source->full_url,
        .where = where,
    };
    plan->write_of[index] = plan->write_count++;
    return check_write(plan, entry, where, write, err);
}

static bool known_condition(const struct plan *plan, struct text reference)
{
    for (size_t i = 0; i < plan->condition_count; i++)
        if (text_equals(plan->conditions[i].reference, reference))
            return true;
    return false;
}

static struct store_condition *new_condition(struct plan *plan)
{
    if (plan->condition_count == plan->condition_room) {
        size_t room = plan->condition_room ? plan->condition_room * 2 : 8;
        struct store_condition *more = arena_many(plan->req->arena, struct store_condition, room);
        if (plan->condition_count)
            memcpy(more, plan->conditions, plan->condition_count * sizeof(*more));
        plan->conditions = more;
        plan->condition_room = room;
    }
    return &plan->conditions[plan->condition_count++];
}

/* R4 http.html#trules: "Patient?identifier=..." as a reference. */
static void look_at_reference(struct node *reference, void *context)
{
    struct plan *plan = context;
    struct text type_name, criteria;

    if (plan->failed || !text_split(reference->value, '?', &type_name, &criteria) ||
        known_condition(plan, reference->value))
        return;
    const struct type *type = resource_type_find(type_name);
    if (!type)
        return;
    const char *where = entry_where(plan->req, plan->current);
    const struct query *query = condition_parse(plan->req, type->name, criteria, where, plan->err);
    plan->failed = query == NULL;
    if (query)
        *new_condition(plan) = (struct store_condition){
            .reference = reference->value,
            .query = query,
            .where = where,
        };
}

static bool gather_conditions(struct plan *plan, struct err *err)
{
    for (plan->current = 0; plan->current < plan->bundle->count; plan->current++) {
        struct node *resource = plan->bundle->entries[plan->current].resource;
        if (resource && plan->write_of[plan->current] != SIZE_MAX)
            bundle_each_reference(resource, look_at_reference, plan);
    }
    return !plan->failed ||
           err_set(err, ERR_INVALID, NULL, "A conditional reference is malformed.");
}

static bool run_reads(struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->bundle->count; i++) {
        struct err cause = {0};
        if (plan->write_of[i] != SIZE_MAX)
            continue;
        struct request *entry = &plan->entries[i];
        if (!entry->route->run(entry, &cause) && cause.kind != ERR_NOT_FOUND &&
            cause.kind != ERR_GONE)
            return err_set(err, cause.kind, entry_where(plan->req, i), "%s", cause.text);
        if (cause.kind)
            entry->answer.status = cause.kind == ERR_GONE ? 410 : 404;
    }
    return true;
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
        bundle_answer_add(&out, &entry->answer,
                          read || req->prefer_return == PREFER_REPRESENTATION);
    }
    bundle_answer_end(req, &out);
}
