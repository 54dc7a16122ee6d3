/*
 * Conversion - which rule applies to which datatype, and the list that values
 * are gathered in.
 */

#include "fhir/search_values_convert.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "base/random.h"
#include "fhir/fhirpath.h"
#include "fhir/node.h"

#include <assert.h>

#define MAX_VALUES   200000 /* of one resource */
#define MAX_COMPARED 24     /* values compared one by one before a hash table is made */
#define MAX_TYPES    1024

/* R4 search.html: what a parameter of each type makes of each datatype. A
 * rule holds for the types that specialise its own, too, unless they have one. */
static const struct rule {
    enum search_type type;
    const char *datatype;
    convert_fn *convert;
} rules[] = {
    /* search.html#token */
    {SEARCH_TOKEN, "boolean", convert_boolean},
    {SEARCH_TOKEN, "code", convert_code},
    {SEARCH_TOKEN, "string", convert_token_text},
    {SEARCH_TOKEN, "uri", convert_token_text},
    {SEARCH_TOKEN, "integer", convert_token_text},
    {SEARCH_TOKEN, "Coding", convert_coding},
    {SEARCH_TOKEN, "CodeableConcept", convert_concept},
    {SEARCH_TOKEN, "Identifier", convert_identifier},
    {SEARCH_TOKEN, "ContactPoint", convert_contact_point},

    /* search.html#string */
    {SEARCH_STRING, "string", convert_text},
    {SEARCH_STRING, "uri", convert_text},
    {SEARCH_STRING, "HumanName", convert_human_name},
    {SEARCH_STRING, "Address", convert_address},

    /* search.html#date */
    {SEARCH_DATE, "date", convert_date},
    {SEARCH_DATE, "dateTime", convert_date},
    {SEARCH_DATE, "instant", convert_date},
    {SEARCH_DATE, "Period", convert_period},
    {SEARCH_DATE, "Timing", convert_timing},

    /* search.html#number */
    {SEARCH_NUMBER, "integer", convert_number},
    {SEARCH_NUMBER, "decimal", convert_number},
    {SEARCH_NUMBER, "Range", convert_number_range},

    /* search.html#quantity */
    {SEARCH_QUANTITY, "Quantity", convert_quantity},
    {SEARCH_QUANTITY, "Money", convert_money},
    {SEARCH_QUANTITY, "Range", convert_range},

    /* search.html#reference; canonical specialises uri */
    {SEARCH_REFERENCE, "Reference", convert_reference},
    {SEARCH_REFERENCE, "uri", convert_reference_text},
    {SEARCH_REFERENCE, "Resource", convert_resource},

    /* search.html#uri */
    {SEARCH_URI, "uri", convert_text},

    /* location.html#search, near */
    {SEARCH_SPECIAL, "BackboneElement", convert_position},
};

enum { SEARCH_TYPES = SEARCH_SPECIAL + 1 };

/* The rule of each type, by its number: `rules` spread out over what specialises what. */
static convert_fn *converters[SEARCH_TYPES][MAX_TYPES];

static bool same_value(const struct search_value *a, const struct search_value *b);
static uint64_t hash_value(const struct hash_key *key, const struct search_value *value);

static convert_fn *find_rule(enum search_type search_type, const struct type *type)
{
    for (;;) {
        for (size_t i = 0; i < COUNT(rules); i++) {
            if (rules[i].type == search_type && strcmp(rules[i].datatype, type->name) == 0)
                return rules[i].convert;
        }
        if (type->base == type->number)
            return NULL;
        type = type_at(type->base);
    }
}

void convert_setup(void)
{
    assert(type_count() <= MAX_TYPES);
    for (unsigned number = 0; number < type_count(); number++) {
        for (int search_type = 0; search_type < SEARCH_TYPES; search_type++)
            converters[search_type][number] =
                find_rule((enum search_type)search_type, type_at(number));
    }
}

/* A boolean that an expression computed; no published one gives anything else. */
static bool convert_computed(struct gather *gather, const struct fhirpath_value *value)
{
    struct search_value token = {.code = value->integer ? TEXT("true") : TEXT("false")};

    if (gather->type != SEARCH_TOKEN || value->kind != FHIRPATH_BOOLEAN)
        return false;
    gather_add(gather, &token);
    return true;
}

bool convert_value(struct gather *gather, const struct fhirpath_value *value)
{
    convert_fn *convert;

    if (value->kind != FHIRPATH_NODE)
        return convert_computed(gather, value);
    if (!value->type || (value->node->flags & NODE_RAW))
        return false;
    convert = converters[gather->type][value->type->number];
    if (!convert)
        return false;
    convert(gather, value->node);
    return true;
}

void gather_start(struct gather *gather, const struct search_param *param, enum search_type type)
{
    gather->param = param;
    gather->type = type;
    gather->start = gather->count;
    gather->slot_count = 0;
}

static void grow(struct gather *gather)
{
    size_t room = gather->room ? gather->room * 2 : gather->first_room;
    struct search_value *items = arena_alloc_raw(gather->arena, room * sizeof(*items));

    if (gather->count > 0)
        memcpy(items, gather->items, gather->count * sizeof(*items));
    gather->items = items;
    gather->room = room;
}

/* The slot of an equal value, or the empty one where it belongs. */
static uint32_t *find_slot(struct gather *gather, const struct search_value *value)
{
    size_t at = hash_value(&gather->slot_key, value) & (gather->slot_count - 1);

    while (gather->slots[at] && !same_value(&gather->items[gather->slots[at] - 1], value))
        at = (at + 1) & (gather->slot_count - 1);
    return &gather->slots[at];
}

static void make_slots(struct gather *gather)
{
    size_t count = gather->count - gather->start;

    gather->slot_key = (struct hash_key){random_number(), random_number()};
    gather->slot_count = 64;
    while (gather->slot_count < count * 4)
        gather->slot_count *= 2;
    gather->slots = arena_many(gather->arena, uint32_t, gather->slot_count);
    for (size_t i = gather->start; i < gather->count; i++)
        *find_slot(gather, &gather->items[i]) = (uint32_t)i + 1;
}

static bool has(struct gather *gather, const struct search_value *value)
{
    size_t count = gather->count - gather->start;

    if (count > MAX_COMPARED) {
        if (gather->slot_count < count * 2)
            make_slots(gather);
        return *find_slot(gather, value) != 0;
    }
    for (size_t i = gather->start; i < gather->count; i++) {
        if (same_value(&gather->items[i], value))
            return true;
    }
    return false;
}

void gather_add(struct gather *gather, const struct search_value *value)
{
    if (gather->count == MAX_VALUES) {
        gather->full = true;
        return;
    }
    if (has(gather, value))
        return;
    if (gather->count == gather->room)
        grow(gather);
    gather->items[gather->count] = *value;
    gather->items[gather->count].param = gather->param;
    gather->items[gather->count].type = gather->type;
    gather->count++;
    if (gather->slot_count > 0)
        *find_slot(gather, &gather->items[gather->count - 1]) = (uint32_t)gather->count;
}

static bool same_components(const struct search_value *a, const struct search_value *b)
{
    if (a->component_count != b->component_count)
        return false;
    for (uint16_t i = 0; i < a->component_count; i++) {
        if (!same_value(&a->components[i], &b->components[i]))
            return false;
    }
    return true;
}

static bool same_value(const struct search_value *a, const struct search_value *b)
{
    return text_equals(a->code, b->code) && text_equals(a->system, b->system) &&
           text_equals(a->text, b->text) && a->time_low == b->time_low &&
           a->time_high == b->time_high && a->number == b->number &&
           a->number_low == b->number_low && a->number_high == b->number_high &&
           a->latitude == b->latitude && a->longitude == b->longitude &&
           text_equals(a->reference_id, b->reference_id) &&
           text_equals(a->reference_type, b->reference_type) &&
           text_equals(a->fragment, b->fragment) && !a->fragment.data == !b->fragment.data &&
           text_equals(a->identifier_type_system, b->identifier_type_system) &&
           text_equals(a->identifier_type_code, b->identifier_type_code) && same_components(a, b);
}

/* 0 and -0 are equal. */
static void hash_double(struct hash_state *state, double number)
{
    number = number == 0 ? 0 : number;
    hash_part(state, &number, sizeof(number));
}

/* Over what can differ alone among many values of one parameter; equality decides. */
static uint64_t hash_value(const struct hash_key *key, const struct search_value *value)
{
    struct hash_state state;

    hash_init(&state, key);
    hash_part(&state, value->code.data, value->code.size);
    hash_part(&state, value->system.data, value->system.size);
    hash_part(&state, value->text.data, value->text.size);
    hash_part(&state, value->identifier_type_code.data, value->identifier_type_code.size);
    hash_part(&state, value->fragment.data, value->fragment.size);
    hash_number(&state, (uint64_t)value->time_low);
    hash_number(&state, (uint64_t)value->time_high);
    hash_double(&state, value->number);
    hash_double(&state, value->number_high);
    for (uint16_t i = 0; i < value->component_count; i++)
        hash_number(&state, hash_value(key, &value->components[i]));
    return hash_done(&state);
}
