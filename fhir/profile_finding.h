#pragma once

/*
 * Findings about profiles - like issue_add_at(), with the rule and the profile
 * that states it behind the text, so that one sees which of several
 * definitions is not met.
 */

#include "fhir/issue.h"

struct node;
struct rule;

/* `rule` may be NULL: then it is issue_add_at(). */
void finding_add(struct issues *issues, enum issue_severity severity, const char *code,
                 const struct node *node, const struct rule *rule, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
