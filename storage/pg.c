/*
 * Pg - libpq in pipeline mode, on the loop.
 *
 * What was sent stands in a queue; libpq answers in the same order. A request
 * whose reply was dropped stays in the queue until its answer has come.
 */

#include "storage/pg.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "storage/pg_statements.h"
#include "storage/pg_value.h"

#include <assert.h>
#include <event2/event.h>
#include <libpq-fe.h>

enum {
    WAIT_SLACK_MS = 500, /* PostgreSQL should report its timeout before we give up */
    CONNECT_TIMEOUT_MS = 10000,
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 3000,
    UNDER_WAY_MAX = 20000,
};

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

static void start(struct pg *pg);
static void watch_connecting(struct pg *pg, short events);
static void on_connecting(evutil_socket_t fd, short events, void *context);
static void connected(struct pg *pg);
static void ready(struct pg *pg);
static void cannot_connect(struct pg *pg, const char *why);
static void on_backoff_over(evutil_socket_t fd, short events, void *context);
static void wake_connect_waiters(struct pg *pg);
static void lose(struct pg *pg);
static void give_up(struct pg *pg, struct pg_request *request);
static void close_connection(struct pg *pg);

static bool refuse(struct pg *pg, struct pg_reply *reply);
static void send_prepared(struct pg *pg, struct prepared *prepared, const struct pg_params *params,
                          struct arena *arena, struct pg_reply *reply);
static void send_control(struct pg *pg, const char *sql, struct pg_reply *reply);
static void dispatch(struct pg *pg, struct pg_request *request);
static const int *all_binary(void);
static void enqueue_prepare(struct pg *pg, struct pg_request *owner);
static void enqueue(struct pg *pg, struct pg_request *request);
static void send_again(struct pg *pg, struct pg_request *old);
static void dispatch_again(struct pg *pg);
static void evict(struct pg *pg);
static void sync_now(struct pg *pg, struct pg_reply *reply);
static void flush(struct pg *pg);
static void on_turn_end(void *context);
static void on_writable(evutil_socket_t fd, short events, void *context);

static void on_readable(evutil_socket_t fd, short events, void *context);
static void collect(struct pg *pg);
static void take_result(struct pg *pg, struct pg_request *request, PGresult *result);
static void take_success(struct pg *pg, struct pg_request *request, PGresult *result);
static const struct pg_result *make_result(struct arena *arena, PGresult *from);
static void clear_result(void *result);
static void take_sync(struct pg *pg);
static void take_aborted(struct pg *pg, struct pg_request *request);
static bool may_repeat(const struct pg *pg, const struct pg_request *request);
static void take_failure(struct pg *pg, struct pg_request *request, const PGresult *result);
static void fail_request(struct pg *pg, struct pg_request *request, enum err_kind kind,
                         const char *sqlstate);
static bool ended_session(const PGresult *result);
static void answer(struct pg_request *request, enum err_kind kind, const char *sqlstate);

static void give_up_waiting(struct pg *pg);
static bool fail(const struct pg_reply *reply, struct err *err);
static enum err_kind kind_of(const char *sqlstate);

static struct pg_request *request_new(struct pg *pg, enum request_kind kind);
static void request_free(struct pg *pg, struct pg_request *request);
static void append(struct queue *queue, struct pg_request *request);
static struct pg_request *take_first(struct queue *queue);
static void discard_notice(void *context, const PGresult *result);

/* The connection */

struct pg *pg_new(struct loop *loop, const struct pg_config *config)
{
    struct pg *pg = calloc(1, sizeof(*pg));

    if (!pg)
        abort();
    pg->loop = loop;
    pg->config = *config;
    pg->sent.end = &pg->sent.first;
    pg->held.end = &pg->held.first;
    pg->again.end = &pg->again.first;
    pg->statements = statements_new();
    pg->timer = event_new(loop_base(loop), -1, 0, on_backoff_over, pg);
    loop_add_turn_end(loop, on_turn_end, pg);
    start(pg);
    return pg;
}

void pg_free(struct pg *pg)
{
    if (!pg)
        return;
    loop_remove_turn_end(pg->loop, on_turn_end, pg);
    close_connection(pg);
    pg->state = BACKING_OFF;
    for (struct pg_request *request; (request = take_first(&pg->sent));)
        give_up(pg, request);
    for (struct pg_request *request; (request = take_first(&pg->held));)
        give_up(pg, request);
    for (struct pg_request *request; (request = take_first(&pg->again));)
        give_up(pg, request);
    wake_connect_waiters(pg);
    event_free(pg->timer);
    statements_free(pg->statements);
    while (pg->spare) {
        struct pg_request *request = pg->spare;

        pg->spare = request->next;
        free(request);
    }
    free(pg);
}

/* libpq resolves host names in here, which blocks: give addresses, or a resolver that caches. */
static void start(struct pg *pg)
{
    char name[64];
    snprintf(name, sizeof(name), "isthmus/%s", pg->config.lane);

    const char *keys[] = {
        "dbname",          "application_name",    "client_encoding",  "tcp_user_timeout",
        "keepalives_idle", "keepalives_interval", "keepalives_count", NULL};
    const char *values[] = {pg->config.conninfo, name, "UTF8", "15000", "15", "5", "3", NULL};

    event_del(pg->timer);
    pg->state = CONNECTING;
    pg->counters.connects++;
    pg->conn = PQconnectStartParams(keys, values, true);
    if (!pg->conn)
        abort();
    if (PQstatus(pg->conn) == CONNECTION_BAD)
        cannot_connect(pg, PQerrorMessage(pg->conn));
    else
        watch_connecting(pg, EV_WRITE);
}

/* The socket may be another one at each step: several addresses are tried. */
static void watch_connecting(struct pg *pg, short events)
{
    static const struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_MS / 1000};

    if (pg->readable)
        event_free(pg->readable);
    pg->readable = event_new(loop_base(pg->loop), PQsocket(pg->conn), events, on_connecting, pg);
    event_add(pg->readable, &timeout);
}

static void on_connecting(evutil_socket_t fd, short events, void *context)
{
    struct pg *pg = context;

    (void)fd;
    if (events & EV_TIMEOUT) {
        cannot_connect(pg, "no answer within 10 seconds");
        return;
    }
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        watch_connecting(pg, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch_connecting(pg, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        connected(pg);
        break;
    default:
        cannot_connect(pg, PQerrorMessage(pg->conn));
    }
}

/* The settings are pinned for the session. Parallel plans would take cores from other requests, and
 * lose the order in which search_source.c has rows come. Sorts are off so that rows which an
 * index gives in order are taken from it, however few the planner expects; what must be sorted
 * still is. synchronous_commit stays what it is, so that a change of the server's configuration
 * does not weaken a running one (store.c looked at it). */
static void connected(struct pg *pg)
{
    static const char *const settings =
        "select set_config('plan_cache_mode', 'force_generic_plan', false),"
        " set_config('enable_memoize', 'off', false), set_config('jit', 'off', false),"
        " set_config('max_parallel_workers_per_gather', '0', false),"
        " set_config('enable_sort', 'off', false),"
        " set_config('synchronous_commit', current_setting('synchronous_commit'), false),"
        " set_config('timezone', 'UTC', false), set_config('statement_timeout', $1, false),"
        " set_config('idle_in_transaction_session_timeout', $1, false)";
    char timeout[16];
    const char *values[] = {timeout};

    PQsetNoticeReceiver(pg->conn, discard_notice, NULL);
    if (PQsetnonblocking(pg->conn, 1) != 0 || !PQenterPipelineMode(pg->conn)) {
        cannot_connect(pg, PQerrorMessage(pg->conn));
        return;
    }
    event_free(pg->readable);
    pg->readable =
        event_new(loop_base(pg->loop), PQsocket(pg->conn), EV_READ | EV_PERSIST, on_readable, pg);
    pg->writable = event_new(loop_base(pg->loop), PQsocket(pg->conn), EV_WRITE, on_writable, pg);
    event_add(pg->readable, NULL);

    pg->state = SETTING_UP;
    snprintf(timeout, sizeof(timeout), "%d", pg->config.timeout_ms);
    enqueue(pg, request_new(pg, REQUEST_SETUP));
    if (PQsendQueryParams(pg->conn, settings, 1, NULL, values, NULL, NULL, 0))
        sync_now(pg, NULL);
    else
        lose(pg);
}

static void ready(struct pg *pg)
{
    struct queue held = pg->held;

    pg->state = READY;
    pg->backoff_ms = 0;
    pg->held = (struct queue){.end = &pg->held.first};
    wake_connect_waiters(pg);
    for (struct pg_request *request = held.first, *next; request; request = next) {
        next = request->next;
        request->next = NULL;
        if (!request->reply) /* dropped, and its arena gone */
            request_free(pg, request);
        else if (pg->state == READY)
            dispatch(pg, request);
        else
            give_up(pg, request);
    }
}

static void cannot_connect(struct pg *pg, const char *why)
{
    size_t size = strcspn(why, "\n");

    snprintf(pg->why, sizeof(pg->why), "%.*s", (int)(size < 250 ? size : 250), why);
    close_connection(pg);
    pg->state = BACKING_OFF;
    for (struct pg_request *request; (request = take_first(&pg->sent));)
        give_up(pg, request);
    for (struct pg_request *request; (request = take_first(&pg->held));)
        give_up(pg, request);
    wake_connect_waiters(pg);

    pg->backoff_ms = pg->backoff_ms ? pg->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (pg->backoff_ms > BACKOFF_MAX_MS)
        pg->backoff_ms = BACKOFF_MAX_MS;
    struct timeval delay = {.tv_sec = pg->backoff_ms / 1000,
                            .tv_usec = pg->backoff_ms % 1000 * 1000};
    event_add(pg->timer, &delay);
}

static void on_backoff_over(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    start(context);
}

static void wake_connect_waiters(struct pg *pg)
{
    for (unsigned i = 0; i < pg->connect_waiting; i++)
        fiber_wake(pg->connect_waiters[i]);
    pg->connect_waiting = 0;
}

bool pg_connect(struct pg *pg, struct err *err)
{
    struct waiter waiter = {0};

    if (pg->state == READY)
        return true;
    if (pg->state == BACKING_OFF)
        return err_set(err, ERR_BUSY, NULL, "cannot connect to the database: %s", pg->why);
    if (pg->connect_waiting == sizeof(pg->connect_waiters) / sizeof(pg->connect_waiters[0]))
        return err_set(err, ERR_BUSY, NULL, "the database is not connected yet");

    pg->connect_waiters[pg->connect_waiting++] = &waiter;
    if (!fiber_wait(&waiter, -1, err))
        return false;
    if (pg->state == READY)
        return true;
    return err_set(err, ERR_BUSY, NULL, "cannot connect to the database: %s", pg->why);
}

/* Connects anew at once; only when that fails as well do those who wait learn of it. */
static void lose(struct pg *pg)
{
    struct queue sent = pg->sent;

    if (pg->state == CONNECTING || pg->state == SETTING_UP) {
        cannot_connect(pg, pg->conn ? PQerrorMessage(pg->conn) : "connection lost");
        return;
    }
    close_connection(pg);
    pg->transaction_lost = pg->in_transaction;
    pg->sent = (struct queue){.end = &pg->sent.first};
    for (struct pg_request *request = sent.first, *next; request; request = next) {
        next = request->next;
        request->next = NULL;
        if (request->kind == REQUEST_QUERY && pg->config.mode == PG_SHARED && request->reply &&
            !request->again && request->failure == ERR_NONE) {
            request->again = true;
            pg->counters.again++;
            append(&pg->held, request);
        } else {
            give_up(pg, request);
        }
    }
    start(pg);
}

/* A commit, explicit or by a sync, whose answer did not come may have happened. */
static void give_up(struct pg *pg, struct pg_request *request)
{
    bool commit = request->kind == REQUEST_SYNC || request->kind == REQUEST_CONTROL;

    if (!request->answered)
        answer(request, commit ? ERR_UNKNOWN : ERR_BUSY, "");
    request_free(pg, request);
}

static void close_connection(struct pg *pg)
{
    if (pg->readable)
        event_free(pg->readable);
    if (pg->writable)
        event_free(pg->writable);
    pg->readable = pg->writable = NULL;
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->unsynced = false;
    pg->batch_failure = ERR_NONE;
    statements_unname_all(pg->statements);
}

/* Sending */

bool pg_query(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
              struct arena *arena, const struct pg_result **result, struct err *err)
{
    struct pg_reply reply = {0};

    pg_send(pg, statement, params, arena, &reply);
    return pg_wait(&reply, result, err);
}

bool pg_query_sql(struct pg *pg, const char *sql, const struct pg_params *params,
                  struct arena *arena, const struct pg_result **result, struct err *err)
{
    struct pg_reply reply = {0};

    pg_send_sql(pg, sql, params, arena, &reply);
    return pg_wait(&reply, result, err);
}

void pg_send(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
             struct arena *arena, struct pg_reply *reply)
{
    if (!refuse(pg, reply))
        send_prepared(pg, statements_find(pg->statements, statement), params, arena, reply);
}

void pg_send_sql(struct pg *pg, const char *sql, const struct pg_params *params,
                 struct arena *arena, struct pg_reply *reply)
{
    if (refuse(pg, reply))
        return;

    struct prepared *prepared = statements_find_sql(pg->statements, sql);
    prepared->users++;
    evict(pg);
    prepared->users--;
    if (!refuse(pg, reply)) /* evicting may have lost the connection */
        send_prepared(pg, prepared, params, arena, reply);
}

static void send_prepared(struct pg *pg, struct prepared *prepared, const struct pg_params *params,
                          struct arena *arena, struct pg_reply *reply)
{
    struct pg_request *request = request_new(pg, REQUEST_QUERY);

    request->reply = reply;
    request->arena = arena;
    request->params = params;
    request->prepared = prepared;
    prepared->users++;
    reply->request = request;
    reply->kind = ERR_NONE;
    reply->sqlstate[0] = '\0';
    if (pg->state == READY)
        dispatch(pg, request);
    else
        append(&pg->held, request);
}

static void send_control(struct pg *pg, const char *sql, struct pg_reply *reply)
{
    struct pg_request *request = request_new(pg, REQUEST_CONTROL);

    request->reply = reply;
    if (reply)
        reply->request = request;
    enqueue(pg, request);
    if (!PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
        lose(pg);
}

/* Answers at once when it cannot even be tried. */
static bool refuse(struct pg *pg, struct pg_reply *reply)
{
    bool may_hold = pg->config.mode == PG_SHARED && pg->state != BACKING_OFF;

    assert(!reply->request);
    reply->pg = pg;
    if (pg->counters.under_way < UNDER_WAY_MAX && !pg->transaction_lost &&
        (pg->state == READY || may_hold))
        return false;
    reply->kind = ERR_BUSY;
    reply->sqlstate[0] = '\0';
    return true;
}

static void dispatch(struct pg *pg, struct pg_request *request)
{
    static const int *binary;
    const struct pg_params *params = request->params;
    struct prepared *prepared = request->prepared;
    bool prepare = !prepared->number;

    if (!binary)
        binary = all_binary();
    if (prepare)
        enqueue_prepare(pg, request);
    request->number = prepared->number;
    enqueue(pg, request);
    pg->counters.statements++;
    if ((prepare && !PQsendPrepare(pg->conn, prepared->name, prepared->sql, 0, NULL)) ||
        !PQsendQueryPrepared(pg->conn, prepared->name, params ? params->count : 0,
                             params ? params->values : NULL, params ? params->sizes : NULL, binary,
                             1))
        lose(pg);
    else if (request->again)
        sync_now(pg, NULL);
}

static const int *all_binary(void)
{
    static const int formats[PG_PARAMS_MAX] = {[0 ... PG_PARAMS_MAX - 1] = 1};

    return formats;
}

/* The name is marked as prepared at once: what follows on the connection comes behind it. */
static void enqueue_prepare(struct pg *pg, struct pg_request *owner)
{
    struct pg_request *request = request_new(pg, REQUEST_PREPARE);

    statements_name(pg->statements, owner->prepared);
    request->owner = owner;
    request->prepared = owner->prepared;
    request->prepared->users++;
    request->number = owner->prepared->number;
    enqueue(pg, request);
}

static void enqueue(struct pg *pg, struct pg_request *request)
{
    if (!pg->sent.first)
        pg->progress = clock_monotonic();
    append(&pg->sent, request);
    pg->unsynced = true;
}

/* A neighbour's failure aborted it. Its old place in the queue waits for the rest of its answer.
 * libpq loses that when something is sent between two results of an aborted pipeline, so the new
 * one is sent when all that has come has been read. */
static void send_again(struct pg *pg, struct pg_request *old)
{
    struct pg_request *request = request_new(pg, REQUEST_QUERY);

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
    append(&pg->again, request);
}

static void dispatch_again(struct pg *pg)
{
    if (pg->again.first && pg->unsynced && pg->state == READY)
        sync_now(pg, NULL); /* not together with what the turn has sent so far */
    for (struct pg_request *request; (request = take_first(&pg->again));) {
        if (!request->reply)
            request_free(pg, request);
        else if (pg->state == READY)
            dispatch(pg, request);
        else
            give_up(pg, request);
    }
}

static void evict(struct pg *pg)
{
    char name[STATEMENT_NAME_SIZE];
    char sql[STATEMENT_NAME_SIZE + 16];

    if (!statements_evict(pg->statements, name) || pg->state != READY)
        return;
    snprintf(sql, sizeof(sql), "deallocate %s", name);
    send_control(pg, sql, NULL);
}

static void sync_now(struct pg *pg, struct pg_reply *reply)
{
    struct pg_request *request = request_new(pg, REQUEST_SYNC);

    request->reply = reply;
    if (reply)
        reply->request = request;
    enqueue(pg, request);
    pg->unsynced = false;
    pg->counters.syncs++;
    if (PQpipelineSync(pg->conn))
        flush(pg);
    else
        lose(pg);
}

static void flush(struct pg *pg)
{
    int more = PQflush(pg->conn);

    if (more < 0)
        lose(pg);
    else if (more > 0)
        event_add(pg->writable, NULL);
}

static void on_turn_end(void *context)
{
    struct pg *pg = context;

    if (pg->unsynced && pg->state == READY)
        sync_now(pg, NULL);
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    flush(context);
}

void pg_sync(struct pg *pg, struct pg_reply *reply)
{
    assert(pg->config.mode == PG_BATCH);
    if (!refuse(pg, reply))
        sync_now(pg, reply);
}

/* Receiving */

static void on_readable(evutil_socket_t fd, short events, void *context)
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
    if (open)
        flush(pg);
    else
        lose(pg);
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
            request_free(pg, take_first(&pg->sent));
            empty = 0;
        } else {
            empty++;
        }
    }
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
        answer(request, ERR_NONE, "");
        return;
    }
    /* The commit of a transaction that has failed is a rollback. */
    if (request->reply && strcmp(PQcmdStatus(result), "ROLLBACK") == 0 && pg->committing)
        answer(request, ERR_CONFLICT, "25P02");
    else
        answer(request, ERR_NONE, "");
    PQclear(result);
    if (request->kind == REQUEST_SETUP)
        ready(pg);
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
    struct pg_request *request = take_first(&pg->sent);

    assert(request->kind == REQUEST_SYNC);
    answer(request, pg->batch_failure, pg->batch_sqlstate);
    request_free(pg, request);
    pg->batch_failure = ERR_NONE;
    pg->batch_sqlstate[0] = '\0';
}

static void take_aborted(struct pg *pg, struct pg_request *request)
{
    if (request->prepared && request->kind == REQUEST_PREPARE)
        statements_unname(request->prepared, request->number);
    if (request->failure != ERR_NONE)
        answer(request, request->failure, request->sqlstate);
    else if (may_repeat(pg, request))
        send_again(pg, request);
    else
        answer(request, pg->batch_failure, pg->batch_sqlstate);
}

static bool may_repeat(const struct pg *pg, const struct pg_request *request)
{
    return pg->config.mode == PG_SHARED && request->kind == REQUEST_QUERY && request->reply &&
           !request->again;
}

static void take_failure(struct pg *pg, struct pg_request *request, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum err_kind kind = kind_of(sqlstate);

    if (request->kind == REQUEST_SETUP) {
        cannot_connect(pg, PQresultErrorMessage(result));
        return;
    }
    if (!sqlstate || ended_session(result)) {
        lose(pg);
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
    answer(request, kind, sqlstate);
}

/* Terminated by an administrator, a shutdown, a crash of a neighbour. */
static bool ended_session(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static void answer(struct pg_request *request, enum err_kind kind, const char *sqlstate)
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

/* Waiting */

bool pg_wait(struct pg_reply *reply, const struct pg_result **result, struct err *err)
{
    while (reply->request) {
        struct err late = {0};

        if (fiber_wait(&reply->waiter, reply->pg->config.timeout_ms + WAIT_SLACK_MS, &late) ||
            !reply->request)
            continue;
        pg_drop(reply);
        reply->kind = ERR_TIMEOUT;
        give_up_waiting(reply->pg);
    }
    if (reply->kind != ERR_NONE)
        return fail(reply, err);
    if (result)
        *result = reply->result;
    return true;
}

/* When nothing at all comes any more, the connection is dead, whatever TCP says. */
static void give_up_waiting(struct pg *pg)
{
    int64_t silence = clock_monotonic() - pg->progress;

    pg->counters.timeouts++;
    if (pg->state == READY && silence > INT64_C(2000) * pg->config.timeout_ms)
        lose(pg);
}

void pg_drop(struct pg_reply *reply)
{
    if (!reply->request)
        return;
    reply->request->reply = NULL;
    reply->request = NULL;
}

static bool fail(const struct pg_reply *reply, struct err *err)
{
    static const char *const sentences[] = {
        [ERR_TIMEOUT] = "the database did not answer in time",
        [ERR_CONFLICT] = "the database refused because of a simultaneous change",
        [ERR_BUSY] = "the database is not available at the moment",
        [ERR_UNKNOWN] = "the connection was lost during the commit",
        [ERR_INTERNAL] = "the database refused a statement",
    };

    return err_set(err, reply->kind, NULL, "%s%s%s%s", sentences[reply->kind],
                   *reply->sqlstate ? " (SQLSTATE " : "", reply->sqlstate,
                   *reply->sqlstate ? ")" : "");
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

    for (size_t i = 0; sqlstate && i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0)
            return rules[i].kind;
    return ERR_INTERNAL;
}

bool pg_is_retryable(const char *sqlstate)
{
    return strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0;
}

/* Transactions */

void pg_begin(struct pg *pg)
{
    assert(pg->config.mode == PG_EXCLUSIVE && !pg->in_transaction);
    pg->in_transaction = true;
    if (pg->state == READY)
        send_control(pg, "begin", NULL);
    else
        pg->transaction_lost = true;
}

bool pg_commit(struct pg *pg, struct err *err)
{
    struct pg_reply reply = {.pg = pg, .kind = ERR_BUSY};
    struct err ignored = {0};

    assert(pg->in_transaction);
    if (!pg->transaction_lost) {
        pg->committing = true;
        send_control(pg, "commit", &reply);
        if (!pg_wait(&reply, NULL, &ignored))
            assert(reply.kind != ERR_NONE);
        pg->committing = false;
    }
    if (reply.kind == ERR_TIMEOUT && !*reply.sqlstate) { /* ours: it may still happen */
        reply.kind = ERR_UNKNOWN;
        if (pg->state == READY)
            lose(pg);
    }
    if (reply.kind == ERR_NONE || reply.kind == ERR_UNKNOWN || pg->transaction_lost)
        pg->in_transaction = pg->transaction_lost = false;
    return reply.kind == ERR_NONE || fail(&reply, err);
}

void pg_rollback(struct pg *pg)
{
    struct pg_reply reply = {.pg = pg};
    struct err ignored = {0};

    if (pg->in_transaction && !pg->transaction_lost && pg->state == READY) {
        send_control(pg, "rollback", &reply);
        if (!pg_wait(&reply, NULL, &ignored) && pg->state == READY)
            lose(pg);
    }
    pg->in_transaction = pg->transaction_lost = false;
}

/* Requests */

static struct pg_request *request_new(struct pg *pg, enum request_kind kind)
{
    struct pg_request *request = pg->spare;

    if (request)
        pg->spare = request->next;
    else
        request = malloc(sizeof(*request));
    if (!request)
        abort();
    *request = (struct pg_request){.kind = kind};
    pg->counters.under_way++;
    return request;
}

static void request_free(struct pg *pg, struct pg_request *request)
{
    if (request->prepared)
        request->prepared->users--;
    request->next = pg->spare;
    pg->spare = request;
    pg->counters.under_way--;
}

static void append(struct queue *queue, struct pg_request *request)
{
    request->next = NULL;
    *queue->end = request;
    queue->end = &request->next;
}

static struct pg_request *take_first(struct queue *queue)
{
    struct pg_request *request = queue->first;

    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->end = &queue->first;
    return request;
}

static void discard_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

void pg_count(const struct pg *pg, struct pg_counters *counters)
{
    *counters = pg->counters;
    counters->open = pg->state == READY;
}
