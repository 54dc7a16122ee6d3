#pragma once

/*
 * Pg - one connection to PostgreSQL in pipeline mode, on a loop, for fibers.
 * Only pg*.c know libpq.
 *
 * Statements are sent when they are asked for and answered in order; many
 * fibers may have some under way at once. At the end of each turn of the loop
 * one sync ends what the turn has sent, so everything a turn sends is one
 * implicit transaction to PostgreSQL. What follows from that depends on what
 * the connection is for:
 *
 *  - PG_SHARED: for statements that write nothing. One that is aborted because
 *    a neighbour failed, or lost with its connection, is sent again, once alone.
 *  - PG_EXCLUSIVE: for one fiber at a time (storage/pool.h), and transactions.
 *    Nothing is sent again: after an error or a loss all fails until the
 *    transaction has ended.
 *  - PG_BATCH: for storage/lane.c, which says itself when to sync.
 *
 * Statements are prepared on their first use. Parameters and results are
 * binary, and PostgreSQL learns the type of a parameter from a cast in the
 * SQL: write `$1::int8`. Result columns must be of the type that is asked for.
 *
 * A lost connection is made again by itself. While it cannot be, everything
 * fails at once with ERR_BUSY.
 *
 * Failures, here and in pool.h and lane.h, by SQLSTATE:
 *     ERR_TIMEOUT   57014 (statement timeout), 55P03, or no answer in time
 *     ERR_CONFLICT  40001, 40P01 (see pg_is_retryable()), 23xxx
 *     ERR_BUSY      class 53 (disk full, out of memory), 57Pxx, connection lost or not there
 *     ERR_UNKNOWN   a commit whose answer was lost
 *     ERR_INTERNAL  all others
 * The text never contains anything PostgreSQL said but the SQLSTATE: its
 * messages may quote values.
 */

#include "base/err.h"
#include "base/fiber.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct loop;
struct pg;
struct pg_result;

enum pg_mode { PG_SHARED, PG_EXCLUSIVE, PG_BATCH };

/*
 * To whom a connection belongs that writes and searches resources (storage/member.h): it says the
 * number in its application_name ("isthmus/read #17"), and cannot be made while the database
 * relies on search parameters of which the owner does not know.
 */
struct pg_member {
    int64_t id;
    int64_t known; /* search parameters up to this number */
};

struct pg_config {
    const char *conninfo; /* borrowed for the life of the connection */
    const char *lane;     /* for application_name: isthmus/<lane>; borrowed */
    int timeout_ms;       /* statement_timeout; fibers wait half a second longer */
    enum pg_mode mode;
    const struct pg_member *member; /* borrowed likewise; NULL: reads and writes no resources */
    /* Called in the loop when a notification (LISTEN) has come, and whenever the connection was
     * made, anew or first: then it has to listen again. It may only wake fibers. NULL: none. */
    void (*stirred)(void *context);
    void *context;
};

/* Begins to connect. */
struct pg *pg_new(struct loop *loop, const struct pg_config *config);

/* Closes at once; whoever waits gets ERR_BUSY. NULL is a no-op. */
void pg_free(struct pg *pg);

/* Waits until connected or the attempt has failed. The text says why in libpq's words, which may
 * name host and user: for whoever runs the server, not for clients. */
bool pg_connect(struct pg *pg, struct err *err);

/* Parameters */

/* One statement that is fixed at compile time, known by its address: declare it `static const`. */
struct pg_statement {
    const char *sql;
};

/* Parameters $1, $2, ... in the order in which they are added. What is added
 * by pointer is borrowed (unless said otherwise) until the result is there. */
#define PG_PARAMS_MAX 512 /* asserted */
struct pg_params {
    struct arena *arena; /* borrowed */
    int count, room;
    const char **values;
    int *sizes;
};

struct pg_params pg_params_in(struct arena *arena);

void pg_add_null(struct pg_params *params);
void pg_add_bool(struct pg_params *params, bool value);
void pg_add_int2(struct pg_params *params, int16_t value);
void pg_add_int4(struct pg_params *params, int32_t value);
void pg_add_int8(struct pg_params *params, int64_t value);
void pg_add_float8(struct pg_params *params, double value);
void pg_add_char(struct pg_params *params, char value); /* "char" */
void pg_add_timestamp(struct pg_params *params,
                      int64_t time);                           /* µs since 1970; INT64_MIN and
                                                                  INT64_MAX are -infinity, infinity */
void pg_add_text(struct pg_params *params, struct text value); /* absent: NULL */
void pg_add_bytea(struct pg_params *params, const void *data, size_t size); /* data NULL: NULL */

/* Arrays are copied. `nulls` may be NULL; where true, the element is NULL. */
void pg_add_int2_array(struct pg_params *params, const int16_t *values, size_t count);
void pg_add_int4_array(struct pg_params *params, const int32_t *values, size_t count);
void pg_add_int8_array(struct pg_params *params, const int64_t *values, const bool *nulls,
                       size_t count);
void pg_add_float8_array(struct pg_params *params, const double *values, const bool *nulls,
                         size_t count);
void pg_add_timestamp_array(struct pg_params *params, const int64_t *values, const bool *nulls,
                            size_t count);
void pg_add_text_array(struct pg_params *params, const struct text *values, size_t count);
void pg_add_bytea_array(struct pg_params *params, const struct text *values, size_t count);

/* Places of rows (tid), as results have them. */
enum { PG_PLACE_SIZE = 6 };
void pg_add_place_array(struct pg_params *params, const struct text *values, size_t count);

/* Running */

/* Waits. One statement and its result, which lives in `arena`. */
bool pg_query(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
              struct arena *arena, const struct pg_result **result, struct err *err)
    __attribute__((warn_unused_result));

/* Waits. The same for SQL that is made at run time; known by its text, and
 * kept prepared as long as it is among the 256 last used of the connection. */
bool pg_query_sql(struct pg *pg, const char *sql, const struct pg_params *params,
                  struct arena *arena, const struct pg_result **result, struct err *err)
    __attribute__((warn_unused_result));

/* A statement under way. Zero it; everything in it but `sqlstate` is pg.c's. */
struct pg_reply {
    struct waiter waiter;
    struct pg *pg;
    struct pg_request *request; /* NULL when answered, or never sent */
    const struct pg_result *result;
    enum err_kind kind; /* ERR_NONE: the result is there */
    char sqlstate[6];   /* "" when PostgreSQL did not say one */
};

/* Several at once: send them all, then wait for each. Every reply that was
 * sent must be waited for, or dropped, before the arena and the reply go.
 * `params` may be NULL. */
void pg_send(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
             struct arena *arena, struct pg_reply *reply);
void pg_send_sql(struct pg *pg, const char *sql, const struct pg_params *params,
                 struct arena *arena, struct pg_reply *reply);

/* Waits. NULL in place of `result` when it does not matter. After a failure
 * reply->sqlstate says more. */
bool pg_wait(struct pg_reply *reply, const struct pg_result **result, struct err *err)
    __attribute__((warn_unused_result));

/* The answer still comes, and is thrown away: a pipeline has no holes. */
void pg_drop(struct pg_reply *reply);

/* Whether the same transaction, run again, may succeed: serialization failure, deadlock. */
bool pg_is_retryable(const char *sqlstate);

/* Transactions, on PG_EXCLUSIVE */

/* Does not wait: BEGIN goes out with the statement that follows, and a
 * failure of it shows there. */
void pg_begin(struct pg *pg);

/* Waits until it is durable. ERR_UNKNOWN when the connection was lost
 * meanwhile; every other failure means that nothing was written. */
bool pg_commit(struct pg *pg, struct err *err) __attribute__((warn_unused_result));

/* Waits. Harmless when no transaction is open. */
void pg_rollback(struct pg *pg);

/* Batches, on PG_BATCH (for lane.c) */

/* Ends what was sent since the last sync. The reply's `kind` is ERR_NONE when
 * all of it was committed, and the failure of the one that was to blame otherwise. */
void pg_sync(struct pg *pg, struct pg_reply *reply);

/* Results */

int pg_rows(const struct pg_result *result);
int pg_affected(const struct pg_result *result); /* rows that insert, update, delete touched */
bool pg_is_null(const struct pg_result *result, int row, int column);
bool pg_bool(const struct pg_result *result, int row, int column);
int16_t pg_int2(const struct pg_result *result, int row, int column);
int32_t pg_int4(const struct pg_result *result, int row, int column);
int64_t pg_int8(const struct pg_result *result, int row, int column);
double pg_float8(const struct pg_result *result, int row, int column);
char pg_char(const struct pg_result *result, int row, int column);
int64_t pg_timestamp(const struct pg_result *result, int row, int column);

/* Text (NUL-terminated besides) and bytea; absent for NULL. Lives as long as the result. */
struct text pg_text(const struct pg_result *result, int row, int column);
struct text pg_bytea(const struct pg_result *result, int row, int column);

/* Copied into the arena; NULL elements are 0. *count is 0 for NULL. */
int64_t *pg_int8_array(const struct pg_result *result, int row, int column, struct arena *arena,
                       size_t *count);

/* For /metrics. */
struct pg_counters {
    uint64_t statements; /* sent */
    uint64_t syncs;
    uint64_t failures; /* answered with an error of their own */
    uint64_t again;    /* sent again */
    uint64_t timeouts; /* given up waiting */
    uint64_t connects;
    uint64_t under_way;
    uint64_t open; /* connections that are ready: 0 or 1; a pool's are added up */
};
void pg_count(const struct pg *pg, struct pg_counters *counters);
