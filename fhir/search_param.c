/*
 * Search parameters - lookups in the tables that schemas/generate.py makes.
 *
 * The rows are sorted by resource type, in the order of the numbers of types,
 * and within a type by code.
 */

#include "fhir/search_param.h"

#include "base/err.h"
#include "fhir/type.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NOWHERE = UINT16_MAX };

static const char *const targets[] = {
#include "fhir/search_target_table.inc"
};

static const struct search_component components[] = {
#include "fhir/search_component_table.inc"
};

static const struct search_param params[] = {
#include "fhir/search_table.inc"
};

/* By number of type: its first row; the next type's is its end. */
static const uint16_t starts[] = {
#include "fhir/search_starts.inc"
};

static const char *const compartment_params[] = {
#include "fhir/compartment_params.inc"
};

/* By number of type: where its codes begin in compartment_params. */
static const struct compartment {
    const char *type;
    uint16_t places[COUNT(starts) - 1];
} compartments[] = {
#include "fhir/compartment_table.inc"
};

static int compare(struct text code, const char *other);

unsigned search_param_count(void)
{
    return COUNT(params);
}

const struct search_param *search_param_at(unsigned number)
{
    assert(number < COUNT(params));
    return &params[number];
}

const struct search_param *search_param_find(const char *type, struct text code)
{
    unsigned count, low = 0;
    const struct search_param *of_type = search_params_of(type, &count);

    while (low < count) {
        unsigned middle = low + (count - low) / 2;
        int order = compare(code, of_type[middle].code);
        if (order == 0)
            return &of_type[middle];
        if (order < 0)
            count = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct search_param *search_params_of(const char *type, unsigned *count)
{
    const struct type *found = resource_type_find(text_of(type));

    *count = 0;
    if (!found)
        return NULL;
    *count = starts[found->number + 1] - starts[found->number];
    return &params[starts[found->number]];
}

const char *const *compartment_params_of(const char *compartment, const char *type)
{
    const struct type *found = resource_type_find(text_of(type));

    for (size_t i = 0; found && i < COUNT(compartments); i++)
        if (strcmp(compartments[i].type, compartment) == 0 &&
            compartments[i].places[found->number] != NOWHERE)
            return &compartment_params[compartments[i].places[found->number]];
    return NULL;
}

const char *const *patient_compartment_params(const char *type)
{
    return compartment_params_of("Patient", type);
}

const char *const *encounter_compartment_params(const char *type)
{
    return compartment_params_of("Encounter", type);
}

const char *search_type_name(enum search_type type)
{
    static const char *const names[] = {
        [SEARCH_NUMBER] = "number",       [SEARCH_DATE] = "date",
        [SEARCH_STRING] = "string",       [SEARCH_TOKEN] = "token",
        [SEARCH_REFERENCE] = "reference", [SEARCH_COMPOSITE] = "composite",
        [SEARCH_QUANTITY] = "quantity",   [SEARCH_URI] = "uri",
        [SEARCH_SPECIAL] = "special",
    };

    assert(type < COUNT(names));
    return names[type];
}

/* By bytes, as the rows are sorted. */
static int compare(struct text code, const char *other)
{
    size_t size = strlen(other);
    size_t shared = code.size < size ? code.size : size;
    int order = shared ? memcmp(code.data, other, shared) : 0;

    if (order)
        return order;
    return code.size < size ? -1 : code.size > size;
}
