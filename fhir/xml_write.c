/*
 * XML writer - see xml.h.
 */

#include "fhir/xml.h"

#include "base/buf.h"
#include "fhir/node.h"
#include "fhir/xml_events.h"
#include "fhir/xml_names.h"

struct writer {
    struct buf *out;
    bool pretty;
    unsigned level; /* of indentation */
};

/* What the text of a narrative is as XML. */
struct div {
    bool seen;
    bool bare; /* in no namespace */
};

static void write_document(struct writer *w, const struct node *resource);
static void write_resource(struct writer *w, const struct node *resource, const char *xmlns);
static bool is_ordered(const struct node *node);
static void write_children(struct writer *w, const struct node *node);
static bool is_written(const struct node *node);
static bool has_elements(const struct node *node);
static void write_attributes(struct writer *w, const struct node *node);
static void write_element(struct writer *w, const struct node *node);
static void write_div(struct writer *w, struct text text);
static bool read_div(struct text text, struct div *div);
static bool on_start(void *reader, const struct xml_tag *tag);
static bool on_finish(void *reader, size_t end);
static bool on_text(void *reader, struct text text);
static void open_tag(struct writer *w, const char *name, size_t size);
static void close_tag(struct writer *w, const char *name, size_t size);
static void new_line(struct writer *w);
static void add_attribute(struct writer *w, struct text name, struct text value);
static void add_escaped(struct buf *out, struct text text);
static size_t escape(struct text rest, const char **replacement);

void xml_write(const struct node *resource, struct buf *out)
{
    struct writer w = {.out = out};

    write_document(&w, resource);
}

void xml_write_pretty(const struct node *resource, struct buf *out)
{
    struct writer w = {.out = out, .pretty = true};

    write_document(&w, resource);
}

static void write_document(struct writer *w, const struct node *resource)
{
    buf_add_text(w->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    new_line(w);
    write_resource(w, resource, " xmlns=\"" XML_FHIR "\"");
    if (w->pretty)
        buf_add_char(w->out, '\n');
}

static void write_resource(struct writer *w, const struct node *resource, const char *xmlns)
{
    struct text name = text_of(resource->type->name);

    open_tag(w, name.data, name.size);
    buf_add_text(w->out, xmlns);
    if (!has_elements(resource)) {
        buf_add(w->out, "/>", 2);
        return;
    }
    buf_add_char(w->out, '>');
    write_children(w, resource);
    close_tag(w, name.data, name.size);
}

/* R4 xml.html: in the order of the definition; JSON may have any. */
static void write_children(struct writer *w, const struct node *node)
{
    w->level++;
    if (is_ordered(node)) {
        for (const struct node *child = node->first; child; child = child->next)
            write_element(w, child);
    } else {
        const struct type *type = node->type;
        for (const struct element *e = type->elements; e < type->elements + type->element_count;
             e++)
            for (const struct node *child = node->first; child; child = child->next)
                if (child->element == e)
                    write_element(w, child);
    }
    w->level--;
}

static bool is_ordered(const struct node *node)
{
    for (const struct node *child = node->first; child && child->next; child = child->next)
        if (child->element > child->next->element)
            return false;
    return true;
}

/* Unknown elements and values of the wrong kind are JSON text, for which XML
 * has no form. */
static bool is_written(const struct node *node)
{
    return node->element && node->type;
}

static bool has_elements(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next)
        if (is_written(child) && !(child->element->flags & ELEMENT_ATTRIBUTE))
            return true;
    return false;
}

/* One that is no attribute. */
static void write_element(struct writer *w, const struct node *node)
{
    struct text name = node->name;

    if (!is_written(node) || node->element->flags & ELEMENT_ATTRIBUTE)
        return;
    new_line(w);
    if (node->type->primitive == PRIMITIVE_XHTML) {
        write_div(w, node->value);
        return;
    }
    open_tag(w, name.data, name.size);
    if (node->element->flags & ELEMENT_RESOURCE) {
        buf_add_char(w->out, '>');
        w->level++;
        new_line(w);
        if (node_is_resource(node))
            write_resource(w, node, "");
        w->level--;
        close_tag(w, name.data, name.size);
        return;
    }
    write_attributes(w, node);
    if (!has_elements(node)) {
        buf_add(w->out, "/>", 2);
        return;
    }
    buf_add_char(w->out, '>');
    write_children(w, node);
    close_tag(w, name.data, name.size);
}

static void write_attributes(struct writer *w, const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next)
        if (is_written(child) && child->element->flags & ELEMENT_ATTRIBUTE && child->value.data &&
            !(child->flags & NODE_RAW))
            add_attribute(w, child->name, child->value);
    if (node->value.data && !(node->flags & NODE_RAW))
        add_attribute(w, TEXT("value"), node->value);
}

/* As it is, where that is XML: a resource that was stored without looking at
 * its narrative must not spoil the document. */
static void write_div(struct writer *w, struct text text)
{
    struct div div = {0};
    bool fine = read_div(text, &div);
    size_t name = strlen("<div");

    if (fine && !div.bare) {
        buf_add(w->out, text.data, text.size);
        return;
    }
    buf_add_text(w->out, "<div xmlns=\"" XML_XHTML "\"");
    if (fine) {
        buf_add(w->out, text.data + name, text.size - name);
        return;
    }
    buf_add_char(w->out, '>');
    add_escaped(w->out, text);
    buf_add_text(w->out, "</div>");
}

static bool read_div(struct text text, struct div *div)
{
    static const struct xml_handler handler = {on_start, on_finish, on_text};
    struct err ignored = {0};

    return text_starts_with(text, TEXT("<div")) &&
           xml_events(text.data, text.size, &handler, div, &ignored);
}

static bool on_start(void *reader, const struct xml_tag *tag)
{
    struct div *div = reader;

    if (!div->seen)
        div->bare = !tag->uri.data && !tag->sets_namespace;
    div->seen = true;
    return true;
}

static bool on_finish(void *reader, size_t end)
{
    (void)reader, (void)end;
    return true;
}

static bool on_text(void *reader, struct text text)
{
    (void)reader, (void)text;
    return true;
}

static void open_tag(struct writer *w, const char *name, size_t size)
{
    buf_add_char(w->out, '<');
    buf_add(w->out, name, size);
}

static void close_tag(struct writer *w, const char *name, size_t size)
{
    new_line(w);
    buf_add(w->out, "</", 2);
    buf_add(w->out, name, size);
    buf_add_char(w->out, '>');
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

static void add_attribute(struct writer *w, struct text name, struct text value)
{
    buf_add_char(w->out, ' ');
    buf_add(w->out, name.data, name.size);
    buf_add(w->out, "=\"", 2);
    add_escaped(w->out, value);
    buf_add_char(w->out, '"');
}

/* For an attribute, also good between tags. */
static void add_escaped(struct buf *out, struct text text)
{
    const char *replacement;
    size_t run = 0;

    for (size_t i = 0; i < text.size;) {
        size_t taken = escape((struct text){text.data + i, text.size - i}, &replacement);
        if (taken == 0) {
            i++;
            continue;
        }
        buf_add(out, text.data + run, i - run);
        buf_add_text(out, replacement);
        i += taken;
        run = i;
    }
    if (text.size > run)
        buf_add(out, text.data + run, text.size - run);
}

/* How many bytes at the start of `rest` are replaced, and by what: what has a
 * meaning in XML, white space that an attribute would lose, and what
 * XML cannot hold at all (control characters, U+FFFE and U+FFFF). */
static size_t escape(struct text rest, const char **replacement)
{
    static const char *const replacements[0x40] = {
        ['\t'] = "&#x9;", ['\n'] = "&#xA;", ['\r'] = "&#xD;", ['"'] = "&quot;",
        ['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
    };
    unsigned char c = (unsigned char)rest.data[0];

    *replacement = "\xef\xbf\xbd"; /* U+FFFD */
    if (c < 0x20 || c == '&' || c == '"' || c == '<' || c == '>') {
        *replacement = replacements[c] ? replacements[c] : *replacement;
        return 1;
    }
    if (c == 0xef && rest.size >= 3 && (unsigned char)rest.data[1] == 0xbf &&
        (unsigned char)rest.data[2] >= 0xbe)
        return 3;
    return 0;
}
