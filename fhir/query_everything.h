#pragma once

/*
 * Query everything - the operation $everything on a patient, as a search over all types that
 * belong to the patient's compartment.
 */

#include "fhir/query.h"

/*
 * Reads the operation's parameters (start, end, _since, _type, _count; _page of a following
 * page). The patient comes first; what resources refer to and is nobody's own (Practitioner,
 * Organization, Location, Medication, ...) is included with each page. start and end are about
 * the date of care; what has none is always part of it. NULL with findings and err.
 */
const struct query *query_everything(struct arena *arena, struct text patient, struct text text,
                                     const struct query_options *options, struct issues *issues,
                                     struct err *err);
