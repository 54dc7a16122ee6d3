#pragma once

/*
 * Keys - what makes conditional creates happen once (docs/decisions/0014). Equal criteria have
 * the same row in f_key. Who found nothing and creates takes that row in the transaction that
 * creates: inserts it, or replaces the holder he knows. Who cannot has lost a race: he reads the
 * holder, then searches again, in this order.
 *
 * A row is removed when it is so old that nobody can be left who searched before it was there.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct lane;
struct pg;
struct query;
struct store;
struct tokens;

struct key {
    int64_t key;
    bool held;      /* there was a row when it was read last */
    int64_t holder; /* in it */
};

/* For how long what a search found, or did not, may decide a write. Much shorter than the life of a
 * row. */
enum { KEY_TRUST_S = 120 };

/* Equal for criteria that are equal but for their order. */
int64_t key_of(const struct tokens *tokens, const struct query *query, struct arena *arena);

/* Sorts them and removes what is double; how many are left. And the one with this key, which
 * is there. */
size_t key_sort(struct key *keys, size_t count);
struct key *key_find(struct key *keys, size_t count, int64_t key) __attribute__((returns_nonnull));

/* Waits. Reads who holds them; they are sorted. `sqlstate` (may be NULL) gets that of a failure. */
bool key_read(struct pg *pg, struct key *keys, size_t count, struct arena *arena, char sqlstate[6],
              struct err *err);

/* Waits, also for others who take one of them at this moment. `*all`: each was as it was read
 * last and is ours now; otherwise the transaction must start again. */
bool key_take(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
              struct arena *arena, bool *all, char sqlstate[6], struct err *err);

/* Begins to remove old rows now and then, until the store is closed. */
void key_start_removal(struct store *store);

/* Waits. One step of it; false when there is nothing left to remove, or it failed. */
bool key_remove_old(struct store *store);
