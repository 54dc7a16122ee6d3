/*
 * JSON values - see json_value.h.
 */

#include "fhir/json_value.h"

#include "base/buf.h"
#include "fhir/fhirpath_number.h"
#include "fhir/json_reader.h"

static struct json_value *read_value(struct json_reader *r);
static bool read_members(struct json_reader *r, struct json_value *object);
static bool read_items(struct json_reader *r, struct json_value *array);
static bool objects_equal(const struct json_value *a, const struct json_value *b);
static bool arrays_equal(const struct json_value *a, const struct json_value *b);
static bool digits_equal(struct text a, struct text b);

struct json_value *json_value_read(struct arena *arena, const char *data, size_t size,
                                   const struct json_limits *limits, struct err *err)
{
    struct json_reader r = {
        .scan = {.start = data, .at = data, .end = data + size, .arena = arena, .err = err},
        .arena = arena,
        .limits = limits,
        .nodes_left = limits->nodes,
        .depth_left = limits->depth,
        .steps_left = (uint64_t)limits->nodes * STEPS_A_NODE,
    };
    struct json_value *value = NULL;

    if (size > limits->size)
        err_set(err, ERR_TOO_LARGE, NULL, "The document has %zu bytes; up to %zu are accepted.",
                size, limits->size);
    else if (json_scan_space(&r.scan) == 0)
        json_scan_expected(&r.scan, "a value");
    else
        value = read_value(&r);
    if (value && (json_scan_space(&r.scan) != 0 || r.scan.at < r.scan.end)) {
        json_scan_expected(&r.scan, "the end of the document");
        return NULL;
    }
    return value;
}

static struct json_value *read_value(struct json_reader *r)
{
    struct json_value *value = arena_one(r->arena, struct json_value);
    bool plain, fine;

    if (r->nodes_left-- == 0) {
        err_set(r->scan.err, ERR_TOO_LARGE, NULL,
                "The document has more than %u values; send it in parts.", r->limits->nodes);
        return NULL;
    }
    switch (json_scan_space(&r->scan)) {
    case '{':
        value->kind = JSON_VALUE_OBJECT;
        fine = read_members(r, value);
        break;
    case '[':
        value->kind = JSON_VALUE_ARRAY;
        fine = read_items(r, value);
        break;
    case '"':
        value->kind = JSON_VALUE_TEXT;
        fine = json_scan_string(&r->scan, &value->text, &plain);
        break;
    case '-':
    case '0' ... '9':
        value->kind = JSON_VALUE_DIGITS;
        fine = json_scan_number(&r->scan, &value->text);
        break;
    default:
        value->kind = JSON_VALUE_WORD;
        fine = json_scan_word(&r->scan, &value->text);
    }
    return fine ? value : NULL;
}

static bool read_members(struct json_reader *r, struct json_value *object)
{
    struct text name = {0};
    bool more;

    if (!json_enter(r) || !json_next_member(r, true, &more))
        return false;
    while (more) {
        struct json_value *member;

        if (!json_read_name(r, &name))
            return false;
        for (member = object->first; member; member = member->next)
            if (!json_step(r))
                return false;
            else if (text_equals(member->name, name))
                return json_scan_fail(&r->scan, r->scan.at, "this name stands twice in its object");
        member = read_value(r);
        if (!member)
            return false;
        member->name = name;
        json_value_insert(object, member, NULL);
        if (!json_next_member(r, false, &more))
            return false;
    }
    r->depth_left++;
    return true;
}

static bool read_items(struct json_reader *r, struct json_value *array)
{
    bool more;

    if (!json_enter(r) || !json_next_item(r, true, &more))
        return false;
    while (more) {
        struct json_value *item = read_value(r);
        if (!item)
            return false;
        json_value_insert(array, item, NULL);
        if (!json_next_item(r, false, &more))
            return false;
    }
    r->depth_left++;
    return true;
}

void json_value_write(const struct json_value *value, struct buf *out)
{
    bool object = value->kind == JSON_VALUE_OBJECT;

    switch (value->kind) {
    case JSON_VALUE_TEXT:
        json_write_string(out, value->text.data, value->text.size);
        return;
    case JSON_VALUE_DIGITS:
    case JSON_VALUE_WORD:
        buf_add(out, value->text.data, value->text.size);
        return;
    case JSON_VALUE_OBJECT:
    case JSON_VALUE_ARRAY:
        break;
    }
    buf_add_char(out, object ? '{' : '[');
    for (const struct json_value *child = value->first; child; child = child->next) {
        if (object) {
            json_write_string(out, child->name.data, child->name.size);
            buf_add_char(out, ':');
        }
        json_value_write(child, out);
        if (child->next)
            buf_add_char(out, ',');
    }
    buf_add_char(out, object ? '}' : ']');
}

bool json_value_equals(const struct json_value *a, const struct json_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case JSON_VALUE_OBJECT:
        return objects_equal(a, b);
    case JSON_VALUE_ARRAY:
        return arrays_equal(a, b);
    case JSON_VALUE_DIGITS:
        return digits_equal(a->text, b->text);
    default:
        return text_equals(a->text, b->text);
    }
}

static bool objects_equal(const struct json_value *a, const struct json_value *b)
{
    size_t here = 0, there = 0;

    for (const struct json_value *member = b->first; member; member = member->next)
        there++;
    for (const struct json_value *member = a->first; member; member = member->next, here++) {
        const struct json_value *other = json_value_member(b, member->name);
        if (!other || !json_value_equals(member, other))
            return false;
    }
    return here == there;
}

static bool arrays_equal(const struct json_value *a, const struct json_value *b)
{
    const struct json_value *one = a->first, *other = b->first;

    for (; one && other; one = one->next, other = other->next)
        if (!json_value_equals(one, other))
            return false;
    return !one && !other;
}

/* By value where both can be held exactly, else by their digits. */
static bool digits_equal(struct text a, struct text b)
{
    struct number one, other;

    if (number_read(a, &one) && number_read(b, &other))
        return number_compare(one, other) == 0;
    return text_equals(a, b);
}

struct json_value *json_value_copy(struct arena *arena, const struct json_value *value)
{
    struct json_value *copy = arena_one(arena, struct json_value);

    copy->kind = value->kind;
    copy->text = value->text;
    for (const struct json_value *child = value->first; child; child = child->next) {
        struct json_value *twin = json_value_copy(arena, child);
        twin->name = child->name;
        json_value_insert(copy, twin, NULL);
    }
    return copy;
}

size_t json_value_count(const struct json_value *value)
{
    size_t count = 1;

    for (const struct json_value *child = value->first; child; child = child->next)
        count += json_value_count(child);
    return count;
}

unsigned json_value_depth(const struct json_value *value)
{
    unsigned deepest = 0;

    for (const struct json_value *child = value->first; child; child = child->next) {
        unsigned depth = json_value_depth(child);
        if (depth > deepest)
            deepest = depth;
    }
    return deepest + 1;
}

struct json_value *json_value_member(const struct json_value *object, struct text name)
{
    for (struct json_value *member = object->first; member; member = member->next)
        if (text_equals(member->name, name))
            return member;
    return NULL;
}

void json_value_insert(struct json_value *parent, struct json_value *value,
                       struct json_value *before)
{
    struct json_value **link = &parent->first;

    value->next = before;
    if (!before) {
        if (parent->last)
            parent->last->next = value;
        else
            parent->first = value;
        parent->last = value;
        return;
    }
    while (*link != before)
        link = &(*link)->next;
    *link = value;
}

void json_value_remove(struct json_value *parent, struct json_value *child)
{
    struct json_value *previous = NULL;

    for (struct json_value *each = parent->first; each != child; each = each->next)
        previous = each;
    if (previous)
        previous->next = child->next;
    else
        parent->first = child->next;
    if (parent->last == child)
        parent->last = previous;
    child->next = NULL;
}
