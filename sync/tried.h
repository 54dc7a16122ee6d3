#pragma once

/*
 * Tried - what was asked for one by one, by type and id, and from when on it may be asked for
 * again. In memory and as hashes: whoever begins anew asks once more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tried_slot {
    uint64_t key; /* 0: a free one */
    int64_t again;
};

/* Zero-initialised is an empty one. */
struct tried {
    struct tried_slot *slots;
    size_t room, count;
};

void tried_release(struct tried *tried);

/* Whether it was never tried, or may be again at `now`, in microseconds since 1970. */
bool tried_may(const struct tried *tried, const char *type, const char *id, int64_t now);

/* It was tried; not `again` before that time. INT64_MAX: never. */
void tried_note(struct tried *tried, const char *type, const char *id, int64_t again);
