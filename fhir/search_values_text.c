/*
 * String, uri and reference values (R4 search.html#string, #uri, #reference).
 */

#include "fhir/search_values_convert.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/node.h"

static void add_text(struct gather *gather, struct text text)
{
    if (text.data && text.size > 0)
        gather_add(gather, &(struct search_value){.text = text});
}

void convert_text(struct gather *gather, const struct node *node)
{
    add_text(gather, node->value);
}

/* Each of the named parts, in the order of the document. */
static void add_parts(struct gather *gather, const struct node *node, const char *const *parts)
{
    for (const struct node *child = node->first; child; child = child->next) {
        for (const char *const *part = parts; *part; part++) {
            if (text_is(child->name, *part))
                add_text(gather, child->value);
        }
    }
}

void convert_human_name(struct gather *gather, const struct node *node)
{
    static const char *const parts[] = {"family", "given", "prefix", "suffix", "text", NULL};

    add_parts(gather, node, parts);
}

void convert_address(struct gather *gather, const struct node *node)
{
    static const char *const parts[] = {"line",       "city",    "district", "state",
                                        "postalCode", "country", "text",     NULL};

    add_parts(gather, node, parts);
}

/* Written by search_values_set_base() only. */
static struct text own_base;

void search_values_set_base(struct text base)
{
    own_base = base;
}

/* reference_split() may or may not leave the "/" behind the base. */
static bool is_own(struct text base)
{
    if (base.size > 0 && base.data[base.size - 1] == '/')
        base.size--;
    return base.size > 0 && text_equals(base, own_base);
}

/* What is literally referred to; a fragment points into the same resource, which only chains
 * follow (R4 search.html#contained). */
static bool read_literal(struct search_value *value, struct text text)
{
    if (!text.data || text.size == 0)
        return false;
    if (text.data[0] == '#') {
        value->fragment = (struct text){text.data + 1, text.size - 1};
        return false;
    }
    value->text = text;
    if (!reference_split(text, &value->reference_base, &value->reference_type, &value->reference_id,
                         &value->reference_version)) {
        value->reference_base = value->reference_type = (struct text){NULL, 0};
        value->reference_id = value->reference_version = (struct text){NULL, 0};
    }
    if (is_own(value->reference_base))
        value->reference_base = (struct text){NULL, 0};
    return true;
}

/* Somebody who is contained or only has a name cannot be searched for by reference, but is
 * there: for :missing it is a value (R4 search.html#modifiers). */
void convert_reference(struct gather *gather, const struct node *node)
{
    static const char *const parts[] = {"reference", "identifier", "display", "type"};
    const struct node *identifier = node_child(node, "identifier");
    struct search_value value = {0};
    bool found = false;

    for (size_t i = 0; i < COUNT(parts); i++)
        found = found || node_child(node, parts[i]);
    read_literal(&value, node_value(node, "reference"));
    if (identifier) {
        value.system = node_value(identifier, "system");
        value.code = node_value(identifier, "value");
    }
    if (!value.reference_type.data)
        value.reference_type = node_value(node, "type");
    if (found)
        gather_add(gather, &value);
}

/* canonical, uri and url. */
void convert_reference_text(struct gather *gather, const struct node *node)
{
    struct search_value value = {0};

    if (read_literal(&value, node->value))
        gather_add(gather, &value);
}

/* A resource in place: Bundle?composition= and Bundle?message=. */
void convert_resource(struct gather *gather, const struct node *node)
{
    struct text id = node_value(node, "id");
    struct search_value value = {0};

    if (!id.data)
        return;
    value.text =
        text_of(arena_printf(gather->arena, "%s/%.*s", node->type->name, (int)id.size, id.data));
    value.reference_type = text_of(node->type->name);
    value.reference_id = id;
    gather_add(gather, &value);
}
