/*
 * resolve() - contained resources, entries of the same Bundle, what the
 * validation at work can look up, and else the type that a reference names.
 */

#include "fhir/fhirpath_eval.h"

#include "fhir/document.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "fhir/validate.h"

static struct text reference_text(const struct fhirpath_value *value)
{
    if (value->kind == FHIRPATH_STRING)
        return value->text;
    if (value->kind != FHIRPATH_NODE)
        return (struct text){NULL, 0};
    return value->node->value.data ? value->node->value : node_value(value->node, "reference");
}

/* Asks whoever can look outside of the document. */
static const struct node *ask_outside(const struct eval *eval, struct text reference)
{
    const struct validation *validation = eval->context->validation;

    if (!validation || !validation->resolve)
        return NULL;
    return validation->resolve(reference, validation->context);
}

bool value_resolve(const struct eval *eval, const struct fhirpath_value *value,
                   struct fhirpath_value *resolved)
{
    struct text text = reference_text(value), base, type, id, version;
    const struct node *start = value->node ? value->node : eval->focus, *found = NULL;
    const struct validation *validation = eval->context->validation;

    if (text.data && start)
        found = document_find(start, text, validation ? validation->index : NULL);
    if (text.data && !found && text.size > 0 && text.data[0] != '#')
        found = ask_outside(eval, text);
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
