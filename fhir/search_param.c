/*
 * Search parameters - lookups in the tables that schemas/generate.py makes, and
 * in what packages add to them.
 *
 * The rows are sorted by resource type, in the order of the numbers of types,
 * and within a type by code.
 */

#include "fhir/search_param.h"

#include "base/err.h"
#include "fhir/type.h"

#include <assert.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NOWHERE = UINT16_MAX };

static const char *const targets[] = {
#include "fhir/search_target_table.inc"
};

static const struct search_component components[] = {
#include "fhir/search_component_table.inc"
};

static const struct search_param published[] = {
#include "fhir/search_table.inc"
};

/* By number of type: its first row; the next type's is its end. */
static const uint16_t published_starts[] = {
#include "fhir/search_starts.inc"
};

/* What is in force: the published rows, or those with the ones of packages among them. */
static const struct search_param *params = published;
static const uint16_t *starts = published_starts;
static unsigned param_count = COUNT(published);
static struct search_extension **extensions; /* by number; NULL: none has any */

static const char *const compartment_params[] = {
#include "fhir/compartment_params.inc"
};

/* By number of type: where its codes begin in compartment_params. */
static const struct compartment {
    const char *type;
    uint16_t places[COUNT(published_starts) - 1];
} compartments[] = {
#include "fhir/compartment_table.inc"
};

static int compare(struct text code, const char *other);

unsigned search_param_count(void)
{
    return param_count;
}

const struct search_param *search_param_at(unsigned number)
{
    assert(number < param_count);
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

/* The rows of a type, and those that are added to it in their places. */
static unsigned merge(unsigned type, const struct search_addition *additions, size_t count,
                      struct search_param *rows, unsigned used)
{
    const struct search_param *next = &published[published_starts[type]];
    const struct search_param *end = &published[published_starts[type + 1]];

    for (size_t i = 0; i < count; i++) {
        if (strcmp(additions[i].param.type, type_at(type)->name) != 0)
            continue;
        while (next < end && strcmp(next->code, additions[i].param.code) < 0)
            rows[used++] = *next++;
        extensions[used] = additions[i].extension;
        rows[used++] = additions[i].param;
    }
    while (next < end)
        rows[used++] = *next++;
    return used;
}

void search_params_extend(const struct search_addition *additions, size_t count)
{
    size_t total = COUNT(published) + count;
    struct search_param *rows = calloc(total, sizeof(*rows));
    uint16_t *firsts = calloc(COUNT(published_starts), sizeof(*firsts));
    unsigned used = 0;

    assert(!extensions && total < UINT16_MAX);
    extensions = calloc(total, sizeof(struct search_extension *));
    if (!rows || !firsts || !extensions)
        abort();
    for (unsigned type = 0; type + 1 < COUNT(published_starts); type++) {
        firsts[type] = (uint16_t)used;
        used = merge(type, additions, count, rows, used);
    }
    firsts[COUNT(published_starts) - 1] = (uint16_t)used;
    assert(used == total);
    for (unsigned i = 0; i < used; i++)
        rows[i].number = (uint16_t)i;
    params = rows;
    starts = firsts;
    param_count = used;
}

struct search_extension *search_extension_of(const struct search_param *param)
{
    return extensions ? extensions[param->number] : NULL;
}

bool search_param_is_whole(const struct search_param *param)
{
    struct search_extension *extension = search_extension_of(param);

    return !extension || atomic_load(&extension->whole);
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
