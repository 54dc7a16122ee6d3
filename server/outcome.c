/*
 * Outcome - see outcome.h.
 */

#include "server/outcome.h"

#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/json.h"

struct kind_row {
    int status;
    const char *code; /* R4 valueset-issue-type */
};

static const struct kind_row kinds[] = {
    [ERR_NONE] = {500, "exception"},
    [ERR_INVALID] = {400, "invalid"},
    [ERR_UNAUTHORIZED] = {401, "login"},
    [ERR_FORBIDDEN] = {403, "forbidden"},
    [ERR_NOT_FOUND] = {404, "not-found"},
    [ERR_METHOD] = {405, "not-supported"},
    [ERR_NOT_ACCEPTABLE] = {406, "not-supported"},
    [ERR_CONFLICT] = {409, "conflict"},
    [ERR_GONE] = {410, "deleted"},
    [ERR_PRECONDITION] = {412, "conflict"},
    [ERR_TOO_LARGE] = {413, "too-long"},
    [ERR_MEDIA_TYPE] = {415, "not-supported"},
    [ERR_UNPROCESSABLE] = {422, "processing"},
    [ERR_THROTTLED] = {429, "throttled"},
    [ERR_INTERNAL] = {500, "exception"},
    [ERR_NOT_SUPPORTED] = {501, "not-supported"},
    [ERR_BUSY] = {503, "transient"},
    [ERR_TIMEOUT] = {503, "timeout"},
    [ERR_UNKNOWN] = {503, "incomplete"},
};

int outcome_status(enum err_kind kind)
{
    return kinds[kind].status;
}

/* The finding that became the error: it has the better code. */
static const struct issue *same_finding(const struct err *err, const struct issues *issues)
{
    for (const struct issue *issue = issues ? issues->first : NULL; issue; issue = issue->next)
        if (issue->severity == ISSUE_ERROR && strcmp(issue->text, err->text) == 0)
            return issue;
    return NULL;
}

struct text outcome_json(struct arena *arena, const struct err *err, const struct issues *issues,
                         const char *number)
{
    struct issues all;
    struct buf out = buf_in(arena);
    const struct issue *same = same_finding(err, issues);

    issues_init(&all, arena, 1000);
    /* Findings may be of what was read before a body turned out to be too large, or no JSON. */
    if (!issues || issues->errors == 0 || err->kind != ERR_UNPROCESSABLE)
        issue_add(&all, ISSUE_ERROR, same ? same->code : kinds[err->kind].code,
                  err->where[0] ? err->where : NULL, "%s%s%s%s", err->text,
                  number ? " (request " : "", number ? number : "", number ? ")" : "");
    else
        same = NULL;
    for (const struct issue *issue = issues ? issues->first : NULL; issue; issue = issue->next)
        if (issue != same)
            issue_add(&all, issue->severity, issue->code, issue->expression, "%s", issue->text);
    if (issues && issues->dropped)
        issue_add(&all, ISSUE_INFORMATION, "informational", NULL,
                  "%u more findings are not listed; mend these first.", issues->dropped);
    json_write(issues_outcome(arena, &all), &out);
    return (struct text){out.data, out.size};
}
