#pragma once

/*
 * Forwards - whose records a partner passes on, as the operator says of it: other partners of ours,
 * named by their ids or by an address of theirs. What it brings of them is theirs here
 * (docs/sync.md, "Who passes on records of others").
 */

#include "base/err.h"
#include "sync/apply.h"

#include <stdbool.h>
#include <stddef.h>

struct access;
struct arena;
struct partner;
struct store;

struct forwards {
    struct apply_partner *partners;
    size_t count;
    const char *unknown; /* the first that is no other partner of ours; NULL: all are */
};

/* Waits. None, without looking, when the partner's document names nobody. Lives in the arena. */
bool forwards_read(struct store *store, const struct access *access, const struct partner *partner,
                   struct arena *arena, struct forwards *forwards, struct err *err);

/* Whether this is an address of one of them. */
bool forwards_has(const struct forwards *forwards, struct text base);
