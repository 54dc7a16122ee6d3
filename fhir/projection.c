/*
 * Projection - see projection.h.
 */

#include "fhir/projection.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/query_text.h"

#define TAG_SYSTEM "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
#define TAG_CODE   "SUBSETTED"

typedef bool keep_fn(const struct projection *projection, const struct node *node);

static bool is_known(const char *type, struct text name);
static void suggest(const char *type, struct text name, struct buf *out);
static void shorten(const struct projection *projection, struct arena *arena,
                    struct node *resource);
static void shorten_within(const struct projection *projection, struct arena *arena,
                           struct node *node);
static void keep_children(const struct projection *projection, struct node *node, keep_fn *keep);
static bool is_kept_at_root(const struct projection *projection, const struct node *node);
static bool is_kept_within(const struct projection *projection, const struct node *node);
static bool refers_to_contained(const struct node *node);
static void add_tag(struct arena *arena, struct node *resource);

bool projection_read_summary(struct projection *projection, struct text value)
{
    static const char *const words[] = {
        [PROJECTION_WHOLE] = "false",
        [PROJECTION_SUMMARY] = "true",
        [PROJECTION_TEXT] = "text",
        [PROJECTION_DATA] = "data",
    };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (!text_is(value, words[i]))
            continue;
        projection->kind = (enum projection_kind)i;
        return true;
    }
    return false;
}

static void write_unknown(const char *type, struct text name, size_t place, struct buf *out)
{
    struct buf suggestions = buf_in(out->arena);

    suggest(type, name, &suggestions);
    buf_printf(out, "Name %zu of \"_elements\" is no element at the root of %s%s", place,
               type ? type : "any resource", buf_text(&suggestions));
}

bool projection_read_elements(struct projection *projection, struct arena *arena, const char *type,
                              struct text *value, bool lenient, struct issues *issues,
                              struct err *err)
{
    struct text *names = arena_many(arena, struct text, query_count_items(*value, ',') + 1);
    struct text rest = *value, name;
    struct buf used = buf_in(arena);
    size_t place = 0;

    while (query_next_item(&rest, ',', &name)) {
        struct buf finding = buf_in(arena);

        place++;
        name = text_trim(name);
        if (is_known(type, name)) {
            buf_printf(&used, "%s%.*s", projection->count ? "," : "", TEXT_ARGS(name));
            names[projection->count++] = name;
            continue;
        }
        write_unknown(type, name, place, &finding);
        issue_add(issues, lenient ? ISSUE_WARNING : ISSUE_ERROR, "not-supported", NULL, "%s%s",
                  buf_text(&finding), lenient ? "; it was ignored." : ".");
        if (!lenient)
            return err_set(err, ERR_INVALID, "_elements", "%s.", buf_text(&finding));
    }
    projection->names = names;
    if (projection->count)
        projection->kind = PROJECTION_ELEMENTS;
    *value = (struct text){buf_text(&used), used.size};
    return true;
}

static bool is_named(const struct element *element, struct text name)
{
    return text_is(name, element->name) || text_is(name, element->fhirpath);
}

static bool has_element(const struct type *type, struct text name)
{
    for (unsigned i = 0; i < type->element_count; i++)
        if (is_named(&type->elements[i], name))
            return true;
    return false;
}

static bool is_known(const char *type, struct text name)
{
    if (type)
        return has_element(resource_type_find(text_of(type)), name);
    for (unsigned i = 0; i < resource_type_count(); i++)
        if (has_element(type_at(i), name))
            return true;
    return false;
}

/* The nearest first, at most three; of a choice the name without its type. */
static void suggest(const char *name_of_type, struct text name, struct buf *out)
{
    const struct type *type = resource_type_find(text_of(name_of_type));
    const unsigned limit = name.size < 6 ? 2 : 3;
    const char *before = "";
    unsigned told = 0;

    for (unsigned distance = 0; type && distance <= limit; distance++) {
        for (unsigned i = 0; i < type->element_count && told < 3; i++) {
            const char *candidate = type->elements[i].fhirpath;

            if (strcmp(candidate, before) == 0 ||
                query_edit_distance(name, text_of(candidate), limit) != distance)
                continue;
            before = candidate;
            buf_printf(out, told++ ? ", %s" : " (did you mean %s", candidate);
        }
    }
    if (told)
        buf_add_text(out, "?)");
}

bool projection_write(const struct projection *projection, const char *json, size_t size,
                      struct buf *out)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 0);
    struct node *resource = json_read(arena, json, size, &json_stored_limits, &issues, &err);
    if (resource) {
        shorten(projection, arena, resource);
        json_write(resource, out);
    }
    arena_free(arena);
    return resource != NULL;
}

static void shorten(const struct projection *projection, struct arena *arena, struct node *resource)
{
    struct node *unlinked = node_child(resource, "contained"), *next;

    keep_children(projection, resource, is_kept_at_root);
    if (projection->kind == PROJECTION_SUMMARY || projection->kind == PROJECTION_DATA)
        for (struct node *child = resource->first; child; child = child->next)
            shorten_within(projection, arena, child);
    /* keep_children() has taken them out, or left them all. */
    if (unlinked && !node_child(resource, "contained") && refers_to_contained(resource)) {
        for (; unlinked && text_is(unlinked->name, "contained"); unlinked = next) {
            next = unlinked->next;
            node_append(resource, unlinked);
        }
    }
    add_tag(arena, resource);
}

/* Contained resources are left as they are: they are part of the whole. */
static void shorten_within(const struct projection *projection, struct arena *arena,
                           struct node *node)
{
    if (!node->element || !node->type || text_is(node->name, "contained"))
        return;
    if (node->element->flags & ELEMENT_RESOURCE) {
        shorten(projection, arena, node);
        return;
    }
    if (projection->kind == PROJECTION_SUMMARY && node->type->kind != TYPE_PRIMITIVE)
        keep_children(projection, node, is_kept_within);
    for (struct node *child = node->first; child; child = child->next)
        shorten_within(projection, arena, child);
}

/* What is taken out keeps its `next`. */
static void keep_children(const struct projection *projection, struct node *node, keep_fn *keep)
{
    struct node *child = node->first, *next;

    node->first = node->last = NULL;
    for (; child; child = next) {
        next = child->next;
        if (!keep(projection, child))
            continue;
        if (node->last)
            node->last->next = child;
        else
            node->first = child;
        node->last = child;
    }
    if (node->last)
        node->last->next = NULL;
}

/* Whatever is asked for. */
static bool is_needed(const struct element *element)
{
    return element->flags & ELEMENT_MODIFIER || element->min > 0;
}

static bool is_kept_at_root(const struct projection *projection, const struct node *node)
{
    const struct element *element = node->element;
    bool narrative = text_is(node->name, "text");

    if (projection->kind == PROJECTION_DATA)
        return !narrative || !node->type || !text_is(text_of(node->type->name), "Narrative");
    if (!element)
        return false;
    if (is_needed(element) || text_is(node->name, "id") || text_is(node->name, "meta"))
        return true;
    if (projection->kind == PROJECTION_SUMMARY)
        return element->flags & ELEMENT_SUMMARY;
    if (projection->kind == PROJECTION_TEXT)
        return narrative;
    for (size_t i = 0; i < projection->count; i++)
        if (is_named(element, projection->names[i]))
            return true;
    return false;
}

/* An extension may say why there is no value, so only those of whole groups go. */
static bool is_kept_within(const struct projection *projection, const struct node *node)
{
    const struct element *element = node->element;

    (void)projection;
    if (!element)
        return false;
    if (is_needed(element) || element->flags & (ELEMENT_SUMMARY | ELEMENT_ATTRIBUTE))
        return true;
    return text_is(node->name, "extension") && node->parent->type->kind != TYPE_BACKBONE;
}

static bool refers_to_contained(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next) {
        if (text_is(child->name, "reference") && child->value.size && child->value.data[0] == '#')
            return true;
        if (refers_to_contained(child))
            return true;
    }
    return false;
}

static void add_tag(struct arena *arena, struct node *resource)
{
    struct node *meta = node_child(resource, "meta");

    if (!meta)
        meta = node_add(arena, resource, "meta");
    for (struct node *tag = node_child(meta, "tag"); tag; tag = node_next_same(tag))
        if (text_is(node_value(tag, "system"), TAG_SYSTEM) &&
            text_is(node_value(tag, "code"), TAG_CODE))
            return;
    struct node *tag = node_add(arena, meta, "tag");
    node_add_value(arena, tag, "system", TEXT(TAG_SYSTEM));
    node_add_value(arena, tag, "code", TEXT(TAG_CODE));
}
