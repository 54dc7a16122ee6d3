/*
 * Pg - taking answers from libpq and handing them to who waits.
 */

#include "storage/pg_internal.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "storage/pg_value.h"

#include <assert.h>

static void collect(struct pg *pg);
static void take_notifications(struct pg *pg);
static void take_result(struct pg *pg, struct pg_request *request, PGresult *result);
static void take_success(struct pg *pg, struct pg_request *request, PGresult *result);
static const struct pg_result *make_result(struct arena *arena, PGresult *from);
static void clear_result(void *result);
static void take_sync(struct pg *pg);
static void take_aborted(struct pg *pg, struct pg_request *request);
static bool may_repeat(const struct pg *pg, const struct pg_request *request);
static void send_again(struct pg *pg, struct pg_request *old);
static void dispatch_again(struct pg *pg);
static void take_failure(struct pg *pg, struct pg_request *request, const PGresult *result);
static void fail_request(struct pg *pg, struct pg_request *request, enum err_kind kind,
                         const char *sqlstate);
static bool ended_session(const PGresult *result);
static enum err_kind kind_of(const char *sqlstate);

void pg_on_readable(int fd, short events, void *context)
{
    struct pg *pg = context;
    PGconn *conn = pg->conn;
    bool open = PQconsumeInput(conn);

    (void)fd;
    (void)events;
    pg->progress = clock_monotonic();
    collect(pg);
    dispatch_again(pg);
    if (pg->conn != conn)
        return;
    take_notifications(pg);
    if (open)
        pg_flush(pg);
    else
        pg_lose(pg);
}

/* An answer is one or more results and then NULL, but a sync has no NULL. */
static void collect(struct pg *pg)
{
    PGconn *conn = pg->conn;
    int empty = 0;

    while (pg->conn == conn && pg->sent.first && empty < 2 && !PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);

        if (result) {
            take_result(pg, pg->sent.first, result);
            empty = 0;
        } else if (pg->sent.first->answered) {
            pg_request_free(pg, pg_queue_take(&pg->sent));
            empty = 0;
        } else {
            empty++;
        }
    }
}

/* What they say does not matter, only that one came. */
static void take_notifications(struct pg *pg)
{
    PGnotify *notification = pg->conn ? PQnotifies(pg->conn) : NULL;

    if (notification && pg->config.stirred)
        pg->config.stirred(pg->config.context);
    for (; notification; notification = PQnotifies(pg->conn))
        PQfreemem(notification);
}

static void take_result(struct pg *pg, struct pg_request *request, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        take_success(pg, request, result);
        return;
    case PGRES_PIPELINE_SYNC:
        take_sync(pg);
        break;
    case PGRES_PIPELINE_ABORTED:
        take_aborted(pg, request);
        break;
    default:
        take_failure(pg, request, result);
    }
    PQclear(result);
}

static void take_success(struct pg *pg, struct pg_request *request, PGresult *result)
{
    if (request->kind == REQUEST_QUERY && request->reply) {
        request->reply->result = make_result(request->arena, result);
        pg_answer(request, ERR_NONE, "");
        return;
    }
    /* The commit of a transaction that has failed is a rollback. */
    if (request->reply && strcmp(PQcmdStatus(result), "ROLLBACK") == 0 && pg->committing)
        pg_answer(request, ERR_CONFLICT, "25P02");
    else
        pg_answer(request, ERR_NONE, "");
    PQclear(result);
    if (request->kind == REQUEST_SETUP)
        pg_ready(pg);
}

static const struct pg_result *make_result(struct arena *arena, PGresult *from)
{
    struct pg_result *result = arena_one(arena, struct pg_result);

    arena_defer(arena, clear_result, from);
    result->rows = PQntuples(from);
    result->columns = PQnfields(from);
    result->affected = (int)strtol(PQcmdTuples(from), NULL, 10);

    size_t count = (size_t)result->rows * (size_t)result->columns;
    struct text *cell = arena_alloc_raw(arena, count * sizeof(*cell));
    result->cells = cell;
    for (int row = 0; row < result->rows; row++) {
        for (int column = 0; column < result->columns; column++, cell++) {
            bool null = PQgetisnull(from, row, column);

            cell->data = null ? NULL : PQgetvalue(from, row, column);
            cell->size = null ? 0 : (size_t)PQgetlength(from, row, column);
        }
    }
    return result;
}

static void clear_result(void *result)
{
    PQclear(result);
}

static void take_sync(struct pg *pg)
{
    struct pg_request *request = pg_queue_take(&pg->sent);

    assert(request->kind == REQUEST_SYNC);
    pg_answer(request, pg->batch_failure, pg->batch_sqlstate);
    pg_request_free(pg, request);
    pg->batch_failure = ERR_NONE;
    pg->batch_sqlstate[0] = '\0';
}

static void take_aborted(struct pg *pg, struct pg_request *request)
{
    if (request->prepared && request->kind == REQUEST_PREPARE)
        statements_unname(request->prepared, request->number);
    if (request->failure != ERR_NONE)
        pg_answer(request, request->failure, request->sqlstate);
    else if (may_repeat(pg, request))
        send_again(pg, request);
    else
        pg_answer(request, pg->batch_failure, pg->batch_sqlstate);
}

static bool may_repeat(const struct pg *pg, const struct pg_request *request)
{
    return pg->config.mode == PG_SHARED && request->kind == REQUEST_QUERY && request->reply &&
           !request->again;
}

/* A neighbour's failure aborted it. Its old place in the queue waits for the rest of its answer.
 * libpq loses that when something is sent between two results of an aborted pipeline, so the new
 * one is sent when all that has come has been read. */
static void send_again(struct pg *pg, struct pg_request *old)
{
    struct pg_request *request = pg_request_new(pg, REQUEST_QUERY);

    assert(old->reply && old->prepared); /* may_repeat() */
    request->reply = old->reply;
    request->reply->request = request;
    request->arena = old->arena;
    request->params = old->params;
    request->prepared = old->prepared;
    request->prepared->users++;
    request->again = true;
    old->reply = NULL;
    old->answered = true;
    pg->counters.again++;
    pg_queue_append(&pg->again, request);
}

static void dispatch_again(struct pg *pg)
{
    if (pg->again.first && pg->unsynced && pg->state == READY)
        pg_sync_now(pg, NULL); /* not together with what the turn has sent so far */
    for (struct pg_request *request; (request = pg_queue_take(&pg->again));) {
        if (!request->reply)
            pg_request_free(pg, request);
        else if (pg->state == READY)
            pg_dispatch(pg, request);
        else
            pg_give_up(pg, request);
    }
}

static void take_failure(struct pg *pg, struct pg_request *request, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum err_kind kind = kind_of(sqlstate);

    if (request->kind == REQUEST_SETUP) {
        pg_cannot_connect(pg, PQresultErrorMessage(result));
        return;
    }
    if (!sqlstate || ended_session(result)) {
        pg_lose(pg);
        return;
    }
    if (pg->batch_failure == ERR_NONE) {
        pg->batch_failure = kind;
        snprintf(pg->batch_sqlstate, sizeof(pg->batch_sqlstate), "%s", sqlstate);
    }
    if (request->kind == REQUEST_SYNC) /* the commit itself failed; the sync still comes */
        return;
    if (request->kind == REQUEST_PREPARE) {
        request->owner->failure = kind;
        snprintf(request->owner->sqlstate, sizeof(request->owner->sqlstate), "%s", sqlstate);
    }
    fail_request(pg, request, kind, sqlstate);
}

static void fail_request(struct pg *pg, struct pg_request *request, enum err_kind kind,
                         const char *sqlstate)
{
    bool unprepared = strcmp(sqlstate, "26000") == 0; /* its preparation was aborted */

    if (request->prepared && (unprepared || request->kind == REQUEST_PREPARE))
        statements_unname(request->prepared, request->number);
    if (unprepared && may_repeat(pg, request)) {
        send_again(pg, request);
        return;
    }
    pg->counters.failures++;
    pg_answer(request, kind, sqlstate);
}

/* Terminated by an administrator, a shutdown, a crash of a neighbour. */
static bool ended_session(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static enum err_kind kind_of(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum err_kind kind;
    } rules[] = {
        {"57014", ERR_TIMEOUT},  /* canceled, by statement_timeout */
        {"55P03", ERR_TIMEOUT},  /* lock_timeout */
        {"40001", ERR_CONFLICT}, /* serialization failure */
        {"40P01", ERR_CONFLICT}, /* deadlock */
        {"23", ERR_CONFLICT},    /* a constraint */
        {"53", ERR_BUSY},        /* disk full, out of memory, too many connections */
        {"57P", ERR_BUSY},       /* shutting down, starting up */
        {"58030", ERR_BUSY},     /* i/o error */
        {"25006", ERR_BUSY},     /* read-only: a standby, or a database protecting itself */
    };

    for (size_t i = 0; sqlstate && i < COUNT(rules); i++)
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return rules[i].kind;
    return ERR_INTERNAL;
}

void pg_answer(struct pg_request *request, enum err_kind kind, const char *sqlstate)
{
    struct pg_reply *reply = request->reply;

    request->answered = true;
    request->reply = NULL;
    if (!reply)
        return;
    reply->kind = kind;
    if (*sqlstate)
        snprintf(reply->sqlstate, sizeof(reply->sqlstate), "%s", sqlstate);
    reply->request = NULL;
    fiber_wake(&reply->waiter);
}
