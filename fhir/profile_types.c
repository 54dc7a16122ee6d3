/*
 * Types - whether a node's type is allowed, and the profiles that the rule
 * names for it.
 */

#include "fhir/profile_check.h"

#include "base/buf.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"
#include "fhir/validate.h"

/* Of each profile that a node might have met. */
#define FINDINGS_KEPT 16

/* What came of trying several profiles. */
struct trial {
    struct issues best;  /* of the profile that fits best; kept only when none fits */
    unsigned tried;      /* those that are loaded */
    const char *unknown; /* one that is not loaded */
    bool fits;
};

static bool type_is_allowed(const struct rule *rule, const struct node *node,
                            unsigned *profile_count, const char **only);
static void report_type(struct check *check, const struct rule *rule, const struct node *node);
static void check_only_profile(struct check *check, const struct rule *rule, const char *canonical,
                               const struct node *node);
static void check_several(struct check *check, const struct rule *rule, const struct node *node);
static void try_profile(struct check *check, const char *canonical, const struct node *node,
                        struct trial *trial);
static void report_unknown(struct check *check, const struct rule *rule, const char *canonical,
                           const struct node *node);

void check_types(struct check *check, const struct rule *rule, const struct node *node)
{
    unsigned profile_count;
    const char *only;

    if (!node->type)
        return;
    if (!type_is_allowed(rule, node, &profile_count, &only)) {
        report_type(check, rule, node);
        return;
    }
    if (profile_count == 1)
        check_only_profile(check, rule, only, node);
    else if (profile_count > 1)
        check_several(check, rule, node);
    if (text_is(text_of(node->type->name), "Reference"))
        check_reference(check, rule, node);
}

/* A code is no string here, though it is derived from it; but a Patient is a Resource. */
bool rule_type_fits(const struct rule_type *type, const struct node *node)
{
    return !type->type || type->type == node->type ||
           (type->type->abstract && type_is(node->type, type->type));
}

/* Counts the profiles there are for the type; none, when the type may also come without one. */
static bool type_is_allowed(const struct rule *rule, const struct node *node,
                            unsigned *profile_count, const char **only)
{
    bool allowed = false, plain = false;

    *profile_count = 0;
    *only = NULL;
    for (unsigned i = 0; i < rule->type_count; i++) {
        const struct rule_type *type = &rule->types[i];

        if (!rule_type_fits(type, node))
            continue;
        allowed = true;
        plain = plain || !type->profiles;
        for (const char *const *profile = type->profiles; profile && *profile; profile++) {
            *only = *profile;
            ++*profile_count;
        }
    }
    if (plain)
        *profile_count = 0;
    return allowed;
}

static void report_type(struct check *check, const struct rule *rule, const struct node *node)
{
    struct buf names = buf_in(check->issues->arena);

    if (check->quiet) {
        issue_add_text_at(check->issues, ISSUE_ERROR, "structure", node, "");
        return;
    }
    for (unsigned i = 0; i < rule->type_count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", rule->types[i].type->name);
    finding_add(check->issues, ISSUE_ERROR, "structure", node, rule,
                "%.*s has the type %s; the profile allows %s.", TEXT_ARGS(rule->name),
                node->type->name, buf_text(&names));
}

static void check_only_profile(struct check *check, const struct rule *rule, const char *canonical,
                               const struct node *node)
{
    const struct profile *profile =
        definitions_profile(check->validation->definitions, text_of(canonical));

    if (profile)
        check_profile(check, profile, node);
    else
        report_unknown(check, rule, canonical, node);
}

/* One of them must hold. */
static void check_several(struct check *check, const struct rule *rule, const struct node *node)
{
    struct trial trial = {.fits = false};

    for (unsigned i = 0; i < rule->type_count; i++) {
        if (!rule_type_fits(&rule->types[i], node))
            continue;
        for (const char *const *profile = rule->types[i].profiles;
             profile && *profile && !trial.fits; profile++)
            try_profile(check, *profile, node, &trial);
    }
    if (trial.fits)
        return;
    if (trial.unknown) {
        report_unknown(check, rule, trial.unknown, node);
        return;
    }
    finding_add(check->issues, ISSUE_ERROR, "structure", node, rule,
                "%.*s meets none of the %u profiles of which it must meet one%s",
                TEXT_ARGS(rule->name), trial.tried,
                trial.best.first ? "; what the one that fits best finds follows." : ".");
    issues_take(check->issues, &trial.best);
}

static void try_profile(struct check *check, const char *canonical, const struct node *node,
                        struct trial *trial)
{
    const struct profile *profile =
        definitions_profile(check->validation->definitions, text_of(canonical));
    struct check attempt = *check;
    struct issues issues;

    if (!profile) {
        trial->unknown = canonical;
        return;
    }
    issues_init(&issues, check->issues->arena, check->quiet ? 0 : FINDINGS_KEPT);
    attempt.issues = &issues;
    check_profile(&attempt, profile, node);
    trial->fits = issues.errors == 0;
    if (trial->tried == 0 || issues.errors < trial->best.errors)
        trial->best = issues;
    trial->tried++;
}

static void report_unknown(struct check *check, const struct rule *rule, const char *canonical,
                           const struct node *node)
{
    finding_add(check->issues, ISSUE_WARNING, "not-found", node, rule,
                "%.*s was not checked against the profile %s: it is not loaded.",
                TEXT_ARGS(rule->name), canonical);
}
