/*
 * Findings about profiles - see profile_finding.h.
 */

#include "fhir/profile_finding.h"

#include "base/buf.h"
#include "base/err.h"
#include "fhir/profile.h"

#include <stdarg.h>

void finding_add(struct issues *issues, enum issue_severity severity, const char *code,
                 const struct node *node, const struct rule *rule, const char *fmt, ...)
{
    struct buf text = buf_in(issues->arena);
    va_list args;

    if (issues->kept >= issues->limit) { /* only counted: no text is made */
        issue_add_at(issues, severity, code, node, " ");
        return;
    }
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    if (rule && rule->profile)
        buf_printf(&text, " (%s of %s)", rule->id ? rule->id : "root", rule->profile->url);
    issue_add_at(issues, severity, code, node, "%s", buf_text(&text));
}
