#pragma once

/*
 * Cursors - where the next page begins, as a text that clients hand back
 * unread. It is signed together with a hash of the query it continues, so
 * that one made elsewhere, changed, or used with another query is refused.
 *
 *     base64url( tag of each field and the field ... , 8 bytes SipHash )
 *
 * Writing: cursor_begin(), put fields in a fixed order, cursor_text().
 * Reading: cursor_open(), take the same fields, cursor_end().
 */

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct cursor {
    struct arena *arena;
    struct buf bytes; /* writing */
    struct text rest; /* reading */
    bool failed;      /* reading: a field was not there */
};

struct cursor cursor_begin(struct arena *arena);
void cursor_put_int(struct cursor *cursor, int64_t value);
void cursor_put_float(struct cursor *cursor, double value);
void cursor_put_text(struct cursor *cursor, struct text value); /* absent stays absent */

/* `query` is a hash of everything that must be the same on the next page
 * (tenant, parameters, sort, client): made with hash_*() and store->cursor_key. */
const char *cursor_text(struct cursor *cursor, const struct hash_key *key, uint64_t query);

/* Fails with ERR_GONE when it is no cursor of ours for this query. `text` may
 * be any bytes. */
bool cursor_open(struct cursor *cursor, struct arena *arena, struct text text,
                 const struct hash_key *key, uint64_t query, struct err *err);
int64_t cursor_take_int(struct cursor *cursor);
double cursor_take_float(struct cursor *cursor);
struct text cursor_take_text(struct cursor *cursor);

/* Fails with ERR_GONE when the fields were not those taken. */
bool cursor_end(const struct cursor *cursor, struct err *err);
