/*
 * Definitions - where StructureDefinitions, SearchParameters and
 * CapabilityStatements contradict what R4 defines itself.
 */

#include "fhir/validate_walk.h"

#include "base/err.h"
#include "fhir/search_param.h"

static bool has_path(const struct type *type, struct text path);
static const struct element *element_of(const struct type *type, struct text step);
static bool is_published(struct text url, struct text *plain);
static const struct search_param *published(const char *type, struct text url);
static bool is_published_for_any(struct text url);

/* Paths of a constraint on a type of R4 must exist there (R4 elementdefinition.html#path). */
void element_definition_check(struct walk *walk, const struct node *element)
{
    const struct node *path = node_child(element, "path"), *definition = walk->resource;
    struct text root, rest = {0};
    const struct type *type;

    if (!path || !path->value.data ||
        !text_is(text_of(definition->type->name), "StructureDefinition") ||
        !text_is(node_value(definition, "derivation"), "constraint"))
        return;
    if (!text_split(path->value, '.', &root, &rest))
        root = path->value;
    type = type_find(root);
    if (type && type->kind != TYPE_BACKBONE && rest.data && !has_path(type, rest))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", path,
                     "%s has no element with this path.", type->name);
}

static bool has_path(const struct type *type, struct text path)
{
    struct text step;

    while (text_next(&path, '.', &step)) {
        const struct element *element = element_of(type, step);

        if (!element)
            return false;
        /* Which resource is in there, and which type a choice has, the definition says elsewhere.
         */
        if (element->flags & ELEMENT_RESOURCE ||
            (element->flags & ELEMENT_CHOICE && !text_is(step, element->name)))
            return true;
        type = type_at(element->type);
        if (type->kind == TYPE_PRIMITIVE)
            return true;
    }
    return true;
}

/* "value[x]", "valueQuantity" or "name". */
static const struct element *element_of(const struct type *type, struct text step)
{
    bool choice = text_ends_with(step, TEXT("[x]"));

    step.size -= choice ? 3 : 0;
    if (!choice)
        return type_element(type, step, NULL);
    for (unsigned i = 0; i < type->element_count; i++)
        if (type->elements[i].flags & ELEMENT_CHOICE && text_is(step, type->elements[i].fhirpath))
            return &type->elements[i];
    return NULL;
}

/* R4 searchparameter-definitions.html#SearchParameter.derivedFrom: consistent with it. */
void search_parameter_check(struct walk *walk, const struct node *parameter)
{
    struct text url;

    if (!is_published(node_value(parameter, "derivedFrom"), &url) || !is_published_for_any(url))
        return;
    for (const struct node *base = node_child(parameter, "base"); base;
         base = node_next_same(base)) {
        const struct type *type = resource_type_find(base->value);

        if (type && !published(type->name, url))
            issue_add_at(walk->issues, ISSUE_ERROR, "business-rule", base,
                         "The search parameter that this one is derived from is not for %s.",
                         type->name);
    }
}

/* R4 capabilitystatement-definitions.html#CapabilityStatement.rest.resource.searchParam: `type`
 * is that of the definition. */
void capability_resource_check(struct walk *walk, const struct node *resource)
{
    const struct type *type = resource_type_find(node_value(resource, "type"));

    for (const struct node *param = node_child(resource, "searchParam"); param && type;
         param = node_next_same(param)) {
        const struct search_param *known;
        struct text url;

        if (!is_published(node_value(param, "definition"), &url))
            continue;
        known = published(type->name, url);
        if (known && node_value(param, "type").data &&
            !text_is(node_value(param, "type"), search_type_name(known->search_type)))
            issue_add_at(walk->issues, ISSUE_ERROR, "invalid", param,
                         "The search parameter that is named as definition has the type %s.",
                         search_type_name(known->search_type));
    }
}

/* Whether a canonical names something of R4 itself; `plain` is without the version. */
static bool is_published(struct text url, struct text *plain)
{
    struct text version;

    if (!text_split(url, '|', plain, &version))
        *plain = url;
    return text_starts_with(url, TEXT("http://hl7.org/fhir/SearchParameter/"));
}

static const struct search_param *published(const char *type, struct text url)
{
    unsigned count = 0;
    const struct search_param *const *params = search_params_of(type, &count);

    for (unsigned i = 0; i < count; i++)
        if (params[i]->url && text_is(url, params[i]->url))
            return params[i];
    return NULL;
}

static bool is_published_for_any(struct text url)
{
    for (unsigned i = 0; i < search_param_count(); i++)
        if (search_param_at(i)->url && text_is(url, search_param_at(i)->url))
            return true;
    return false;
}
