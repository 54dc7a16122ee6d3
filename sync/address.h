#pragma once

/*
 * Addresses - links to resources of other servers, taken apart, and whose they are. Ids of
 * partners have any form and length up to LANDING_SOURCE_ID_MAX, so fhir/search_values.h's
 * reference_split(), which knows FHIR's ids, is not for them.
 */

#include "base/text.h"
#include "sync/apply.h"

#include <stdbool.h>
#include <stdint.h>

struct address {
    struct text base; /* without a slash at the end; empty: a relative link */
    struct text type, id;
    struct text name; /* "Type/id" as written */
};

/* Takes [base/]Type/id[/_history/n][#fragment] apart; false for anything else: fragments, urn:,
 * searches, canonical urls with versions, addresses of other things. */
bool address_split(struct text link, struct address *address);

/* Whether `base` is one under which the partner, or this server, is known; "" is not. */
bool address_is_partner(const struct apply_partner *partner, struct text base);
bool address_is_own(const struct apply_config *config, struct text base);

/* The number of the partner whose base this is, of those that are passed on; 0: none's. */
int32_t address_partner(const struct apply_config *config, struct text base);
