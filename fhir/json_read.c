/*
 * JSON reader - see json.h.
 *
 * Recursive descent over the bytes, one function per thing that can stand in
 * the document, directed by the tables. What has no place in the tree goes to
 * json_skip.c.
 */

#include "fhir/json.h"

#include "fhir/issue.h"
#include "fhir/json_bytes.h"
#include "fhir/json_reader.h"

#include <assert.h>

const struct json_limits json_default_limits = {
    .size = (size_t)64 << 20,
    .depth = 64,
    .nodes = 10 * 1000 * 1000,
};

const struct json_limits json_stored_limits = {
    .size = SIZE_MAX,
    .depth = 512,
    .nodes = 200 * 1000 * 1000,
};

/* Elements of one type, choices counted singly: ElementDefinition has most. */
#define ELEMENTS_MAX 256

/* An element has two properties in JSON: `birthDate` and `_birthDate`. */
enum property { PROPERTY_VALUE, PROPERTY_COMPANION };

/* An object while it is read. */
struct object {
    struct node *node;
    unsigned hint; /* for type_element() */
    bool has_resource_type;
    uint64_t seen[2][ELEMENTS_MAX / 64]; /* by property and element */
};

/* Where the next item of a property goes: into the nodes that the other
 * property made, then behind them. */
struct cursor {
    struct node *existing; /* the next one to use, or NULL */
    struct node *placed;   /* the last one used; NULL: new ones go to the end */
    bool paired;           /* the other property was read before */
    bool uneven;           /* and was shorter */
};

static bool read_root(struct json_reader *r, struct node *root);
static bool read_resource(struct json_reader *r, struct node *node);
static bool read_object(struct json_reader *r, struct node *node);
static bool read_member(struct json_reader *r, struct object *object);
static bool read_resource_type(struct json_reader *r, struct object *object);
static bool read_element(struct json_reader *r, struct object *object,
                         const struct element *element);
static bool read_array(struct json_reader *r, struct object *object, const struct element *element,
                       struct cursor *cursor);
static bool read_item(struct json_reader *r, struct object *object, const struct element *element,
                      struct cursor *cursor, uint8_t flags);
static bool read_primitive(struct json_reader *r, struct node *node);
static bool read_companion(struct json_reader *r, struct object *object,
                           const struct element *element, struct text name);
static bool read_companion_array(struct json_reader *r, struct object *object,
                                 const struct element *element);
static bool read_companion_object(struct json_reader *r, struct node *node);
static void check_alignment(struct json_reader *r, const struct object *object,
                            const struct element *element, const struct cursor *cursor);
static bool mark(struct json_reader *r, struct object *object, const struct element *element,
                 enum property property);
static bool find_pair(struct json_reader *r, const struct object *object,
                      const struct element *element, enum property other, struct cursor *cursor);
static struct node *place(struct json_reader *r, struct node *parent, const struct element *element,
                          struct cursor *cursor);

struct node *json_read(struct arena *arena, const char *data, size_t size,
                       const struct json_limits *limits, struct issues *issues, struct err *err)
{
    struct json_reader r = {
        .scan = {.start = data, .at = data, .end = data + size, .arena = arena, .err = err},
        .arena = arena,
        .issues = issues,
        .limits = limits,
        .nodes_left = limits->nodes,
        .depth_left = limits->depth,
        .steps_left = (uint64_t)limits->nodes * STEPS_A_NODE,
    };
    struct node *root;

    if (size > limits->size) {
        err_set(err, ERR_TOO_LARGE, NULL, "The document has %zu bytes; up to %zu are accepted.",
                size, limits->size);
        return NULL;
    }
    root = json_new_node(&r);
    if (!root || !read_root(&r, root))
        return NULL;
    return root;
}

static bool read_root(struct json_reader *r, struct node *root)
{
    struct json_scan *scan = &r->scan;

    root->name = TEXT("");
    /* RFC 8259 section 8.1 leaves it to the reader; some editors write it. */
    if (scan->end - scan->at >= 3 && memcmp(scan->at, "\xef\xbb\xbf", 3) == 0)
        scan->at += 3;
    if (json_scan_space(scan) != '{')
        return json_scan_expected(scan, "'{' and a resource");
    if (!read_resource(r, root))
        return false;
    json_scan_space(scan);
    if (scan->at < scan->end)
        return json_scan_fail(scan, scan->at, "expected nothing more after the resource");
    if (!root->type)
        return err_set(scan->err, ERR_INVALID, "resourceType",
                       "This is no resource: its resourceType must name a resource type of R4.");
    return true;
}

/* An object whose type is in its own resourceType, anywhere in it. */
static bool read_resource(struct json_reader *r, struct node *node)
{
    struct text name = json_scan_member(&r->scan, TEXT("resourceType"));

    node->type = name.data ? resource_type_find(name) : NULL;
    if (!node->type && node->parent)
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                     "The resourceType of this resource is missing or no resource type of R4.");
    return read_object(r, node);
}

/* At the opening brace; adds children to `node`. */
static bool read_object(struct json_reader *r, struct node *node)
{
    struct object object = {.node = node};
    bool more;

    assert(!node->type || node->type->element_count <= ELEMENTS_MAX);
    if (!json_enter(r) || !json_next_member(r, true, &more))
        return false;
    while (more)
        if (!read_member(r, &object) || !json_next_member(r, false, &more))
            return false;
    r->depth_left++;
    return true;
}

static bool read_member(struct json_reader *r, struct object *object)
{
    const struct type *type = object->node->type;
    const struct element *element;
    struct text name = {0};

    if (!json_read_name(r, &name))
        return false;
    if (!type)
        return json_read_unknown(r, object->node, name);

    if (type->kind == TYPE_RESOURCE && text_equals(name, TEXT("resourceType")))
        return read_resource_type(r, object);
    element = type_element(type, name, &object->hint);
    if (element)
        return mark(r, object, element, PROPERTY_VALUE) && read_element(r, object, element);

    if (name.size > 1 && name.data[0] == '_') {
        element = type_element(type, (struct text){name.data + 1, name.size - 1}, NULL);
        if (element && type_at(element->type)->kind == TYPE_PRIMITIVE)
            return mark(r, object, element, PROPERTY_COMPANION) &&
                   read_companion(r, object, element, name);
    }
    return json_read_unknown(r, object->node, name);
}

/* Decided the type before; left to see is that there is only one. */
static bool read_resource_type(struct json_reader *r, struct object *object)
{
    struct text value;
    bool plain;

    if (object->has_resource_type)
        return json_scan_fail(&r->scan, r->scan.at, "resourceType stands twice in this object");
    object->has_resource_type = true;
    return json_scan_string(&r->scan, &value, &plain);
}

static bool read_element(struct json_reader *r, struct object *object,
                         const struct element *element)
{
    struct cursor cursor;

    if (!find_pair(r, object, element, PROPERTY_COMPANION, &cursor))
        return false;
    if (*r->scan.at == '[')
        return read_array(r, object, element, &cursor);
    if (!read_item(r, object, element, &cursor, 0))
        return false;
    if (element->max > 1 && !(cursor.placed->flags & NODE_RAW))
        issue_add_at(r->issues, ISSUE_ERROR, "structure", cursor.placed,
                     "%s repeats, so it must be an array, even of one.", element->name);
    return true;
}

static bool read_array(struct json_reader *r, struct object *object, const struct element *element,
                       struct cursor *cursor)
{
    const char *begin = r->scan.at;
    struct node *node;
    bool more;

    if (!json_enter(r) || !json_next_item(r, true, &more))
        return false;
    if (!more) {
        node = place(r, object->node, element, cursor);
        if (!node)
            return false;
        node->value = (struct text){begin, (size_t)(r->scan.at - begin)};
        node->flags |= NODE_RAW;
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                     "An array must not be empty; leave %s out.", element->name);
    }
    while (more)
        if (!read_item(r, object, element, cursor, NODE_ARRAY) || !json_next_item(r, false, &more))
            return false;
    r->depth_left++;

    if (element->max == 1 && (cursor->placed->flags & NODE_ARRAY))
        issue_add_at(r->issues, ISSUE_ERROR, "structure", cursor->placed,
                     "%s does not repeat, so it must not be an array.", element->name);
    check_alignment(r, object, element, cursor);
    return true;
}

/* One value of a known element. */
static bool read_item(struct json_reader *r, struct object *object, const struct element *element,
                      struct cursor *cursor, uint8_t flags)
{
    struct node *node = place(r, object->node, element, cursor);
    struct text null;
    char c = *r->scan.at;

    if (!node)
        return false;
    node->flags |= flags;
    if (node->type->kind == TYPE_PRIMITIVE) {
        if (c == 'n' && flags & NODE_ARRAY)
            return json_scan_word(&r->scan, &null);
        if (c != '{' && c != '[' && c != 'n')
            return read_primitive(r, node);
    } else if (c == '{') {
        return element->flags & ELEMENT_RESOURCE ? read_resource(r, node) : read_object(r, node);
    }

    if (c == 'n')
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                     "null has no meaning here; leave %s out.", element->name);
    else if (c == '[')
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                     "An array must not stand within an array.");
    else
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node, "%s is %s %s, so it must be %s.",
                     element->name, text_article(node->type->name), node->type->name,
                     node->type->kind == TYPE_PRIMITIVE ? "a single value" : "an object");
    return json_read_raw(r, node);
}

static bool read_primitive(struct json_reader *r, struct node *node)
{
    static const char *const kind_names[] = {
        [JSON_STRING] = "a string, in quotes",
        [JSON_NUMBER] = "a number, without quotes",
        [JSON_BOOLEAN] = "true or false, without quotes",
    };
    enum json_kind kind = JSON_NUMBER, expected = json_kind_of(node->type->primitive);
    bool plain;

    switch (*r->scan.at) {
    case '"':
        kind = JSON_STRING;
        if (!json_scan_string(&r->scan, &node->value, &plain))
            return false;
        node->flags |= plain ? NODE_PLAIN : 0;
        break;
    case 't':
    case 'f':
        kind = JSON_BOOLEAN;
        node->flags |= NODE_BOOLEAN | NODE_PLAIN;
        if (!json_scan_word(&r->scan, &node->value))
            return false;
        break;
    default:
        node->flags |= NODE_NUMBER | NODE_PLAIN;
        if (!json_scan_number(&r->scan, &node->value))
            return false;
    }
    if (kind != expected)
        issue_add_at(r->issues, ISSUE_ERROR, "value", node, "%s is %s %s, so it must be %s.",
                     node->name.data, text_article(node->type->name), node->type->name,
                     kind_names[expected]);
    return true;
}

/* `_name`: id and extensions of the primitive element behind the underscore. */
static bool read_companion(struct json_reader *r, struct object *object,
                           const struct element *element, struct text name)
{
    struct cursor cursor;
    struct node *node;
    bool many = element->max > 1;

    if (*r->scan.at != (many ? '[' : '{')) {
        issue_add_at(r->issues, ISSUE_ERROR, "structure", object->node, "_%s must be %s.",
                     element->name, many ? "an array" : "an object");
        return json_keep_unknown(r, object->node, name);
    }
    if (many)
        return read_companion_array(r, object, element);
    if (!find_pair(r, object, element, PROPERTY_VALUE, &cursor))
        return false;
    node = place(r, object->node, element, &cursor);
    return node && read_companion_object(r, node);
}

static bool read_companion_array(struct json_reader *r, struct object *object,
                                 const struct element *element)
{
    struct cursor cursor;
    struct node *node;
    struct text null;
    bool more, fine;

    if (!find_pair(r, object, element, PROPERTY_VALUE, &cursor) || !json_enter(r) ||
        !json_next_item(r, true, &more))
        return false;
    if (!more)
        issue_add_at(r->issues, ISSUE_ERROR, "structure", object->node,
                     "An array must not be empty; leave _%s out.", element->name);
    while (more) {
        node = place(r, object->node, element, &cursor);
        if (!node)
            return false;
        node->flags |= NODE_ARRAY;
        if (*r->scan.at == 'n') {
            fine = json_scan_word(&r->scan, &null);
        } else if (*r->scan.at == '{') {
            fine = read_companion_object(r, node);
        } else {
            issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                         "_%s must hold objects and null only; this was left out.", element->name);
            fine = json_skip_value(r);
        }
        if (!fine || !json_next_item(r, false, &more))
            return false;
    }
    r->depth_left++;
    check_alignment(r, object, element, &cursor);
    return true;
}

static bool read_companion_object(struct json_reader *r, struct node *node)
{
    if (!read_object(r, node))
        return false;
    if (!node->first)
        issue_add_at(r->issues, ISSUE_ERROR, "structure", node,
                     "_%s is an empty object; leave it out, or put null in an array.",
                     node->name.data);
    return true;
}

static void check_alignment(struct json_reader *r, const struct object *object,
                            const struct element *element, const struct cursor *cursor)
{
    if (cursor->paired && (cursor->uneven || cursor->existing))
        issue_add_at(r->issues, ISSUE_ERROR, "structure",
                     cursor->placed ? cursor->placed : object->node,
                     "%s and _%s must have the same length; fill the shorter one with null.",
                     element->name, element->name);
}

/* Remembers that the property was there; fails if it was before. */
static bool mark(struct json_reader *r, struct object *object, const struct element *element,
                 enum property property)
{
    size_t index = (size_t)(element - object->node->type->elements);
    uint64_t *word = &object->seen[property][index / 64];
    uint64_t bit = (uint64_t)1 << index % 64;

    if (*word & bit)
        return json_scan_fail(&r->scan, r->scan.at, "%s%s stands twice in this object",
                              property == PROPERTY_COMPANION ? "_" : "", element->name);
    *word |= bit;
    return true;
}

/* Points the cursor at the nodes of the `other` property, if it was read. */
static bool find_pair(struct json_reader *r, const struct object *object,
                      const struct element *element, enum property other, struct cursor *cursor)
{
    size_t index = (size_t)(element - object->node->type->elements);
    struct node *node;

    *cursor = (struct cursor){0};
    if (!(object->seen[other][index / 64] >> index % 64 & 1))
        return true;

    cursor->paired = true;
    node = object->node->last; /* nearly always */
    if (!node || node->element != element || element->max > 1)
        node = object->node->first;
    while (node && node->element != element) {
        if (!json_step(r))
            return false;
        node = node->next;
    }
    cursor->existing = node;
    return true;
}

/* The node for the next item. NULL past the limit. */
static struct node *place(struct json_reader *r, struct node *parent, const struct element *element,
                          struct cursor *cursor)
{
    struct node *node = cursor->existing;

    if (node) {
        cursor->existing = node->next && node->next->element == element ? node->next : NULL;
    } else {
        node = json_new_node(r);
        if (!node)
            return NULL;
        node->element = element;
        node->type = type_at(element->type);
        node->name = (struct text){element->name, element->name_size};
        json_link_behind(parent, cursor->placed ? cursor->placed : parent->last, node);
        cursor->uneven = cursor->paired;
    }
    cursor->placed = node;
    return node;
}
