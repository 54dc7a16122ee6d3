/*
 * Drafts - the tree of elements and slices.
 */

#include "fhir/profile_draft.h"

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

/* Far more than any profile has; bounds what a hostile one costs. */
#define DRAFTS_MAX 50000U

static struct draft *make(struct drafting *drafting);
static void insert(struct draft **list, struct draft *draft);
static void append(struct draft **list, struct draft *draft);
static void thaw_into(struct drafting *drafting, struct draft *draft, const struct rule *rule);
static void thaw_children(struct drafting *drafting, struct draft *draft,
                          const struct rule *children);
static void thaw_slices(struct drafting *drafting, struct draft *general,
                        const struct rule *slices);
static const struct element *find_element(const struct draft *parent, struct text name,
                                          const struct type **owner);
static const struct element *find_in(const struct type *type, struct text name);
static const struct element *find_fhirpath(const struct type *type, struct text name);
static bool narrow_choice(struct drafting *drafting, struct draft *child,
                          const struct element *row);
static void set_type(struct drafting *drafting, struct draft *draft, const struct type *type);
static struct draft *add_child(struct drafting *drafting, struct draft *parent,
                               const struct type *owner, const struct element *element);
static struct draft *add_slice(struct drafting *drafting, struct draft *general, struct text name);
static struct draft *child_of(const struct draft *parent, uint16_t name_id);
static struct draft *slice_of(const struct draft *general, struct text name);
static void slice_by_default(struct drafting *drafting, struct draft *general);
static void type_by_name(struct drafting *drafting, struct draft *slice);

void drafting_start(struct drafting *drafting, struct compiler *compiler, struct profile *profile)
{
    *drafting = (struct drafting){.compiler = compiler, .profile = profile};
    drafting->root = make(drafting);
    drafting->root->rule.name = TEXT("");
    drafting->root->rule.id = profile->type->name;
    drafting->root->rule.max = ELEMENT_MANY;
}

static struct draft *make(struct drafting *drafting)
{
    struct draft *draft = arena_one(drafting->compiler->scratch, struct draft);

    drafting->count++;
    draft->rule.profile = drafting->profile;
    return draft;
}

/* In the order of the definition of the type, whatever the profile's. */
static void insert(struct draft **list, struct draft *draft)
{
    while (*list && !((*list)->owner == draft->owner && (*list)->element > draft->element))
        list = &(*list)->next;
    draft->next = *list;
    *list = draft;
}

static void append(struct draft **list, struct draft *draft)
{
    while (*list)
        list = &(*list)->next;
    *list = draft;
}

void draft_thaw(struct drafting *drafting, const struct rule *root)
{
    thaw_into(drafting, drafting->root, root);
}

/* What is compiled is shared as it is; only the links are new. */
static void thaw_into(struct drafting *drafting, struct draft *draft, const struct rule *rule)
{
    draft->rule = *rule;
    draft->rule.profile = drafting->profile;
    draft->rule.children = draft->rule.slices = draft->rule.next = NULL;
    thaw_children(drafting, draft, rule->children);
    thaw_slices(drafting, draft, rule->slices);
}

static void thaw_children(struct drafting *drafting, struct draft *draft,
                          const struct rule *children)
{
    const struct type *owner;

    for (const struct rule *child = children; child; child = child->next) {
        const struct element *element = find_element(draft, child->name, &owner);
        struct draft *made = element ? add_child(drafting, draft, owner, element) : NULL;

        if (made)
            thaw_into(drafting, made, child);
    }
}

static void thaw_slices(struct drafting *drafting, struct draft *general, const struct rule *slices)
{
    for (const struct rule *slice = slices; slice; slice = slice->next) {
        struct draft *made = add_slice(drafting, general, text_of(slice->slice));

        if (made)
            thaw_into(drafting, made, slice);
    }
}

struct draft *draft_child(struct drafting *drafting, struct draft *parent, struct text name)
{
    const struct type *owner;
    const struct element *element = find_element(parent, name, &owner);
    struct draft *child;

    if (!element)
        return NULL;
    child = child_of(parent, element->name_id);
    if (!child)
        child = add_child(drafting, parent, owner, element);
    /* "valueQuantity" stands for the slice of value[x] with this type. */
    if (!child || !(element->flags & ELEMENT_CHOICE) || !text_is(name, element->name))
        return child;
    return narrow_choice(drafting, child, element) ? child : draft_slice(drafting, child, name);
}

/* Below a slice the short form means that no other type may be there (so the
 * publisher's snapshots have it), unless there are several. */
static bool narrow_choice(struct drafting *drafting, struct draft *child, const struct element *row)
{
    const struct draft *above = child->parent;
    const struct type *type = type_at(row->type);

    while (above && !above->general)
        above = above->parent;
    if (!above || child->slices)
        return false;
    if (!child->rule.types)
        set_type(drafting, child, type);
    return child->rule.type_count == 1 && child->rule.types[0].type == type;
}

static void set_type(struct drafting *drafting, struct draft *draft, const struct type *type)
{
    struct rule_type *only = arena_one(drafting->compiler->scratch, struct rule_type);

    only->type = type;
    draft->rule.types = only;
    draft->rule.type_count = 1;
}

/* Among the types that the parent may have. */
static const struct element *find_element(const struct draft *parent, struct text name,
                                          const struct type **owner)
{
    const struct element *found = NULL;

    if (!parent->element) {
        *owner = parent->rule.profile->type;
        return find_in(*owner, name);
    }
    for (const struct draft *at = parent; at; at = at->model) {
        for (unsigned i = 0; i < at->rule.type_count && !found; i++) {
            *owner = at->rule.types[i].type;
            found = *owner ? find_in(*owner, name) : NULL;
        }
        if (at->rule.types)
            return found;
    }
    for (const struct element *row = draft_first_row(parent); row && !found;
         row = draft_next_row(parent, row)) {
        *owner = type_at(row->type);
        found = find_in(*owner, name);
    }
    return found;
}

/* `name` is "value[x]", "valueQuantity", "code", or the FHIRPath name of a choice. */
static const struct element *find_in(const struct type *type, struct text name)
{
    const struct element *element;

    if (text_ends_with(name, TEXT("[x]")))
        return find_fhirpath(type, (struct text){name.data, name.size - 3});
    element = type_element(type, name, NULL);
    return element ? element : find_fhirpath(type, name);
}

static const struct element *find_fhirpath(const struct type *type, struct text name)
{
    for (unsigned i = 0; i < type->element_count; i++)
        if (text_is(name, type->elements[i].fhirpath))
            return &type->elements[i];
    return NULL;
}

static struct draft *add_child(struct drafting *drafting, struct draft *parent,
                               const struct type *owner, const struct element *element)
{
    struct draft *child;

    if (drafting->count >= DRAFTS_MAX)
        return NULL;
    child = make(drafting);
    child->owner = owner;
    child->element = find_fhirpath(owner, text_of(element->fhirpath));
    child->parent = parent;
    draft_link(child);
    child->rule.name = text_of(element->fhirpath);
    child->rule.name_id = element->name_id;
    child->rule.id = arena_printf(drafting->compiler->scratch, "%s.%s%s", parent->rule.id,
                                  element->fhirpath, element->flags & ELEMENT_CHOICE ? "[x]" : "");
    child->rule.min = child->model ? child->model->rule.min : element->min;
    child->rule.max = child->model ? child->model->rule.max : element->max;
    insert(&parent->children, child);
    return child;
}

struct draft *draft_slice(struct drafting *drafting, struct draft *general, struct text name)
{
    const char *slash = memrchr(name.data, '/', name.size);
    struct draft *slice = slice_of(general, name);
    struct draft *outer = NULL;

    if (slice)
        return slice;
    if (slash) {
        outer = slice_of(general, (struct text){name.data, (size_t)(slash - name.data)});
        slice = outer ? slice_of(outer, name) : NULL;
    }
    return slice ? slice : add_slice(drafting, outer ? outer : general, name);
}

static struct draft *add_slice(struct drafting *drafting, struct draft *general, struct text name)
{
    struct draft *slice;
    struct draft *whole = general;

    if (drafting->count >= DRAFTS_MAX)
        return NULL;
    while (whole->general)
        whole = whole->general;
    slice = make(drafting);
    slice->owner = general->owner;
    slice->element = general->element;
    slice->parent = general->parent;
    slice->general = general;
    slice->rule.slice = text_dup(drafting->compiler->scratch, name);
    slice->rule.name = general->rule.name;
    slice->rule.name_id = general->rule.name_id;
    slice->rule.id =
        arena_printf(drafting->compiler->scratch, "%s:%.*s", whole->rule.id, TEXT_ARGS(name));
    slice->rule.max = general->rule.max;
    draft_link(slice);
    type_by_name(drafting, slice);
    slice_by_default(drafting, general);
    append(&general->slices, slice);
    return slice;
}

/* A slice of a choice that is called as one of its types is about this type. */
static void type_by_name(struct drafting *drafting, struct draft *slice)
{
    const struct element *row = type_element(slice->owner, text_of(slice->rule.slice), NULL);

    if (row && row->name_id == slice->rule.name_id && (row->flags & ELEMENT_CHOICE))
        set_type(drafting, slice, type_at(row->type));
}

/* Choices are sliced by type and extensions by url without being told (R4
 * profiling.html#slicing); others as their model is. */
static void slice_by_default(struct drafting *drafting, struct draft *general)
{
    bool extension = text_is(general->rule.name, "extension") ||
                     text_is(general->rule.name, "modifierExtension");
    const struct draft *model = general->model;
    struct discriminator *by;

    if (general->rule.sliced)
        return;
    while (model && !model->rule.sliced)
        model = model->model;
    if (model) {
        general->rule.sliced = true;
        general->rule.discriminators = model->rule.discriminators;
        general->rule.discriminator_count = model->rule.discriminator_count;
        return;
    }
    general->rule.sliced = true;
    if (!extension && !(general->element->flags & ELEMENT_CHOICE))
        return;
    by = arena_one(drafting->compiler->scratch, struct discriminator);
    by->type = extension ? DISCRIMINATOR_VALUE : DISCRIMINATOR_TYPE;
    by->path = extension ? "url" : "$this";
    general->rule.discriminators = by;
    general->rule.discriminator_count = 1;
}

void draft_link(struct draft *draft)
{
    struct draft *above =
        draft->general ? draft->general->model : (draft->parent ? draft->parent->model : NULL);
    struct draft *found = NULL;

    for (; above && !found; above = above->model)
        found = draft->general ? slice_of(above, text_of(draft->rule.slice))
                               : child_of(above, draft->element->name_id);
    draft->model = found ? found : draft->general;
}

static struct draft *child_of(const struct draft *parent, uint16_t name_id)
{
    for (struct draft *child = parent->children; child; child = child->next)
        if (child->rule.name_id == name_id)
            return child;
    return NULL;
}

static struct draft *slice_of(const struct draft *general, struct text name)
{
    for (struct draft *slice = general->slices; slice; slice = slice->next)
        if (text_is(name, slice->rule.slice))
            return slice;
    return NULL;
}

const struct element *draft_first_row(const struct draft *draft)
{
    return draft->element;
}

const struct element *draft_next_row(const struct draft *draft, const struct element *row)
{
    const struct element *end = draft->owner->elements + draft->owner->element_count;

    return ++row < end && row->name_id == draft->element->name_id ? row : NULL;
}
