/*
 * JSON Patch - RFC 6902 on JSON values.
 */

#include "fhir/patch.h"

#include "base/arena.h"
#include "fhir/json_value.h"

/* A patch while it is applied. */
struct patch {
    struct arena *arena;
    struct json_value *document;
    size_t work_left;
    char where[32]; /* "patch[3]" */
    struct err *err;
};

/* Where a JSON Pointer leads (RFC 6901): to a child of `parent`, which may not be there yet; or,
 * without a parent, to the whole document. */
struct place {
    struct json_value *parent;
    struct json_value *child; /* NULL: not there, or behind the last item */
    struct text name;         /* in an object */
    unsigned depth;           /* steps from the document */
};

typedef bool operation_fn(struct patch *patch, const struct json_value *operation);

static operation_fn add, remove_value, replace, move, copy, test;

static const struct {
    const char *name;
    operation_fn *apply;
} operations[] = {
    {"add", add},   {"remove", remove_value}, {"replace", replace},
    {"move", move}, {"copy", copy},           {"test", test},
};

static bool apply(struct patch *patch, const struct json_value *operation);
static bool find(struct patch *patch, struct text pointer, struct place *place);
static bool step(struct patch *patch, struct text token, struct place *place);
static bool unescape(struct patch *patch, struct text token, struct text *name);
static bool find_item(struct patch *patch, struct text token, struct place *place);
static bool find_member(struct patch *patch, const struct json_value *operation, const char *name,
                        struct place *place);
static bool find_existing(struct patch *patch, const struct json_value *operation, const char *name,
                          struct place *place);
static const struct json_value *value_of(struct patch *patch, const struct json_value *operation);
static struct json_value *copy_value(struct patch *patch, const struct json_value *value);
static bool charge(struct patch *patch, size_t work);
static bool put(struct patch *patch, const struct place *place, struct json_value *value);
static bool refuse(struct patch *patch, const char *problem);
static bool malformed(struct patch *patch, const char *problem);

bool patch_json(struct arena *arena, struct json_value **document, const struct json_value *patch,
                struct err *err)
{
    struct patch state = {arena, *document, PATCH_WORK_MAX, "", err};
    unsigned number = 0;

    if (patch->kind != JSON_VALUE_ARRAY)
        return err_set(err, ERR_INVALID, NULL,
                       "A JSON Patch is an array of operations (RFC 6902); this is none.");
    for (const struct json_value *each = patch->first; each; each = each->next) {
        snprintf(state.where, sizeof state.where, "patch[%u]", number++);
        if (!apply(&state, each))
            return false;
    }
    *document = state.document;
    return true;
}

static bool apply(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *name;

    if (operation->kind != JSON_VALUE_OBJECT)
        return malformed(patch, "An operation is an object with op and path.");
    name = json_value_member(operation, TEXT("op"));
    if (!name || name->kind != JSON_VALUE_TEXT)
        return malformed(patch, "The operation has no op.");
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (text_is(name->text, operations[i].name))
            return operations[i].apply(patch, operation);
    return malformed(patch, "There is no such op; use add, remove, replace, move, copy or test.");
}

static bool add(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *value = value_of(patch, operation);
    struct place place;

    return value && find_member(patch, operation, "path", &place) &&
           put(patch, &place, copy_value(patch, value));
}

static bool remove_value(struct patch *patch, const struct json_value *operation)
{
    struct place place;

    if (!find_existing(patch, operation, "path", &place))
        return false;
    if (!place.parent)
        return refuse(patch, "The whole document cannot be removed; delete the resource instead.");
    json_value_remove(place.parent, place.child);
    return true;
}

static bool replace(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *value = value_of(patch, operation);
    struct json_value *replaced;
    struct place place;

    if (!value || !find_existing(patch, operation, "path", &place))
        return false;
    replaced = place.child;
    if (!place.parent)
        return put(patch, &place, copy_value(patch, value));
    place.child = replaced->next;
    json_value_remove(place.parent, replaced);
    return put(patch, &place, copy_value(patch, value));
}

static bool move(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *from = json_value_member(operation, TEXT("from"));
    const struct json_value *path = json_value_member(operation, TEXT("path"));
    struct place source, target;

    if (!find_existing(patch, operation, "from", &source))
        return false;
    if (!path || path->kind != JSON_VALUE_TEXT)
        return malformed(patch, "The operation has no path.");
    if (text_equals(from->text, path->text))
        return true;
    /* RFC 6902 4.4: not into one of its own children. */
    if (text_starts_with(path->text, from->text) && path->text.data[from->text.size] == '/')
        return refuse(patch, "A value cannot be moved into itself.");
    if (!charge(patch, json_value_count(source.child)))
        return false;
    json_value_remove(source.parent, source.child);
    return find_member(patch, operation, "path", &target) && put(patch, &target, source.child);
}

static bool copy(struct patch *patch, const struct json_value *operation)
{
    struct place source, target;
    struct json_value *copied;

    if (!find_existing(patch, operation, "from", &source))
        return false;
    copied = copy_value(patch, source.child);
    return copied && find_member(patch, operation, "path", &target) && put(patch, &target, copied);
}

static bool test(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *value = value_of(patch, operation);
    struct place place;

    if (!value || !find_existing(patch, operation, "path", &place))
        return false;
    if (!charge(patch, json_value_count(value)))
        return false;
    return json_value_equals(place.child, value) ||
           refuse(patch, "The document has another value there; read it again.");
}

static bool find_member(struct patch *patch, const struct json_value *operation, const char *name,
                        struct place *place)
{
    const struct json_value *pointer = json_value_member(operation, text_of(name));

    if (!pointer || pointer->kind != JSON_VALUE_TEXT)
        return malformed(patch, "The operation lacks path, or from.");
    return find(patch, pointer->text, place);
}

static bool find_existing(struct patch *patch, const struct json_value *operation, const char *name,
                          struct place *place)
{
    if (!find_member(patch, operation, name, place))
        return false;
    return place->child || refuse(patch, "There is nothing at this path; read the resource again.");
}

/* Follows a JSON Pointer; only its last step may lead nowhere. */
static bool find(struct patch *patch, struct text pointer, struct place *place)
{
    struct text token;

    *place = (struct place){.child = patch->document};
    if (pointer.size == 0)
        return true;
    if (pointer.data[0] != '/')
        return malformed(patch, "A path begins with '/' (RFC 6901), or is empty.");
    pointer = (struct text){pointer.data + 1, pointer.size - 1};
    while (text_next(&pointer, '/', &token)) {
        if (++place->depth > PATCH_DEPTH_MAX)
            return refuse(patch, "The path has too many steps.");
        if (!place->child)
            return refuse(patch, "The path leads through something that is not there.");
        if (!step(patch, token, place))
            return false;
    }
    return true;
}

static bool step(struct patch *patch, struct text token, struct place *place)
{
    place->parent = place->child;
    switch (place->parent->kind) {
    case JSON_VALUE_OBJECT:
        if (!unescape(patch, token, &place->name))
            return false;
        place->child = json_value_member(place->parent, place->name);
        return true;
    case JSON_VALUE_ARRAY:
        return find_item(patch, token, place);
    default:
        return refuse(patch, "The path leads into a value that has no members.");
    }
}

/* RFC 6901 4: "~1" is "/", "~0" is "~". */
static bool unescape(struct patch *patch, struct text token, struct text *name)
{
    char *to;

    *name = token;
    if (token.size == 0 || !memchr(token.data, '~', token.size))
        return true;
    to = arena_alloc_raw(patch->arena, token.size);
    name->data = to;
    for (size_t i = 0; i < token.size; i++) {
        bool escaped = token.data[i] == '~';
        char code = 0;
        if (escaped && i + 1 < token.size)
            code = token.data[++i];
        if (escaped && code != '0' && code != '1')
            return malformed(patch, "In a path, '~' is followed by 0 or 1.");
        *to++ = !escaped ? token.data[i] : code == '0' ? '~' : '/';
    }
    name->size = (size_t)(to - name->data);
    return true;
}

static bool find_item(struct patch *patch, struct text token, struct place *place)
{
    int64_t index;

    place->child = NULL;
    if (text_is(token, "-"))
        return true;
    if (token.size == 0 || token.data[0] == '+' || (token.data[0] == '0' && token.size > 1) ||
        !text_to_int64(token, 0, INT32_MAX, &index))
        return refuse(patch, "A step into an array is an index from 0, without zeros in front.");
    place->child = place->parent->first;
    for (; index > 0 && place->child; index--) {
        if (!charge(patch, 1))
            return false;
        place->child = place->child->next;
    }
    return index == 0 || refuse(patch, "The array has no such index.");
}

static const struct json_value *value_of(struct patch *patch, const struct json_value *operation)
{
    const struct json_value *value = json_value_member(operation, TEXT("value"));

    if (!value)
        malformed(patch, "The operation has no value.");
    return value;
}

static struct json_value *copy_value(struct patch *patch, const struct json_value *value)
{
    return charge(patch, json_value_count(value)) ? json_value_copy(patch->arena, value) : NULL;
}

/* A document could be doubled by every copy, and gone through by every test. */
static bool charge(struct patch *patch, size_t work)
{
    if (work > patch->work_left)
        return err_set(patch->err, ERR_TOO_LARGE, patch->where,
                       "The patch is more work than is done for one; send the resource instead.");
    patch->work_left -= work;
    return true;
}

/* What an add does: in front of an item, as a member, or as the document. */
static bool put(struct patch *patch, const struct place *place, struct json_value *value)
{
    if (!value)
        return false;
    if (place->depth + json_value_depth(value) > PATCH_DEPTH_MAX)
        return refuse(patch, "The document would be nested too deep.");
    if (!place->parent) {
        patch->document = value;
        return true;
    }
    if (place->parent->kind == JSON_VALUE_ARRAY) {
        value->name = (struct text){0};
        json_value_insert(place->parent, value, place->child);
        return true;
    }
    value->name = place->name;
    json_value_insert(place->parent, value, place->child);
    if (place->child && text_equals(place->child->name, place->name))
        json_value_remove(place->parent, place->child);
    return true;
}

static bool refuse(struct patch *patch, const char *problem)
{
    err_set(patch->err, ERR_UNPROCESSABLE, patch->where, "%s", problem);
    return false;
}

static bool malformed(struct patch *patch, const char *problem)
{
    err_set(patch->err, ERR_INVALID, patch->where, "%s", problem);
    return false;
}
