#pragma once

/*
 * Format - which representation a client sends and wants (R4 http.html#mime-type).
 * FHIR JSON is the one offered; everything else is refused by name.
 */

#include "server/request.h"

#define FORMAT_FHIR_JSON "application/fhir+json; charset=utf-8"

/* Reads Accept, _format, _pretty and Prefer of a request (entries of a Bundle
 * inherit theirs); ERR_NOT_ACCEPTABLE when no JSON is wanted. */
bool format_negotiate(struct request *req, struct err *err);

/* Whether the body's Content-Type is FHIR JSON of R4, else ERR_MEDIA_TYPE. */
bool format_check_body(const struct request *req, struct err *err);

/* Rewrites the answer's body, which is FHIR JSON, with indentation. */
void format_prettify(struct request *req);

/* Percent-decodes a part of a query. */
struct text format_decode(struct arena *arena, struct text raw);

/* The value of a parameter in a raw query, percent-decoded; absent if there is none. */
struct text format_parameter(const struct request *req, const char *name);
