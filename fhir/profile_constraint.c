/*
 * Constraints - invariants of profiles, on the element they stand at.
 */

#include "fhir/profile_check.h"

#include "base/err.h"
#include "fhir/document.h"
#include "fhir/fhirpath.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"
#include "fhir/validate.h"

static void check_constraint(struct check *check, const struct rule *rule,
                             const struct rule_constraint *constraint,
                             const struct fhirpath_context *context, const struct node *node);
static bool is_true(const struct fhirpath_values *values);

void check_constraints(struct check *check, const struct rule *rule, const struct node *node)
{
    const struct fhirpath_context context = {
        .resource = document_resource(node),
        .root_resource = document_container(node),
        .validation = check->validation,
        .steps_left = &check->work->steps,
        .work = check->work,
    };

    for (unsigned i = 0; i < rule->constraint_count && !check_is_over(check); i++) {
        const struct rule_constraint *constraint = &rule->constraints[i];
        bool matters = constraint->is_error || !check->quiet;

        if (constraint->compiled && matters &&
            (!constraint->best_practice || check->validation->best_practice) &&
            check_step(check, node))
            check_constraint(check, rule, constraint, &context, node);
    }
}

static void check_constraint(struct check *check, const struct rule *rule,
                             const struct rule_constraint *constraint,
                             const struct fhirpath_context *context, const struct node *node)
{
    struct fhirpath_values values;
    struct err err = {0};
    const char *human = constraint->human ? constraint->human : constraint->expression;

    if (fhirpath_evaluate(constraint->compiled, context, node, check->issues->arena, &values,
                          &err)) {
        if (!is_true(&values))
            finding_add(
                check->issues,
                constraint->is_error && !constraint->best_practice ? ISSUE_ERROR : ISSUE_WARNING,
                "invariant", node, rule, "Constraint %s is not met: %s", constraint->key, human);
    } else if (err.kind == ERR_TOO_LARGE) {
        finding_add(check->issues, ISSUE_ERROR, "too-costly", node, rule,
                    "Constraint %s takes too much work on this element.", constraint->key);
    } else {
        finding_add(check->issues, ISSUE_WARNING, "not-supported", node, rule,
                    "Constraint %s was not checked: %s", constraint->key, err.text);
    }
}

/* As FHIRPath takes a criterion; nothing at all is not true. */
static bool is_true(const struct fhirpath_values *values)
{
    struct text text;

    if (values->count != 1)
        return values->count > 1;
    if (values->items[0].kind == FHIRPATH_BOOLEAN)
        return values->items[0].integer;
    if (values->items[0].kind != FHIRPATH_NODE || !values->items[0].type ||
        values->items[0].type->primitive != PRIMITIVE_BOOLEAN)
        return true;
    text = values->items[0].node->value;
    return text_is(text, "true");
}
