#pragma once

/*
 * Batch and transaction - the two things a Bundle posted to the base can be.
 */

#include "fhir/bundle.h"
#include "server/request.h"

/* Waits. All entries or none (R4 http.html#trules). */
bool transaction(struct request *req, const struct bundle *bundle, struct err *err);
