/*
 * Issues - see issue.h.
 */

#include "fhir/issue.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/node.h"

#include <stdarg.h>

static struct issue *issue_new(struct issues *issues, enum issue_severity severity,
                               const char *code);
static const char *path_of(const struct issues *issues, const struct node *node);
static void add_one(struct arena *arena, struct node *outcome, const struct issue *issue);

void issues_init(struct issues *issues, struct arena *arena, unsigned limit)
{
    *issues = (struct issues){.arena = arena, .limit = limit};
}

void issue_add(struct issues *issues, enum issue_severity severity, const char *code,
               const char *expression, const char *fmt, ...)
{
    struct issue *issue = issue_new(issues, severity, code);
    struct buf text = buf_in(issues->arena);
    va_list args;

    if (!issue)
        return;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    issue->text = buf_text(&text);
    issue->expression = expression ? arena_strdup(issues->arena, expression) : NULL;
}

void issue_add_at(struct issues *issues, enum issue_severity severity, const char *code,
                  const struct node *node, const char *fmt, ...)
{
    /* The path is only made for what is kept: it costs a walk over the siblings. */
    struct issue *issue = issue_new(issues, severity, code);
    struct buf text = buf_in(issues->arena);
    va_list args;

    if (!issue)
        return;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    issue->text = buf_text(&text);
    issue->expression = path_of(issues, node);
}

void issue_add_text_at(struct issues *issues, enum issue_severity severity, const char *code,
                       const struct node *node, const char *text)
{
    struct issue *issue = issue_new(issues, severity, code);

    if (!issue)
        return;
    issue->text = text;
    issue->expression = path_of(issues, node);
}

static const char *path_of(const struct issues *issues, const struct node *node)
{
    return issues->places ? node_fhirpath_after(issues->arena, node, issues->places)
                          : node_fhirpath(issues->arena, node);
}

/* NULL, and only counted, when the list is full. */
static struct issue *issue_new(struct issues *issues, enum issue_severity severity,
                               const char *code)
{
    struct issue *issue;

    if (severity > ISSUE_ERROR && issues->errors_only)
        return NULL;
    if (severity <= ISSUE_ERROR)
        issues->errors++;
    if (issues->kept >= issues->limit) {
        issues->dropped++;
        return NULL;
    }

    issue = arena_one(issues->arena, struct issue);
    issue->severity = severity;
    issue->code = code;
    if (issues->last)
        issues->last->next = issue;
    else
        issues->first = issue;
    issues->last = issue;
    issues->kept++;
    return issue;
}

void issues_take(struct issues *issues, struct issues *more)
{
    struct issue *issue = more->first, *next;

    issues->errors += more->errors;
    issues->dropped += more->dropped;
    for (; issue; issue = next) {
        next = issue->next;
        issue->next = NULL;
        if (issues->kept >= issues->limit) {
            issues->dropped++;
            continue;
        }
        if (issues->last)
            issues->last->next = issue;
        else
            issues->first = issue;
        issues->last = issue;
        issues->kept++;
    }
    *more = (struct issues){.arena = more->arena, .limit = more->limit};
}

const char *issue_severity_name(enum issue_severity severity)
{
    static const char *const names[] = {
        [ISSUE_FATAL] = "fatal",
        [ISSUE_ERROR] = "error",
        [ISSUE_WARNING] = "warning",
        [ISSUE_INFORMATION] = "information",
    };
    return names[severity];
}

struct node *issues_outcome(struct arena *arena, const struct issues *issues)
{
    static const struct issue all_ok = {
        .severity = ISSUE_INFORMATION,
        .code = "informational",
        .text = "All OK",
    };
    struct node *outcome = node_new_resource(arena, "OperationOutcome");
    struct issue more = {.severity = ISSUE_INFORMATION, .code = "informational"};

    for (const struct issue *issue = issues->first; issue; issue = issue->next)
        add_one(arena, outcome, issue);
    if (issues->dropped > 0) {
        more.text = arena_printf(arena, "%u further findings are not listed.", issues->dropped);
        add_one(arena, outcome, &more);
    }
    if (!outcome->first)
        add_one(arena, outcome, &all_ok);
    return outcome;
}

static void add_one(struct arena *arena, struct node *outcome, const struct issue *issue)
{
    struct node *node = node_add(arena, outcome, "issue");

    node_add_value(arena, node, "severity", text_of(issue_severity_name(issue->severity)));
    node_add_value(arena, node, "code", text_of(issue->code));
    node_add_value(arena, node, "diagnostics", text_of(issue->text));
    if (issue->expression)
        node_add_value(arena, node, "expression", text_of(issue->expression));
}
