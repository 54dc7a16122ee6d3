/*
 * References - whether what a reference means is of a type and profile that
 * the rule allows, and stands where it may (R4 references.html,
 * elementdefinition.html#ElementDefinition.type.aggregation).
 */

#include "fhir/profile_check.h"

#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/document.h"
#include "fhir/issue.h"
#include "fhir/node.h"
#include "fhir/profile_finding.h"
#include "fhir/search_values.h"
#include "fhir/validate.h"

static bool has_targets(const struct rule *rule, unsigned *aggregations);
static enum match target_fits(struct check *check, const char *canonical,
                              const struct referenced *referenced, bool type_only);
static const struct type *named_type(struct text reference, const struct node *node);
static void check_place(struct check *check, const struct rule *rule, const struct node *node,
                        const struct referenced *referenced, unsigned aggregations);
static const char *place_name(unsigned place);

void check_reference(struct check *check, const struct rule *rule, const struct node *node)
{
    struct referenced referenced;
    unsigned aggregations;
    bool targets = has_targets(rule, &aggregations);

    if (!targets && !aggregations)
        return;
    reference_follow(check, node, &referenced);
    if (aggregations)
        check_place(check, rule, node, &referenced, aggregations);
    if (!targets || !referenced.type)
        return; /* nothing is known of it: it may be right */

    if (reference_fits(check, rule, &referenced, true) == MATCH_NO)
        finding_add(check->issues, ISSUE_ERROR, "structure", node, rule,
                    "%.*s refers to a resource of type %s, which the profile does not allow here.",
                    TEXT_ARGS(rule->name), referenced.type->name);
    else if (referenced.resource && !check->work->outside &&
             reference_fits(check, rule, &referenced, false) == MATCH_NO)
        finding_add(check->issues, ISSUE_ERROR, "structure", node, rule,
                    "%.*s refers to a resource that meets none of the profiles which the profile "
                    "allows here; validate that resource against one of them.",
                    TEXT_ARGS(rule->name));
}

static bool has_targets(const struct rule *rule, unsigned *aggregations)
{
    bool targets = false, any_target = false, any_place = false;

    *aggregations = 0;
    for (unsigned i = 0; i < rule->type_count; i++) {
        const struct rule_type *type = &rule->types[i];

        if (!type->type || !text_is(text_of(type->type->name), "Reference"))
            continue;
        targets = targets || type->targets;
        any_target = any_target || !type->targets;
        any_place = any_place || !type->aggregations;
        *aggregations |= type->aggregations;
    }
    if (any_place)
        *aggregations = 0;
    return targets && !any_target;
}

void reference_follow(const struct check *check, const struct node *reference,
                      struct referenced *referenced)
{
    const struct validation *validation = check->validation;
    struct text text = node_value(reference, "reference");

    *referenced = (struct referenced){NULL, NULL, false, false};
    if (text.data && text.size > 0) {
        referenced->contained = text.data[0] == '#';
        referenced->resource = document_find(reference, text, validation->index);
        referenced->bundled = referenced->resource && !referenced->contained;
        if (!referenced->resource && !referenced->contained && validation->resolve &&
            !check->work->outside)
            referenced->resource = validation->resolve(text, validation->context);
    }
    referenced->type =
        referenced->resource ? referenced->resource->type : named_type(text, reference);
}

/* The type that a reference names without being followed. */
static const struct type *named_type(struct text reference, const struct node *node)
{
    struct text base, type, id, version;

    if (reference.data && reference_split(reference, &base, &type, &id, &version))
        return resource_type_find(type);
    type = node_value(node, "type");
    return type.data ? resource_type_find(type) : NULL;
}

enum match reference_fits(struct check *check, const struct rule *rule,
                          const struct referenced *referenced, bool type_only)
{
    enum match best = MATCH_NO;
    bool any = false;

    for (unsigned i = 0; i < rule->type_count; i++) {
        for (const char *const *target = rule->types[i].targets; target && *target; target++) {
            enum match match = target_fits(check, *target, referenced, type_only);

            any = true;
            if (match == MATCH_YES)
                return match;
            if (match == MATCH_OPEN)
                best = match;
        }
    }
    return any ? best : MATCH_OPEN;
}

static enum match target_fits(struct check *check, const char *canonical,
                              const struct referenced *referenced, bool type_only)
{
    const struct profile *profile =
        definitions_profile(check->validation->definitions, text_of(canonical));
    bool outside = check->work->outside, holds;

    if (!profile || !profile->type)
        return MATCH_OPEN;
    if (!referenced->type)
        return MATCH_OPEN;
    if (!type_is(referenced->type, profile->type))
        return MATCH_NO;
    if (type_only)
        return MATCH_YES;
    if (!profile->root || (!profile->package && !profile->root->children))
        return MATCH_YES; /* a type of R4 itself */
    if (!referenced->resource)
        return MATCH_OPEN;

    /* Of a resource elsewhere the own references are not followed any further. */
    check->work->outside = outside || (!referenced->contained && !referenced->bundled);
    holds = check_profile_holds(check, profile, referenced->resource);
    check->work->outside = outside;
    return holds ? MATCH_YES : MATCH_NO;
}

static void check_place(struct check *check, const struct rule *rule, const struct node *node,
                        const struct referenced *referenced, unsigned aggregations)
{
    unsigned place = referenced->contained ? AGGREGATION_CONTAINED
                     : referenced->bundled ? AGGREGATION_BUNDLED
                                           : AGGREGATION_REFERENCED;

    if (!node_value(node, "reference").data || aggregations & place)
        return;
    finding_add(check->issues, ISSUE_ERROR, "structure", node, rule,
                "%.*s refers to a resource that is %s; the profile allows only:%s%s%s.",
                TEXT_ARGS(rule->name), place_name(place),
                aggregations & AGGREGATION_CONTAINED ? " contained" : "",
                aggregations & AGGREGATION_BUNDLED ? " bundled" : "",
                aggregations & AGGREGATION_REFERENCED ? " referenced" : "");
}

/* In the words of R4 valueset-resource-aggregation-mode. */
static const char *place_name(unsigned place)
{
    return place == AGGREGATION_CONTAINED ? "contained"
           : place == AGGREGATION_BUNDLED ? "bundled"
                                          : "referenced";
}
