#pragma once

/*
 * Routes - what the server can do, as data. The router and the
 * CapabilityStatement read the same rows, so they cannot disagree.
 */

#include "server/request.h"

#include <stdbool.h>

enum route_level { ROUTE_SYSTEM, ROUTE_TYPE, ROUTE_INSTANCE };

struct route {
    const char *method;
    const char *pattern;     /* below the base; {type}, {id} and {version} match one segment */
    const char *interaction; /* the FHIR code: "read", "search-type"; for the CapabilityStatement */
    interaction_fn *run;
    enum route_level level;
    bool body; /* takes a resource as body */
};

/* Ended by a row of NULLs. */
extern const struct route routes[];

/* Fills route, type, id and version of the request from method and path. HEAD
 * finds the row of GET. Refusals: unknown type, malformed id (R4
 * datatypes.html#id), no such path, method not offered on it (ERR_METHOD, with
 * an Allow header in the answer). */
bool route_find(struct request *req, struct err *err);
