/*
 * Token values (R4 search.html#token).
 */

#include "fhir/search_values_convert.h"

#include "base/err.h"
#include "fhir/node.h"

void convert_boolean(struct gather *gather, const struct node *node)
{
    if (node->value.data)
        gather_add(gather, &(struct search_value){.code = node->value});
}

/* The system of a code is that of its binding. */
void convert_code(struct gather *gather, const struct node *node)
{
    struct search_value value = {.code = node->value};

    if (!node->value.data)
        return;
    if (node->element && node->element->code_system) {
        value.system = text_of(node->element->code_system);
        value.system_implied = true;
    }
    gather_add(gather, &value);
}

void convert_token_text(struct gather *gather, const struct node *node)
{
    if (node->value.data)
        gather_add(gather, &(struct search_value){.code = node->value});
}

/* The three values in one pass over the children. */
static struct search_value read_coding(const struct node *node)
{
    struct search_value value = {0};

    for (const struct node *child = node->first; child; child = child->next) {
        if (text_is(child->name, "system"))
            value.system = child->value;
        else if (text_is(child->name, "code"))
            value.code = child->value;
        else if (text_is(child->name, "display"))
            value.text = child->value;
    }
    return value;
}

void convert_coding(struct gather *gather, const struct node *node)
{
    struct search_value value = read_coding(node);

    if (value.code.data || value.text.data || value.system.data)
        gather_add(gather, &value);
}

/* One value for each coding, and one for a text that no coding displays. */
void convert_concept(struct gather *gather, const struct node *node)
{
    struct text text = {NULL, 0};
    bool displayed = false;

    for (const struct node *child = node->first; child; child = child->next) {
        if (text_is(child->name, "text"))
            text = child->value;
        else if (text_is(child->name, "coding"))
            convert_coding(gather, child);
    }
    if (!text.data)
        return;
    for (const struct node *child = node->first; child && !displayed; child = child->next)
        displayed =
            text_is(child->name, "coding") && text_equals(node_value(child, "display"), text);
    if (!displayed)
        gather_add(gather, &(struct search_value){.text = text});
}

/* For :of-type, one value for each coding of the type. */
void convert_identifier(struct gather *gather, const struct node *node)
{
    struct search_value value = {.system = node_value(node, "system"),
                                 .code = node_value(node, "value")};
    const struct node *type = node_child(node, "type");
    bool typed = false;

    if (!value.code.data && !value.system.data)
        return;
    if (type)
        value.text = node_value(type, "text");
    for (const struct node *child = type ? type->first : NULL; child; child = child->next) {
        if (!text_is(child->name, "coding"))
            continue;
        value.identifier_type_system = node_value(child, "system");
        value.identifier_type_code = node_value(child, "code");
        gather_add(gather, &value);
        typed = true;
    }
    if (!typed)
        gather_add(gather, &value);
}

/* Telephone numbers and the like have no system in the sense of tokens. */
void convert_contact_point(struct gather *gather, const struct node *node)
{
    struct text value = node_value(node, "value");

    if (value.data)
        gather_add(gather, &(struct search_value){.code = value});
}
