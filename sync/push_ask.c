/*
 * Push ask - what the partner is, and what it holds already.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/bundle.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "sync/echo.h"
#include "sync/fetch.h"
#include "sync/partner.h"
#include "sync/push.h"
#include "sync/talk.h"
#include "sync/url.h"

static struct node *get(struct push *push, const char *url, const char *type, int *status,
                        struct arena *arena, struct err *err);
static bool take_copies(struct push *push, const struct bundle *bundle, const char *type,
                        const struct push_body *body, struct arena *arena, struct push_found *found,
                        struct err *err);
static bool is_named(const struct push *push, const struct node *resource,
                     const struct push_body *body, struct arena *arena);
static void take_copy(struct push *push, struct node *resource, const struct push_body *body,
                      struct arena *arena, struct push_found *found);

bool push_introduce(struct push *push, struct err *err)
{
    struct arena *arena = arena_new();
    int status = 0;

    echo_instance(push->store, push->instance);
    if (push->introduced) {
        arena_free(arena);
        return true;
    }
    struct node *statement = get(push, arena_printf(arena, "%s/metadata", push->partner->base),
                                 "CapabilityStatement", &status, arena, err);
    const struct node *name = statement ? node_path(statement, "software.name") : NULL;
    push->isthmus = name && text_is(name->value, "Isthmus");
    /* Some do not say what they are: not more than that follows from a refusal. */
    push->introduced = statement || (status >= 400 && !err->kind);
    arena_free(arena);
    return push->introduced;
}

const char *push_criterion(const struct push *push, const char *type, const struct push_body *body,
                           struct arena *arena)
{
    struct buf out = buf_in(arena);

    if (push->isthmus && body->source.size > 0) {
        buf_add_text(&out, "_source=");
        url_encode(&out, body->source);
    } else if (echo_has_identifier(type) && !push->isthmus) {
        struct text system = echo_system(push->store, arena);
        buf_add_text(&out, "identifier=");
        url_encode(&out, system);
        buf_add_text(&out, "%7C");
        url_encode(&out, body->name);
    } else
        return NULL;
    return buf_text(&out);
}

/* Nobody else makes such an id, so nothing of the partner's own is written over. */
const char *push_own_id(const struct push *push, const struct landing_push *row,
                        struct arena *arena)
{
    char *id = arena_alloc(arena, LANDING_ID_SIZE);

    landing_local_id(push->store, 0, text_of(arena_printf(arena, "push %s", row->type)),
                     text_of(row->id), id);
    return id;
}

bool push_ask(struct push *push, const char *type, const struct push_body *body, const char *id,
              struct arena *arena, struct push_found *found, struct err *err)
{
    const char *criterion = id ? NULL : push_criterion(push, type, body, arena);
    struct bundle bundle;
    int status = 0;

    *found = (struct push_found){.held = PUSH_NONE};
    const char *url =
        criterion ? arena_printf(arena, "%s/%s?%s&_count=2", push->partner->base, type, criterion)
                  : arena_printf(arena, "%s/%s/%s", push->partner->base, type, id);
    struct node *answer = get(push, url, criterion ? "Bundle" : type, &status, arena, err);
    if (!answer && !criterion && (status == 404 || status == 410))
        return true;
    if (!answer)
        return err->kind ? false
                         : err_set(err, ERR_UNKNOWN, NULL, "The partner answers %d.", status);
    if (!criterion) {
        take_copy(push, answer, body, arena, found);
        return true;
    }
    return bundle_read(arena, answer, &bundle, err) &&
           take_copies(push, &bundle, type, body, arena, found, err);
}

/* A partner that passes over what it does not know answers with others. */
static bool take_copies(struct push *push, const struct bundle *bundle, const char *type,
                        const struct push_body *body, struct arena *arena, struct push_found *found,
                        struct err *err)
{
    size_t others = 0;

    for (size_t i = 0; i < bundle->count; i++) {
        struct node *resource = bundle->entries[i].resource;
        if (!resource || strcmp(resource->type->name, type) != 0)
            continue;
        if (!is_named(push, resource, body, arena))
            others++;
        else if (found->held == PUSH_NONE)
            take_copy(push, resource, body, arena, found);
        else
            found->held = PUSH_MANY;
    }
    return others == 0 || found->held != PUSH_NONE ||
           err_set(err, ERR_UNKNOWN, NULL,
                   "The partner does not search by what names a copy of ours.");
}

static bool is_named(const struct push *push, const struct node *resource,
                     const struct push_body *body, struct arena *arena)
{
    const struct node *source = node_path(resource, "meta.source");
    struct text system = echo_system(push->store, arena);

    if (push->isthmus)
        return source && text_equals(source->value, body->source);
    for (const struct node *identifier = node_child(resource, "identifier"); identifier;
         identifier = node_next_same(identifier))
        if (text_equals(node_value(identifier, "system"), system) &&
            text_equals(node_value(identifier, "value"), body->name))
            return true;
    return false;
}

/* Without a mark that says who feeds it, an Isthmus has pulled it; others keep no tags, and there
 * it was we when it is ours. */
static void take_copy(struct push *push, struct node *resource, const struct push_body *body,
                      struct arena *arena, struct push_found *found)
{
    struct text feeder = echo_feeder(resource);
    const struct node *version = node_path(resource, "meta.versionId");
    bool ours =
        feeder.size > 0 ? text_is(feeder, push->instance) : !body->foreign && !push->isthmus;

    *found = (struct push_found){
        .held = ours ? PUSH_OURS : PUSH_THEIRS,
        .id = text_dup(arena, node_value(resource, "id")),
        .version = version ? text_dup(arena, version->value) : NULL,
        .content = echo_content(resource, push->store),
    };
}

struct wanted {
    const char *type;
    struct node *resource;
};

static bool accept(void *context, const struct fetch_response *response, struct arena *arena,
                   struct err *err)
{
    struct wanted *wanted = context;
    struct issues issues;

    issues_init(&issues, arena, 1);
    wanted->resource = json_read(arena, response->body.data, response->body.size,
                                 &json_default_limits, &issues, err);
    if (!wanted->resource)
        return false;
    return strcmp(wanted->resource->type->name, wanted->type) == 0 ||
           err_set(err, ERR_UNKNOWN, NULL, "The partner answers with %s %s.",
                   text_article(wanted->resource->type->name), wanted->resource->type->name);
}

/* NULL without `err`: `*status` says why. */
static struct node *get(struct push *push, const char *url, const char *type, int *status,
                        struct arena *arena, struct err *err)
{
    struct wanted wanted = {.type = type};
    struct fetch_response response;
    const struct talk_request request = {
        .method = "GET", .url = url, .accept = accept, .context = &wanted};

    if (!talk(push->talk, &request, arena, &response, err))
        return NULL;
    *status = response.status;
    return response.status >= 200 && response.status < 300 ? wanted.resource : NULL;
}
