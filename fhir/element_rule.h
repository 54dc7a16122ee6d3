#pragma once

/*
 * Element rules - what R4 says of its own elements beyond fhir/type.h: that a
 * Quantity is a SimpleQuantity, and the largest value set of a language.
 */

#include "fhir/type.h"

struct element_rule {
    uint16_t type;             /* number of the type that has the element */
    uint16_t name_id;          /* its FHIRPath name */
    uint16_t element_type;     /* number of the type, one of a choice, that this is about */
    const char *profile;       /* the value must meet it; or NULL */
    const char *max_value_set; /* codes must be from it; or NULL */
};

/* Of an element of `type`, stated by the type itself or by what it specialises; or NULL. */
const struct element_rule *element_rule_find(const struct type *type,
                                             const struct element *element);
