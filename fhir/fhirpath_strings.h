#pragma once

/*
 * What FHIRPath's functions on strings share (fhirpath_strings.c,
 * fhirpath_matches.c).
 */

#include "fhir/fhirpath_functions.h"

#include "fhir/fhirpath_eval.h"

struct buf;

/* The focus and the first argument as strings; false with an error when the focus is none, and
 * `*found` false when it is a primitive without a value. */
bool eval_focus_and_text(struct eval *eval, const struct expr *call, const struct scope *scope,
                         const struct list *focus, struct text *text, struct text *arg,
                         bool *found);

/* The focus and the two arguments of replace() and replaceMatches(). */
bool eval_replacement(struct eval *eval, const struct expr *call, const struct scope *scope,
                      const struct list *focus, struct text *text, struct text *pattern,
                      struct text *with, bool *found);

/* Adds what was built as a string. */
bool list_add_built(struct eval *eval, struct list *out, struct buf *buf);
