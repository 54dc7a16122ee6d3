#pragma once

/*
 * Routes - what the server can do, as data. The router and the
 * CapabilityStatement read the same rows, so they cannot disagree.
 */

#include "server/request.h"

#include <stdbool.h>

/* ROUTE_OWN: of this server, with an id or a type or neither; no CapabilityStatement could name it.
 */
enum route_level { ROUTE_SYSTEM, ROUTE_TYPE, ROUTE_INSTANCE, ROUTE_OWN };

struct route {
    const char *method;
    const char *pattern; /* below the base; {type}, {id}, {version} and {member} match one segment;
                            a type in place of {type} makes a row of that type only */
    const char *interaction; /* the FHIR code: "read", "search-type"; of an operation its name with
                                the dollar sign: "$validate"; for CapabilityStatement and metrics */
    interaction_fn *run;
    enum route_level level;
    bool body;              /* takes a resource as body */
    const char *definition; /* of an operation: canonical of its OperationDefinition; else NULL */
};

/* Ended by a row of NULLs. */
extern const struct route routes[];

/* Whether the row is there for this resource type. */
bool route_serves(const struct route *route, const char *type);

/* Fills route, type, id and version of the request from method and path. HEAD
 * finds the row of GET. Refusals: unknown type, malformed id (R4
 * datatypes.html#id), no such path, method not offered on it (ERR_METHOD, with
 * an Allow header in the answer). */
bool route_find(struct request *req, struct err *err);
