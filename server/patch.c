/*
 * Patch - see patch.h; R4 http.html#patch, fhirpatch.html.
 */

#include "server/patch.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "fhir/json.h"
#include "fhir/json_value.h"
#include "fhir/node.h"
#include "fhir/patch.h"
#include "server/config.h"
#include "server/interactions.h"
#include "server/knowledge.h"
#include "server/policy.h"
#include "server/write.h"

#include <strings.h>

#define JSON_PATCH "application/json-patch+json"

static struct json_limits limits_of(const struct request *req);
static bool is_json_patch(struct text media);
static bool read_json_patch(struct request *req, struct text body, struct patch *patch,
                            struct err *err);
static bool read_entry(struct request *req, struct patch *patch, struct err *err);
static bool read_binary(struct request *req, struct patch *patch, struct err *err);
static struct node *apply_json(const struct patch *patch, struct text json, struct arena *arena,
                               struct err *err);
static bool check_result(const struct patch *patch, const struct node *before, struct node *after,
                         struct err *err);
static bool keep_narrative_true(const struct patch *patch, const struct node *before,
                                struct node *after, struct err *err);
static struct text narrative_of(struct arena *arena, const struct node *resource);
static struct text content_of(struct arena *arena, const struct node *resource);

bool patch_resource(struct request *req, struct err *err)
{
    struct store_write write = {.action = STORE_AMEND, .type = req->type, .id = req->id};
    struct patch patch;

    if (!write_read_conditions(req, NULL, &write, err) || !patch_read(req, &patch, err))
        return false;
    write.amend = patch_amend;
    write.amend_context = &patch;
    if (!store_write(req->service->store, &req->access, &write, req->arena, err) ||
        write_failed(req, &write, err))
        return false;
    answer_write(req, 200, &write.version);
    return true;
}

bool patch_read(struct request *req, struct patch *patch, struct err *err)
{
    *patch = (struct patch){.req = req};
    if (req->entry)
        return read_entry(req, patch, err);
    if (is_json_patch(request_header(req, "Content-Type")))
        return read_json_patch(req, req->body, patch, err);
    if (!request_parse_resource(req, err)) {
        if (err->kind == ERR_MEDIA_TYPE)
            snprintf(err->text, sizeof(err->text),
                     "A patch is a JSON Patch (" JSON_PATCH ") or a Parameters resource "
                     "(application/fhir+json or application/fhir+xml).");
        return false;
    }
    return read_entry(req, patch, err);
}

static struct json_limits limits_of(const struct request *req)
{
    const struct config *config = req->service->config;

    return (struct json_limits){
        .size = (size_t)config->body_size,
        .depth = (unsigned)config->json_depth,
        .nodes = (unsigned)config->json_nodes,
    };
}

static bool is_json_patch(struct text media)
{
    struct text name = media, parameters;

    text_split(media, ';', &name, &parameters);
    name = text_trim(name);
    return name.size == strlen(JSON_PATCH) && strncasecmp(name.data, JSON_PATCH, name.size) == 0;
}

static bool read_json_patch(struct request *req, struct text body, struct patch *patch,
                            struct err *err)
{
    const struct json_limits limits = limits_of(req);

    patch->json = json_value_read(req->arena, body.data, body.size, &limits, err);
    return patch->json != NULL;
}

/* R4 http.html#patch: in a Bundle, a JSON Patch comes as a Binary. */
static bool read_entry(struct request *req, struct patch *patch, struct err *err)
{
    const char *type = req->resource ? req->resource->type->name : "";

    if (strcmp(type, "Parameters") == 0) {
        patch->parameters = req->resource;
        return request_check_findings(req, err);
    }
    if (req->entry && strcmp(type, "Binary") == 0)
        return read_binary(req, patch, err);
    return err_set(err, ERR_INVALID, NULL,
                   "A patch is a JSON Patch%s, or a Parameters resource with operations.",
                   req->entry ? " in a Binary (contentType " JSON_PATCH ")" : " (" JSON_PATCH ")");
}

static bool read_binary(struct request *req, struct patch *patch, struct err *err)
{
    struct text data = node_value(req->resource, "data");
    struct base64_decoder decoder = {0};
    size_t size = 0;

    if (!is_json_patch(node_value(req->resource, "contentType")))
        return err_set(err, ERR_MEDIA_TYPE, NULL,
                       "The Binary of a patch has the contentType " JSON_PATCH ".");
    uint8_t *body = arena_alloc_raw(req->arena, data.size + 1);
    if (data.size)
        size = base64_decode(&decoder, data, body);
    if (size == SIZE_MAX)
        return err_set(err, ERR_INVALID, NULL, "The data of the Binary are no base64.");
    return read_json_patch(req, (struct text){(char *)body, size}, patch, err);
}

bool patch_amend(void *context, struct text json, struct arena *arena, struct node **resource,
                 struct err *err)
{
    const struct patch *patch = context;
    struct request *req = patch->req;

    issues_init(&req->issues, arena, req->issues.limit);
    const struct node *before =
        json_read(arena, json.data, json.size, &json_stored_limits, &req->issues, err);
    struct node *after = NULL;
    if (!before)
        return false;
    if (patch->json) {
        after = apply_json(patch, json, arena, err);
    } else {
        after = node_copy(arena, before);
        if (!patch_fhirpath(arena, after, patch->parameters, err))
            after = NULL;
    }
    *resource = after;
    return after && check_result(patch, before, after, err);
}

static struct node *apply_json(const struct patch *patch, struct text json, struct arena *arena,
                               struct err *err)
{
    const struct json_limits limits = limits_of(patch->req);
    struct json_value *document =
        json_value_read(arena, json.data, json.size, &json_stored_limits, err);
    struct buf out = buf_in(arena);

    if (!document || !patch_json(arena, &document, patch->json, err))
        return NULL;
    json_value_write(document, &out);
    struct node *after =
        json_read(arena, buf_text(&out), out.size, &limits, &patch->req->issues, err);
    if (!after && err->kind == ERR_INVALID)
        err->kind = ERR_UNPROCESSABLE; /* the patch itself could be read */
    return after;
}

static bool check_result(const struct patch *patch, const struct node *before, struct node *after,
                         struct err *err)
{
    struct request *req = patch->req;
    struct text id = node_value(before, "id");

    if (after->type != before->type || !text_equals(node_value(after, "id"), id))
        return err_set(err, ERR_UNPROCESSABLE, "id",
                       "A patch cannot change the type or the id of a resource.");
    if (!write_check_content(after, before->type->name, err) ||
        !keep_narrative_true(patch, before, after, err))
        return false;
    policy_check(req->service->policy, req->knowledge->definitions, after, &req->issues);
    return request_check_findings(req, err);
}

/* R4 http.html#patch: the narrative must not be clinically unsafe afterwards. What was
 * generated from the content goes with it; what a person wrote only that person can mend. */
static bool keep_narrative_true(const struct patch *patch, const struct node *before,
                                struct node *after, struct err *err)
{
    struct arena *arena = patch->req->arena;
    struct node *text = node_child(after, "text");

    if (!text || !text_equals(narrative_of(arena, before), narrative_of(arena, after)) ||
        text_equals(content_of(arena, before), content_of(arena, after)))
        return true;
    struct text status = node_value(text, "status");
    if (text_is(status, "empty"))
        return true; /* it says nothing that could be wrong */
    if (!text_is(status, "generated"))
        return err_set(err, ERR_UNPROCESSABLE, "text",
                       "The narrative has a status other than generated and may not agree with the "
                       "patched content. Patch text, too: replace it, or remove it.");
    node_remove(text);
    issue_add(&patch->req->issues, ISSUE_INFORMATION, "informational",
              arena_printf(arena, "%s.text", after->type->name),
              "The generated narrative told of the old content and was removed; send a new one if "
              "it is needed.");
    return true;
}

static struct text narrative_of(struct arena *arena, const struct node *resource)
{
    const struct node *text = node_child(resource, "text");
    struct buf out = buf_in(arena);

    if (text)
        json_write(text, &out);
    return (struct text){out.data, out.size};
}

/* All that a narrative may tell of, in canonical form. */
static struct text content_of(struct arena *arena, const struct node *resource)
{
    struct node *copy = node_copy(arena, resource);
    struct buf out = buf_in(arena);

    for (struct node *child = copy->first, *next; child; child = next) {
        next = child->next;
        if (text_is(child->name, "text") || text_is(child->name, "meta"))
            node_remove(child);
    }
    json_write(copy, &out);
    return (struct text){out.data, out.size};
}
