#pragma once

/*
 * Signatures - what FHIRPath's functions make of the types of their focus and
 * arguments, for fhirpath_types.c.
 */

#include <stdint.h>

enum gives {
    GIVES_VALUES, /* of FHIRPath's own types: any function that is not listed */
    GIVES_FOCUS,
    GIVES_ARGUMENTS,
    GIVES_BOTH,
    GIVES_TYPE, /* the one that is named */
    GIVES_EXTENSION,
    GIVES_ANY
};

enum signature_flag {
    EACH = 1,     /* arguments see the items of the focus, not the focus of the expression */
    WORDS = 2,    /* it works on texts */
    AGAIN = 4,    /* on its own results, too */
    CONDITION = 8 /* the first argument is a truth */
};

struct signature {
    const char *name;
    uint8_t gives; /* enum gives */
    uint8_t flags; /* enum signature_flag */
};

/* Never NULL. */
const struct signature *signature_of(const char *function);
