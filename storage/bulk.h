#pragma once

/*
 * Bulk - many new rows at once, for transactions: one `insert ... select from
 * unnest(...)` for each table they touch, a third of the work of one statement each.
 */

#include "storage/change.h"
#include "storage/pg.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct bulk {
    struct pg *pg;
    struct arena *arena;       /* answers */
    struct arena *scratch;     /* what is sent, and no longer wanted then */
    struct sent *first, *last; /* under way, oldest first */
    size_t count;
};

/* The caller may reset `scratch` between any two calls. */
struct bulk bulk_in(struct pg *pg, struct arena *arena, struct arena *scratch);

/* Sends the changes, some hundred at most, and waits for nothing. All are inserts. The array is put
 * in another order. */
void bulk_insert(struct bulk *bulk, struct change **changes, size_t count);

/* Sends one change of any kind. */
void bulk_change(struct bulk *bulk, const struct change *change);

/* Waits for everything that was sent. `*raced`: somebody else wrote one of the resources meanwhile,
 * and the transaction must start again. */
bool bulk_wait(struct bulk *bulk, bool *raced, char sqlstate[6], struct err *err);

/* The same, but only until at most `most` are under way. */
bool bulk_wait_for_room(struct bulk *bulk, size_t most, bool *raced, char sqlstate[6],
                        struct err *err);

/* Instead of waiting. */
void bulk_drop(struct bulk *bulk);
