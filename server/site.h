#pragma once

/*
 * Site - what is served beside the FHIR base, for operators:
 *   /healthz  200 while the process serves (restart it when not)
 *   /readyz   200 when it can answer now: database there, not stopping (send no traffic when not)
 *   /metrics  Prometheus text
 *   /completeness, /partners/ID/completeness  see completeness.h
 *   /         where things are
 */

#include "server/request.h"

/* Waits. Fills the answer. */
void site_run(struct request *req, struct text path);
