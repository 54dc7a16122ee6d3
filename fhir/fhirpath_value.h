#pragma once

/*
 * Values - FHIRPath's own types, how elements become them, and how two values
 * compare.
 */

#include "fhir/fhirpath.h"
#include "fhir/fhirpath_eval.h"
#include "fhir/fhirpath_number.h"

#include <stdbool.h>

struct moment;

/*
 * The value as one of FHIRPath's own types: primitive elements by their
 * type, Quantity elements as quantities. False when it has no such form, a
 * complex element or a primitive without a value.
 */
bool value_to_system(struct eval *eval, const struct fhirpath_value *value,
                     struct fhirpath_value *system);

/* INTEGER and DECIMAL. */
bool value_to_number(const struct fhirpath_value *value, struct number *number);

/* The number in front of a QUANTITY's unit. */
bool quantity_number(const struct fhirpath_value *value, struct number *number);

/* DATE, DATETIME and TIME. */
bool value_is_moment(const struct fhirpath_value *value);
bool value_to_moment(const struct fhirpath_value *value, struct moment *moment);

/* FHIRPath's `=` on two single values. Bounded: false with an error past the limit. */
bool value_equal(struct eval *eval, const struct fhirpath_value *a, const struct fhirpath_value *b,
                 enum truth *truth);

/* FHIRPath's `~`: case and white space of strings, precision of numbers
 * do not count, nor the order of repeating elements. */
bool value_equivalent(struct eval *eval, const struct fhirpath_value *a,
                      const struct fhirpath_value *b, bool *same);

enum order { ORDER_LESS = -1, ORDER_EQUAL = 0, ORDER_GREATER = 1, ORDER_UNKNOWN = 2 };

/* FHIRPath's `<`. Refused when the two have no order. */
bool value_compare(struct eval *eval, const struct fhirpath_value *a,
                   const struct fhirpath_value *b, enum order *order);

/* The text that toString() gives. False when the value has none. */
bool value_to_text(struct eval *eval, const struct fhirpath_value *value, struct text *text);
