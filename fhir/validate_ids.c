/*
 * Ids - R4 element.html: the id of an element is unique within its resource;
 * resource.html: a resource that is not being created has an id.
 */

#include "fhir/validate_walk.h"

#include "base/arena.h"
#include "base/err.h"

#include <stdlib.h>

static int compare(const void *a, const void *b);

/* The ids of a StructureDefinition's elements stand in its snapshot and in its differential. */
void element_id_note(struct walk *walk, const struct node *id)
{
    struct element_id *noted;

    if (id->value.size == 0 || !id->parent || !id->parent->type ||
        text_is(text_of(id->parent->type->name), "ElementDefinition"))
        return;
    noted = arena_one(walk->arena, struct element_id);
    *noted = (struct element_id){.node = id, .number = walk->ids->count, .next = walk->ids->first};
    walk->ids->first = noted;
    walk->ids->count++;
}

void element_ids_check(struct walk *walk)
{
    const struct element_id **ids;
    size_t count = 0;

    if (walk->ids->count < 2)
        return;
    ids = arena_many(walk->arena, const struct element_id *, walk->ids->count);
    for (const struct element_id *id = walk->ids->first; id; id = id->next)
        ids[count++] = id;
    qsort(ids, count, sizeof(const struct element_id *), compare);
    for (size_t i = 1; i < count; i++)
        if (text_equals(ids[i - 1]->node->value, ids[i]->node->value))
            issue_add_at(walk->issues, ISSUE_ERROR, "duplicate", ids[i]->node->parent,
                         "Another element of the resource has the same id; give each its own, or "
                         "leave it out.");
}

/* Equal ones side by side, as the document has them. */
static int compare(const void *a, const void *b)
{
    const struct element_id *left = *(const struct element_id *const *)a;
    const struct element_id *right = *(const struct element_id *const *)b;
    struct text one = left->node->value, other = right->node->value;
    int order = one.size == other.size ? memcmp(one.data, other.data, one.size)
                                       : (one.size > other.size) - (one.size < other.size);

    return order ? order : (left->number > right->number) - (left->number < right->number);
}

void contained_id_check(struct walk *walk, const struct node *contained)
{
    if (!node_child(contained, "id"))
        issue_add_at(walk->issues, ISSUE_ERROR, "required", contained,
                     "A contained resource needs an id, by which it is referred to.");
}
