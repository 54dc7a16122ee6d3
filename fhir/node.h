#pragma once

/*
 * Node - one element of a resource, in memory.
 *
 * A resource is a tree of nodes in an arena. A repeating element is several
 * siblings with the same `element`, next to each other, in order; there is no
 * node for the array itself. A primitive holds its value as the text of the
 * document (decimals keep every digit) and may have children `id` and
 * `extension` (JSON's `_name`); one without a value has `value.data` NULL.
 *
 * Whoever wrote the document (JSON now, XML later), the tree is the same.
 * Serialization, FHIRPath, validation, search values and patch work on it.
 */

#include "base/text.h"
#include "fhir/type.h"

struct arena;

enum node_flag {
    NODE_ARRAY = 1,   /* stood in a JSON array, or would */
    NODE_NUMBER = 2,  /* the value was a JSON number */
    NODE_BOOLEAN = 4, /* the value was true or false */
    NODE_PLAIN = 8,   /* the value needs no escaping in JSON */
    NODE_RAW = 16,    /* the value is JSON text that has no place in the tree: an unknown element,
                         or one of the wrong kind (then `type` is NULL, or a primitive) */
};

struct node {
    const struct element *element; /* NULL for the root and for elements unknown to R4 */
    const struct type
        *type;           /* the actual type; of a resource: the resource type; NULL if unknown */
    struct node *parent; /* NULL for the root */
    struct node *next;   /* the next sibling */
    struct node *first, *last; /* children */
    struct text name;          /* JSON name; for the root: empty */
    struct text value;         /* unescaped; not NUL-terminated; borrowed from document or arena */
    uint8_t flags;
};

static inline bool node_is_resource(const struct node *node)
{
    return node->type && node->type->kind == TYPE_RESOURCE;
}

/* The first child with this JSON name, or NULL. */
struct node *node_child(const struct node *node, const char *name);

/* The sibling behind `node` with the same name, or NULL. */
struct node *node_next_same(const struct node *node);

/* The value of the primitive child `name`, absent when there is none. */
struct text node_value(const struct node *node, const char *name);

/* Descends by JSON names separated by dots: node_path(patient, "meta.versionId").
 * Takes the first of repeating elements. NULL when a step is missing. */
struct node *node_path(const struct node *node, const char *path);

/* A new resource tree of this type, or NULL if R4 has no such type. */
struct node *node_new_resource(struct arena *arena, const char *type);

/* Appends a child (behind its like-named siblings if there are any, else at
 * the end). `name` must be an element of the parent's type: asserted. */
struct node *node_add(struct arena *arena, struct node *parent, const char *name);

/* The same with a primitive value, copied into the arena; whether it is
 * written as string, number or boolean follows from the element's type. */
struct node *node_add_value(struct arena *arena, struct node *parent, const char *name,
                            struct text value);

/* Sets the value of a non-repeating primitive child, adding it if missing. */
struct node *node_set_value(struct arena *arena, struct node *parent, const char *name,
                            struct text value);

/* Changes the value of a primitive node; copied into the arena. */
void node_change_value(struct arena *arena, struct node *node, struct text value);

/* Moves a child to the front of its parent, so that it is written first. */
void node_move_first(struct node *node);

/* Moves a node in front of or behind another one, which may have another parent. */
void node_move_before(struct node *node, struct node *other);
void node_move_behind(struct node *node, struct node *other);

/* Makes a node without a parent the last child of one. */
void node_append(struct node *parent, struct node *node);

/* Takes the node out of its parent. */
void node_remove(struct node *node);

/* A deep copy under no parent. Values are borrowed from the original's owners. */
struct node *node_copy(struct arena *arena, const struct node *node);

/* The FHIRPath of a node, "Patient.contact[1].name.family", in the arena. An
 * index stands behind every repeating element. */
const char *node_fhirpath(struct arena *arena, const struct node *node);

/* Where the last node stood among its like-named siblings, level by level; zero at first. The
 * paths of many nodes in document order then take no more than going over the document once. The
 * tree must not change meanwhile. */
#define NODE_PLACES 8
struct node_places {
    struct {
        const struct node *node;
        unsigned index;
    } at[NODE_PLACES];
};

const char *node_fhirpath_after(struct arena *arena, const struct node *node,
                                struct node_places *places);
