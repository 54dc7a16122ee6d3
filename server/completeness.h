#pragma once

/*
 * Completeness - whether what came from partners can be relied on, as JSON:
 *   /partners/[id]/completeness             of a partner: each pull, its rows, its gaps
 *   /partners/[id]/completeness?patient=ID  of one record, as far as it is from there
 *   /completeness?patient=ID                of one record, whoever it is from
 * Every answer has `complete`, and `reasons` when it is not (docs/sync.md).
 */

#include "server/request.h"

#include <jansson.h>

struct landing_partner;

/* Waits. Fills the answer; false, and nothing is done, when the path is none of these. */
bool completeness_run(struct request *req, struct text path);

/* ---- between the files of completeness ---- */

/* What is said, and why it is not enough. */
struct completeness {
    struct request *req;
    json_t *reasons;
};

void completeness_doubt(struct completeness *asked, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Microseconds since 1970 as an instant; null for INT64_MIN. */
json_t *completeness_time(int64_t time);

/* completeness_partner.c. Waits. Of its pulls alone, and with its windows that were given up and
 * its dead letters. NULL with `err`; else the caller's. */
json_t *completeness_of_pulls(struct completeness *asked, const struct landing_partner *landed,
                              struct err *err);
json_t *completeness_of_partner(struct completeness *asked, const struct landing_partner *landed,
                                struct err *err);

/* completeness_patient.c. Waits. `only` NULL: of all partners. NULL with `err`. */
json_t *completeness_of_patient(struct completeness *asked, const char *id,
                                const struct landing_partner *only, struct err *err);
