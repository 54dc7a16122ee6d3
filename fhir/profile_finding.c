/*
 * Findings about profiles - see profile_finding.h.
 */

#include "fhir/profile_finding.h"

#include "base/buf.h"
#include "base/err.h"
#include "fhir/profile.h"

#include <stdarg.h>

/* Texts and names of rules together. */
#define USUAL_SIZE 480

void finding_add(struct issues *issues, enum issue_severity severity, const char *code,
                 const struct node *node, const struct rule *rule, const char *fmt, ...)
{
    struct buf text = buf_in(issues->arena);
    va_list args;

    if (issues->kept >= issues->limit) { /* only counted: no text is made */
        issue_add_text_at(issues, severity, code, node, "");
        return;
    }
    buf_reserve(&text, USUAL_SIZE);
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    if (rule && rule->profile) {
        buf_add_text(&text, " (");
        buf_add_text(&text, rule->id ? rule->id : "root");
        buf_add_text(&text, " of ");
        buf_add_text(&text, rule->profile->url);
        buf_add_char(&text, ')');
    }
    issue_add_text_at(issues, severity, code, node, buf_text(&text));
}
