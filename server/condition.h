#pragma once

/*
 * Condition - searches inside requests: a search's own query, If-None-Exist,
 * references by search. One place that knows the limits and the base.
 */

#include "server/request.h"

#include "fhir/query.h"

/* Parses a search as this request may make it; NULL with err and req->issues set. */
const struct query *condition_query(struct request *req, const char *type, struct text text,
                                    struct err *err);

/*
 * Parses criteria that decide about a write. Unknown parameters are refused even with
 * handling=lenient, and so are criteria that select nothing in particular: a misspelt one
 * would create a duplicate at every repetition. `where` names the header or element.
 */
const struct query *condition_parse(struct request *req, const char *type, struct text criteria,
                                    const char *where, struct err *err);
