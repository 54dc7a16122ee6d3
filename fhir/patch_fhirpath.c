/*
 * FHIRPath Patch - R4 fhirpatch.html on the tree of a resource.
 */

#include "fhir/patch.h"

#include "base/arena.h"
#include "fhir/fhirpath.h"
#include "fhir/node.h"

/* A patch while it is applied. */
struct patch {
    size_t memory_start; /* arena_used() at the beginning */
    unsigned steps_left; /* for the expressions of all operations */
    struct arena *arena;
    struct node *resource;
    const struct node *operation; /* the Parameters.parameter at hand */
    char where[64];               /* "Parameters.parameter[3]" */
    struct err *err;
};

/* What an operation's path selects: elements of the resource, which are ours to change. */
struct selection {
    struct node **nodes;
    size_t count;
};

typedef bool operation_fn(struct patch *patch);

static operation_fn add, insert, remove_element, replace, move;

static const struct {
    const char *name;
    operation_fn *apply;
} operations[] = {
    {"add", add},         {"insert", insert}, {"delete", remove_element},
    {"replace", replace}, {"move", move},
};

static bool apply(struct patch *patch);
static const struct node *part(const struct patch *patch, const char *name);
static const struct node *part_value(const struct node *part);
static struct text part_text(struct patch *patch, const char *name);
static bool part_index(struct patch *patch, const char *name, int64_t *index);
static bool select_path(struct patch *patch, struct text path, struct selection *selection);
static bool select_one(struct patch *patch, struct node **node);
static bool split_last_step(struct text path, struct text *parent, struct text *name);
static struct node *add_element(struct patch *patch, struct node *parent, struct text name,
                                const struct node *value);
static const struct element *element_for(const struct type *parent, struct text name,
                                         const struct node *value);
static bool value_suits(const struct element *element, const struct node *part);
static bool fill(struct patch *patch, struct node *node, const struct node *value, unsigned depth);
static bool fill_parts(struct patch *patch, struct node *node, const struct node *value,
                       unsigned depth);
static void remove_empty(struct patch *patch, struct node *node);
static bool same_list(const struct selection *selection);
static bool refuse(struct patch *patch, const char *problem);
static bool malformed(struct patch *patch, const char *problem);

bool patch_fhirpath(struct arena *arena, struct node *resource, const struct node *parameters,
                    struct err *err)
{
    struct patch patch = {.arena = arena,
                          .resource = resource,
                          .err = err,
                          .memory_start = arena_used(arena),
                          .steps_left = PATCH_STEPS_MAX};
    unsigned number = 0;

    if (!parameters->type || strcmp(parameters->type->name, "Parameters") != 0)
        return err_set(err, ERR_INVALID, NULL,
                       "A FHIRPath Patch is a Parameters resource; this is none.");
    for (const struct node *each = node_child(parameters, "parameter"); each;
         each = node_next_same(each)) {
        if (number == PATCH_OPERATIONS_MAX)
            return err_set(err, ERR_TOO_LARGE, NULL,
                           "A patch has at most %d operations; send the resource instead.",
                           PATCH_OPERATIONS_MAX);
        snprintf(patch.where, sizeof patch.where, "Parameters.parameter[%u]", number++);
        patch.operation = each;
        if (!apply(&patch))
            return false;
    }
    return true;
}

static bool apply(struct patch *patch)
{
    struct text type;

    if (!text_is(node_value(patch->operation, "name"), "operation"))
        return malformed(patch, "The parameters of a patch are all called operation.");
    type = part_text(patch, "type");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (text_is(type, operations[i].name))
            return operations[i].apply(patch);
    return malformed(patch,
                     "The operation's type is none of add, insert, delete, replace and move.");
}

static bool add(struct patch *patch)
{
    struct text name = part_text(patch, "name");
    const struct node *value = part(patch, "value");
    struct node *parent;

    if (!name.data || !value)
        return malformed(patch, "An add needs path, name and value.");
    return select_one(patch, &parent) && add_element(patch, parent, name, value) != NULL;
}

static bool insert(struct patch *patch)
{
    struct text path = part_text(patch, "path"), parent_path, name;
    const struct node *value = part(patch, "value");
    struct selection list, parent;
    struct node *node, *before;
    int64_t index = 0;

    if (!value)
        return malformed(patch, "An insert needs path, index and value.");
    if (!part_index(patch, "index", &index) || !select_path(patch, path, &list))
        return false;
    if (!split_last_step(path, &parent_path, &name) || !same_list(&list))
        return refuse(patch, "The path of an insert is that of one list.");
    if (index > (int64_t)list.count)
        return refuse(patch, "The list has no such index.");
    if (!select_path(patch, parent_path, &parent))
        return false;
    if (parent.count != 1)
        return refuse(patch, "The path of an insert is that of one list.");
    before = index < (int64_t)list.count ? list.nodes[index] : NULL;
    node = add_element(patch, parent.nodes[0], name, value);
    if (node && before)
        node_move_before(node, before);
    return node != NULL;
}

/* R4: it is fine if there is nothing to delete, not if there are several. */
static bool remove_element(struct patch *patch)
{
    struct selection selection;

    if (!select_path(patch, part_text(patch, "path"), &selection))
        return false;
    if (selection.count > 1)
        return refuse(patch, "The path selects several elements; delete them one by one.");
    if (selection.count == 0)
        return true;
    if (!selection.nodes[0]->parent)
        return refuse(patch, "The resource itself cannot be deleted by a patch.");
    remove_empty(patch, selection.nodes[0]);
    return true;
}

static bool replace(struct patch *patch)
{
    const struct node *value = part(patch, "value");
    struct node *node, *added;

    if (!value)
        return malformed(patch, "A replace needs path and value.");
    if (!select_one(patch, &node))
        return false;
    if (!node->parent || !node->element)
        return refuse(patch, "The resource itself cannot be replaced by a patch; update it.");
    added = add_element(patch, node->parent, text_of(node->element->fhirpath), value);
    if (!added)
        return false;
    node_move_before(added, node);
    node_remove(node);
    return true;
}

static bool move(struct patch *patch)
{
    struct selection list;
    int64_t source = 0, destination = 0;

    if (!part_index(patch, "source", &source) || !part_index(patch, "destination", &destination) ||
        !select_path(patch, part_text(patch, "path"), &list))
        return false;
    if (!same_list(&list))
        return refuse(patch, "The path of a move is that of one list.");
    if (source >= (int64_t)list.count || destination >= (int64_t)list.count)
        return refuse(patch, "The list has no such index.");
    if (destination < source)
        node_move_before(list.nodes[source], list.nodes[destination]);
    else if (destination > source)
        node_move_behind(list.nodes[source], list.nodes[destination]);
    return true;
}

static const struct node *part(const struct patch *patch, const char *name)
{
    const struct node *each = node_child(patch->operation, "part");

    for (; each; each = node_next_same(each))
        if (text_is(node_value(each, "name"), name))
            return each;
    return NULL;
}

/* Parameters.parameter.part.value[x] or resource; NULL when it has parts instead. */
static const struct node *part_value(const struct node *part)
{
    for (const struct node *child = part->first; child; child = child->next)
        if (child->element && (strcmp(child->element->fhirpath, "value") == 0 ||
                               strcmp(child->element->fhirpath, "resource") == 0))
            return child;
    return NULL;
}

static struct text part_text(struct patch *patch, const char *name)
{
    const struct node *found = part(patch, name);
    const struct node *value = found ? part_value(found) : NULL;

    return value ? value->value : (struct text){NULL, 0};
}

static bool part_index(struct patch *patch, const char *name, int64_t *index)
{
    return text_to_int64(part_text(patch, name), 0, INT32_MAX, index) ||
           malformed(patch, "index, source and destination are whole numbers from 0.");
}

static bool select_path(struct patch *patch, struct text path, struct selection *selection)
{
    struct fhirpath_context context = {.resource = patch->resource,
                                       .root_resource = patch->resource,
                                       .steps_left = &patch->steps_left};
    struct fhirpath_values values;
    struct fhirpath *expression;

    if (!path.data)
        return malformed(patch, "The operation has no path.");
    if (arena_used(patch->arena) - patch->memory_start > PATCH_MEMORY_MAX) {
        err_set(patch->err, ERR_TOO_LARGE, patch->where,
                "The patch needs too much memory; send the resource instead.");
        return false;
    }
    expression = fhirpath_compile(patch->arena, path, patch->err);
    if (!expression || !fhirpath_evaluate(expression, &context, patch->resource, patch->arena,
                                          &values, patch->err))
        return false;
    selection->nodes = arena_many(patch->arena, struct node *, values.count);
    selection->count = values.count;
    for (size_t i = 0; i < values.count; i++) {
        if (values.items[i].kind != FHIRPATH_NODE)
            return refuse(patch, "The path selects a computed value, not an element.");
        /* The evaluation does not change what it goes through; the tree is ours. */
        selection->nodes[i] = (struct node *)(uintptr_t)values.items[i].node;
    }
    return true;
}

static bool select_one(struct patch *patch, struct node **node)
{
    struct selection selection;

    if (!select_path(patch, part_text(patch, "path"), &selection))
        return false;
    if (selection.count != 1)
        return refuse(patch, selection.count == 0
                                 ? "The path selects nothing; read the resource again."
                                 : "The path selects several elements; name one of them.");
    *node = selection.nodes[0];
    return true;
}

/* "Patient.identifier" is identifier in Patient. */
static bool split_last_step(struct text path, struct text *parent, struct text *name)
{
    size_t at = path.size;

    while (at > 0 && path.data[at - 1] != '.')
        at--;
    if (at == 0)
        return false;
    *parent = (struct text){path.data, at - 1};
    *name = (struct text){path.data + at, path.size - at};
    return name->size > 0;
}

/* Children of one parent, of one name. */
static bool same_list(const struct selection *selection)
{
    for (size_t i = 1; i < selection->count; i++)
        if (!selection->nodes[i]->parent ||
            selection->nodes[i]->parent != selection->nodes[0]->parent ||
            selection->nodes[i]->element != selection->nodes[0]->element)
            return false;
    return true;
}

/* NULL when refused. */
static struct node *add_element(struct patch *patch, struct node *parent, struct text name,
                                const struct node *value)
{
    const struct element *element = parent->type ? element_for(parent->type, name, value) : NULL;
    struct node *node;

    if (!element) {
        refuse(patch, "There is no such element of this type; see the definition in R4.");
        return NULL;
    }
    node = node_add(patch->arena, parent, element->name);
    return fill(patch, node, value, 0) ? node : NULL;
}

static const struct element *element_for(const struct type *parent, struct text name,
                                         const struct node *value)
{
    if (text_ends_with(name, TEXT("[x]")))
        name.size -= 3;
    for (unsigned i = 0; i < parent->element_count; i++) {
        const struct element *element = &parent->elements[i];
        if ((text_is(name, element->fhirpath) || text_is(name, element->name)) &&
            value_suits(element, value))
            return element;
    }
    return NULL;
}

/* A choice takes the value's own type; elsewhere any primitive may stand for another, and the
 * result is checked. */
static bool value_suits(const struct element *element, const struct node *part)
{
    const struct node *value = part_value(part);
    const struct type *type = type_at(element->type);

    if (!value)
        return type->kind != TYPE_PRIMITIVE;
    if (element->flags & ELEMENT_RESOURCE)
        return value->type && value->type->kind == TYPE_RESOURCE;
    if (value->type == type)
        return true;
    return !(element->flags & ELEMENT_CHOICE) && value->type &&
           value->type->kind == TYPE_PRIMITIVE && type->kind == TYPE_PRIMITIVE;
}

static bool fill(struct patch *patch, struct node *node, const struct node *value, unsigned depth)
{
    const struct node *content = part_value(value);

    if (!content)
        return fill_parts(patch, node, value, depth);
    if (node->element->flags & ELEMENT_RESOURCE)
        node->type = content->type;
    if (content->value.data)
        node_change_value(patch->arena, node, content->value);
    for (const struct node *child = content->first; child; child = child->next)
        node_append(node, node_copy(patch->arena, child));
    return true;
}

/* Of an anonymous type: its elements are the parts. */
static bool fill_parts(struct patch *patch, struct node *node, const struct node *value,
                       unsigned depth)
{
    if (depth == PATCH_DEPTH_MAX)
        return refuse(patch, "The value is nested too deep.");
    for (const struct node *each = node_child(value, "part"); each; each = node_next_same(each)) {
        struct text name = node_value(each, "name");
        const struct element *element = element_for(node->type, name, each);
        if (!element)
            return refuse(patch, "A part of the value is no element of this type.");
        if (!fill(patch, node_add(patch->arena, node, element->name), each, depth + 1))
            return false;
    }
    return node->first || malformed(patch, "The value has neither a value[x] nor parts.");
}

/* An element without content must not stay behind. */
static void remove_empty(struct patch *patch, struct node *node)
{
    struct node *parent = node->parent;

    node_remove(node);
    while (parent != patch->resource && parent->parent && !parent->first && !parent->value.data &&
           !node_is_resource(parent)) {
        node = parent;
        parent = node->parent;
        node_remove(node);
    }
}

static bool refuse(struct patch *patch, const char *problem)
{
    err_set(patch->err, ERR_UNPROCESSABLE, patch->where, "%s", problem);
    return false;
}

static bool malformed(struct patch *patch, const char *problem)
{
    err_set(patch->err, ERR_INVALID, patch->where, "%s", problem);
    return false;
}
