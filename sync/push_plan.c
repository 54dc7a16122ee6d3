/*
 * Push plan - which changes a partner is to get.
 *
 * A change is looked at with the resource as it is by now: an older version than the current one
 * is left to the change that made that. What is not current any more when it is sent is sent all
 * the same; the next one follows.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/query.h"
#include "fhir/query_match.h"
#include "fhir/search_values.h"
#include "sync/address.h"
#include "sync/echo.h"
#include "sync/forwards.h"
#include "sync/partner.h"
#include "sync/push.h"
#include "sync/url.h"

enum { PAGE = 200 };

static bool plan_page(struct push *push, struct arena *arena, bool *more, struct err *err);
static bool is_for_type(const struct push *push, const char *type);
static bool choose(struct push *push, const struct store_change *change,
                   const struct forwards *forwards, struct arena *arena, bool *wanted,
                   struct err *err);
static bool choose_deletion(struct push *push, const struct store_change *change,
                            struct arena *arena, bool *wanted, struct err *err);
static bool may_leave(struct push *push, const struct store_version *current,
                      const struct node *resource, const struct forwards *forwards,
                      struct arena *arena, bool *may, struct err *err);
static bool is_asked_for(const struct push *push, const struct store_version *current,
                         const struct node *resource, struct arena *arena);

bool push_plan(struct push *push, struct err *err)
{
    struct arena *arena = arena_new();
    bool more = true, good = true;

    while (good && more && !(push->stop && push->stop(push->stop_context))) {
        good = plan_page(push, arena, &more, err);
        arena_reset(arena);
    }
    arena_free(arena);
    return good;
}

static bool read_page(struct push *push, const struct store_feed_position *from,
                      struct arena *arena, struct store_change **changes, size_t *count,
                      struct err *err)
{
    const struct store_feed_position beginning = {0};
    struct err gone = {0};

    if (store_feed(push->store, &push->access, from, PAGE, arena, changes, count, &gone))
        return true;
    if (gone.kind == ERR_GONE) /* restored: the ledger knows what was sent */
        return store_feed(push->store, &push->access, &beginning, PAGE, arena, changes, count, err);
    *err = gone;
    return false;
}

static bool plan_page(struct push *push, struct arena *arena, bool *more, struct err *err)
{
    struct store_feed_position from;
    struct landing_push *pushes;
    struct store_change *changes;
    struct forwards forwards = {0};
    size_t count, chosen = 0;
    bool moved, wanted;

    if (!landing_push_position(push->store, push->number, &from, err) ||
        !read_page(push, &from, arena, &changes, &count, err))
        return false;
    *more = count > 0;
    if (count == 0)
        return true;
    if (push->partner->push.forward &&
        !forwards_read(push->store, &push->access, push->partner, arena, &forwards, err))
        return false;
    pushes = arena_many(arena, struct landing_push, count);
    for (size_t i = 0; i < count; i++) {
        if (!is_for_type(push, changes[i].type))
            continue;
        if (!choose(push, &changes[i], &forwards, arena, &wanted, err))
            return false;
        if (wanted)
            pushes[chosen++] = (struct landing_push){.partner = push->number,
                                                     .type = changes[i].type,
                                                     .id = changes[i].id,
                                                     .version = changes[i].version,
                                                     .deletion = changes[i].method == STORE_DELETE};
    }
    push->counts.planned += chosen;
    return landing_push_plan(push->store, push->number, pushes, chosen, &from,
                             &changes[count - 1].position, &moved, err);
}

static bool is_for_type(const struct push *push, const char *type)
{
    const struct partner_push *wanted = &push->partner->push;

    for (size_t i = 0; i < wanted->count; i++)
        if (strcmp(wanted->queries[i].type, type) == 0)
            return true;
    return false;
}

static bool choose(struct push *push, const struct store_change *change,
                   const struct forwards *forwards, struct arena *arena, bool *wanted,
                   struct err *err)
{
    const struct store_version *current;
    struct issues issues;

    *wanted = false;
    if (change->method == STORE_DELETE)
        return choose_deletion(push, change, arena, wanted, err);
    if (!store_read(push->store, &push->access, change->type, change->id, arena, &current, err))
        return false;
    if (!current || !current->json || current->number != change->version)
        return true;
    issues_init(&issues, arena, 1);
    struct node *resource =
        json_read(arena, current->json, current->json_size, &json_stored_limits, &issues, err);
    if (!resource || !may_leave(push, current, resource, forwards, arena, wanted, err))
        return false;
    *wanted = *wanted && is_asked_for(push, current, resource, arena);
    return true;
}

/* Of what the partner got from us, and only when it shall. */
static bool choose_deletion(struct push *push, const struct store_change *change,
                            struct arena *arena, bool *wanted, struct err *err)
{
    const struct text id = text_of(change->id);
    struct landing_push *known;

    if (!push->partner->push.deletes)
        return true;
    if (!landing_push_read(push->store, push->number, change->type, &id, 1, arena, &known, err))
        return false;
    *wanted = known != NULL;
    return true;
}

/* Whoever edits a copy by a client may lose its tags, and with them who feeds it. */
static bool says_elsewhere(const struct push *push, const char *type, const struct node *resource)
{
    const struct node *source = node_path(resource, "meta.source");
    struct address address;

    return source && address_split(source->value, &address) && address.base.size > 0 &&
           text_is(address.type, type) && !text_equals(address.base, push->own_base);
}

bool push_origin(struct push *push, const char *type, const char *id, const struct node *resource,
                 struct arena *arena, bool *foreign, int32_t *partner, struct err *err)
{
    const struct text local = text_of(id);
    struct text feeder = echo_feeder(resource);
    struct landing_identity *origin;

    if (!landing_identity_origin(push->store, type, &local, 1, arena, &origin, err))
        return false;
    *partner = origin ? origin->partner : 0;
    *foreign = origin || (feeder.size > 0 && !text_is(feeder, push->instance)) ||
               says_elsewhere(push, type, resource);
    return true;
}

/* Nothing goes back to where it came from, and what came from others only when it shall. Whoever
 * passes on records of somebody has them from there. */
static bool may_leave(struct push *push, const struct store_version *current,
                      const struct node *resource, const struct forwards *forwards,
                      struct arena *arena, bool *may, struct err *err)
{
    const struct node *source = node_path(resource, "meta.source");
    struct address address;
    bool foreign;
    int32_t partner;

    if (!push_origin(push, current->type, current->id, resource, arena, &foreign, &partner, err))
        return false;
    *may = !foreign || (push->partner->push.forward && partner != push->number);
    if (!*may || !foreign || !source || !address_split(source->value, &address))
        return true;
    *may = !text_equals(address.base, text_of(push->partner->base)) &&
           !forwards_has(forwards, address.base);
    for (const char **alias = push->partner->aliases; *alias; alias++)
        *may = *may && !text_equals(address.base, text_of(*alias));
    return true;
}

/* Criteria. */

static bool meets(const struct query_candidate *candidate, const char *criteria,
                  struct arena *arena)
{
    struct query_options options = query_options_default();
    struct issues issues;
    struct err ignored = {0};

    options.rechecked = true;
    issues_init(&issues, arena, 1);
    const struct query *query =
        query_parse(arena, candidate->type, text_of(criteria), &options, &issues, &ignored);
    return query && query_matches(query, candidate, arena);
}

/* Of types that belong to patients: whether it belongs to one of those. */
static bool is_of_patients(const struct query_candidate *candidate, const char *const *patients,
                           struct arena *arena)
{
    const char *const *codes = patient_compartment_params(candidate->type);
    bool is_patient = strcmp(candidate->type, "Patient") == 0;

    if (!patients || (!codes && !is_patient))
        return true;
    for (const char *const *id = patients; *id; id++) {
        if (is_patient && strcmp(candidate->id, *id) == 0)
            return true;
        for (const char *const *code = codes; code && *code; code++)
            if (meets(candidate, arena_printf(arena, "%s=Patient/%s", *code, *id), arena))
                return true;
    }
    return false;
}

static bool is_asked_for(const struct push *push, const struct store_version *current,
                         const struct node *resource, struct arena *arena)
{
    const struct partner_push *wanted = &push->partner->push;
    struct search_values *values = arena_one(arena, struct search_values);
    const struct query_candidate candidate = {current->type, current->id, current->last_updated,
                                              values};
    bool read = false;

    for (size_t i = 0; i < wanted->count; i++) {
        const struct partner_query *query = &wanted->queries[i];
        if (strcmp(query->type, current->type) != 0)
            continue;
        if (!read && (query->q[0] || wanted->patients))
            search_values_extract(resource, arena, values, NULL);
        read = true;
        if ((!query->q[0] || meets(&candidate, query->q, arena)) &&
            is_of_patients(&candidate, wanted->patients, arena))
            return true;
    }
    return false;
}
