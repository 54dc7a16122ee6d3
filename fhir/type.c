/*
 * Types - lookups in the tables that schemas/generate.py makes.
 *
 * The hash tables are open-addressed and laid out at build time; a lookup
 * costs one hash and, nearly always, one comparison.
 */

#include "fhir/type.h"

#include "base/count.h"
#include "base/err.h"

#include <assert.h>

enum { NOBODY = UINT16_MAX };

#include "fhir/type_counts.inc" /* RESOURCE_TYPE_COUNT */

static const char *const targets[] = {
#include "fhir/target_table.inc"
};

static const struct element elements[] = {
#include "fhir/element_table.inc"
};

static const struct type types[] = {
#include "fhir/type_table.inc"
};

static const uint16_t type_slots[] = {
#include "fhir/type_slots.inc"
};

static const char *const names[] = {
#include "fhir/name_table.inc"
};

static const uint16_t name_slots[] = {
#include "fhir/name_slots.inc"
};

static uint32_t hash(struct text name);
static const struct element *scan(const struct type *type, struct text name, unsigned from,
                                  unsigned to, unsigned *hint);
static bool element_is(const struct element *element, struct text name);

unsigned type_count(void)
{
    return COUNT(types);
}

unsigned resource_type_count(void)
{
    return RESOURCE_TYPE_COUNT;
}

const struct type *type_at(unsigned number)
{
    assert(number < COUNT(types));
    return &types[number];
}

const struct type *type_find(struct text name)
{
    static_assert((COUNT(type_slots) & (COUNT(type_slots) - 1)) == 0, "a power of two");
    const uint32_t mask = COUNT(type_slots) - 1;

    for (uint32_t slot = hash(name) & mask; type_slots[slot] != NOBODY; slot = (slot + 1) & mask)
        if (text_is(name, types[type_slots[slot]].name))
            return &types[type_slots[slot]];
    return NULL;
}

const struct type *resource_type_find(struct text name)
{
    const struct type *type = type_find(name);

    return type && type->number < RESOURCE_TYPE_COUNT ? type : NULL;
}

bool type_is(const struct type *type, const struct type *ancestor)
{
    while (type != ancestor && type->base != type->number)
        type = &types[type->base];
    return type == ancestor;
}

const struct element *type_element(const struct type *type, struct text name, unsigned *hint)
{
    unsigned start = hint && *hint < type->element_count ? *hint : 0;
    const struct element *element = scan(type, name, start, type->element_count, hint);

    return element ? element : scan(type, name, 0, start, hint);
}

uint16_t name_find(struct text name)
{
    static_assert((COUNT(name_slots) & (COUNT(name_slots) - 1)) == 0, "a power of two");
    const uint32_t mask = COUNT(name_slots) - 1;

    for (uint32_t slot = hash(name) & mask; name_slots[slot] != NOBODY; slot = (slot + 1) & mask)
        if (text_is(name, names[name_slots[slot]]))
            return name_slots[slot] + 1;
    return 0;
}

/* FNV-1a, folded; schemas/tables.py computes the same. */
static uint32_t hash(struct text name)
{
    uint32_t value = 0x811C9DC5;

    for (size_t i = 0; i < name.size; i++)
        value = (value ^ (unsigned char)name.data[i]) * 0x01000193;
    return value ^ (value >> 15);
}

static const struct element *scan(const struct type *type, struct text name, unsigned from,
                                  unsigned to, unsigned *hint)
{
    for (unsigned i = from; i < to; i++) {
        if (!element_is(&type->elements[i], name))
            continue;
        if (hint)
            *hint = i + 1;
        return &type->elements[i];
    }
    return NULL;
}

static bool element_is(const struct element *element, struct text name)
{
    return element->name_size == name.size && memcmp(element->name, name.data, name.size) == 0;
}
