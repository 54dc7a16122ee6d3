#pragma once

/*
 * Document - where in a resource or Bundle a node stands, and which resource
 * in there a reference means (R4 references.html#contained,
 * bundle.html#references).
 */

#include "base/text.h"

struct node;

/* The resource that a node belongs to, itself if it is one: FHIRPath's %resource. */
const struct node *document_resource(const struct node *node);

/* The same, but the outer resource of a contained one: %rootResource. Entries of a Bundle stand by
 * themselves. */
const struct node *document_container(const struct node *node);

/* What a reference at `from` means within its document: a contained resource ("#x"; "#" is the
 * container) or a Bundle's entry. NULL when it is not there. */
const struct node *document_find(const struct node *from, struct text reference);
