#pragma once

/* Versions - rules about the versions of one resource, for all writers. */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct current;
struct node;
struct store;

/* meta.lastUpdated of a version that follows one of `previous` (0: none): now, but at least a
 * millisecond later, whatever the clocks of several machines say. Whole milliseconds. */
int64_t version_time(int64_t previous);

/* Fails with ERR_CONFLICT when the key of `id` is taken by another id. `where` may be NULL. */
bool version_same_id(const struct current *current, struct text id, const char *where,
                     struct err *err);

/* Whether if_match (storage/store.h) asks for another version than the current one. */
bool version_is_other(const struct current *current, int64_t if_match);

/* Whether `resource` is what is stored already but for meta.versionId and
 * meta.lastUpdated. `*json` gets the stored bytes. The resource gets the stored stamp. */
bool version_compare(struct store *store, const struct current *current, struct node *resource,
                     struct arena *arena, struct text *json, bool *same, struct err *err);
