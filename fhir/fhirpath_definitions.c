/*
 * FHIR's own functions that need definitions: profiles, value sets, code
 * systems, and what a narrative may be (R4 fhirpath.html#functions).
 *
 * What is not loaded is an error and no answer: the expression cannot be
 * decided then.
 */

#include "fhir/fhirpath_functions.h"

#include "fhir/binding.h"
#include "fhir/definitions.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/narrative.h"
#include "fhir/node.h"
#include "fhir/profile_check.h"
#include "fhir/validate.h"

static bool subsumption(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, bool focus_is_ancestor, struct list *out);

/* NULL, and an error, when nobody knows any definitions. */
static const struct definitions *definitions_of(struct eval *eval, const struct expr *call)
{
    const struct validation *validation = eval->context->validation;

    if (validation && validation->definitions)
        return validation->definitions;
    err_set(eval->err, ERR_NOT_SUPPORTED, NULL,
            "FHIRPath: %s() needs definitions, and there are none here.",
            call->call.function->name);
    return NULL;
}

static bool refuse_unknown(struct eval *eval, const struct expr *call, struct text missing)
{
    return err_set(eval->err, ERR_NOT_SUPPORTED, NULL,
                   "FHIRPath: %s() cannot be decided: %.*s is not loaded.",
                   call->call.function->name, TEXT_ARGS(missing));
}

bool function_member_of(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, struct list *out)
{
    const struct definitions *definitions = definitions_of(eval, call);
    const struct fhirpath_value *value = &focus->items[0];
    struct code_finding finding = {.answer = CODE_NO};
    struct text value_set;
    bool found;

    if (!definitions || !eval_string_arg(eval, call, 0, scope, &value_set, &found))
        return false;
    if (!found)
        return true;
    if (value->kind == FHIRPATH_NODE)
        finding.answer = binding_answer(definitions, value_set, value->node, &finding.missing);
    else if (value->kind == FHIRPATH_STRING)
        value_set_has(definitions, value_set, (struct text){NULL, 0}, value->text, &finding);
    else
        return eval_refuse(eval, "memberOf() works on codes only");
    if (finding.answer == CODE_UNKNOWN)
        return refuse_unknown(eval, call, finding.missing.data ? finding.missing : value_set);
    return list_add_boolean(eval, out, finding.answer == CODE_YES);
}

bool function_conforms_to(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    const struct definitions *definitions = definitions_of(eval, call);
    const struct validation *validation = eval->context->validation;
    const struct fhirpath_value *value = &focus->items[0];
    const struct profile *profile;
    struct text url;
    bool found, holds;

    if (!definitions || !eval_string_arg(eval, call, 0, scope, &url, &found))
        return false;
    if (!found)
        return true;
    profile = definitions_profile(definitions, url);
    if (!profile)
        return refuse_unknown(eval, call, url);
    if (value->kind != FHIRPATH_NODE)
        return eval_refuse(eval, "conformsTo() works on elements and resources only");
    holds = eval->context->work
                ? profile_holds_within(profile, value->node, validation, eval->context->work)
                : profile_holds(profile, value->node, validation, 0);
    return list_add_boolean(eval, out, holds);
}

bool function_subsumes(struct eval *eval, const struct expr *call, const struct scope *scope,
                       const struct list *focus, struct list *out)
{
    return subsumption(eval, call, scope, focus, true, out);
}

bool function_subsumed_by(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    return subsumption(eval, call, scope, focus, false, out);
}

static enum code_answer coding_subsumes(const struct definitions *definitions,
                                        const struct node *ancestor, const struct node *coding)
{
    struct text system = node_value(ancestor, "system");

    if (!system.data || !text_equals(system, node_value(coding, "system")))
        return CODE_NO;
    return code_subsumes(definitions, system, node_value(ancestor, "code"),
                         node_value(coding, "code"));
}

/* The first Coding of a CodeableConcept, or the Coding itself; NULL for anything else. */
static const struct node *first_coding(const struct node *node)
{
    if (node->type && text_is(text_of(node->type->name), "Coding"))
        return node;
    return node_child(node, "coding");
}

static const struct node *next_coding(const struct node *owner, const struct node *coding)
{
    return coding == owner ? NULL : node_next_same(coding);
}

/* Of two CodeableConcepts any two codings will do. */
static enum code_answer subsumes(const struct definitions *definitions, const struct node *above,
                                 const struct node *below, struct text *system)
{
    enum code_answer best = CODE_NO;

    for (const struct node *a = first_coding(above); a; a = next_coding(above, a)) {
        for (const struct node *b = first_coding(below); b; b = next_coding(below, b)) {
            enum code_answer answer = coding_subsumes(definitions, a, b);

            if (answer == CODE_YES)
                return answer;
            if (answer == CODE_UNKNOWN) {
                best = answer;
                *system = node_value(a, "system");
            }
        }
    }
    return best;
}

static bool subsumption(struct eval *eval, const struct expr *call, const struct scope *scope,
                        const struct list *focus, bool focus_is_ancestor, struct list *out)
{
    const struct definitions *definitions = definitions_of(eval, call);
    const struct node *one = focus->items[0].node, *other;
    struct list argument = {0};
    struct text system = {NULL, 0};
    enum code_answer answer;

    if (!definitions || !evaluate(eval, call->call.args[0], scope, &argument))
        return false;
    if (argument.count == 0)
        return true;
    other = argument.items[0].node;
    if (argument.count > 1 || focus->items[0].kind != FHIRPATH_NODE ||
        argument.items[0].kind != FHIRPATH_NODE || !first_coding(one) || !first_coding(other))
        return eval_refuse(eval, "%s() compares one Coding or CodeableConcept with another",
                           call->call.function->name);
    answer = focus_is_ancestor ? subsumes(definitions, one, other, &system)
                               : subsumes(definitions, other, one, &system);
    if (answer == CODE_UNKNOWN)
        return refuse_unknown(eval, call, system);
    return list_add_boolean(eval, out, answer == CODE_YES);
}

bool function_html_checks(struct eval *eval, const struct expr *call, const struct scope *scope,
                          const struct list *focus, struct list *out)
{
    const struct fhirpath_value *value = &focus->items[0];
    struct narrative_finding finding;
    struct text text = value->kind == FHIRPATH_NODE ? value->node->value : value->text;

    (void)call, (void)scope;
    if (!text.data)
        return list_add_boolean(eval, out, false);
    if (!eval_text_step(eval, text))
        return false;
    narrative_check(text, &finding);
    return list_add_boolean(eval, out, finding.fine && !finding.empty);
}
