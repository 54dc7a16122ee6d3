/*
 * Validate - the operation $validate (R4 resource-operation-validate.html), on the
 * system, a type, or a resource that is stored. Always full, whatever the
 * policy for writes says; the answer is 200 with what was found.
 */

#include "fhir/validate.h"

#include "base/arena.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "server/format.h"
#include "server/interactions.h"
#include "server/knowledge.h"
#include "server/policy.h"
#include "server/write.h"

#define FINDINGS_MAX 1000
#define PROFILES_MAX 32

enum mode { MODE_NONE, MODE_CREATE, MODE_UPDATE, MODE_DELETE, MODE_PROFILE };

static const char *const modes[] = {
    [MODE_CREATE] = "create",
    [MODE_UPDATE] = "update",
    [MODE_DELETE] = "delete",
    [MODE_PROFILE] = "profile",
};

struct question {
    struct request *req;
    enum mode mode;
    const char *profiles[PROFILES_MAX + 1];
    unsigned profile_count;
    struct node *resource; /* to be looked at; NULL until there is one */
};

static bool take_query(struct question *question, struct err *err);
static bool take_body(struct question *question, struct err *err);
static bool check_question(const struct question *question, struct err *err);
static bool check_deletion(struct question *question, struct err *err);
static bool take_stored(struct question *question, struct err *err);
static void check_write(struct question *question);
static void check_resource(struct question *question);

bool validate_operation(struct request *req, struct err *err)
{
    struct question question = {.req = req};

    if (req->issues.limit < FINDINGS_MAX)
        req->issues.limit = FINDINGS_MAX;
    if (!take_query(&question, err) || !take_body(&question, err) ||
        !check_question(&question, err))
        return false;
    if (question.mode == MODE_DELETE) {
        if (!check_deletion(&question, err))
            return false;
    } else {
        if (!question.resource && !take_stored(&question, err))
            return false;
        check_write(&question);
        check_resource(&question);
    }
    answer_resource(req, 200, issues_outcome(req->arena, &req->issues));
    return true;
}

static bool take_mode(struct question *question, struct text value, struct err *err)
{
    for (enum mode mode = MODE_CREATE; mode <= MODE_PROFILE; mode++)
        if (text_is(value, modes[mode])) {
            question->mode = mode;
            return true;
        }
    return err_set(err, ERR_INVALID, "mode", "mode is create, update, delete or profile.");
}

static bool take_profile(struct question *question, struct text value, struct err *err)
{
    if (question->profile_count == PROFILES_MAX)
        return err_set(err, ERR_INVALID, "profile", "At most %d profiles are checked at once.",
                       PROFILES_MAX);
    question->profiles[question->profile_count++] = text_dup(question->req->arena, value);
    return true;
}

static bool take_query(struct question *question, struct err *err)
{
    struct text rest = question->req->query, item, name, value;

    while (text_next(&rest, '&', &item)) {
        if (!text_split(item, '=', &name, &value))
            continue;
        value = format_decode(question->req->arena, value);
        if (text_is(name, "mode") && !take_mode(question, value, err))
            return false;
        if (text_is(name, "profile") && !take_profile(question, value, err))
            return false;
    }
    return true;
}

/* Parameters are the operation's, unless a resource of that type is to be looked at. */
static bool are_ours(const struct question *question, const struct node *body)
{
    const struct node *parameter = node_child(body, "parameter");

    if (!text_is(text_of(body->type->name), "Parameters"))
        return false;
    if (!question->req->type || strcmp(question->req->type, "Parameters") != 0)
        return true;
    for (; parameter; parameter = node_next_same(parameter))
        if (text_is(node_value(parameter, "name"), "resource") && node_child(parameter, "resource"))
            return true;
    return false;
}

/* What the reader found in it is to be said of the resource, not of the Parameters around it. */
static void take_out(struct question *question, const struct node *resource)
{
    struct arena *arena = question->req->arena;
    struct text inside = text_of(node_fhirpath(arena, resource));

    question->resource = node_copy(arena, resource);
    for (struct issue *issue = question->req->issues.first; issue; issue = issue->next)
        if (issue->expression && text_starts_with(text_of(issue->expression), inside))
            issue->expression =
                arena_printf(arena, "%s%s", resource->type->name, issue->expression + inside.size);
}

/* A parameter that says what it is not for, or twice, would else be as good as none: what was asked
 * for would pass unseen. */
static bool take_parameter(struct question *question, const struct node *parameter, struct err *err)
{
    struct text name = node_value(parameter, "name"), profile = node_value(parameter, "valueUri");
    const struct node *resource = node_child(parameter, "resource");

    if (!profile.data)
        profile = node_value(parameter, "valueCanonical");
    if (text_is(name, "mode"))
        return take_mode(question, node_value(parameter, "valueCode"), err);
    if (text_is(name, "profile"))
        return profile.size > 0 ? take_profile(question, profile, err)
                                : err_set(err, ERR_INVALID, "profile",
                                          "The parameter profile is a valueUri or valueCanonical.");
    if (!text_is(name, "resource")) {
        issue_add_at(&question->req->issues, ISSUE_WARNING, "not-supported", parameter,
                     "$validate has no such parameter, only resource, mode and profile; it was "
                     "left out.");
        return true;
    }
    if (question->resource)
        return err_set(err, ERR_INVALID, "resource", "One resource is validated at a time.");
    if (resource && resource->type)
        take_out(question, resource);
    return true;
}

static bool take_parameters(struct question *question, const struct node *body, struct err *err)
{
    const struct node *parameter = node_child(body, "parameter");

    for (; parameter; parameter = node_next_same(parameter))
        if (!take_parameter(question, parameter, err))
            return false;
    return true;
}

static bool take_body(struct question *question, struct err *err)
{
    struct request *req = question->req;

    if (strcmp(req->method, "POST") != 0 || (!req->body.size && !req->resource))
        return true;
    if (!request_parse_resource(req, err))
        return false;
    if (are_ours(question, req->resource))
        return take_parameters(question, req->resource, err);
    question->resource = req->resource;
    return true;
}

static bool check_question(const struct question *question, struct err *err)
{
    const char *id = question->req->id;

    if ((question->mode == MODE_UPDATE || question->mode == MODE_DELETE) && !id)
        return err_set(err, ERR_INVALID, "mode",
                       "mode %s is about a resource that exists; send this to "
                       "[type]/[id]/$validate.",
                       modes[question->mode]);
    if (question->mode == MODE_CREATE && id)
        return err_set(err, ERR_INVALID, "mode",
                       "mode create is about a resource without an id yet; send this to "
                       "[type]/$validate.");
    if (question->mode == MODE_PROFILE && !question->profile_count)
        return err_set(err, ERR_INVALID, "profile", "mode profile needs the parameter profile.");
    return question->resource || id ||
           err_set(err, ERR_INVALID, "resource",
                   "There is no resource to validate; send it as the body, or as parameter "
                   "resource of Parameters.");
}

/* `*json` is absent when there is none, which is said in the findings. */
static bool read_stored(struct question *question, struct text *json, struct err *err)
{
    struct request *req = question->req;
    const struct store_version *version;

    *json = (struct text){0};
    if (!store_read(req->service->store, &req->access, req->type, req->id, req->arena, &version,
                    err))
        return false;
    if (!version)
        issue_add(&req->issues, ISSUE_ERROR, "not-found", NULL, "There is no %s with this id.",
                  req->type);
    else if (!version->json)
        issue_add(&req->issues, ISSUE_ERROR, "deleted", NULL, "This %s was deleted.", req->type);
    else
        *json = (struct text){version->json, version->json_size};
    return true;
}

/* Nothing keeps a resource from being deleted but that it is not there. */
static bool check_deletion(struct question *question, struct err *err)
{
    struct text json;

    return read_stored(question, &json, err);
}

static bool take_stored(struct question *question, struct err *err)
{
    struct request *req = question->req;
    struct text json;

    if (!read_stored(question, &json, err))
        return false;
    if (!json.data)
        return true;
    question->resource =
        json_read(req->arena, json.data, json.size, &json_stored_limits, &req->issues, err);
    return question->resource != NULL;
}

/* What writes refuse beyond the content (R4: "acceptable as a create", "as an update"). */
static void check_write(struct question *question)
{
    struct request *req = question->req;
    struct node *resource = question->resource;
    struct err cause = {0};

    if (!resource || !req->type)
        return;
    if (strcmp(resource->type->name, req->type) != 0)
        err_set(&cause, ERR_INVALID, resource->type->name,
                "The resource is %s %s, but the URL says %s; send it to its own type.",
                text_article(resource->type->name), resource->type->name, req->type);
    if (question->mode == MODE_CREATE || question->mode == MODE_UPDATE)
        write_check_content(resource, req->type, &cause);
    if (question->mode == MODE_UPDATE && !text_is(node_value(resource, "id"), req->id))
        err_set(&cause, ERR_INVALID, "id",
                "An update needs the resource's id, the same as in the URL.");
    if (cause.kind)
        issue_add(&req->issues, ISSUE_ERROR, "invalid", cause.where[0] ? cause.where : NULL, "%s",
                  cause.text);
}

static void check_resource(struct question *question)
{
    const struct request *req = question->req;
    const struct validation validation = {
        .definitions = req->knowledge->definitions,
        .level = VALIDATION_FULL,
        .profiles = question->profiles,
    };

    if (!question->resource)
        return;
    validate_resource(question->resource, &validation, &question->req->issues);
    if (question->mode == MODE_CREATE || question->mode == MODE_UPDATE)
        policy_check_required(req->service->policy, req->knowledge->definitions, question->resource,
                              &question->req->issues);
}
