/*
 * Push body - a resource of ours as a partner gets it.
 *
 * References become what the partner can follow: its own ids, for what it was sent and what came
 * from it. Others say whom they mean by an identifier of ours and point nowhere: "Patient/1" of
 * ours may be somebody else over there.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "sync/address.h"
#include "sync/echo.h"
#include "sync/partner.h"
#include "sync/push.h"

/* One Reference.reference to a resource of ours. */
struct reference {
    struct node *node;
    struct address address;
    struct reference *next;
};

struct making {
    struct push *push;
    const struct landing_push *row;
    struct push_body *body;
    struct arena *arena;
    struct reference *references;
    bool force;
};

static struct node *read_version(struct making *making, struct err *err);
static void find_reference(struct node *node, void *context);
static bool turn(struct making *making, struct reference *reference, struct err *err);
static void name_only(const struct making *making, struct reference *reference);
static struct text replace_link(struct text link, void *context);
static bool mark(struct making *making, struct node *resource, struct err *err);
static void set_meta(struct making *making, struct node *resource, const char *remote_id);

bool push_body_make(struct push *push, const struct landing_push *row, const char *remote_id,
                    bool force, struct arena *arena, struct push_body *body, struct err *err)
{
    struct making making = {.push = push, .row = row, .body = body, .arena = arena, .force = force};
    struct buf json = buf_in(arena);

    *body = (struct push_body){.name = text_of(arena_printf(arena, "%s/%s", row->type, row->id))};
    struct node *resource = read_version(&making, err);
    if (!resource)
        return body->gone;
    if (!mark(&making, resource, err))
        return false;
    bundle_each_reference(resource, find_reference, &making);
    for (struct reference *each = making.references; each; each = each->next)
        if (!turn(&making, each, err))
            return false;
    bundle_replace_links(arena, resource, replace_link, &making);
    set_meta(&making, resource, remote_id);
    body->content = echo_content(resource, push->store);
    json_write(resource, &json);
    body->json = (struct text){json.data, json.size};
    return true;
}

/* The version that is to be sent, and no other. */
static struct node *read_version(struct making *making, struct err *err)
{
    const struct push *push = making->push;
    const struct landing_push *row = making->row;
    const struct store_version *version;
    struct issues issues;

    if (!store_vread(push->store, &push->access, row->type, row->id, row->version, making->arena,
                     &version, err))
        return NULL;
    if (!version || !version->json) {
        making->body->gone = true;
        return NULL;
    }
    issues_init(&issues, making->arena, 1);
    return json_read(making->arena, version->json, version->json_size, &json_stored_limits, &issues,
                     err);
}

/* References. */

static void find_reference(struct node *node, void *context)
{
    struct making *making = context;
    struct reference *reference = arena_one(making->arena, struct reference);

    reference->node = node;
    if (!address_split(node->value, &reference->address) ||
        (reference->address.base.size > 0 &&
         !text_equals(reference->address.base, making->push->own_base)))
        return;
    reference->next = making->references;
    making->references = reference;
}

static void point_to(const struct making *making, struct reference *reference, const char *id)
{
    node_change_value(
        making->arena, reference->node,
        text_of(arena_printf(making->arena, "%.*s/%s", TEXT_ARGS(reference->address.type), id)));
}

/* Its ledger says where it is over there, or that it is on its way. */
static bool turn(struct making *making, struct reference *reference, struct err *err)
{
    struct push *push = making->push;
    const char *type = text_dup(making->arena, reference->address.type);
    struct landing_identity *origin;
    struct landing_push *sent;

    if (!landing_identity_origin(push->store, type, &reference->address.id, 1, making->arena,
                                 &origin, err))
        return false;
    if (origin && origin->partner == push->number) {
        point_to(making, reference, origin->id);
        return true;
    }
    if (!landing_push_read(push->store, push->number, type, &reference->address.id, 1,
                           making->arena, &sent, err))
        return false;
    bool self =
        strcmp(type, making->row->type) == 0 && text_is(reference->address.id, making->row->id);
    if (sent && sent->remote_id)
        point_to(making, reference, sent->remote_id);
    else if (sent && sent->state != LANDING_FAILED && !self) {
        making->body->waits = true;
        making->body->blocked |= sent->not_before > clock_now();
        making->body->incomplete = making->force;
        name_only(making, reference);
    } else
        name_only(making, reference);
    return true;
}

/* R4 references.html#logical */
static void name_only(const struct making *making, struct reference *reference)
{
    struct node *owner = reference->node->parent;
    struct arena *arena = making->arena;

    node_remove(reference->node);
    if (!node_child(owner, "type"))
        node_add_value(arena, owner, "type", reference->address.type);
    if (node_child(owner, "identifier"))
        return;
    struct node *identifier = node_add(arena, owner, "identifier");
    node_add_value(arena, identifier, "system", echo_system(making->push->store, arena));
    node_add_value(arena, identifier, "value", reference->address.name);
}

/* Links that are no references (Attachment.url, narrative) stay ours, and become absolute. What is
 * a Reference has got its value by now. */
static struct text replace_link(struct text link, void *context)
{
    const struct making *making = context;
    struct address address;

    if (making->push->own_base.size == 0 || !address_split(link, &address) ||
        address.base.size > 0 || !text_is(address.type, "Binary"))
        return (struct text){0};
    return text_of(arena_printf(making->arena, "%.*s/%.*s", TEXT_ARGS(making->push->own_base),
                                TEXT_ARGS(link)));
}

/* Marks. */

static bool mark(struct making *making, struct node *resource, struct err *err)
{
    struct push *push = making->push;
    const struct landing_push *row = making->row;
    struct text source = {0};
    struct address address;
    bool foreign;
    int32_t partner;

    if (!push_origin(push, row->type, row->id, resource, making->arena, &foreign, &partner, err))
        return false;
    const struct node *known = node_path(resource, "meta.source");
    if (foreign && known && address_split(known->value, &address) && address.base.size > 0)
        source = known->value;
    else if (!foreign && push->own_base.size > 0)
        source = text_of(arena_printf(making->arena, "%.*s/%s/%s", TEXT_ARGS(push->own_base),
                                      row->type, row->id));
    making->body->source = source;
    making->body->foreign = foreign;
    echo_mark(making->arena, resource, push->instance, source);
    if (!push->isthmus && echo_has_identifier(row->type))
        echo_add_identifier(making->arena, resource, echo_system(push->store, making->arena),
                            making->body->name);
    return true;
}

/* Version and time are the partner's to give. */
static void set_meta(struct making *making, struct node *resource, const char *remote_id)
{
    struct node *meta = node_child(resource, "meta");
    struct node *id = node_child(resource, "id");
    static const char *const given[] = {"versionId", "lastUpdated"};

    for (size_t i = 0; meta && i < 2; i++) {
        struct node *child = node_child(meta, given[i]);
        if (child)
            node_remove(child);
    }
    if (remote_id)
        node_move_first(node_set_value(making->arena, resource, "id", text_of(remote_id)));
    else if (id)
        node_remove(id);
}
