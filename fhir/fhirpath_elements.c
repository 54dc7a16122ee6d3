/*
 * FHIR's own functions on elements and their definitions: slice(),
 * checkModifiers(), elementDefinition() (R4 fhirpath.html#functions).
 */

#include "fhir/fhirpath_functions.h"

#include "base/arena.h"
#include "fhir/definitions.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/node.h"
#include "fhir/profile_check.h"
#include "fhir/validate.h"

#define DEFINITION_SIZE 4096 /* about what one ElementDefinition takes */
#define BASE            "http://hl7.org/fhir/StructureDefinition/"

static struct node *describe(struct arena *arena, const struct node *node);
static struct node *add(struct arena *arena, struct node *parent, const char *name,
                        const char *value);

/* Those of the focus that are in the slice. */
bool function_slice(struct eval *eval, const struct expr *call, const struct scope *scope,
                    const struct list *focus, struct list *out)
{
    const struct validation *validation = eval->context->validation;
    struct profile_work own = {.steps = PROFILE_STEPS};
    struct profile_work *work = eval->context->work ? eval->context->work : &own;
    const struct profile *profile;
    struct text url, name;
    bool has_url, has_name;

    if (!eval_string_arg(eval, call, 0, scope, &url, &has_url) ||
        !eval_string_arg(eval, call, 1, scope, &name, &has_name))
        return false;
    if (!has_url || !has_name)
        return true;
    profile = validation && validation->definitions
                  ? definitions_profile(validation->definitions, url)
                  : NULL;
    if (!profile)
        return err_set(eval->err, ERR_NOT_SUPPORTED, NULL,
                       "FHIRPath: slice() cannot be decided: %.*s is not loaded.", TEXT_ARGS(url));
    if (!profile_has_slice(profile, name))
        return eval_refuse(eval, "%s has no slice of that name", profile->url);
    for (size_t i = 0; i < focus->count; i++) {
        const struct node *node =
            focus->items[i].kind == FHIRPATH_NODE ? focus->items[i].node : NULL;

        if (!eval_step(eval))
            return false;
        if (node && slice_holds_within(profile, name, node, validation, work) &&
            !list_add(eval, out, &focus->items[i]))
            return false;
    }
    return true;
}

static bool is_allowed(struct text url, const struct text *allowed, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals(url, allowed[i]))
            return true;
    return false;
}

/* The focus, unless an element of it has a modifier extension that the arguments do not name. */
bool function_check_modifiers(struct eval *eval, const struct expr *call, const struct scope *scope,
                              const struct list *focus, struct list *out)
{
    struct text allowed[CALL_ARGS_MAX];
    unsigned count = 0;
    bool found;

    for (unsigned i = 0; i < call->call.arg_count; i++) {
        if (!eval_string_arg(eval, call, i, scope, &allowed[count], &found))
            return false;
        count += found;
    }
    for (size_t i = 0; i < focus->count; i++) {
        const struct node *extension = focus->items[i].kind == FHIRPATH_NODE
                                           ? node_child(focus->items[i].node, "modifierExtension")
                                           : NULL;

        for (; extension; extension = node_next_same(extension))
            if (!is_allowed(node_value(extension, "url"), allowed, count))
                return eval_refuse(eval, "there is a modifier extension that is not allowed for");
    }
    return list_add_all(eval, out, focus);
}

/* Made from the tables of R4: what there is about cardinality, types, bindings. */
bool function_element_definition(struct eval *eval, const struct expr *call,
                                 const struct scope *scope, const struct list *focus,
                                 struct list *out)
{
    (void)call, (void)scope;
    for (size_t i = 0; i < focus->count; i++) {
        const struct fhirpath_value *value = &focus->items[i];

        if (value->kind != FHIRPATH_NODE || !value->node->type)
            continue;
        if (!eval_step(eval) || !eval_memory(eval, DEFINITION_SIZE))
            return false;
        if (!list_add_node(eval, out, describe(eval->arena, value->node)))
            return false;
    }
    return true;
}

static void add_type(struct arena *arena, struct node *definition, const struct element *element)
{
    const struct type *type = type_at(element->type);
    struct node *node = node_add(arena, definition, "type");

    /* A backbone element is called by what it is, not by its path. */
    add(arena, node, "code", type->kind == TYPE_BACKBONE ? type_at(type->base)->name : type->name);
    for (const char *const *target = element->targets; target && *target; target++)
        add(arena, node, "targetProfile", arena_printf(arena, BASE "%s", *target));
}

static void add_binding(struct arena *arena, struct node *definition, const struct element *element)
{
    static const char *const strengths[] = {
        [BINDING_EXAMPLE] = "example",
        [BINDING_PREFERRED] = "preferred",
        [BINDING_EXTENSIBLE] = "extensible",
        [BINDING_REQUIRED] = "required",
    };
    struct node *binding;

    if (!element->binding || !strengths[element->binding_strength])
        return;
    binding = node_add(arena, definition, "binding");
    add(arena, binding, "strength", strengths[element->binding_strength]);
    add(arena, binding, "valueSet", element->binding);
}

static const char *number(struct arena *arena, unsigned value)
{
    return value == ELEMENT_MANY ? "*" : arena_printf(arena, "%u", value);
}

/* An ElementDefinition must stand somewhere: in a StructureDefinition of its own. */
static struct node *describe(struct arena *arena, const struct node *node)
{
    struct node *whole = node_new_resource(arena, "StructureDefinition");
    struct node *definition = node_add(arena, node_add(arena, whole, "snapshot"), "element");
    const struct element *element = node->element;
    const struct type *owner = element && node->parent ? node->parent->type : NULL;
    const char *path = node->type->name;
    bool choice = element && element->flags & ELEMENT_CHOICE;

    if (owner)
        path = arena_printf(arena, "%s.%s%s", owner->name, element->fhirpath, choice ? "[x]" : "");
    add(arena, definition, "path", path);
    add(arena, definition, "min", owner ? number(arena, element->min) : "0");
    add(arena, definition, "max", owner ? number(arena, element->max) : "*");
    for (unsigned i = 0; owner && i < owner->element_count; i++)
        if (owner->elements[i].name_id == element->name_id)
            add_type(arena, definition, &owner->elements[i]);
    if (owner) {
        add(arena, definition, "isModifier", element->flags & ELEMENT_MODIFIER ? "true" : "false");
        add(arena, definition, "isSummary", element->flags & ELEMENT_SUMMARY ? "true" : "false");
        add_binding(arena, definition, element);
    }
    return definition;
}

static struct node *add(struct arena *arena, struct node *parent, const char *name,
                        const char *value)
{
    return node_add_value(arena, parent, name, text_of(value));
}
