#pragma once

/*
 * Replay - a history Bundle posted to the base (R4 http.html#other-bundles): what happened on
 * another server happens here again.
 */

#include "fhir/bundle.h"

/* Makes each entry a PUT or DELETE of its own id, and says in which order: oldest first, and each
 * resource's versions in theirs. Entries that are no writes stay as they are. */
size_t *replay_order(struct arena *arena, struct bundle *bundle);
