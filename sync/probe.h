#pragma once

/*
 * Probe - finds out what another FHIR server really honours, by asking it
 * things whose right answers are known, and proposes how to pull from it.
 */

#include "base/err.h"

#include <jansson.h>

struct arena;
struct fetch_guard;
struct fetcher;
struct secret_header;

struct probe_request {
    const char *base;
    const char *id;              /* for the proposal */
    const char *const *networks; /* as texts, for the proposal; NULL-ended */
    const struct fetch_guard *guard;
    const struct secret_header *headers; /* the last has no name */
    const char *ca_file;                 /* whom to trust; NULL: as the system does */
};

/*
 * Waits. An object with `found` (what was seen) and `proposal` (a document for
 * partner_parse()); the caller frees it. NULL when the base does not answer as a FHIR
 * server does, or asks to be left alone (ERR_BUSY). With an error when there is nothing to pull:
 * then the proposal has no queries.
 */
json_t *probe_partner(struct fetcher *fetcher, const struct probe_request *request,
                      struct arena *arena, struct err *err);
