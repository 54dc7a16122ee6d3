/*
 * Bindings - see binding.h.
 */

#include "fhir/binding.h"

#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile.h"
#include "fhir/profile_finding.h"

/* One question, and what was learned of it so far. */
struct question {
    const struct definitions *definitions;
    struct text value_set;
    enum binding_strength strength;
    const struct rule *rule; /* NULL: a binding of R4 itself */
    struct issues *issues;
    enum code_answer answer;
    struct text missing;
    unsigned codes; /* how many were asked about */
};

/* How an element carries its codes. */
enum coded { CODED_NOT, CODED_VALUE, CODED_CODING, CODED_CONCEPT };

static void check(struct question *question, const struct node *node);
static bool ask_element(struct question *question, const struct node *node);
static enum coded coded_as(const struct type *type);
static void ask(struct question *question, struct text system, struct text code);
static void ask_coding(struct question *question, const struct node *coding);
static void report(const struct question *question, const struct node *node);
static void report_unknown(const struct question *question, const struct node *node);

/* What it means not to be in the value set, by R4 terminologies.html#strength:
 * the one place where this is decided. */
static const struct {
    bool asks;
    enum issue_severity outside; /* has codes, none of them in the value set */
    enum issue_severity without; /* has text only */
    enum issue_severity unknown;
    const char *must;
} strengths[] = {
    [BINDING_NONE] = {.asks = false},
    [BINDING_EXAMPLE] = {.asks = false},
    [BINDING_PREFERRED] = {true, ISSUE_INFORMATION, ISSUE_INFORMATION, ISSUE_INFORMATION,
                           "is preferred"},
    [BINDING_EXTENSIBLE] = {true, ISSUE_WARNING, ISSUE_WARNING, ISSUE_WARNING,
                            "is to be used unless no code of it fits"},
    [BINDING_REQUIRED] = {true, ISSUE_ERROR, ISSUE_ERROR, ISSUE_WARNING, "is required"},
};

/* A code that its own system does not define. No sentence of R4 refuses it by itself; where a
 * binding is required, it is in no value set, and that is an error. */
static const enum issue_severity undefined_code = ISSUE_WARNING;

void binding_check(const struct definitions *definitions, enum binding_strength strength,
                   struct text value_set, const struct node *node, struct issues *issues)
{
    struct question question = {definitions, value_set, strength,  NULL,
                                issues,      CODE_NO,   {NULL, 0}, 0};

    if (strengths[strength].asks && value_set.data)
        check(&question, node);
}

void binding_check_rule(const struct definitions *definitions, const struct rule *rule,
                        const struct node *node, struct issues *issues)
{
    const struct rule_binding *binding = &rule->binding;
    struct question question = {
        .definitions = definitions,
        .rule = rule,
        .issues = issues,
        .answer = CODE_NO,
        .value_set = text_of(binding->value_set),
        .strength = binding->strength,
    };
    struct question most = question;

    if (strengths[binding->strength].asks && binding->value_set)
        check(&question, node);

    /* Every code must be in the largest set that is allowed; whether text alone will do is for the
     * binding itself. */
    most.value_set = text_of(binding->max_value_set);
    most.strength = BINDING_REQUIRED;
    if (binding->max_value_set &&
        (binding->strength >= BINDING_EXTENSIBLE || coded_as(node->type) != CODED_CONCEPT ||
         node_child(node, "coding")))
        check(&most, node);
}

enum code_answer binding_answer(const struct definitions *definitions, struct text value_set,
                                const struct node *node, struct text *missing)
{
    struct question question = {
        .definitions = definitions, .value_set = value_set, .answer = CODE_NO};

    ask_element(&question, node);
    *missing = question.missing;
    return question.answer;
}

static void check(struct question *question, const struct node *node)
{
    if (ask_element(question, node))
        report(question, node);
}

/* False when there is nothing to ask about. */
static bool ask_element(struct question *question, const struct node *node)
{
    if (node->flags & NODE_RAW || !node->type)
        return false;

    switch (coded_as(node->type)) {
    case CODED_NOT:
        return false;
    case CODED_VALUE:
        if (!node->value.data)
            return false; /* an extension says why, or structure checks say that it is missing */
        ask(question, (struct text){NULL, 0}, node->value);
        break;
    case CODED_CODING:
        ask_coding(question, node);
        break;
    case CODED_CONCEPT:
        for (const struct node *child = node->first; child && question->answer != CODE_YES;
             child = child->next)
            if (text_is(child->name, "coding"))
                ask_coding(question, child);
        break;
    }
    return true;
}

static enum coded coded_as(const struct type *type)
{
    struct text name;

    if (!type)
        return CODED_NOT;
    switch (type->primitive) {
    case PRIMITIVE_CODE:
    case PRIMITIVE_STRING:
    case PRIMITIVE_URI:
        return CODED_VALUE;
    case PRIMITIVE_NONE:
        break;
    default:
        return CODED_NOT;
    }
    name = text_of(type->name);
    if (text_is(name, "CodeableConcept"))
        return CODED_CONCEPT;
    if (text_is(name, "Coding"))
        return CODED_CODING;
    return type_is(type, type_find(TEXT("Quantity"))) ? CODED_CODING : CODED_NOT;
}

static void ask_coding(struct question *question, const struct node *coding)
{
    struct text system = node_value(coding, "system"), code = node_value(coding, "code");

    if (!code.data)
        return;
    if (system.data)
        ask(question, system, code);
    else
        question->codes++; /* without a system a code means nothing: it is in no value set */
}

/* One code inside is enough; one that is unknown leaves it open. */
static void ask(struct question *question, struct text system, struct text code)
{
    struct code_finding finding;

    question->codes++;
    value_set_has(question->definitions, question->value_set, system, code, &finding);
    if (finding.answer == CODE_NO || question->answer == CODE_YES)
        return;
    if (finding.answer == CODE_YES || question->answer == CODE_NO) {
        question->answer = finding.answer;
        question->missing = finding.missing;
    }
}

static void report(const struct question *question, const struct node *node)
{
    const char *name = node->element ? node->element->name : node->type->name;
    const char *must = strengths[question->strength].must;

    if (question->answer == CODE_UNKNOWN)
        report_unknown(question, node);
    else if (question->answer == CODE_NO && question->codes == 0)
        finding_add(question->issues, strengths[question->strength].without, "code-invalid", node,
                    question->rule, "%s has no code, but one of the value set %.*s %s.", name,
                    TEXT_ARGS(question->value_set), must);
    else if (question->answer == CODE_NO)
        finding_add(question->issues, strengths[question->strength].outside, "code-invalid", node,
                    question->rule, "%s has no code of the value set %.*s, which %s.", name,
                    TEXT_ARGS(question->value_set), must);
}

static void report_unknown(const struct question *question, const struct node *node)
{
    const char *name = node->element ? node->element->name : node->type->name;
    struct text missing = question->missing;

    if (!missing.data)
        finding_add(question->issues, strengths[question->strength].unknown, "not-found", node,
                    question->rule,
                    "Whether %s has a code of the value set %.*s was not checked: the set is not "
                    "loaded completely.",
                    name, TEXT_ARGS(question->value_set));
    else
        finding_add(question->issues, strengths[question->strength].unknown, "not-found", node,
                    question->rule,
                    "Whether %s has a code of the value set %.*s was not checked: %.*s is not "
                    "loaded.",
                    name, TEXT_ARGS(question->value_set), TEXT_ARGS(missing));
}

void coding_check(const struct definitions *definitions, const struct node *coding,
                  enum issue_severity wrong_display, struct issues *issues)
{
    struct text system = node_value(coding, "system"), code = node_value(coding, "code");
    struct text display = node_value(coding, "display");
    struct code_finding finding;

    if (!system.data || !code.data)
        return;
    code_system_has(definitions, system, code, &finding);
    if (finding.answer == CODE_NO)
        issue_add_at(issues, undefined_code, "code-invalid", node_child(coding, "code"),
                     "The code system does not define this code; correct the code or the system.");
    else if (finding.answer == CODE_YES && display.data &&
             !code_display_fits(definitions, system, code, display))
        issue_add_at(issues, wrong_display, "invalid", node_child(coding, "display"),
                     "This is none of the displays that the code system has for the code; correct "
                     "the display, or the code if the display is what was meant.");
}
