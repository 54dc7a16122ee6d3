#pragma once

/*
 * Subset - answers that hold less than the stored resource, as _summary and
 * _elements ask (fhir/projection.h). Without them stored bytes are sent as
 * they are.
 */

#include "server/request.h"

struct buf;

/* Whether this is the name of such a parameter. */
bool subset_takes(struct text name);

/* Reads req->projection from the URL of an interaction that is no search (which has read them
 * with all its parameters). */
bool subset_read(struct request *req, struct err *err);

/* Appends the resource of an entry, or what is wanted of it. R4 search.html#elements: _elements
 * is about matches, not about what is included. */
void subset_add(const struct request *req, const struct store_entry *entry, struct buf *out);

/* The same for an answer that is one version. */
void subset_answer(struct request *req, const struct store_version *version);
