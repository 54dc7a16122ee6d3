#pragma once

/*
 * Status of results - what an update of an Observation or DiagnosticReport may
 * not do, because somebody would act on it (R4 valueset-observation-status,
 * valueset-diagnostic-report-status):
 *
 *  - make a draft (registered, preliminary, partial) of what was released
 *    (final, amended, corrected, appended): the draft would be shown in its place;
 *  - make `final` of what was corrected (amended, corrected, appended): the final
 *    result from before the correction has arrived late;
 *  - bring back what was withdrawn (entered-in-error) in any way but as a correction;
 *  - put what was issued earlier in the place of what was issued later.
 *
 * cancelled and entered-in-error are always allowed, and so is `unknown`.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

struct node;

/* `stored` are the bytes of the current version. Other types pass. ERR_UNPROCESSABLE. */
bool result_status_check(struct text stored, const struct node *resource, struct err *err);
