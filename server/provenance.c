/*
 * Provenance - see provenance.h.
 */

#include "server/provenance.h"

#include "fhir/json.h"
#include "fhir/node.h"
#include "server/knowledge.h"
#include "server/policy.h"
#include "server/write.h"

#define SIZE_MAX_HEADER ((size_t)64 * 1024) /* HTTP takes no more anyway */
#define FINDINGS_MAX    20

static bool check(const struct request *req, struct node *provenance, struct err *err);
static bool refuse_findings(const struct issues *issues, struct err *err);

bool provenance_take(struct request *req, struct err *err)
{
    const struct json_limits limits = {.size = SIZE_MAX_HEADER, .depth = 32, .nodes = 10000};
    struct text header = req->entry ? (struct text){0} : request_header(req, "X-Provenance");
    struct err cause = {0};
    struct issues issues;

    if (!header.data || strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
        return true;
    issues_init(&issues, req->arena, FINDINGS_MAX);
    struct node *provenance =
        json_read(req->arena, header.data, header.size, &limits, &issues, &cause);
    if (!provenance)
        return err_set(err, ERR_INVALID, "X-Provenance",
                       "The header is not the JSON of a Provenance: %s", cause.text);
    if (strcmp(provenance->type->name, "Provenance") != 0)
        return err_set(err, ERR_INVALID, "X-Provenance",
                       "The header holds %s %s; it takes a Provenance.",
                       text_article(provenance->type->name), provenance->type->name);
    if (!refuse_findings(&issues, err) || !check(req, provenance, err))
        return false;
    req->access.provenance = provenance;
    return true;
}

/* Links to entries of a transaction, which become versions. */
static bool names_entries(const struct node *provenance)
{
    const struct node *target = node_child(provenance, "target");

    while (target && text_starts_with(node_value(target, "reference"), TEXT("urn:")))
        target = node_next_same(target);
    return !target;
}

/* The target is the server's to fill, so for the check there is one that will be taken out. */
static bool check(const struct request *req, struct node *provenance, struct err *err)
{
    struct err cause = {0};
    struct issues issues;

    if (!names_entries(provenance))
        return err_set(err, ERR_INVALID, "X-Provenance",
                       "Leave the target out: the server fills it with the versions written. In "
                       "a transaction, the fullUrl of an entry (urn:uuid:...) may be named.");
    if (!write_check_content(provenance, "Provenance", &cause))
        return err_set(err, ERR_INVALID, "X-Provenance", "%s", cause.text);
    issues_init(&issues, req->arena, FINDINGS_MAX);
    struct node *filled = node_copy(req->arena, provenance);
    node_add_value(req->arena, node_add(req->arena, filled, "target"), "reference",
                   TEXT("Provenance/target"));
    policy_check(req->service->policy, req->knowledge->definitions, filled, &issues);
    return refuse_findings(&issues, err);
}

static bool refuse_findings(const struct issues *issues, struct err *err)
{
    for (const struct issue *issue = issues->first; issue; issue = issue->next)
        if (issue->severity <= ISSUE_ERROR)
            return err_set(err, ERR_INVALID, "X-Provenance", "The header is not valid at %s: %s",
                           issue->expression ? issue->expression : "Provenance", issue->text);
    return true;
}
