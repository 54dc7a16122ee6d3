/*
 * JSON skip - what has no place in the tree: elements that R4 does not know and
 * values of the wrong kind. They are checked to be JSON and kept as text.
 */

#include "fhir/issue.h"
#include "fhir/json_reader.h"

static bool skip_object(struct json_reader *r);
static bool skip_array(struct json_reader *r);
static bool refuse_duplicate(struct json_reader *r, const struct node *parent, struct text name);

bool json_read_unknown(struct json_reader *r, struct node *parent, struct text name)
{
    if (!refuse_duplicate(r, parent, name) || !json_keep_unknown(r, parent, name))
        return false;
    if (parent->type)
        issue_add_at(r->issues, ISSUE_ERROR, "structure", parent->last,
                     "%s has no such element in R4; check its spelling, or use an extension.",
                     parent->type->name);
    return true;
}

bool json_keep_unknown(struct json_reader *r, struct node *parent, struct text name)
{
    struct node *node = json_new_node(r);

    if (!node)
        return false;
    node->name = name;
    json_link_behind(parent, parent->last, node);
    return json_read_raw(r, node);
}

bool json_read_raw(struct json_reader *r, struct node *node)
{
    const char *begin = r->scan.at;

    if (!json_skip_value(r))
        return false;
    node->value = (struct text){begin, (size_t)(r->scan.at - begin)};
    node->flags = (node->flags & NODE_ARRAY) | NODE_RAW;
    if (node->type && node->type->kind != TYPE_PRIMITIVE)
        node->type = NULL;
    return true;
}

bool json_skip_value(struct json_reader *r)
{
    struct text ignored;
    bool plain;

    switch (json_scan_space(&r->scan)) {
    case '{':
        return skip_object(r);
    case '[':
        return skip_array(r);
    case '"':
        return json_scan_string(&r->scan, &ignored, &plain);
    case '-':
    case '0' ... '9':
        return json_scan_number(&r->scan, &ignored);
    default:
        return json_scan_word(&r->scan, &ignored);
    }
}

static bool skip_object(struct json_reader *r)
{
    struct node names = {0}, *node; /* its children are the names seen */
    struct text name = {0};
    bool more;

    if (!json_enter(r) || !json_next_member(r, true, &more))
        return false;
    while (more) {
        if (!json_read_name(r, &name) || !refuse_duplicate(r, &names, name))
            return false;
        node = json_new_node(r);
        if (!node)
            return false;
        node->name = name;
        json_link_behind(&names, names.last, node);
        if (!json_skip_value(r) || !json_next_member(r, false, &more))
            return false;
    }
    r->depth_left++;
    return true;
}

static bool skip_array(struct json_reader *r)
{
    bool more;

    if (!json_enter(r) || !json_next_item(r, true, &more))
        return false;
    while (more)
        if (!json_skip_value(r) || !json_next_item(r, false, &more))
            return false;
    r->depth_left++;
    return true;
}

static bool refuse_duplicate(struct json_reader *r, const struct node *parent, struct text name)
{
    for (const struct node *node = parent->first; node; node = node->next) {
        if (!json_step(r))
            return false;
        if (!node->element && text_equals(node->name, name))
            return json_scan_fail(&r->scan, r->scan.at, "this name stands twice in its object");
    }
    return true;
}
