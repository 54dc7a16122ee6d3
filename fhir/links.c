/*
 * Links - the second half of bundle.h: every place of a resource in which
 * R4 http.html#trules lets a transaction replace a link.
 */

#include "fhir/bundle.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "fhir/node.h"

struct rewrite {
    struct arena *arena;
    bundle_link_fn replace;
    void *context;
    bool whole; /* bundle_replace_links() */
};

/* An attribute's value within the narrative, quotes not included. */
struct attribute {
    struct text name, value;
};

static void rewrite_node(struct rewrite *rewrite, struct node *node);
static bool is_reference(const struct node *node);
static bool is_link(const struct rewrite *rewrite, const struct node *node);
static bool is_conditional(struct text link);
static struct text replacement(struct rewrite *rewrite, struct text link);
static size_t base_size(struct text link);
static void rewrite_narrative(struct rewrite *rewrite, struct node *node);
static size_t skip_markup(struct text html, size_t at);
static struct text take_name(struct text html, size_t *at);
static bool take_attribute(struct text html, size_t *at, struct attribute *attribute);
static const char *link_attribute(struct text tag);
static struct text decode(struct arena *arena, struct text value);
static bool decode_one(struct text value, size_t *at, char *letter);
static void add_encoded(struct buf *out, struct text value);

void bundle_rewrite_links(struct arena *arena, struct node *resource, bundle_link_fn replace,
                          void *context)
{
    struct rewrite rewrite = {.arena = arena, .replace = replace, .context = context};

    rewrite_node(&rewrite, resource);
}

void bundle_replace_links(struct arena *arena, struct node *resource, bundle_link_fn replace,
                          void *context)
{
    struct rewrite rewrite = {
        .arena = arena, .replace = replace, .context = context, .whole = true};

    rewrite_node(&rewrite, resource);
}

void bundle_each_reference(struct node *resource,
                           void (*found)(struct node *reference, void *context), void *context)
{
    for (struct node *child = resource->first; child; child = child->next) {
        if (child->first)
            bundle_each_reference(child, found, context);
        if (is_reference(child))
            found(child, context);
    }
}

bool bundle_link_is_search(struct text link)
{
    struct text type, criteria;

    return text_split(link, '?', &type, &criteria) && resource_type_find(type);
}

static void rewrite_node(struct rewrite *rewrite, struct node *node)
{
    for (struct node *child = node->first; child; child = child->next) {
        struct text link = {0};

        if (child->first)
            rewrite_node(rewrite, child);
        if (!child->type || !child->value.data || child->flags & NODE_RAW)
            continue;
        if (child->type->primitive == PRIMITIVE_XHTML)
            rewrite_narrative(rewrite, child);
        else if (is_reference(child) || (is_link(rewrite, child) && !is_conditional(child->value)))
            link = replacement(rewrite, child->value);
        if (link.data)
            node_change_value(rewrite->arena, child, link);
    }
}

static bool is_reference(const struct node *node)
{
    static const struct text reference = {"reference", 9};

    return node->element && node->type && node->type->primitive == PRIMITIVE_STRING &&
           node->value.data && text_equals(node->name, reference) && node->parent->type &&
           text_is(text_of(node->parent->type->name), "Reference");
}

static bool is_link(const struct rewrite *rewrite, const struct node *node)
{
    switch (node->type->primitive) {
    case PRIMITIVE_URL:
        return true;
    case PRIMITIVE_URI:
    case PRIMITIVE_OID:
    case PRIMITIVE_UUID:
        return !rewrite->whole;
    default:
        return false;
    }
}

/* "Patient?identifier=...", a search; R4 http.html#trules. */
static bool is_conditional(struct text link)
{
    size_t i = 0;

    while (i < link.size && ((link.data[i] | 0x20) >= 'a' && (link.data[i] | 0x20) <= 'z'))
        i++;
    return i > 0 && i < link.size && link.data[i] == '?';
}

/* The whole new link, or absent when it stays. */
static struct text replacement(struct rewrite *rewrite, struct text link)
{
    size_t size = is_conditional(link) ? link.size : base_size(link);
    struct text base = {link.data, size}, answer;
    struct buf whole = buf_in(rewrite->arena);

    if (rewrite->whole)
        return rewrite->replace(link, rewrite->context);
    if (size == 0) /* "#x": within this resource */
        return (struct text){0};
    answer = rewrite->replace(base, rewrite->context);
    if (!answer.data || size == link.size)
        return answer;
    buf_add(&whole, answer.data, answer.size);
    buf_add(&whole, link.data + size, link.size - size);
    return (struct text){whole.data, whole.size};
}

/* Without the fragment and the version behind it. */
static size_t base_size(struct text link)
{
    static const char history[] = "/_history/";
    const char *found = memchr(link.data, '#', link.size);
    size_t size = found ? (size_t)(found - link.data) : link.size;

    found = memmem(link.data, size, history, sizeof(history) - 1);
    return found ? (size_t)(found - link.data) : size;
}

/* Goes through the tags of the XHTML and copies it with the new links. */
static void rewrite_narrative(struct rewrite *rewrite, struct node *node)
{
    struct text html = node->value;
    struct buf out = buf_in(rewrite->arena);
    size_t at = 0, copied = 0;
    struct attribute attribute;

    while (at < html.size) {
        const char *open = memchr(html.data + at, '<', html.size - at);
        const char *wanted;

        if (!open)
            break;
        at = skip_markup(html, (size_t)(open - html.data) + 1);
        wanted = link_attribute(take_name(html, &at));
        while (take_attribute(html, &at, &attribute)) {
            struct text link;

            if (!wanted || !text_is(attribute.name, wanted))
                continue;
            link = replacement(rewrite, decode(rewrite->arena, attribute.value));
            if (!link.data)
                continue;
            buf_add(&out, html.data + copied, (size_t)(attribute.value.data - html.data) - copied);
            add_encoded(&out, link);
            copied = (size_t)(attribute.value.data - html.data) + attribute.value.size;
        }
    }
    if (copied == 0)
        return;
    buf_add(&out, html.data + copied, html.size - copied);
    node_change_value(rewrite->arena, node, (struct text){out.data, out.size});
}

/* Comments and CDATA sections hold no tags: from behind '<' to their end. */
static size_t skip_markup(struct text html, size_t at)
{
    static const struct {
        struct text begin, end;
    } kinds[] = {
        {{"!--", 3}, {"-->", 3}},
        {{"![CDATA[", 8}, {"]]>", 3}},
        {{"?", 1}, {"?>", 2}},
    };
    struct text rest = {html.data + at, html.size - at};

    for (size_t i = 0; i < COUNT(kinds); i++) {
        const char *end;

        if (!text_starts_with(rest, kinds[i].begin))
            continue;
        end = memmem(rest.data, rest.size, kinds[i].end.data, kinds[i].end.size);
        return end ? (size_t)(end - html.data) + kinds[i].end.size : html.size;
    }
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_char(char c)
{
    switch (c) {
    case '=':
    case '<':
    case '>':
    case '/':
    case '"':
    case '\'':
        return false;
    default:
        return !is_space(c);
    }
}

static struct text take_name(struct text html, size_t *at)
{
    size_t begin = *at;

    while (*at < html.size && is_name_char(html.data[*at]))
        (*at)++;
    return (struct text){html.data + begin, *at - begin};
}

/* The next name="value" of a tag; false at the tag's end. */
static bool take_attribute(struct text html, size_t *at, struct attribute *attribute)
{
    const char *end;

    while (*at < html.size && is_space(html.data[*at]))
        (*at)++;
    attribute->name = take_name(html, at);
    while (*at < html.size && is_space(html.data[*at]))
        (*at)++;
    if (attribute->name.size == 0 || *at == html.size || html.data[*at] != '=')
        return false;
    (*at)++;
    while (*at < html.size && is_space(html.data[*at]))
        (*at)++;
    if (*at == html.size || (html.data[*at] != '"' && html.data[*at] != '\''))
        return false;
    end = memchr(html.data + *at + 1, html.data[*at], html.size - *at - 1);
    if (!end)
        return false;
    attribute->value = (struct text){html.data + *at + 1, (size_t)(end - html.data) - *at - 1};
    *at = (size_t)(end - html.data) + 1;
    return true;
}

/* The attribute of this tag that R4 lets be rewritten, or NULL. */
static const char *link_attribute(struct text tag)
{
    if (tag.size == 1 && *tag.data == 'a')
        return "href";
    if (tag.size == 3 && memcmp(tag.data, "img", 3) == 0)
        return "src";
    return NULL;
}

static struct text decode(struct arena *arena, struct text value)
{
    char *copy, *to;

    if (!memchr(value.data, '&', value.size))
        return value;
    copy = to = arena_alloc_raw(arena, value.size + 1);
    for (size_t i = 0; i < value.size;)
        if (decode_one(value, &i, to))
            to++;
        else
            *to++ = value.data[i++];
    return (struct text){copy, (size_t)(to - copy)};
}

/* XML's own five; others are left as they stand. */
static bool decode_one(struct text value, size_t *at, char *letter)
{
    static const struct {
        struct text name;
        char letter;
    } entities[] = {
        {{"&amp;", 5}, '&'},  {{"&quot;", 6}, '"'}, {{"&apos;", 6}, '\''},
        {{"&#39;", 5}, '\''}, {{"&lt;", 4}, '<'},   {{"&gt;", 4}, '>'},
    };
    struct text rest = {value.data + *at, value.size - *at};

    for (size_t i = 0; i < COUNT(entities); i++) {
        if (!text_starts_with(rest, entities[i].name))
            continue;
        *letter = entities[i].letter;
        *at += entities[i].name.size;
        return true;
    }
    return false;
}

static void add_encoded(struct buf *out, struct text value)
{
    for (size_t i = 0; i < value.size; i++) {
        switch (value.data[i]) {
        case '&':
            buf_add_text(out, "&amp;");
            break;
        case '"':
            buf_add_text(out, "&quot;");
            break;
        case '\'':
            buf_add_text(out, "&#39;");
            break;
        case '<':
            buf_add_text(out, "&lt;");
            break;
        default:
            buf_add_char(out, value.data[i]);
        }
    }
}
