/*
 * resolve() - as far as it goes without asking anybody: contained resources,
 * entries of the same Bundle, and the type that a reference names.
 */

#include "fhir/fhirpath_eval.h"

#include "fhir/node.h"
#include "fhir/search_values.h"

static const struct node *find_contained(const struct node *root, struct text id)
{
    for (const struct node *child = root->first; child; child = child->next) {
        if (text_is(child->name, "contained") && text_equals(node_value(child, "id"), id))
            return child;
    }
    return NULL;
}

/* An entry of the Bundle that the expression is evaluated on. */
static const struct node *find_entry(const struct node *root, struct text url)
{
    for (const struct node *child = root->first; child; child = child->next) {
        if (text_is(child->name, "entry") && text_equals(node_value(child, "fullUrl"), url))
            return node_child(child, "resource");
    }
    return NULL;
}

/* The outermost resource that is not a Bundle's entry: fragments refer to it. */
static const struct node *container_of(const struct node *node)
{
    while (node->parent && !(node_is_resource(node) && !text_is(node->name, "contained")))
        node = node->parent;
    return node;
}

static struct text reference_text(const struct fhirpath_value *value)
{
    if (value->kind == FHIRPATH_STRING)
        return value->text;
    if (value->kind != FHIRPATH_NODE)
        return (struct text){NULL, 0};
    return value->node->value.data ? value->node->value : node_value(value->node, "reference");
}

static const struct node *outermost(const struct node *node)
{
    while (node && node->parent)
        node = node->parent;
    return node;
}

bool value_resolve(const struct eval *eval, const struct fhirpath_value *value,
                   struct fhirpath_value *resolved)
{
    struct text text = reference_text(value), base, type, id, version;
    const struct node *start = value->node ? value->node : eval->focus, *found = NULL;
    const struct node *root = outermost(start);

    if (text.data && text.size > 1 && text.data[0] == '#' && start)
        found = find_contained(container_of(start), (struct text){text.data + 1, text.size - 1});
    else if (text.data && root && root->type && text_is(text_of(root->type->name), "Bundle"))
        found = find_entry(root, text);
    if (found) {
        *resolved =
            (struct fhirpath_value){.kind = FHIRPATH_NODE, .node = found, .type = found->type};
        return true;
    }
    *resolved =
        (struct fhirpath_value){.kind = FHIRPATH_REFERENCED, .node = value->node, .text = text};
    if (text.data && text.data[0] == '#')
        return false;
    if (text.data && reference_split(text, &base, &type, &id, &version))
        resolved->type = resource_type_find(type);
    else if (value->node && node_value(value->node, "type").data)
        resolved->type = resource_type_find(node_value(value->node, "type"));
    return text.data || resolved->type;
}
