/*
 * JSON writer - see json.h.
 */

#include "fhir/json.h"

#include "base/buf.h"
#include "fhir/json_bytes.h"
#include "fhir/node.h"

struct writer {
    struct buf *out;
    bool pretty;
    unsigned level; /* of indentation */
};

typedef void write_fn(struct writer *w, const struct node *node);

static void write_node(struct writer *w, const struct node *node);
static void write_object(struct writer *w, const struct node *node);
static const struct node *group_end(const struct node *first);
static bool is_array(const struct node *first, const struct node *end);
static void write_group(struct writer *w, const struct node *first, const struct node *end,
                        bool *comma);
static void write_array(struct writer *w, const struct node *first, const struct node *end,
                        write_fn *write);
static void write_companion(struct writer *w, const struct node *node);
static bool has_companion(const struct node *node);
static bool is_primitive(const struct node *node);
static void write_value(struct writer *w, const struct node *node);
static void write_raw(struct buf *out, struct text json);
static void start_member(struct writer *w, const char *prefix, const struct node *node,
                         bool *comma);
static void write_plain_member(struct writer *w, const struct node *node, bool *comma);
static void open_bracket(struct writer *w, char bracket);
static void close_bracket(struct writer *w, char bracket);
static void new_line(struct writer *w);
static void add_escaped(struct buf *out, const char *text, size_t size);

void json_write(const struct node *node, struct buf *out)
{
    struct writer w = {.out = out};

    write_node(&w, node);
}

void json_write_pretty(const struct node *node, struct buf *out)
{
    struct writer w = {.out = out, .pretty = true};

    write_node(&w, node);
}

static void write_node(struct writer *w, const struct node *node)
{
    if (node->value.data)
        write_value(w, node);
    else if (is_primitive(node))
        buf_add(w->out, "null", 4);
    else
        write_object(w, node);
}

/* With braces; of a primitive node, its id and extensions. */
static void write_object(struct writer *w, const struct node *node)
{
    const struct node *child = node->first, *end;
    bool comma = false;

    if (!child && !node_is_resource(node)) {
        buf_add(w->out, "{}", 2);
        return;
    }
    open_bracket(w, '{');
    if (node_is_resource(node)) {
        buf_add_text(w->out, w->pretty ? "\"resourceType\": \"" : "\"resourceType\":\"");
        buf_add_text(w->out, node->type->name);
        buf_add_char(w->out, '"');
        comma = true;
    }
    for (; child; child = end) {
        end = group_end(child);
        write_group(w, child, end, &comma);
    }
    close_bracket(w, '}');
}

/* Behind the last of the like-named siblings. */
static const struct node *group_end(const struct node *first)
{
    const struct node *end = first->next;

    /* Names of known elements are the same bytes in the tables. */
    while (end && (end->name.data == first->name.data ||
                   (!end->element && text_equals(end->name, first->name))))
        end = end->next;
    return end;
}

static bool is_array(const struct node *first, const struct node *end)
{
    if (first->flags & NODE_ARRAY || first->next != end)
        return true;
    return first->element && first->element->max > 1 && !(first->flags & NODE_RAW);
}

/* One element: its values, and where one has id or extensions, its `_name`. */
static void write_group(struct writer *w, const struct node *first, const struct node *end,
                        bool *comma)
{
    bool array = is_array(first, end), values = false, companions = false;

    if (!array && !w->pretty && !first->first && first->element && first->value.data &&
        first->flags & NODE_PLAIN) {
        write_plain_member(w, first, comma);
        return;
    }
    for (const struct node *node = first; node != end; node = node->next) {
        values = values || node->value.data || !is_primitive(node);
        companions = companions || has_companion(node);
    }
    /* An array of nulls alone, or an empty `_name`, is no FHIR, but has to be shown as it is. */
    if (values || (array && !companions)) {
        start_member(w, "", first, comma);
        if (array)
            write_array(w, first, end, write_node);
        else
            write_node(w, first);
    }
    if (companions || (!array && !values)) {
        start_member(w, "_", first, comma);
        if (array)
            write_array(w, first, end, write_companion);
        else
            write_object(w, first);
    }
}

static void write_array(struct writer *w, const struct node *first, const struct node *end,
                        write_fn *write)
{
    open_bracket(w, '[');
    for (const struct node *node = first; node != end; node = node->next) {
        if (node != first) {
            buf_add_char(w->out, ',');
            new_line(w);
        }
        write(w, node);
    }
    close_bracket(w, ']');
}

static void write_companion(struct writer *w, const struct node *node)
{
    if (has_companion(node))
        write_object(w, node);
    else
        buf_add(w->out, "null", 4);
}

static bool has_companion(const struct node *node)
{
    return node->first && is_primitive(node);
}

static bool is_primitive(const struct node *node)
{
    return node->type && node->type->kind == TYPE_PRIMITIVE;
}

static void write_value(struct writer *w, const struct node *node)
{
    struct text value = node->value;
    char *to;

    if (node->flags & NODE_RAW) {
        write_raw(w->out, value);
        return;
    }
    if (node->flags & (NODE_NUMBER | NODE_BOOLEAN)) {
        buf_add(w->out, value.data, value.size);
        return;
    }
    if (!(node->flags & NODE_PLAIN)) {
        json_write_string(w->out, value.data, value.size);
        return;
    }
    to = buf_reserve(w->out, value.size + 2);
    to[0] = '"';
    memcpy(to + 1, value.data, value.size);
    to[value.size + 1] = '"';
    w->out->size += value.size + 2;
}

/* JSON as it was read, without the white space between its tokens. */
static void write_raw(struct buf *out, struct text json)
{
    char *to = buf_reserve(out, json.size);
    bool in_string = false;

    for (size_t i = 0; i < json.size; i++) {
        char c = json.data[i];

        if (in_string && c == '\\') {
            *to++ = c;
            c = json.data[++i]; /* complete: the reader has checked it */
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            continue;
        }
        *to++ = c;
    }
    out->size = (size_t)(to - out->data);
}

/* Comma, name and colon. Known names need no look at their letters. */
static void start_member(struct writer *w, const char *prefix, const struct node *node, bool *comma)
{
    struct text name = node->name;
    char *to;

    if (*comma) {
        buf_add_char(w->out, ',');
        new_line(w);
    }
    *comma = true;

    if (!node->element && !json_needs_no_escape(name.data, name.size)) {
        json_write_string(w->out, name.data, name.size);
        buf_add(w->out, ": ", w->pretty ? 2 : 1);
        return;
    }
    to = buf_reserve(w->out, name.size + 5);
    *to++ = '"';
    if (*prefix)
        *to++ = *prefix;
    memcpy(to, name.data, name.size);
    to += name.size;
    *to++ = '"';
    *to++ = ':';
    if (w->pretty)
        *to++ = ' ';
    w->out->size = (size_t)(to - w->out->data);
}

/* The common case in one piece: a single value that needs no escaping. */
static void write_plain_member(struct writer *w, const struct node *node, bool *comma)
{
    char *to = buf_reserve(w->out, node->name.size + node->value.size + 6);

    if (*comma)
        *to++ = ',';
    *comma = true;
    *to++ = '"';
    memcpy(to, node->name.data, node->name.size);
    to += node->name.size;
    *to++ = '"';
    *to++ = ':';
    if (!(node->flags & (NODE_NUMBER | NODE_BOOLEAN)))
        *to++ = '"';
    memcpy(to, node->value.data, node->value.size);
    to += node->value.size;
    if (!(node->flags & (NODE_NUMBER | NODE_BOOLEAN)))
        *to++ = '"';
    w->out->size = (size_t)(to - w->out->data);
}

static void open_bracket(struct writer *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->level++;
    new_line(w);
}

static void close_bracket(struct writer *w, char bracket)
{
    w->level--;
    new_line(w);
    buf_add_char(w->out, bracket);
}

static void new_line(struct writer *w)
{
    size_t spaces = (size_t)w->level * 2;

    if (!w->pretty)
        return;
    memset(buf_reserve(w->out, spaces + 1), ' ', spaces + 1);
    w->out->data[w->out->size] = '\n';
    w->out->size += spaces + 1;
}

void json_write_string(struct buf *out, const char *text, size_t size)
{
    buf_add_char(out, '"');
    add_escaped(out, text, size);
    buf_add_char(out, '"');
}

static void add_escaped(struct buf *out, const char *text, size_t size)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    };
    static const char hex[] = "0123456789abcdef";
    const char *at = text, *end = text + size;

    while (at < end) {
        const char *run = json_unescaped_end(at, end);
        unsigned char c;

        buf_add(out, at, (size_t)(run - at));
        at = run;
        if (at == end)
            break;
        c = (unsigned char)*at++;
        buf_add_char(out, '\\');
        if (c == '"' || c == '\\') {
            buf_add_char(out, (char)c);
        } else if (letters[c]) {
            buf_add_char(out, letters[c]);
        } else {
            char code[5] = {'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buf_add(out, code, sizeof(code));
        }
    }
}
