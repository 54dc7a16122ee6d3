#pragma once

/*
 * Issues - findings about a document, as an OperationOutcome reports them
 * (R4 operationoutcome.html).
 *
 * A list in an arena, in the order found, with a limit: past it, findings
 * are counted but not kept. Texts say what is wrong and what to do, and never
 * quote values that may be health data (names of elements are fine).
 */

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct node;
struct node_places;

enum issue_severity { ISSUE_FATAL, ISSUE_ERROR, ISSUE_WARNING, ISSUE_INFORMATION };

struct issue {
    enum issue_severity severity;
    const char *code;       /* R4 valueset-issue-type: "structure", "value", "required", ... */
    const char *expression; /* FHIRPath, or NULL */
    const char *text;
    struct issue *next;
};

struct issues {
    struct arena *arena; /* borrowed */
    struct issue *first, *last;
    unsigned kept, errors, dropped; /* errors: fatal and error, dropped ones included */
    unsigned limit;                 /* how many are kept */
    bool errors_only;               /* warnings and information are not even counted */
    struct node_places *places; /* of the last finding, while the tree stays as it is; or NULL */
};

void issues_init(struct issues *issues, struct arena *arena, unsigned limit);

/* `expression` may be NULL and is copied. */
void issue_add(struct issues *issues, enum issue_severity severity, const char *code,
               const char *expression, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The same, with the node's FHIRPath as expression. */
void issue_add_at(struct issues *issues, enum issue_severity severity, const char *code,
                  const struct node *node, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The same with a text that is made already and lives as long as the arena. */
void issue_add_text_at(struct issues *issues, enum issue_severity severity, const char *code,
                       const struct node *node, const char *text);

/* Moves the findings of `more` behind those of `issues`. Both in the same arena. */
void issues_take(struct issues *issues, struct issues *more);

const char *issue_severity_name(enum issue_severity severity);

/* An OperationOutcome with these issues as a tree; with one informational
 * "All OK" issue when there are none, since issue is 1..*. */
struct node *issues_outcome(struct arena *arena, const struct issues *issues);
