/*
 * XML reader - see xml.h.
 *
 * Events of the document make the tree, directed by the tables; what is open
 * stands on a stack. Nodes, limits and places in messages are as in the JSON
 * reader.
 */

#include "fhir/xml.h"

#include "fhir/issue.h"
#include "fhir/json_bytes.h"
#include "fhir/json_reader.h"
#include "fhir/xml_events.h"
#include "fhir/xml_names.h"

#include <assert.h>

/* Elements of one type, as in json_read.c. */
#define ELEMENTS_MAX 256

/* An element that is open. */
struct frame {
    struct node *node;
    struct node *url;           /* an attribute whose place is behind the extensions, or NULL */
    const struct element *last; /* furthest one in the definition's order that was read */
    uint64_t seen[ELEMENTS_MAX / 64];
    unsigned hint;   /* for type_element() */
    unsigned levels; /* as deep as the JSON would be */
    bool holder;     /* holds a resource, whose element comes next */
    bool filled;     /* and has it */
    bool has_text;   /* which was reported */
};

struct xml_reader {
    struct json_reader json; /* nodes, issues, limits */
    struct node *root;       /* NULL before its tag */
    struct frame *frames;
    unsigned frame_count, frame_room;
    unsigned skipped; /* levels within an element that has no place */
    unsigned div;     /* levels within a narrative, its own included */
    size_t div_begin; /* in the document */
    bool div_needs_xmlns;
};

static bool on_start(void *reader, const struct xml_tag *tag);
static bool on_finish(void *reader, size_t end);
static bool on_text(void *reader, struct text text);
static bool start_root(struct xml_reader *r, const struct xml_tag *tag);
static bool start_resource(struct xml_reader *r, struct frame *holder, const struct xml_tag *tag);
static bool start_element(struct xml_reader *r, struct frame *frame, const struct xml_tag *tag);
static bool skip(struct xml_reader *r, struct node *parent, struct text name, const char *problem);
static struct frame *push(struct xml_reader *r, struct node *node, unsigned levels);
static unsigned levels_for(const struct frame *frame, const struct element *element);
static struct node *new_node(struct xml_reader *r, const struct element *element);
static struct node *place(struct xml_reader *r, struct frame *frame, const struct element *element);
static bool find_last_same(struct xml_reader *r, struct frame *frame, const struct element *element,
                           struct node **last);
static void link_url(struct frame *frame);
static bool read_attributes(struct xml_reader *r, struct frame *frame, const struct xml_tag *tag);
static bool read_attribute(struct xml_reader *r, struct frame *frame,
                           const struct xml_attribute *attribute);
static void set_value(struct xml_reader *r, struct node *node, struct text value);
static bool is_number(struct xml_reader *r, struct text value);
static void start_div(struct xml_reader *r, struct node *node, const struct xml_tag *tag);
static void check_div_tag(struct xml_reader *r, struct node *node, const struct xml_tag *tag);
static void finish_div(struct xml_reader *r, struct node *node, size_t end);

struct node *xml_read(struct arena *arena, const char *data, size_t size,
                      const struct json_limits *limits, struct issues *issues, struct err *err)
{
    static const struct xml_handler handler = {on_start, on_finish, on_text};
    struct xml_reader r = {
        .json =
            {
                .scan = {.start = data, .at = data, .end = data + size, .arena = arena, .err = err},
                .arena = arena,
                .issues = issues,
                .limits = limits,
                .nodes_left = limits->nodes,
                .steps_left = (uint64_t)limits->nodes * STEPS_A_NODE,
            },
    };

    if (size > limits->size) {
        err_set(err, ERR_TOO_LARGE, NULL, "The document has %zu bytes; up to %zu are accepted.",
                size, limits->size);
        return NULL;
    }
    return xml_events(data, size, &handler, &r, err) ? r.root : NULL;
}

static struct frame *top(struct xml_reader *r)
{
    return &r->frames[r->frame_count - 1];
}

static bool on_start(void *reader, const struct xml_tag *tag)
{
    struct xml_reader *r = reader;

    if (r->skipped) {
        r->skipped++;
        return true;
    }
    if (r->div) {
        r->div++;
        check_div_tag(r, top(r)->node, tag);
        return true;
    }
    if (!r->root)
        return start_root(r, tag);
    if (top(r)->holder)
        return start_resource(r, top(r), tag);
    return start_element(r, top(r), tag);
}

static bool on_finish(void *reader, size_t end)
{
    struct xml_reader *r = reader;
    struct frame *frame = top(r);

    if (r->skipped) {
        r->skipped--;
        return true;
    }
    if (r->div && --r->div > 0)
        return true;
    if (frame->node->type && frame->node->type->primitive == PRIMITIVE_XHTML)
        finish_div(r, frame->node, end);
    link_url(frame);
    if (frame->holder && !frame->filled) {
        frame->node->type = NULL;
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", frame->node,
                     "%s must hold a resource.", frame->node->name.data);
    }
    r->frame_count--;
    return true;
}

/* R4 xml.html: the content of an element is elements only. */
static bool on_text(void *reader, struct text text)
{
    struct xml_reader *r = reader;

    if (r->skipped || r->div || !r->frame_count || top(r)->has_text || text_trim(text).size == 0)
        return true;
    top(r)->has_text = true;
    issue_add_at(r->json.issues, ISSUE_ERROR, "structure", top(r)->node,
                 "Text must not stand here; in XML a value is the attribute `value`.");
    return true;
}

static bool start_root(struct xml_reader *r, const struct xml_tag *tag)
{
    const struct type *type = resource_type_find(tag->name);

    if (!text_is(tag->uri, XML_FHIR))
        return err_set(r->json.scan.err, ERR_INVALID, NULL,
                       "This is no resource of FHIR: its namespace must be " XML_FHIR ".");
    if (!type)
        return err_set(r->json.scan.err, ERR_INVALID, NULL,
                       "This is no resource: its element must name a resource type of R4.");
    r->root = json_new_node(&r->json);
    if (!r->root)
        return false;
    r->root->name = TEXT("");
    r->root->type = type;
    struct frame *frame = push(r, r->root, 1);
    return frame && read_attributes(r, frame, tag);
}

/* The element within contained, Bundle.entry.resource, ... that names the type. */
static bool start_resource(struct xml_reader *r, struct frame *holder, const struct xml_tag *tag)
{
    struct node *node = holder->node;
    const struct type *type = resource_type_find(tag->name);

    if (holder->filled)
        return skip(r, node, (struct text){0}, "One element must hold one resource only.");
    holder->filled = true;
    node->type = type;
    if (!type)
        return skip(r, node, (struct text){0}, "This resource is of no type that R4 has.");
    if (!text_is(tag->uri, XML_FHIR))
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", node,
                     "The namespace of this resource must be " XML_FHIR ".");
    struct frame *frame = push(r, node, holder->levels);
    return frame && read_attributes(r, frame, tag);
}

static bool start_element(struct xml_reader *r, struct frame *frame, const struct xml_tag *tag)
{
    const struct type *type = frame->node->type;
    const struct element *element = type_element(type, tag->name, &frame->hint);

    if (!element)
        return skip(r, frame->node, tag->name,
                    "There is no such element in R4; check its spelling, or use an extension.");
    if (element->flags & ELEMENT_ATTRIBUTE)
        return skip(r, frame->node, tag->name, "In XML this is an attribute, not an element.");

    struct node *node = place(r, frame, element);
    unsigned levels = levels_for(frame, element);
    struct frame *inner = node ? push(r, node, levels) : NULL;
    if (!inner)
        return false;
    bool xhtml = node->type->primitive == PRIMITIVE_XHTML;
    if (!text_is(tag->uri, xhtml ? XML_XHTML : XML_FHIR))
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", node,
                     "The namespace of %s must be %s.", element->name,
                     xhtml ? XML_XHTML : XML_FHIR);
    if (xhtml) {
        start_div(r, node, tag);
        return true;
    }
    inner->holder = element->flags & ELEMENT_RESOURCE;
    return read_attributes(r, inner, tag);
}

/* Reports what has no place, as a child `name` of `parent` or as the parent itself, and goes on
 * behind it. */
static bool skip(struct xml_reader *r, struct node *parent, struct text name, const char *problem)
{
    struct node unknown = {.name = name, .parent = parent};

    issue_add_at(r->json.issues, ISSUE_ERROR, "structure", name.data ? &unknown : parent, "%s",
                 problem);
    r->skipped = 1;
    return true;
}

/* Nesting of objects and arrays as JSON would have it, so that what is accepted
 * in one format is accepted in the other. */
static unsigned levels_for(const struct frame *frame, const struct element *element)
{
    bool companion = frame->node->type->kind == TYPE_PRIMITIVE;
    bool object = type_at(element->type)->kind != TYPE_PRIMITIVE;

    return frame->levels + companion + object + (element->max > 1);
}

/* NULL past the limit. Earlier frames may move. */
static struct frame *push(struct xml_reader *r, struct node *node, unsigned levels)
{
    if (levels > r->json.limits->depth) {
        err_set(r->json.scan.err, ERR_TOO_LARGE, NULL, "Elements are nested deeper than %u levels.",
                r->json.limits->depth);
        return NULL;
    }
    if (r->frame_count == r->frame_room) {
        unsigned room = r->frame_room ? r->frame_room * 2 : 16;
        struct frame *frames = arena_many(r->json.arena, struct frame, room);
        if (r->frame_count)
            memcpy(frames, r->frames, r->frame_count * sizeof(*frames));
        r->frames = frames;
        r->frame_room = room;
    }
    assert(!node->type || node->type->element_count <= ELEMENTS_MAX);
    r->frames[r->frame_count] = (struct frame){.node = node, .levels = levels};
    return &r->frames[r->frame_count++];
}

static struct node *new_node(struct xml_reader *r, const struct element *element)
{
    struct node *node = json_new_node(&r->json);

    if (!node)
        return NULL;
    node->element = element;
    node->type = type_at(element->type);
    node->name = (struct text){element->name, element->name_size};
    node->flags = element->max > 1 ? NODE_ARRAY : 0;
    return node;
}

/* A new child behind its like-named siblings, else at the end. R4 xml.html:
 * elements stand in the order of the definition. */
static struct node *place(struct xml_reader *r, struct frame *frame, const struct element *element)
{
    struct node *node = new_node(r, element), *behind;
    bool misplaced =
        frame->last && element < frame->last && element->name_id != frame->last->name_id;

    if (!node)
        return NULL;
    if (frame->url && element > frame->url->element)
        link_url(frame);
    if (!find_last_same(r, frame, element, &behind))
        return NULL;
    json_link_behind(frame->node, behind, node);
    if (misplaced)
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", node,
                     "In XML elements have an order: %s must stand before %s.", element->name,
                     frame->last->name);
    else
        frame->last = element;
    return node;
}

static bool find_last_same(struct xml_reader *r, struct frame *frame, const struct element *element,
                           struct node **last)
{
    size_t index = (size_t)(element - frame->node->type->elements);
    uint64_t *word = &frame->seen[index / 64], bit = (uint64_t)1 << index % 64;

    *last = frame->node->last;
    if (*word & bit && (*last)->element != element) {
        for (struct node *node = frame->node->first; node; node = node->next) {
            if (!json_step(&r->json))
                return false;
            if (node->element == element)
                *last = node;
        }
    }
    *word |= bit;
    return true;
}

static void link_url(struct frame *frame)
{
    if (frame->url)
        json_link_behind(frame->node, frame->node->last, frame->url);
    frame->url = NULL;
}

static bool read_attributes(struct xml_reader *r, struct frame *frame, const struct xml_tag *tag)
{
    for (unsigned i = 0; i < tag->attribute_count; i++)
        if (!read_attribute(r, frame, &tag->attributes[i]))
            return false;
    return true;
}

static bool read_attribute(struct xml_reader *r, struct frame *frame,
                           const struct xml_attribute *attribute)
{
    struct node *node = frame->node;
    const struct element *element = NULL;

    if (attribute->uri.data && text_is(attribute->uri, XML_SCHEMA_INSTANCE) &&
        text_is(attribute->name, "schemaLocation"))
        return true; /* R4 xml.html: may be there, says nothing */
    if (!attribute->uri.data && !frame->holder) {
        if (node->type->kind == TYPE_PRIMITIVE && text_is(attribute->name, "value")) {
            set_value(r, node, attribute->value);
            return true;
        }
        element = type_element(node->type, attribute->name, NULL);
    }
    if (!element || !(element->flags & ELEMENT_ATTRIBUTE)) {
        struct node unknown = {.name = attribute->name, .parent = node};
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", &unknown,
                     "There is no such attribute in R4.");
        return true;
    }

    struct node *child = new_node(r, element);
    if (!child)
        return false;
    child->parent = node;
    set_value(r, child, attribute->value);
    if (element == node->type->elements) /* id */
        json_link_behind(node, NULL, child);
    else
        frame->url = child;
    return true;
}

/* What JSON would write as a number or as a boolean is flagged as such only
 * if it is one; otherwise check_structure() finds it, as a string. */
static void set_value(struct xml_reader *r, struct node *node, struct text value)
{
    enum json_kind kind = json_kind_of(node->type->primitive);

    /* R4 lets integers have a sign that JSON's numbers cannot have. */
    if (kind == JSON_NUMBER && value.size > 1 && value.data[0] == '+' &&
        node->type->primitive != PRIMITIVE_DECIMAL)
        value = (struct text){value.data + 1, value.size - 1};
    node->value = (struct text){arena_strndup(r->json.arena, value.data, value.size), value.size};
    if (kind == JSON_NUMBER && is_number(r, node->value))
        node->flags |= NODE_NUMBER | NODE_PLAIN;
    else if (kind == JSON_BOOLEAN && (text_is(value, "true") || text_is(value, "false")))
        node->flags |= NODE_BOOLEAN | NODE_PLAIN;
    else if (json_needs_no_escape(value.data, value.size))
        node->flags |= NODE_PLAIN;
}

static bool is_number(struct xml_reader *r, struct text value)
{
    struct err ignored = {0};
    struct json_scan scan = {
        .start = value.data,
        .at = value.data,
        .end = value.data + value.size,
        .arena = r->json.arena,
        .err = &ignored,
    };
    struct text number;

    return value.size > 0 && json_scan_number(&scan, &number) && scan.at == scan.end;
}

static void start_div(struct xml_reader *r, struct node *node, const struct xml_tag *tag)
{
    r->div = 1;
    r->div_begin = tag->begin;
    r->div_needs_xmlns = !tag->sets_namespace && !tag->prefix.data;
    check_div_tag(r, node, tag);
}

/* The div is kept as text, away from the declarations around it. */
static void check_div_tag(struct xml_reader *r, struct node *node, const struct xml_tag *tag)
{
    bool prefixed = tag->prefix.data != NULL;

    for (unsigned i = 0; i < tag->attribute_count; i++)
        prefixed = prefixed ||
                   (tag->attributes[i].prefix.data && !text_is(tag->attributes[i].prefix, "xml"));
    if (prefixed)
        issue_add_at(r->json.issues, ISSUE_ERROR, "structure", node,
                     "A narrative must not have prefixes; write <div xmlns=\"" XML_XHTML "\">.");
}

/* Byte for byte what the document has. */
static void finish_div(struct xml_reader *r, struct node *node, size_t end)
{
    static const char xmlns[] = " xmlns=\"" XML_XHTML "\"";
    const char *begin = r->json.scan.start + r->div_begin;
    struct text source = {begin, end - r->div_begin};
    size_t name = strlen("<div"), more = r->div_needs_xmlns ? sizeof(xmlns) - 1 : 0;

    assert(end <= (size_t)(r->json.scan.end - r->json.scan.start) && source.size > name);
    char *text = arena_alloc_raw(r->json.arena, source.size + more);
    memcpy(text, source.data, name);
    memcpy(text + name, xmlns, more);
    memcpy(text + name + more, source.data + name, source.size - name);
    node->value = (struct text){text, source.size + more};
    if (json_needs_no_escape(node->value.data, node->value.size))
        node->flags |= NODE_PLAIN;
}
