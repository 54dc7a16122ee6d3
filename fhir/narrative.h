#pragma once

/*
 * Narrative - what R4 narrative.html#rules allows in a div: well-formed XHTML,
 * only basic formatting elements and attributes, no active content, some content.
 * Own, bounded and fast: every Synthea resource has one.
 */

#include "base/text.h"

#include <stdbool.h>

struct narrative_finding {
    bool fine;
    bool empty;          /* well-formed, but says nothing (txt-2) */
    const char *problem; /* a static sentence: what and what to do; NULL when fine */
};

/* `div` is the text of Narrative.div, from "<div" to "</div>". */
void narrative_check(struct text div, struct narrative_finding *finding);
