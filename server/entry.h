#pragma once

/*
 * Entry - an entry of a batch or transaction as a request of its own.
 */

#include "fhir/bundle.h"
#include "server/request.h"

/* "Bundle.entry[3]", in the request's arena. */
const char *entry_where(const struct request *req, size_t index);

/*
 * Makes a request out of an entry: method, path and query from
 * entry.request (relative, or absolute below our base), the resource as
 * parsed. False when the entry has no request or its URL is not ours.
 */
bool entry_request(const struct request *bundle, const struct bundle_entry *entry, size_t index,
                   struct request *req, struct err *err);

/* Whether two entries touch each other through their fullUrls, which a batch may not (R4
 * http.html#brules): the first link in `entry` to another's urn:uuid, or absent. */
struct text entry_foreign_link(const struct bundle *bundle, const struct bundle_entry *entry);
