#pragma once

/*
 * Preconditions - ETags and the headers that compare with them (R4
 * http.html#concurrency, #cread).
 */

#include "server/request.h"

/* Reads W/"3", "3" or 3; false for anything else. */
bool etag_parse(struct text text, int64_t *version);

/* Whether If-None-Match or If-Modified-Since says that the client has this. */
bool precondition_not_modified(const struct request *req, const struct store_version *version);

/* Adds ETag and Last-Modified to the answer. */
void answer_etag(struct request *req, const struct store_version *version);
