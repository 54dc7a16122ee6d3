#pragma once

/*
 * Pg, inside - what the files that know libpq share. What was sent stands in
 * a queue; libpq answers in the same order. A request whose reply was dropped
 * stays in the queue until its answer has come.
 *
 *   pg.c             sending, waiting, transactions
 *   pg_receive.c     answers
 *   pg_connection.c  connecting, losing, connecting again
 */

#include "storage/pg.h"
#include "storage/pg_statements.h"

#include <libpq-fe.h>

struct event;

enum state { CONNECTING, SETTING_UP, READY, BACKING_OFF };

enum request_kind {
    REQUEST_SETUP,   /* the settings of the session */
    REQUEST_PREPARE, /* `owner` needs it */
    REQUEST_QUERY,
    REQUEST_CONTROL, /* begin, commit, rollback, deallocate: plain SQL without parameters */
    REQUEST_SYNC,
};

struct pg_request {
    struct pg_request *next;
    struct pg_reply *reply;   /* borrowed; NULL when nobody waits */
    struct pg_request *owner; /* PREPARE: the query behind it */
    struct arena *arena;      /* borrowed while there is a reply; so are the parameters */
    const struct pg_params *params;
    struct prepared *prepared;
    unsigned number; /* of the prepared statement */
    enum request_kind kind;
    bool answered;
    bool again; /* was sent before: now alone */
    enum err_kind failure;
    char sqlstate[6];
};

struct queue {
    struct pg_request *first, **end;
};

struct pg {
    struct loop *loop;
    struct pg_config config;
    enum state state;
    PGconn *conn;
    struct event *readable, *writable, *timer;
    struct queue sent;  /* in the order of the answers */
    struct queue held;  /* PG_SHARED: until connected */
    struct queue again; /* PG_SHARED: aborted by a neighbour */
    struct pg_request *spare;
    struct statements *statements;
    struct waiter *connect_waiters[64];
    unsigned connect_waiting;
    bool unsynced;         /* something was sent since the last sync */
    bool in_transaction;   /* PG_EXCLUSIVE: between begin and commit or rollback */
    bool transaction_lost; /* its connection went */
    bool committing;
    enum err_kind batch_failure; /* of the first statement that failed since the last sync */
    char batch_sqlstate[6];
    int backoff_ms;
    int64_t progress; /* when the last answer came, or the first request was sent */
    char why[256];    /* it could not connect */
    struct pg_counters counters;
};

/* Connection. */

/* The connection is of no use any more: connects anew at once. Only when that
 * fails as well do those who wait learn of it. */
void pg_lose(struct pg *pg);

/* It is there: what was held until now is sent, who waited for it is woken. Or it cannot be made:
 * they learn `why`, and it is tried again after a pause. */
void pg_ready(struct pg *pg);
void pg_cannot_connect(struct pg *pg, const char *why);

/* Answers with a failure, and frees. */
void pg_give_up(struct pg *pg, struct pg_request *request);

/* Sending. Each may lose the connection. */

/* Sends a statement, and its preparation when it has none. */
void pg_dispatch(struct pg *pg, struct pg_request *request);

/* Adds to those whose answers come, in this order. */
void pg_enqueue(struct pg *pg, struct pg_request *request);

/* A sync of its own, now; `reply`, which may be NULL, is answered by it. */
void pg_sync_now(struct pg *pg, struct pg_reply *reply);

/* As much as the socket takes; the rest when it is writable. */
void pg_flush(struct pg *pg);

/* From the loop: one sync for all that the turn sent; the socket takes more. */
void pg_on_turn_end(void *context);
void pg_on_writable(int fd, short events, void *context);

/* Receiving. */

/* From the loop. */
void pg_on_readable(int fd, short events, void *context);

/* Hands the outcome to who waits, if somebody still does; `sqlstate` may be "". Does not free. */
void pg_answer(struct pg_request *request, enum err_kind kind, const char *sqlstate);

/* Requests. */

/* Freed ones are kept and used again: there is one for each statement. */
struct pg_request *pg_request_new(struct pg *pg, enum request_kind kind);
void pg_request_free(struct pg *pg, struct pg_request *request);

/* At the end, and from the front; NULL when it is empty. */
void pg_queue_append(struct queue *queue, struct pg_request *request);
struct pg_request *pg_queue_take(struct queue *queue);
