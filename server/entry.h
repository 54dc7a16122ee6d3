#pragma once

/*
 * Entry - an entry of a batch or transaction as a request of its own.
 */

#include "fhir/bundle.h"
#include "fhir/issue.h"
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

/* Whether its answer in the response Bundle carries a resource: what was read
 * does, what was written only with Prefer: return=representation. */
bool entry_wants_resource(const struct request *entry);

/* The fullUrls of a batch's entries, in an order in which they can be looked up. */
struct entry_names {
    struct text *urls;
    size_t count;
};

struct entry_names entry_names(struct arena *arena, const struct bundle *bundle);

/* Whether entries depend on one another, which in a batch they may not (R4
 * http.html#brules): a reference in `entry` to another's urn:uuid; absent if
 * there is none. */
struct text entry_foreign_link(const struct entry_names *names, const struct bundle_entry *entry);

/*
 * Moves the findings about a Bundle to the entries that they are about, one
 * list an entry; those about a resource get its FHIRPath ("Patient.name"). False when
 * an error is about the Bundle itself, or when there were too many to keep.
 */
bool entry_findings(const struct bundle *bundle, const struct issues *all, struct arena *arena,
                    struct issues **lists);
