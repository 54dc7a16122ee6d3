/*
 * Invariants as functions - those that are asked about nearly every element.
 * Each decides what its expression in schemas/r4/invariants.tsv decides, or
 * leaves it open; tests/unit/fhir/test_validate_native.c compares them.
 */

#include "fhir/validate_walk.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/document.h"

#include <stdlib.h>

/* Texts in the scratch memory, sorted. */
struct fragments {
    struct text *items;
    size_t count, room;
};

static native_fn ele_1, ext_1, dom_2, dom_3, dom_4, dom_5, dom_6, ref_1, per_1, qty_3, cpt_2, txt,
    obs_6, obs_7, bdl_3, bdl_4, bdl_7;

static const struct {
    const char *key;
    native_fn *function;
} natives[] = {
    {"ele-1", ele_1}, {"ext-1", ext_1}, {"dom-2", dom_2}, {"dom-3", dom_3}, {"dom-4", dom_4},
    {"dom-5", dom_5}, {"dom-6", dom_6}, {"ref-1", ref_1}, {"per-1", per_1}, {"qty-3", qty_3},
    {"cpt-2", cpt_2}, {"txt-1", txt},   {"txt-2", txt},   {"obs-6", obs_6}, {"obs-7", obs_7},
    {"bdl-7", bdl_7}, {"bdl-3", bdl_3}, {"bdl-4", bdl_4},
};

static bool has_any(const struct node *node, const char *name);
static bool contained_has(const struct node *resource, const char *path);
static void collect_fragments(struct walk *walk, const struct node *node,
                              struct fragments *fragments);
static bool refers_to_container(const struct node *node);
static bool can_be_link(const struct node *node);
static bool same_form(struct text a, struct text b);
static int compare_texts(const void *a, const void *b);

native_fn *native_find(struct text key)
{
    for (size_t i = 0; i < COUNT(natives); i++)
        if (text_is(key, natives[i].key))
            return natives[i].function;
    return NULL;
}

static enum verdict verdict(bool holds)
{
    return holds ? VERDICT_HOLDS : VERDICT_FAILS;
}

/* What has no content at all was found by check_structure(). */
static enum verdict ele_1(const struct walk *walk, const struct node *node)
{
    const struct node *child = node->first;

    (void)walk;
    if (node->value.data || !child)
        return VERDICT_HOLDS;
    while (child && text_is(child->name, "id"))
        child = child->next;
    return verdict(child);
}

static enum verdict ext_1(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(has_any(node, "extension") != has_any(node, "value"));
}

static enum verdict dom_2(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!contained_has(node, "contained"));
}

static enum verdict dom_4(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!contained_has(node, "meta.versionId") &&
                   !contained_has(node, "meta.lastUpdated"));
}

static enum verdict dom_5(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!contained_has(node, "meta.security"));
}

static enum verdict dom_6(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(node_path(node, "text.div"));
}

static bool contained_has(const struct node *resource, const char *path)
{
    for (const struct node *child = resource->first; child; child = child->next)
        if (text_is(child->name, "contained") && node_path(child, path))
            return true;
    return false;
}

/* A contained resource must be referred to, or refer to its container. The expression goes over
 * the whole resource several times for each of them. */
static enum verdict dom_3(const struct walk *walk, const struct node *node)
{
    struct fragments fragments = {0};
    const struct node *child = node_child(node, "contained");

    if (!child)
        return VERDICT_HOLDS;
    /* The walk is only read; what is collected goes to its scratch memory. */
    collect_fragments((struct walk *)walk, node, &fragments);
    if (fragments.count > 0)
        qsort(fragments.items, fragments.count, sizeof(*fragments.items), compare_texts);

    for (; child; child = node_next_same(child)) {
        struct text id = node_value(child, "id");

        if (id.data && !refers_to_container(child) &&
            (fragments.count == 0 || !bsearch(&id, fragments.items, fragments.count,
                                              sizeof(*fragments.items), compare_texts)))
            return VERDICT_FAILS;
    }
    return VERDICT_HOLDS;
}

/* What stands behind '#' in references and other links. */
static void collect_fragments(struct walk *walk, const struct node *node,
                              struct fragments *fragments)
{
    for (const struct node *child = node->first; child; child = child->next) {
        if (child->first)
            collect_fragments(walk, child, fragments);
        if (!can_be_link(child) || child->value.size < 2 || child->value.data[0] != '#')
            continue;
        if (fragments->count == fragments->room) {
            size_t room = fragments->room ? fragments->room * 2 : 16;
            struct text *items = arena_many(walk->scratch, struct text, room);

            if (fragments->count > 0)
                memcpy(items, fragments->items, fragments->count * sizeof(*items));
            fragments->items = items;
            fragments->room = room;
        }
        fragments->items[fragments->count++] =
            (struct text){child->value.data + 1, child->value.size - 1};
    }
}

static bool refers_to_container(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next)
        if ((can_be_link(child) && text_is(child->value, "#")) || refers_to_container(child))
            return true;
    return false;
}

static bool can_be_link(const struct node *node)
{
    if (!node->type || !node->value.data || node->flags & NODE_RAW)
        return false;
    switch (node->type->primitive) {
    case PRIMITIVE_CANONICAL:
    case PRIMITIVE_URI:
    case PRIMITIVE_URL:
        return true;
    default:
        return text_is(node->name, "reference");
    }
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);

    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static enum verdict ref_1(const struct walk *walk, const struct node *node)
{
    struct text reference = node_value(node, "reference");

    if (!reference.data || reference.size == 0 || reference.data[0] != '#')
        return VERDICT_HOLDS;
    /* "#" alone is the container: R4 references.html#contained. */
    return verdict(document_find(node, reference, walk->validation->index));
}

/* Moments written in the same form compare as texts. */
static enum verdict per_1(const struct walk *walk, const struct node *node)
{
    struct text start = node_value(node, "start"), end = node_value(node, "end");

    (void)walk;
    if (!start.data || !end.data)
        return VERDICT_HOLDS;
    if (!same_form(start, end))
        return VERDICT_OPEN;
    return verdict(memcmp(start.data, end.data, start.size) <= 0);
}

/* Same precision and the same zone. */
static bool same_form(struct text a, struct text b)
{
    const size_t seconds = sizeof("2012-01-01T00:00:00") - 1, zone = sizeof("+00:00") - 1;

    if (a.size != b.size || a.size == 0)
        return false;
    if (a.size <= seconds)
        return a.size <= sizeof("2012-01-01") - 1;
    if (a.data[a.size - 1] == 'Z')
        return b.data[b.size - 1] == 'Z';
    return a.size >= seconds + zone &&
           memcmp(a.data + a.size - zone, b.data + b.size - zone, zone) == 0;
}

static enum verdict qty_3(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!node_child(node, "code") || node_child(node, "system"));
}

static enum verdict cpt_2(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!node_child(node, "value") || node_child(node, "system"));
}

/* narrative_check() tells more than whether it holds: see narrative_element_check(). */
static enum verdict txt(const struct walk *walk, const struct node *node)
{
    (void)walk, (void)node;
    return VERDICT_HOLDS;
}

static enum verdict obs_6(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return verdict(!node_child(node, "dataAbsentReason") || !has_any(node, "value"));
}

static enum verdict obs_7(const struct walk *walk, const struct node *node)
{
    (void)walk;
    return node_child(node, "component") && has_any(node, "value") ? VERDICT_OPEN : VERDICT_HOLDS;
}

/* Whether every entry has the element if the Bundle is of one of the types, and none has it else.
 * As an expression, every entry would look through all of them for the type. */
static bool entries_have(const struct node *bundle, const char *name, const char *const types[3])
{
    struct text type = node_value(bundle, "type");
    bool wanted = text_is(type, types[0]) || text_is(type, types[1]) || text_is(type, types[2]);

    for (const struct node *entry = node_child(bundle, "entry"); entry;
         entry = node_next_same(entry))
        if (!type.data || wanted != (node_child(entry, name) != NULL))
            return false;
    return true;
}

static enum verdict bdl_3(const struct walk *walk, const struct node *node)
{
    static const char *const types[] = {"batch", "transaction", "history"};

    (void)walk;
    return verdict(entries_have(node, "request", types));
}

static enum verdict bdl_4(const struct walk *walk, const struct node *node)
{
    static const char *const types[] = {"batch-response", "transaction-response", "history"};

    (void)walk;
    return verdict(entries_have(node, "response", types));
}

/* Distinct fullUrls are looked for by bundle_check(), which has an index of them. */
static enum verdict bdl_7(const struct walk *walk, const struct node *node)
{
    (void)walk, (void)node;
    return VERDICT_HOLDS;
}

/* Whether there is a child with this name in FHIRPath: of a choice, of any type. */
static bool has_any(const struct node *node, const char *name)
{
    for (const struct node *child = node->first; child; child = child->next)
        if (child->element && strcmp(child->element->fhirpath, name) == 0)
            return true;
    return false;
}
