#pragma once

/*
 * Projection - a part of a resource (R4 search.html#summary, #elements): what a
 * client asks for that does not want the whole.
 *
 * Whatever is asked for, a part keeps what it takes to be understood: id and
 * meta, mandatory and modifier elements, and contained resources that the rest
 * refers to. It is tagged SUBSETTED, so that nobody stores it in place of the
 * whole. Of a Bundle, _summary=true and data also shorten the resources within.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct issues;

enum projection_kind {
    PROJECTION_WHOLE,
    PROJECTION_SUMMARY,  /* _summary=true: what the definitions call a summary */
    PROJECTION_TEXT,     /* _summary=text: the narrative */
    PROJECTION_DATA,     /* _summary=data: all but the narrative */
    PROJECTION_ELEMENTS, /* _elements: the named ones at the root */
};

struct projection {
    enum projection_kind kind;
    const struct text *names; /* ELEMENTS: in JSON or FHIRPath: "valueQuantity", "value" */
    size_t count;
};

/* The value of _summary. False when it is none of true, text, data and false. */
bool projection_read_summary(struct projection *projection, struct text value);

/*
 * The value of _elements, for resources of `type`, or with NULL of any. A name
 * that no such resource has is refused, with those nearest to it; or, when
 * `lenient`, becomes a warning. `*value` becomes what is really used. Texts do not quote names.
 */
bool projection_read_elements(struct projection *projection, struct arena *arena, const char *type,
                              struct text *value, bool lenient, struct issues *issues,
                              struct err *err);

/* Appends the part of a resource in FHIR JSON. False, and nothing is appended, when it cannot be
 * read. */
bool projection_write(const struct projection *projection, const char *json, size_t size,
                      struct buf *out);
