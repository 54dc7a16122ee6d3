#pragma once

/*
 * Format - which representation a client sends and wants (R4 http.html#mime-type).
 * FHIR's JSON and XML are offered; everything else is refused by name.
 *
 * Interactions know JSON only: they answer with it, as it is stored, and what
 * another format needs is done to the finished answer.
 */

#include "server/request.h"

#define FORMAT_FHIR_JSON "application/fhir+json; charset=utf-8"
#define FORMAT_FHIR_XML  "application/fhir+xml; charset=utf-8"

struct json_limits;

/* Reads Accept, _format, _pretty and Prefer of a request (entries of a Bundle
 * go into a Bundle, whatever theirs say); ERR_NOT_ACCEPTABLE when neither is wanted. */
bool format_negotiate(struct request *req, struct err *err);

/* Reads the body as what its Content-Type says, JSON if it says nothing; NULL
 * with ERR_MEDIA_TYPE when we do not read that, else as json_read(). */
struct node *format_read_body(struct request *req, const struct json_limits *limits,
                              struct err *err);

/* Gives an answer of FHIR JSON the form the client wants: XML, indentation. */
void format_answer(struct request *req);

/* Percent-decodes a part of a query. */
struct text format_decode(struct arena *arena, struct text raw);

/* The value of a parameter in a raw query, percent-decoded; absent if there is none. */
struct text format_parameter(const struct request *req, const char *name);
