#pragma once

/*
 * Document - where in a resource or Bundle a node stands, and which resource
 * in there a reference means (R4 references.html#contained,
 * bundle.html#references).
 */

#include "base/text.h"

#include <stddef.h>

struct arena;
struct node;

/* The resource that a node belongs to, itself if it is one: FHIRPath's %resource. */
const struct node *document_resource(const struct node *node);

/* The same, but the outer resource of a contained one: %rootResource. Entries of a Bundle stand by
 * themselves. */
const struct node *document_container(const struct node *node);

/*
 * What references can mean in one resource: the entries of a Bundle by
 * fullUrl and version, contained resources by id. Without it each reference
 * is looked for among all of them. The tree must not change meanwhile.
 */
struct document_index {
    const struct node *owner;
    const struct document_index *outer; /* of a resource around this one, or NULL */
    struct document_named {
        struct text name;            /* fullUrl or id */
        struct text version;         /* meta.versionId of an entry's resource, or absent */
        const struct node *node;     /* the entry or contained resource */
        const struct node *resource; /* NULL when an entry has none, or one of no known type */
    } * items;                       /* sorted by name; those without a resource last; by version */
    size_t count;
};

/* `outer` itself when the resource has neither entries nor contained resources, and is no Bundle.
 */
const struct document_index *document_index_new(struct arena *arena, const struct node *resource,
                                                const struct document_index *outer);

/* What a reference at `from` means within its document: a contained resource ("#x"; "#" is the
 * container) or a Bundle's entry, in the innermost Bundle that has it. NULL when it is not there.
 * `index` is of the resource `from` is in, or one around it, or NULL. */
const struct node *document_find(const struct node *from, struct text reference,
                                 const struct document_index *index);

enum document_match { DOCUMENT_NOTHING, DOCUMENT_ONE, DOCUMENT_SEVERAL };

/* Which entry of the index's Bundle a reference means that stands in `entry`, which may be NULL. */
enum document_match document_find_entry(const struct document_index *index,
                                        const struct node *entry, struct text reference,
                                        const struct node **resource);

/* The resource of the entry with "urn:uuid:" and this id as fullUrl, or NULL. */
const struct node *document_find_uuid(const struct document_index *index, struct text id);
