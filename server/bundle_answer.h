#pragma once

/*
 * Bundle answers - what batch and transaction answer with (R4
 * http.html#transaction-response): one entry for each of the request, in its order.
 */

#include "server/request.h"

struct buf;

void bundle_answer_begin(struct buf *out, const char *type);

/* Adds one entry. `representation`: with the resource, not only the response. */
void bundle_answer_add(struct buf *out, const struct answer *answer, bool representation);

void bundle_answer_end(struct request *req, struct buf *out);
