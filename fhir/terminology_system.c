/*
 * Code systems - what is asked of one alone: which code stands below which,
 * what a code is called.
 */

#include "fhir/terminology.h"

#include "base/err.h"
#include "fhir/terminology_set.h"
#include "fhir/terminology_table.h"

#include <ctype.h>

const struct code_system *term_system_find(const struct terminology *terminology,
                                           struct text system, uint32_t *name)
{
    *name = term_name_find(terminology, system);
    if (*name == TERM_NOBODY || terminology->names[*name].system == TERM_NOBODY)
        return NULL;
    return term_system(terminology, terminology->names[*name].system);
}

bool code_system_is_known(const struct definitions *definitions, struct text system)
{
    uint32_t name;

    return term_system_find(definitions_terminology(definitions), system, &name) != NULL;
}

/* Equal but for the case of ASCII letters and the amount of white space. */
static bool reads_equal(struct text a, struct text b)
{
    size_t i = 0, j = 0;

    a = text_trim(a);
    b = text_trim(b);
    while (i < a.size && j < b.size) {
        if (isspace((unsigned char)a.data[i]) && isspace((unsigned char)b.data[j])) {
            while (isspace((unsigned char)a.data[i]))
                i++;
            while (isspace((unsigned char)b.data[j]))
                j++;
        } else if (!text_equals_nocase((struct text){a.data + i++, 1},
                                       (struct text){b.data + j++, 1})) {
            return false;
        }
    }
    return i == a.size && j == b.size;
}

/* Where the designations of this concept begin in a layer. */
static size_t first_designation(const struct term_layer *layer, uint32_t row)
{
    size_t low = 0, high = layer->designation_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (layer->designations[middle].concept < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the text is a designation of the concept; counts in `*known` how many there are. */
static bool is_designation(const struct terminology *terminology, uint32_t row, struct text display,
                           unsigned *known)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct term_layer *layer = &terminology->layers[i];
        size_t at = first_designation(layer, row);

        for (; at < layer->designation_count && layer->designations[at].concept == row; at++) {
            ++*known;
            if (reads_equal(term_text(terminology, layer->designations[at].text), display))
                return true;
        }
    }
    return false;
}

bool code_display_fits(const struct definitions *definitions, struct text system, struct text code,
                       struct text display)
{
    const struct terminology *terminology = definitions_terminology(definitions);
    uint32_t name, row;
    const struct code_system *found = term_system_find(terminology, system, &name);
    unsigned known = 0;

    /* What value sets call the codes of a system that is not loaded does not bind anybody. */
    if (!found || found->content != CONTENT_COMPLETE)
        return true;
    row = term_find(terminology, found->concepts, code, found->nocase);
    if (row == TERM_NOBODY)
        return true;

    struct text preferred = term_text(terminology, term_coded(terminology, row)->display);
    if (preferred.data) {
        known++;
        if (reads_equal(preferred, display))
            return true;
    }
    return is_designation(terminology, row, display, &known) || known == 0;
}

enum code_answer code_subsumes(const struct definitions *definitions, struct text system,
                               struct text ancestor, struct text code)
{
    const struct terminology *terminology = definitions_terminology(definitions);
    uint32_t name;
    const struct code_system *found = term_system_find(terminology, system, &name);

    if (text_equals(ancestor, code))
        return CODE_YES;
    if (!found)
        return CODE_UNKNOWN;

    uint32_t above = term_find(terminology, found->concepts, ancestor, found->nocase);
    uint32_t below = term_find(terminology, found->concepts, code, found->nocase);
    if (above != TERM_NOBODY && below != TERM_NOBODY && term_is_below(terminology, below, above))
        return CODE_YES;
    return found->content == CONTENT_COMPLETE ? CODE_NO : CODE_UNKNOWN;
}
