/*
 * Node - see node.h.
 */

#include "fhir/node.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/json_bytes.h"

#include <assert.h>

/* A name in an expression is cut here: unknown ones are the client's. */
#define PATH_NAME_MAX 64

static struct node *child_named(const struct node *node, struct text name);
static void set_value(struct arena *arena, struct node *node, struct text value);
static void link_after(struct node *parent, struct node *after, struct node *node);
static struct node *previous_sibling(const struct node *node);
static void add_step(struct buf *path, const struct node *node, unsigned depth,
                     struct node_places *places);
static unsigned index_of(const struct node *node, unsigned depth, struct node_places *places);
static void add_unknown_name(struct buf *path, struct text name);

struct node *node_child(const struct node *node, const char *name)
{
    return child_named(node, text_of(name));
}

static struct node *child_named(const struct node *node, struct text name)
{
    for (struct node *child = node->first; child; child = child->next)
        if (text_equals(child->name, name))
            return child;
    return NULL;
}

struct node *node_next_same(const struct node *node)
{
    /* Like-named siblings stand next to each other. */
    struct node *next = node->next;

    return next && text_equals(next->name, node->name) ? next : NULL;
}

struct text node_value(const struct node *node, const char *name)
{
    const struct node *child = node_child(node, name);

    return child ? child->value : (struct text){0};
}

struct node *node_path(const struct node *node, const char *path)
{
    struct text rest = text_of(path), step;
    struct node *child = NULL;

    while (text_next(&rest, '.', &step)) {
        child = child_named(node, step);
        if (!child)
            return NULL;
        node = child;
    }
    return child;
}

struct node *node_new_resource(struct arena *arena, const char *type)
{
    const struct type *found = resource_type_find(text_of(type));
    struct node *node;

    if (!found)
        return NULL;
    node = arena_one(arena, struct node);
    node->type = found;
    node->name = TEXT("");
    return node;
}

struct node *node_add(struct arena *arena, struct node *parent, const char *name)
{
    const struct element *element = type_element(parent->type, text_of(name), NULL);
    struct node *node, *after;

    assert(element);
    node = arena_one(arena, struct node);
    node->element = element;
    node->type = type_at(element->type);
    node->name = (struct text){element->name, element->name_size};
    node->flags = element->max > 1 ? NODE_ARRAY : 0;

    after = parent->last;
    for (struct node *same = child_named(parent, node->name); same; same = node_next_same(same))
        after = same;
    link_after(parent, after, node);
    return node;
}

struct node *node_add_value(struct arena *arena, struct node *parent, const char *name,
                            struct text value)
{
    struct node *node = node_add(arena, parent, name);

    set_value(arena, node, value);
    return node;
}

struct node *node_set_value(struct arena *arena, struct node *parent, const char *name,
                            struct text value)
{
    struct node *node = node_child(parent, name);

    if (!node)
        return node_add_value(arena, parent, name, value);
    set_value(arena, node, value);
    return node;
}

void node_change_value(struct arena *arena, struct node *node, struct text value)
{
    set_value(arena, node, value);
}

static void set_value(struct arena *arena, struct node *node, struct text value)
{
    enum json_kind kind = JSON_STRING;

    assert(!node->type || node->type->kind == TYPE_PRIMITIVE);
    if (node->type)
        kind = json_kind_of(node->type->primitive);

    node->flags &= NODE_ARRAY;
    node->value = (struct text){0};
    if (!value.data)
        return;
    node->value = (struct text){arena_strndup(arena, value.data, value.size), value.size};
    if (kind == JSON_NUMBER)
        node->flags |= NODE_NUMBER | NODE_PLAIN;
    else if (kind == JSON_BOOLEAN)
        node->flags |= NODE_BOOLEAN | NODE_PLAIN;
    else if (json_needs_no_escape(value.data, value.size))
        node->flags |= NODE_PLAIN;
}

/* `after` NULL puts the node in front. */
static void link_after(struct node *parent, struct node *after, struct node *node)
{
    node->parent = parent;
    node->next = after ? after->next : parent->first;
    if (after)
        after->next = node;
    else
        parent->first = node;
    if (parent->last == after)
        parent->last = node;
}

void node_move_first(struct node *node)
{
    struct node *parent = node->parent;

    node_remove(node);
    link_after(parent, NULL, node);
}

void node_move_before(struct node *node, struct node *other)
{
    struct node *parent = other->parent;

    node_remove(node);
    link_after(parent, previous_sibling(other), node);
}

void node_move_behind(struct node *node, struct node *other)
{
    struct node *parent = other->parent;

    node_remove(node);
    link_after(parent, other, node);
}

void node_append(struct node *parent, struct node *node)
{
    link_after(parent, parent->last, node);
}

void node_remove(struct node *node)
{
    struct node *parent = node->parent;
    struct node *previous;

    if (!parent)
        return;
    previous = previous_sibling(node);
    if (previous)
        previous->next = node->next;
    else
        parent->first = node->next;
    if (parent->last == node)
        parent->last = previous;
    node->parent = NULL;
    node->next = NULL;
}

static struct node *previous_sibling(const struct node *node)
{
    struct node *previous = NULL;

    for (struct node *at = node->parent->first; at && at != node; at = at->next)
        previous = at;
    return previous;
}

struct node *node_copy(struct arena *arena, const struct node *node)
{
    struct node *copy = arena_one(arena, struct node);

    *copy = *node;
    copy->parent = copy->next = copy->first = copy->last = NULL;
    for (const struct node *child = node->first; child; child = child->next)
        link_after(copy, copy->last, node_copy(arena, child));
    return copy;
}

const char *node_fhirpath(struct arena *arena, const struct node *node)
{
    struct node_places places = {0};

    return node_fhirpath_after(arena, node, &places);
}

const char *node_fhirpath_after(struct arena *arena, const struct node *node,
                                struct node_places *places)
{
    struct buf path = buf_in(arena);
    const struct node **steps;
    unsigned depth = 1;

    for (const struct node *at = node->parent; at; at = at->parent)
        depth++;
    steps = arena_many(arena, const struct node *, depth);
    for (const struct node *at = node; at; at = at->parent)
        steps[--depth] = at;

    if (!node->parent && !node->type)
        return "";
    for (unsigned i = 0; i == 0 || steps[i - 1] != node; i++)
        add_step(&path, steps[i], i, places);
    return buf_text(&path);
}

static void add_step(struct buf *path, const struct node *node, unsigned depth,
                     struct node_places *places)
{
    if (!node->parent) {
        if (node->type)
            buf_add_text(path, node->type->name);
        else
            add_unknown_name(path, node->name);
        return;
    }

    buf_add_char(path, '.');
    if (node->element)
        buf_add_text(path, node->element->fhirpath);
    else
        add_unknown_name(path, node->name);

    if (!(node->flags & NODE_ARRAY) && !(node->element && node->element->max > 1))
        return;
    buf_printf(path, "[%u]", index_of(node, depth, places));
}

static unsigned index_of(const struct node *node, unsigned depth, struct node_places *places)
{
    const struct node *at = NULL;
    unsigned index = 0;

    if (depth < NODE_PLACES && places->at[depth].node &&
        places->at[depth].node->parent == node->parent &&
        text_equals(places->at[depth].node->name, node->name)) {
        at = places->at[depth].node;
        index = places->at[depth].index;
        while (at && at != node && (at = at->next) && text_equals(at->name, node->name))
            index++;
        if (at != node)
            at = NULL; /* it stands before */
    }
    if (!at) {
        index = 0;
        for (at = node->parent->first; at != node; at = at->next)
            index += text_equals(at->name, node->name);
    }
    if (depth < NODE_PLACES) {
        places->at[depth].node = node;
        places->at[depth].index = index;
    }
    return index;
}

/* As a delimited identifier of FHIRPath unless it is a simple one. */
static void add_unknown_name(struct buf *path, struct text name)
{
    size_t size = name.size < PATH_NAME_MAX ? name.size : PATH_NAME_MAX;
    bool simple = size > 0;

    for (size_t i = 0; i < size; i++)
        simple = simple && json_is_name_char(name.data[i]);
    if (simple) {
        buf_add(path, name.data, size);
        return;
    }
    buf_add_char(path, '`');
    for (size_t i = 0; i < size; i++)
        buf_add_char(path, json_is_name_char(name.data[i]) ? name.data[i] : '?');
    buf_add_char(path, '`');
}
