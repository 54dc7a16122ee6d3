/*
 * Element rules - see element_rule.h.
 */

#include "fhir/element_rule.h"

#include "base/count.h"
#include "base/err.h"

static const struct element_rule rules[] = {
#include "fhir/element_rule_table.inc"
};

static const struct element_rule *find_own(uint16_t type, const struct element *element);

const struct element_rule *element_rule_find(const struct type *type, const struct element *element)
{
    const struct element_rule *rule = find_own(type->number, element);

    while (!rule && type->base != type->number) {
        type = type_at(type->base);
        rule = find_own(type->number, element);
    }
    return rule;
}

/* The rows are sorted by type. */
static const struct element_rule *find_own(uint16_t type, const struct element *element)
{
    size_t low = 0, high = COUNT(rules);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rules[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < COUNT(rules) && rules[low].type == type; low++)
        if (rules[low].name_id == element->name_id && rules[low].element_type == element->type)
            return &rules[low];
    return NULL;
}
