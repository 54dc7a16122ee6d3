/*
 * Validation - see validate.h. One walk over the tree; what is to be checked
 * at an element follows from its type, by a table.
 */

#include "fhir/validate.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/binding.h"
#include "fhir/check.h"
#include "fhir/definitions.h"
#include "fhir/document.h"
#include "fhir/profile.h"
#include "fhir/validate_walk.h"

#include <pthread.h>

typedef void(check_fn)(struct walk *walk, const struct node *node);

/* What is checked beside bindings and invariants. A type without a row has the row of what it
 * specialises. */
static const struct {
    const char *type;
    check_fn *check;
} checks[] = {
    {"Attachment", attachment_check},
    {"Bundle", bundle_check},
    {"canonical", canonical_check},
    {"CapabilityStatement.rest.resource", capability_resource_check},
    {"code", NULL},
    {"Coding", coding_value_check},
    {"ElementDefinition", element_definition_check},
    {"Extension", extension_check},
    {"id", NULL},
    {"Identifier", identifier_check},
    {"markdown", NULL},
    {"Observation", observation_check},
    {"Reference", reference_check},
    {"SearchParameter", search_parameter_check},
    {"string", string_check},
    {"uri", uri_check},
    {"ValueSet.compose.include", value_set_include_check},
    {"xhtml", narrative_element_check},
};

static check_fn **check_of; /* by number of the type */

static void check_fully(struct walk *walk, const struct node *resource);
static void visit(struct walk *walk, const struct node *node);
static void visit_resource(struct walk *outer, const struct node *node);
static void visit_element(struct walk *walk, const struct node *node);
static void check_binding(struct walk *walk, const struct node *node);
static void check_claimed(struct walk *walk, const struct node *resource);
static void check_requested(struct walk *walk, const struct node *resource);
static void check_profile(struct walk *walk, const struct node *resource, struct text canonical,
                          enum issue_severity unknown);
static void prepare(void);

void validate_resource(const struct node *resource, const struct validation *validation,
                       struct issues *issues)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct node_places places = {0};
    unsigned steps = validation->max_steps ? validation->max_steps : INVARIANT_STEPS;
    struct walk_work work = {.left = steps, .most = steps};
    struct walk walk = {
        .validation = validation, .work = &work, .issues = issues, .document = resource};

    if (validation->level == VALIDATION_OFF)
        return;
    issues->places = &places;
    check_structure(resource, issues);
    if (validation->level == VALIDATION_FULL && resource->type) {
        pthread_once(&once, prepare);
        check_fully(&walk, resource);
    }
    issues->places = NULL;
    if (validation->work)
        *validation->work = work.taken;
}

static void check_fully(struct walk *walk, const struct node *resource)
{
    walk->arena = arena_new();
    walk->scratch = arena_new();
    visit(walk, resource);
    arena_free(walk->scratch);
    arena_free(walk->arena);
}

static void visit(struct walk *walk, const struct node *node)
{
    if (!node->type || node->flags & NODE_RAW)
        return; /* found by the reader already */
    if (node_is_resource(node))
        visit_resource(walk, node);
    else
        visit_element(walk, node);
}

/* A resource stands by itself, wherever it is: only contained ones know their container. */
static void visit_resource(struct walk *outer, const struct node *node)
{
    struct validation validation = *outer->validation;
    struct element_ids ids = {.first = NULL};
    struct walk walk = *outer;

    walk.validation = &validation;
    walk.resource = node;
    walk.ids = &ids;
    if (walk.container && text_is(node->name, "contained"))
        contained_id_check(&walk, node);
    if (!walk.container || !text_is(node->name, "contained")) {
        walk.container = node;
        validation.index = document_index_new(walk.arena, node, outer->validation->index);
    }
    if (text_is(text_of(node->type->name), "Bundle")) {
        walk.bundle = validation.index;
        walk.entry = NULL;
    }
    visit_element(&walk, node);
    element_ids_check(&walk);
    if (!validation.ignore_claimed)
        check_claimed(&walk, node);
    if (node == walk.document)
        check_requested(&walk, node);
    arena_reset(walk.scratch);
}

static void visit_element(struct walk *walk, const struct node *node)
{
    check_fn *check = check_of[node->type->number];

    invariants_check(walk, node);
    if (check)
        check(walk, node);
    if (node->element && node->element->binding)
        check_binding(walk, node);
    for (const struct node *child = node->first; child; child = child->next) {
        if (walk->bundle && walk->bundle->owner == node && text_is(child->name, "entry"))
            walk->entry = child;
        if (child->element && child->element->flags & ELEMENT_ATTRIBUTE &&
            text_is(child->name, "id"))
            element_id_note(walk, child);
        visit(walk, child);
    }
}

static void check_binding(struct walk *walk, const struct node *node)
{
    const struct element *element = node->element;

    if (element->binding_strength >= BINDING_EXTENSIBLE && walk->validation->definitions)
        binding_check(walk->validation->definitions, element->binding_strength,
                      text_of(element->binding), node, walk->issues);
}

static void check_claimed(struct walk *walk, const struct node *resource)
{
    const struct node *meta = node_child(resource, "meta"), *profile;

    profile = meta ? node_child(meta, "profile") : NULL;
    for (; profile; profile = node_next_same(profile))
        if (profile->value.data)
            check_profile(walk, resource, profile->value, ISSUE_WARNING);
}

static void check_requested(struct walk *walk, const struct node *resource)
{
    const char *const *profile = walk->validation->profiles;

    for (; profile && *profile; profile++)
        check_profile(walk, resource, text_of(*profile), ISSUE_ERROR);
}

static void check_profile(struct walk *walk, const struct node *resource, struct text canonical,
                          enum issue_severity unknown)
{
    const struct definitions *definitions = walk->validation->definitions;
    const struct profile *profile =
        definitions ? definitions_profile(definitions, canonical) : NULL;

    if (!profile)
        issue_add_at(walk->issues, unknown, "not-found", resource,
                     "The profile %.*s is not loaded, so it was not checked; install the package "
                     "that has it.",
                     TEXT_ARGS(canonical));
    else if (profile->type && !type_is(resource->type, profile->type))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", resource,
                     "The profile %.*s is for %s, not for %s.", TEXT_ARGS(canonical),
                     profile->type->name, resource->type->name);
    else
        profile_check_node(profile, resource, walk->validation, 0, walk->issues);
}

/* What is made here lives as long as the process. */
static void prepare(void)
{
    check_of = arena_many(arena_new(), check_fn *, type_count());
    for (unsigned number = 0; number < type_count(); number++) {
        const struct type *type = type_at(number);
        bool found = false;

        while (!found) {
            for (size_t i = 0; i < COUNT(checks) && !found; i++) {
                found = text_is(text_of(type->name), checks[i].type);
                if (found)
                    check_of[number] = checks[i].check;
            }
            if (type->base == type->number)
                break;
            type = type_at(type->base);
        }
    }
}
