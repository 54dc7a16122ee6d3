/*
 * Search words - see search_words.h.
 */

#include "fhir/search_words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/node.h"
#include "fhir/type.h"

static void add_node(const struct node *node, const struct node *meta, struct arena *arena,
                     struct buf *out);
static bool is_stamp(const struct node *node, const struct node *meta);
static void add_text(struct text text, struct arena *arena, struct buf *out);
static struct text strip(struct text xhtml, struct arena *arena);
static void add_entity(struct text *rest, struct buf *out);

bool search_param_is_text(const struct search_param *param)
{
    return strcmp(param->code, "_text") == 0 || strcmp(param->code, "_content") == 0;
}

void search_words_add(const struct search_param *param, const struct node *resource,
                      struct arena *arena, struct buf *out)
{
    const struct node *narrative = node_path(resource, "text.div");

    if (strcmp(param->code, "_content") == 0)
        add_node(resource, node_child(resource, "meta"), arena, out);
    else if (narrative)
        add_node(narrative, NULL, arena, out);
}

static void add_node(const struct node *node, const struct node *meta, struct arena *arena,
                     struct buf *out)
{
    bool markup = node->type && strcmp(node->type->name, "xhtml") == 0;

    if (is_stamp(node, meta))
        return;
    if (node->value.data && !(node->type && strcmp(node->type->name, "base64Binary") == 0))
        add_text(markup ? strip(node->value, arena) : node->value, arena, out);
    for (const struct node *child = node->first; child; child = child->next)
        add_node(child, meta, arena, out);
}

/* What the server writes anew with each version. */
static bool is_stamp(const struct node *node, const struct node *meta)
{
    return meta && node->parent == meta &&
           (text_is(node->name, "versionId") || text_is(node->name, "lastUpdated"));
}

static void add_text(struct text text, struct arena *arena, struct buf *out)
{
    struct text rest = text_fold(arena, text), word;
    bool begun = false;

    if (rest.size == 0)
        return;
    while (text_next(&rest, ' ', &word)) {
        if (out->size + word.size >= SEARCH_WORDS_MAX)
            break;
        if (word.size > SEARCH_WORD_MAX) {
            buf_add_text(out, begun ? "\n" : "");
            begun = false;
            continue;
        }
        buf_add_text(out, begun ? " " : "");
        buf_add(out, word.data, word.size);
        begun = true;
    }
    buf_add_text(out, begun ? "\n" : "");
}

/* Tags part words; they are well-formed, or the resource would not have been stored. */
static struct text strip(struct text xhtml, struct arena *arena)
{
    struct buf out = buf_in(arena);

    while (xhtml.size > 0) {
        if (*xhtml.data == '<') {
            const char *end = memchr(xhtml.data, '>', xhtml.size);
            size_t size = end ? (size_t)(end - xhtml.data) + 1 : xhtml.size;

            buf_add_char(&out, ' ');
            xhtml = (struct text){xhtml.data + size, xhtml.size - size};
        } else if (*xhtml.data == '&') {
            add_entity(&xhtml, &out);
        } else {
            buf_add_char(&out, *xhtml.data);
            xhtml = (struct text){xhtml.data + 1, xhtml.size - 1};
        }
    }
    return (struct text){buf_text(&out), out.size};
}

static void add_character(uint32_t code, struct buf *out)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
    } else if (code < 0x800) {
        buf_add_char(out, (char)(0xC0 | code >> 6));
        buf_add_char(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        buf_add_char(out, (char)(0xE0 | code >> 12));
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (code & 0x3F)));
    } else {
        buf_add_char(out, (char)(0xF0 | code >> 18));
        buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (code & 0x3F)));
    }
}

/* Characters by number; those that XML has names for are punctuation, which parts words. */
static void add_entity(struct text *rest, struct buf *out)
{
    const char *end = memchr(rest->data, ';', rest->size);
    size_t size = end ? (size_t)(end - rest->data) + 1 : 1;
    uint32_t code = 0;

    if (size > 3 && rest->data[1] == '#') {
        bool hex = rest->data[2] == 'x';

        for (size_t i = hex ? 3 : 2; i + 1 < size && code <= 0x10FFFF; i++) {
            int digit = text_hex_digit(rest->data[i]);

            code = code * (hex ? 16 : 10) + (uint32_t)(digit < 0 ? 0 : digit);
        }
    }
    if (code > 0 && code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000))
        add_character(code, out);
    else
        buf_add_char(out, ' ');
    *rest = (struct text){rest->data + size, rest->size - size};
}
