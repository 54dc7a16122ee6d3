#pragma once

/*
 * Provenance - the X-Provenance header (R4 provenance.html#header): who and
 * what stands behind a write, stored with it in one transaction.
 */

#include "server/request.h"

/* Reads and validates the header, if the request writes and has one: from then on it goes with
 * what is written (access.provenance). ERR_INVALID when it is no valid Provenance. */
bool provenance_take(struct request *req, struct err *err);
