/*
 * References - R4 references.html: what they look like, what they may point
 * at, and what stands there when it is at hand.
 */

#include "fhir/validate_walk.h"

#include "base/err.h"
#include "fhir/bundle.h"
#include "fhir/document.h"
#include "fhir/search_values.h"

static void check_type_named(struct walk *walk, const struct node *type);
static void check_form(struct walk *walk, const struct node *literal);
static void check_literal_type(struct walk *walk, const struct node *literal,
                               const struct type *actual);
static const struct type *type_of(const struct walk *walk, const struct node *reference,
                                  struct text literal);
static const struct node *find_in_bundle(const struct walk *walk, struct text literal);
static void check_target(struct walk *walk, const struct node *reference, const struct type *type);
static bool may_target(const struct element *element, const struct type *type);
static const struct type *type_named(struct text type);

void reference_check(struct walk *walk, const struct node *reference)
{
    const struct node *literal = node_child(reference, "reference");
    const struct node *named = node_child(reference, "type");
    const struct type *type = NULL;

    if (literal && literal->value.size > 0) {
        check_form(walk, literal);
        type = type_of(walk, reference, literal->value);
        check_literal_type(walk, literal, type);
    }
    if (named && named->value.data) {
        check_type_named(walk, named);
        if (type && type_named(named->value) && type_named(named->value) != type)
            issue_add_at(walk->issues, ISSUE_ERROR, "invalid", named,
                         "Reference.type is not the type of what is referred to, %s; correct one "
                         "of them.",
                         type->name);
        if (!type)
            type = type_named(named->value);
    }
    if (type)
        check_target(walk, reference, type);
}

/* R4 references.html#Reference: relative to the definitions of R4, or absolute for others. */
static void check_type_named(struct walk *walk, const struct node *type)
{
    if (!type_named(type->value) && !uri_is_absolute(type->value))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", type,
                     "Reference.type is no type of resource in R4.");
}

static const struct type *type_named(struct text type)
{
    const struct text base = TEXT("http://hl7.org/fhir/StructureDefinition/");

    if (text_starts_with(type, base))
        type = (struct text){type.data + base.size, type.size - base.size};
    return resource_type_find(type);
}

/* R4 references.html#literal: absolute, a fragment, or [type]/[id]. */
static void check_form(struct walk *walk, const struct node *literal)
{
    struct text text = literal->value, base, type, id, version;

    if (text.data[0] == '#' || uri_is_absolute(text) ||
        reference_split(text, &base, &type, &id, &version))
        return; /* whether a fragment is there is for invariant ref-1 */
    if (bundle_link_is_search(text)) {
        if (!walk->bundle)
            issue_add_at(walk->issues, ISSUE_WARNING, "invalid", literal,
                         "A search as a reference is resolved in transactions only; refer to the "
                         "resource itself.");
        return;
    }
    issue_add_at(walk->issues, ISSUE_ERROR, "invalid", literal,
                 "A relative reference must be the type of a resource and its id, as Patient/1.");
}

/* Only what is at hand can differ from what the reference says. */
static void check_literal_type(struct walk *walk, const struct node *literal,
                               const struct type *actual)
{
    struct text base, type, id, version;

    if (actual && reference_split(literal->value, &base, &type, &id, &version) &&
        resource_type_find(type) != actual)
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", literal,
                     "What this refers to is of the type %s; correct the reference.", actual->name);
}

/* Of the resource referred to, as far as it is at hand, else as the reference has it. */
static const struct type *type_of(const struct walk *walk, const struct node *reference,
                                  struct text literal)
{
    struct text base, type, id, version;
    const struct node *found = NULL;

    found = literal.data[0] == '#' ? document_find(reference, literal, walk->validation->index)
                                   : find_in_bundle(walk, literal);
    if (found || literal.data[0] == '#')
        return found ? found->type : NULL;
    if (reference_split(literal, &base, &type, &id, &version))
        return resource_type_find(type);
    if (walk->validation->resolve)
        found = walk->validation->resolve(literal, walk->validation->context);
    return found ? found->type : NULL;
}

static const struct node *find_in_bundle(const struct walk *walk, struct text literal)
{
    struct text base, type, id, version;
    const struct node *found = NULL;

    if (!walk->bundle ||
        document_find_entry(walk->bundle, walk->entry, literal, &found) == DOCUMENT_ONE)
        return found;
    /* Patient/[uuid] beside urn:uuid:[uuid]: not resolved by the rules, but nothing else can be
     * meant. */
    if (reference_split(literal, &base, &type, &id, &version) && !base.data)
        return document_find_uuid(walk->bundle, id);
    return NULL;
}

static void check_target(struct walk *walk, const struct node *reference, const struct type *type)
{
    if (!may_target(reference->element, type))
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", reference,
                     "%s must not refer to %s, but to one of the types that its definition names.",
                     reference->element->name, type->name);
}

static bool may_target(const struct element *element, const struct type *type)
{
    if (!element || !element->targets)
        return true;
    for (const char *const *target = element->targets; *target; target++)
        if (strcmp(*target, type->name) == 0)
            return true;
    return false;
}

/* R4 references.html#canonical: absolute, or the fragment of a contained resource. Of the
 * canonicals in the space of R4 itself it is known what they name. */
void canonical_check(struct walk *walk, const struct node *canonical)
{
    struct text url = canonical->value, plain, version, base, type, id, none;

    if (url.size == 0)
        return;
    uri_check(walk, canonical);
    if (!text_split(url, '|', &plain, &version))
        plain = url;
    if (url.data[0] == '#') {
        if (!document_find(canonical, url, walk->validation->index))
            issue_add_at(walk->issues, ISSUE_WARNING, "not-found", canonical,
                         "There is no contained resource with this id, so this leads nowhere.");
    } else if (!uri_is_absolute(url)) {
        /* No sentence of R4 forbids it outright, and its own examples do it. */
        issue_add_at(walk->issues, ISSUE_WARNING, "invalid", canonical,
                     "A canonical should be an absolute URL, or '#' and the id of a contained "
                     "resource.");
    } else if (reference_split(plain, &base, &type, &id, &none) &&
               text_is(base, "http://hl7.org/fhir") &&
               !may_target(canonical->element, resource_type_find(type))) {
        issue_add_at(walk->issues, ISSUE_ERROR, "invalid", canonical,
                     "%s must not name %s %s, but one of the types that its definition names.",
                     canonical->element->name, text_article(resource_type_find(type)->name),
                     resource_type_find(type)->name);
    }
}
