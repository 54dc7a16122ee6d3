#pragma once

/*
 * Grammars - code systems that are rules and not lists: media types, language
 * tags, units.
 */

#include "base/text.h"

#include <stdbool.h>

/* A media type with or without parameters (RFC 6838 section 4.2, RFC 2045 section 5.1); also
 * "xml", "json" and "ttl", by which FHIR calls its formats (R4 http.html#parameters). */
bool mime_is_valid(struct text code);

/* What a language tag is made of (RFC 5646 section 2.1). */
enum language_part {
    LANGUAGE_PRIMARY = 1,
    LANGUAGE_EXTLANG = 2,
    LANGUAGE_SCRIPT = 4,
    LANGUAGE_REGION = 8,
    LANGUAGE_VARIANT = 16,
    LANGUAGE_EXTENSION = 32,
    LANGUAGE_PRIVATE = 64,
};

/* The parts of a well-formed tag, 0 when it is none. Primary languages of two letters must be
 * registered; other subtags need only be well-formed. */
unsigned language_parts(struct text code);

/* The part that a filter's property names ("script", "ext-lang", ...), 0 if none. */
unsigned language_part_named(struct text property);

/* Whether the text can be a UCUM code at all: printable ASCII without spaces, every bracket and
 * brace closed. */
bool unit_may_be(struct text code);
