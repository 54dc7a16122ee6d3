#pragma once

/*
 * Outcome - refusals as OperationOutcomes (R4 operationoutcome.html), and the
 * one table that maps kinds of errors to HTTP status and issue codes.
 */

#include "base/err.h"
#include "base/text.h"

struct arena;
struct issues;

int outcome_status(enum err_kind kind);

/* The JSON of an OperationOutcome for `err`, followed by the findings in
 * `issues` (NULL: none). When there are findings that are errors, they stand
 * for `err`. `number` is the request's, for the reader who asks an operator. */
struct text outcome_json(struct arena *arena, const struct err *err, const struct issues *issues,
                         const char *number);
