#pragma once

/*
 * Landing, inside - what the files landing*.c share.
 */

#include "storage/landing.h"
#include "storage/store_internal.h"

enum { LOCAL_SIZE = UUID_BYTES };

/* An id of ours as it is stored. */
struct local {
    unsigned char bytes[LOCAL_SIZE];
};

/* Of a resource of a partner: always the same, known before the resource is (a keyed hash, written
 * as a UUID). */
struct local local_of(const struct store *store, int32_t partner, struct text type, struct text id);

/* As pool_run(), where nobody wants the result, in an arena that ends with it. `*affected` may be
 * NULL. */
bool landing_run_alone(struct store *store, const struct pg_statement *statement,
                       struct pg_params *params, int *affected, struct err *err);

/* Waits. Reads what a statement finds of a partner, its only parameter. */
bool landing_of_partner(struct store *store, const struct pg_statement *statement, int32_t partner,
                        struct arena *arena, const struct pg_result **result, struct err *err);

/* Keyed hashes of texts, as they are stored. */
int64_t landing_hash(const struct store *store, struct text text);

/* Dead letters d that a filter means, and its parameters: $1 to $6. */
#define LANDING_DEAD_FILTER                                                                        \
    " d.partner = $1::int4 and ($2::int8 = 0 or d.number = $2::int8)"                              \
    " and ($3::text is null or d.class = $3::text)"                                                \
    " and ($4::timestamptz is null or d.first >= $4::timestamptz)"                                 \
    " and ($5::timestamptz is null or d.first <= $5::timestamptz)"                                 \
    " and ($6::int8 = 0 or exists (select from f_sync_unit o where o.number = d.unit"              \
    "  and o.window_number = $6::int8))"
void landing_add_dead_filter(struct pg_params *params, int32_t partner,
                             const struct landing_dead_filter *filter);

/* partner, mode, type, query hash; and query: $1 to $5. */
void landing_add_key(struct pg_params *params, const struct store *store,
                     const struct landing_cursor_key *key);

/* "now" is the database's. A time or INT64_MIN, and a text or NULL. */
int64_t landing_time(const struct pg_result *result, int row, int column);
void landing_add_time(struct pg_params *params, int64_t time);

/* Rows end to end, and back; what comes back borrows from `bytes`. */
void landing_rows_write(const struct landing_row *rows, size_t count, struct buf *out);
bool landing_rows_next(struct text *bytes, struct landing_row *row, struct err *err);

/* The number of a type, ERR_INVALID when R4 has none such. */
bool landing_type(const char *type, int16_t *number, struct err *err);

/* A resource of ours: the number of its type, its id as a local one (none is all zeros), and as
 * text. */
bool landing_add_resource(struct pg_params *params, const char *type, const char *id,
                          struct err *err);

/* The presence of a row as its letter in the database, and back. */
char landing_presence_letter(enum landing_presence presence);
enum landing_presence landing_presence_of(char letter);

/* Counts of six columns from `column` on: expected, landed, applied, unchanged, older, dead,
 * waiting. */
struct landing_counts landing_counts_of(const struct pg_result *result, int row, int column);

/* Waits. landing_cursor_set() within a transaction. */
bool landing_move_cursor(struct store *store, struct pg *pg, const struct landing_cursor *cursor,
                         bool *moved, struct err *err);
