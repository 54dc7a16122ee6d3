#pragma once

/*
 * Bindings - whether coded elements use the codes they are bound to
 * (R4 terminologies.html#strength), and whether the codes themselves exist.
 *
 * What cannot be decided, because a value set or code system is not loaded, is
 * said once and is never an error. Codes and displays are never quoted.
 */

#include "base/text.h"
#include "fhir/issue.h"
#include "fhir/terminology.h"
#include "fhir/type.h"

#include <stdbool.h>

struct definitions;
struct issues;
struct node;
struct rule;

/*
 * Checks an element of type code, uri, string, Coding, CodeableConcept or
 * Quantity (its unit) against a value set; elements of other types and those
 * without any value are passed over. Of a CodeableConcept one coding is enough.
 */
void binding_check(const struct definitions *definitions, enum binding_strength strength,
                   struct text value_set, const struct node *node, struct issues *issues);

/* The same for the binding of a profile, which the findings then name. */
void binding_check_rule(const struct definitions *definitions, const struct rule *rule,
                        const struct node *node, struct issues *issues);

/* Whether a coded element, as above, has a code of the value set. UNKNOWN: `*missing` is what would
 * have to be loaded, absent when it is a part of the set. NO for what has no code. */
enum code_answer binding_answer(const struct definitions *definitions, struct text value_set,
                                const struct node *node, struct text *missing);

/*
 * Checks a Coding, or a Quantity's unit, by itself, bound or not: whether its
 * system defines the code, and whether the display is one of the code's.
 */
void coding_check(const struct definitions *definitions, const struct node *coding,
                  enum issue_severity wrong_display, struct issues *issues);
