/*
 * Terminology tables - those of R4, and how rows are found.
 */

#include "fhir/terminology_table.h"

#include "base/count.h"
#include "base/err.h"

#define MAX_HEIGHT 64    /* of a hierarchy; published ones have less than 20 levels */
#define MAX_STEPS  10000 /* through a hierarchy; a bound for one that goes in circles */

static const char texts[] = {
#include "fhir/term_text_table.inc"
    "\0\0\0\0\0\0\0\0" /* TERM_PADDING */
};

static const struct coded codes[] = {
#include "fhir/term_code_table.inc"
};

static const uint32_t parents[] = {
#include "fhir/term_parent_table.inc"
};

static const struct designation designations[] = {
#include "fhir/term_designation_table.inc"
};

static const struct code_system systems[] = {
#include "fhir/term_system_table.inc"
};

static const struct value_set sets[] = {
#include "fhir/term_set_table.inc"
};

static const struct clause clauses[] = {
#include "fhir/term_clause_table.inc"
};

static const uint32_t imports[] = {
#include "fhir/term_import_table.inc"
};

static const struct term_name names[] = {
#include "fhir/term_name_table.inc"
};

static const uint32_t slots[] = {
#include "fhir/term_name_slots.inc"
};

const struct terminology terminology_r4 = {
    .layers = {{
        .texts = texts,
        .codes = codes,
        .parents = parents,
        .designations = designations,
        .designation_count = COUNT(designations),
        .systems = systems,
        .sets = sets,
        .clauses = clauses,
        .imports = imports,
    }},
    .names = names,
    .name_count = COUNT(names),
    .slots = slots,
    .slot_mask = COUNT(slots) - 1,
};

uint32_t term_name_find(const struct terminology *terminology, struct text text)
{
    uint32_t slot = table_hash(text) & terminology->slot_mask;

    for (; terminology->slots[slot] != TERM_NOBODY; slot = (slot + 1) & terminology->slot_mask)
        if (text_equals(term_name_text(terminology, terminology->slots[slot]), text))
            return terminology->slots[slot];
    return TERM_NOBODY;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int term_compare(struct text a, struct text b, bool nocase)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = 0;

    if (!nocase)
        order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    else
        for (size_t i = 0; i < size && order == 0; i++)
            order = lower(a.data[i]) - lower(b.data[i]);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The first eight bytes as a number that orders like the bytes. */
static uint64_t beginning(const char *data, size_t size)
{
    uint64_t bytes;

    memcpy(&bytes, data, sizeof(bytes));
    bytes = be64toh(bytes);
    return size < sizeof(bytes) ? bytes & ~(UINT64_MAX >> 8 * size) : bytes;
}

/* Most codes are told apart by their first eight bytes. */
static uint32_t find_exact(const struct term_layer *layer, struct code_list list, struct text code)
{
    uint32_t low = 0, high = list.count;
    char copy[sizeof(uint64_t)] = {0};

    memcpy(copy, code.data, code.size < sizeof(copy) ? code.size : sizeof(copy));
    const uint64_t start = beginning(copy, code.size);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, row = list.first + middle;
        struct text other = term_text_in(layer, layer->codes[term_index(row)].code);
        uint64_t other_start = beginning(other.data, other.size);
        int order = (start > other_start) - (start < other_start);

        if (order == 0)
            order = term_compare(code, other, false);
        if (order == 0)
            return row;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return TERM_NOBODY;
}

static uint32_t find_nocase(const struct term_layer *layer, struct code_list list, struct text code)
{
    uint32_t low = 0, high = list.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2, row = list.first + middle;
        struct text other = term_text_in(layer, layer->codes[term_index(row)].code);
        int order = term_compare(code, other, true);

        if (order == 0)
            return row;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return TERM_NOBODY;
}

uint32_t term_find(const struct terminology *terminology, struct code_list list, struct text code,
                   bool nocase)
{
    const struct term_layer *layer = term_layer_of(terminology, list.first);

    if (code.size == 0)
        return TERM_NOBODY;
    return nocase ? find_nocase(layer, list, code) : find_exact(layer, list, code);
}

static bool climb(const struct terminology *terminology, uint32_t row, uint32_t ancestor,
                  unsigned height, unsigned *steps)
{
    uint32_t above = term_coded(terminology, row)->parents;

    if (row == ancestor)
        return true;
    if (above == 0 || height == MAX_HEIGHT || *steps == 0)
        return false;
    --*steps;
    const uint32_t *parent = term_layer_of(terminology, above)->parents + term_index(above);
    for (; *parent != TERM_NOBODY; parent++)
        if (climb(terminology, *parent, ancestor, height + 1, steps))
            return true;
    return false;
}

bool term_is_below(const struct terminology *terminology, uint32_t row, uint32_t ancestor)
{
    unsigned steps = MAX_STEPS;

    return climb(terminology, row, ancestor, 0, &steps);
}
