/*
 * Extensions - R4 extensibility.html, defining-extensions.html#context: their
 * urls, whether they are known, whether they may stand where they do.
 */

#include "fhir/validate_walk.h"

#include "base/count.h"
#include "base/err.h"
#include "fhir/definitions.h"
#include "fhir/fhirpath.h"
#include "fhir/profile.h"

/* Where R4's own definitions use extensions, beyond what the definitions of these say. */
static const struct {
    const char *extension, *element;
} more_contexts[] = {
    {"structuredefinition-fhir-type", "ElementDefinition.type"},
    {"structuredefinition-normative-version", "DomainResource"},
    {"structuredefinition-normative-version", "ElementDefinition"},
    {"regex", "ElementDefinition.type"},
    {"regex", "ElementDefinition.type.code"},
    {"valueset-concept-comments", "CodeSystem.concept"},
};

static void check_known(struct walk *walk, const struct node *extension, struct text url);
static void check_unknown(struct walk *walk, const struct node *extension, struct text url);
static void check_part(struct walk *walk, const struct node *extension, struct text url);
static const struct rule *rule_named(const struct rule *rule, struct text name);
static void check_modifier(struct walk *walk, const struct node *extension,
                           const struct profile *profile);
static void check_second(struct walk *walk, const struct node *extension,
                         const struct profile *profile);
static bool fits_context(struct walk *walk, const struct node *extension,
                         const struct extension_context *context);
static bool fits_more_contexts(const struct node *node, const char *url);
static bool fits_element(const struct node *node, struct text path);
static bool has_path(const struct node *node, struct text path);
static bool is_child_of(const struct node *node, struct text path);
static bool fits_extension(const struct node *node, struct text url);
static bool fits_expression(struct walk *walk, const struct node *node,
                            const struct fhirpath *expression);
static void check_context_invariants(struct walk *walk, const struct node *extension,
                                     const struct profile *profile);
static bool is_modifier(const struct node *extension);
static bool is_nested(const struct node *extension);

void extension_check(struct walk *walk, const struct node *extension)
{
    struct text url = node_value(extension, "url");
    const struct profile *profile;

    if (url.size == 0)
        return; /* found missing already */
    if (memchr(url.data, '|', url.size)) {
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", extension,
                     "The url of an extension must not have a version; leave out '|' and what "
                     "follows.");
        return;
    }
    if (!uri_is_absolute(url)) {
        if (is_nested(extension))
            check_part(walk, extension, url);
        else
            issue_add_at(walk->issues, ISSUE_ERROR, "invalid", extension,
                         "The url of an extension must be absolute.");
        return;
    }
    profile = walk->validation->definitions
                  ? definitions_profile(walk->validation->definitions, url)
                  : NULL;
    if (profile)
        check_known(walk, extension, url);
    else
        check_unknown(walk, extension, url);
}

/* Within an extension, its definition says which short names there are. Only one level deep: what
 * is inside of a part is for the definition as a profile. */
static void check_part(struct walk *walk, const struct node *extension, struct text url)
{
    struct text outer = node_value(extension->parent, "url");
    const struct profile *profile = NULL;
    const struct rule *parts;

    if (walk->validation->definitions && uri_is_absolute(outer))
        profile = definitions_profile(walk->validation->definitions, outer);
    parts =
        profile && profile->root ? rule_named(profile->root->children, TEXT("extension")) : NULL;
    if (!parts || !parts->slices)
        return;
    for (const struct rule *part = parts->slices; part; part = part->next) {
        const struct rule *rule = rule_named(part->children, TEXT("url"));

        if (!rule || !rule->fixed || text_equals(rule->fixed->value, url))
            return;
    }
    issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                 "The extension %s has no part with this url.", profile->url);
}

static const struct rule *rule_named(const struct rule *rule, struct text name)
{
    while (rule && !text_equals(rule->name, name))
        rule = rule->next;
    return rule;
}

static bool is_modifier(const struct node *extension)
{
    return text_is(extension->name, "modifierExtension");
}

static bool is_nested(const struct node *extension)
{
    return extension->parent && extension->parent->type == extension->type;
}

/* R4 extensibility.html#modifierExtension: who does not know it must not process the element.
 * Those of example.org nobody can know (RFC 2606): examples show them. */
static void check_unknown(struct walk *walk, const struct node *extension, struct text url)
{
    if (is_modifier(extension) && text_starts_with(url, TEXT("http://example.org/")))
        issue_add_at(walk->issues, ISSUE_WARNING, "extension", extension,
                     "The modifier extension %.*s is an example that nobody defines.",
                     TEXT_ARGS(url));
    else if (is_modifier(extension))
        issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                     "The modifier extension %.*s is not known, so the element cannot be "
                     "understood; install the package that defines it, or leave it out.",
                     TEXT_ARGS(url));
    else if (text_starts_with(url, TEXT("http://hl7.org/fhir/StructureDefinition/")))
        issue_add_at(walk->issues, ISSUE_WARNING, "not-found", extension,
                     "R4 defines no extension %.*s; it was not checked.", TEXT_ARGS(url));
    else
        issue_add_at(walk->issues, ISSUE_INFORMATION, "not-found", extension,
                     "The extension %.*s is not loaded, so it was not checked.", TEXT_ARGS(url));
}

static void check_known(struct walk *walk, const struct node *extension, struct text url)
{
    const struct profile *profile = definitions_profile(walk->validation->definitions, url);
    bool fits = profile->context_count == 0;

    if (profile->type != extension->type) {
        issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                     "%.*s defines no extension.", TEXT_ARGS(url));
        return;
    }
    check_modifier(walk, extension, profile);
    for (unsigned i = 0; i < profile->context_count && !fits; i++)
        fits = fits_context(walk, extension, &profile->contexts[i]);
    if (!fits && !fits_more_contexts(extension->parent, profile->url))
        issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                     "The extension %.*s must not be used here; its definition says where.",
                     TEXT_ARGS(url));
    check_context_invariants(walk, extension, profile);
    check_second(walk, extension, profile);
    profile_check_node(profile, extension, walk->validation, 0, walk->issues);
}

/* The first element of a definition says how often an element may have the extension (R4
 * elementdefinition-definitions.html#ElementDefinition.max). The one before may stand anywhere
 * among others, and looking for it is work. */
static void check_second(struct walk *walk, const struct node *extension,
                         const struct profile *profile)
{
    if (!profile->root || profile->root->max != 1 || !extension->parent)
        return;
    for (const struct node *other = extension->parent->first; other != extension;
         other = other->next) {
        if (walk->work->left == 0)
            return;
        walk->work->left--;
        if (text_equals(other->name, extension->name) &&
            text_is(node_value(other, "url"), profile->url)) {
            issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                         "An element has the extension %s once only.", profile->url);
            return;
        }
    }
}

static void check_modifier(struct walk *walk, const struct node *extension,
                           const struct profile *profile)
{
    if (profile->modifier && !is_modifier(extension))
        issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                     "The extension %s changes the meaning of the element; write it as "
                     "modifierExtension.",
                     profile->url);
    else if (!profile->modifier && is_modifier(extension))
        issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                     "The extension %s does not change the meaning of the element; write it as "
                     "extension.",
                     profile->url);
}

static bool fits_context(struct walk *walk, const struct node *extension,
                         const struct extension_context *context)
{
    const struct node *node = extension->parent;
    struct text expression = text_of(context->expression);

    if (!node)
        return true;
    switch (context->type) {
    case CONTEXT_ELEMENT:
        return fits_element(node, expression);
    case CONTEXT_EXTENSION:
        return fits_extension(node, expression);
    case CONTEXT_FHIRPATH:
        return !context->compiled || fits_expression(walk, node, context->compiled);
    }
    return true;
}

static bool fits_more_contexts(const struct node *node, const char *url)
{
    const char *name = strrchr(url, '/');

    for (size_t i = 0; i < COUNT(more_contexts); i++)
        if (name && strcmp(name + 1, more_contexts[i].extension) == 0 &&
            text_starts_with(text_of(url), TEXT("http://hl7.org/fhir/StructureDefinition/")) &&
            fits_element(node, text_of(more_contexts[i].element)))
            return true;
    return false;
}

/* "Element" is anything; "Patient" the type; "Patient.contact" an element of it; of profiles
 * ("http://...#Patient.contact") only the path is looked at. */
static bool fits_element(const struct node *node, struct text path)
{
    struct text url, fragment;
    const struct type *type;

    if (text_split(path, '#', &url, &fragment))
        path = fragment;
    if (uri_is_absolute(path) || text_is(path, "Element"))
        return true;
    type = type_find(path);
    if (type && node->type && type_is(node->type, type))
        return true;
    return is_child_of(node, path) || has_path(node, path);
}

static struct text without_choice(struct text path)
{
    if (text_ends_with(path, TEXT("[x]")))
        path.size -= 3;
    return path;
}

/* "Quantity.value": the child of a type, or of what specialises it. */
static bool is_child_of(const struct node *node, struct text path)
{
    const char *dot = memrchr(path.data, '.', path.size);
    const struct type *owner;
    struct text name;

    if (!dot || !node->element || !node->parent || !node->parent->type)
        return false;
    owner = type_find((struct text){path.data, (size_t)(dot - path.data)});
    name = without_choice((struct text){dot + 1, (size_t)(path.data + path.size - dot - 1)});
    return owner && type_is(node->parent->type, owner) &&
           (text_is(name, node->element->fhirpath) || text_is(name, node->element->name));
}

/* "Patient.name.family": from the resource or type down. */
static bool has_path(const struct node *node, struct text path)
{
    struct text rest = without_choice(path);

    while (node) {
        const char *dot = memrchr(rest.data, '.', rest.size);

        if (!dot)
            return node->type && text_is(rest, node->type->name);
        struct text name = {dot + 1, (size_t)(rest.data + rest.size - dot - 1)};
        if (!node->element || (!text_is(without_choice(name), node->element->fhirpath) &&
                               !text_is(name, node->element->name)))
            return false;
        rest.size = (size_t)(dot - rest.data);
        node = node->parent;
    }
    return false;
}

static bool fits_extension(const struct node *node, struct text url)
{
    struct text outer, inner;

    if (!node->type || !text_is(text_of(node->type->name), "Extension"))
        return false;
    if (text_equals(node_value(node, "url"), url))
        return true;
    /* An extension within an extension: "url#name". */
    return text_split(url, '#', &outer, &inner) && text_equals(node_value(node, "url"), inner) &&
           node->parent && text_equals(node_value(node->parent, "url"), outer);
}

static bool fits_expression(struct walk *walk, const struct node *node,
                            const struct fhirpath *expression)
{
    struct fhirpath_context context = {.resource = walk->resource,
                                       .root_resource = walk->container,
                                       .validation = walk->validation};
    struct fhirpath_values values;
    struct err err = {0};

    if (!fhirpath_evaluate(expression, &context, walk->resource, walk->scratch, &values, &err))
        return true; /* a fault of the definition, not of the document */
    for (size_t i = 0; i < values.count; i++)
        if (values.items[i].kind == FHIRPATH_NODE && values.items[i].node == node)
            return true;
    return false;
}

/* StructureDefinition.contextInvariant: about the element that is extended. */
static void check_context_invariants(struct walk *walk, const struct node *extension,
                                     const struct profile *profile)
{
    struct fhirpath_context context = {.resource = walk->resource,
                                       .root_resource = walk->container,
                                       .validation = walk->validation};

    for (unsigned i = 0; i < profile->context_invariant_count && extension->parent; i++) {
        const struct rule_constraint *constraint = &profile->context_invariants[i];
        struct fhirpath_values values;
        struct err err = {0};

        if (constraint->compiled &&
            fhirpath_evaluate(constraint->compiled, &context, extension->parent, walk->scratch,
                              &values, &err) &&
            values.count == 1 && values.items[0].kind == FHIRPATH_BOOLEAN &&
            values.items[0].integer == 0)
            issue_add_at(walk->issues, ISSUE_ERROR, "extension", extension,
                         "The extension %s must not be used here: %s must hold.", profile->url,
                         constraint->expression);
    }
}
