/*
 * Pg - sending statements through libpq in pipeline mode, and waiting for their answers.
 */

#include "storage/pg_internal.h"

#include "base/arena.h"
#include "base/clock.h"

#include <assert.h>
#include <event2/event.h>

enum {
    WAIT_SLACK_MS = 500, /* PostgreSQL should report its timeout before we give up */
    UNDER_WAY_MAX = 20000,
};

static void send_prepared(struct pg *pg, struct prepared *prepared, const struct pg_params *params,
                          struct arena *arena, struct pg_reply *reply);
static void evict(struct pg *pg);
static void send_control(struct pg *pg, const char *sql, struct pg_reply *reply);
static bool refuse(struct pg *pg, struct pg_reply *reply);
static const int *all_binary(void);
static void enqueue_prepare(struct pg *pg, struct pg_request *owner);
static void give_up_waiting(struct pg *pg);
static bool fail(const struct pg_reply *reply, struct err *err);

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
    struct pg_request *request = pg_request_new(pg, REQUEST_QUERY);

    request->reply = reply;
    request->arena = arena;
    request->params = params;
    request->prepared = prepared;
    prepared->users++;
    reply->request = request;
    reply->kind = ERR_NONE;
    reply->sqlstate[0] = '\0';
    if (pg->state == READY)
        pg_dispatch(pg, request);
    else
        pg_queue_append(&pg->held, request);
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

static void send_control(struct pg *pg, const char *sql, struct pg_reply *reply)
{
    struct pg_request *request = pg_request_new(pg, REQUEST_CONTROL);

    request->reply = reply;
    if (reply)
        reply->request = request;
    pg_enqueue(pg, request);
    if (!PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
        pg_lose(pg);
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

void pg_dispatch(struct pg *pg, struct pg_request *request)
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
    pg_enqueue(pg, request);
    pg->counters.statements++;
    if ((prepare && !PQsendPrepare(pg->conn, prepared->name, prepared->sql, 0, NULL)) ||
        !PQsendQueryPrepared(pg->conn, prepared->name, params ? params->count : 0,
                             params ? params->values : NULL, params ? params->sizes : NULL, binary,
                             1))
        pg_lose(pg);
    else if (request->again)
        pg_sync_now(pg, NULL);
}

static const int *all_binary(void)
{
    static const int formats[PG_PARAMS_MAX] = {[0 ... PG_PARAMS_MAX - 1] = 1};

    return formats;
}

/* The name is marked as prepared at once: what follows on the connection comes behind it. */
static void enqueue_prepare(struct pg *pg, struct pg_request *owner)
{
    struct pg_request *request = pg_request_new(pg, REQUEST_PREPARE);

    statements_name(pg->statements, owner->prepared);
    request->owner = owner;
    request->prepared = owner->prepared;
    request->prepared->users++;
    request->number = owner->prepared->number;
    pg_enqueue(pg, request);
}

void pg_enqueue(struct pg *pg, struct pg_request *request)
{
    if (!pg->sent.first)
        pg->progress = clock_monotonic();
    pg_queue_append(&pg->sent, request);
    pg->unsynced = true;
}

void pg_sync_now(struct pg *pg, struct pg_reply *reply)
{
    struct pg_request *request = pg_request_new(pg, REQUEST_SYNC);

    request->reply = reply;
    if (reply)
        reply->request = request;
    pg_enqueue(pg, request);
    pg->unsynced = false;
    pg->counters.syncs++;
    if (PQpipelineSync(pg->conn))
        pg_flush(pg);
    else
        pg_lose(pg);
}

void pg_flush(struct pg *pg)
{
    int more = PQflush(pg->conn);

    if (more < 0)
        pg_lose(pg);
    else if (more > 0)
        event_add(pg->writable, NULL);
}

void pg_on_turn_end(void *context)
{
    struct pg *pg = context;

    if (pg->unsynced && pg->state == READY)
        pg_sync_now(pg, NULL);
}

void pg_on_writable(int fd, short events, void *context)
{
    (void)fd;
    (void)events;
    pg_flush(context);
}

void pg_sync(struct pg *pg, struct pg_reply *reply)
{
    assert(pg->config.mode == PG_BATCH);
    if (!refuse(pg, reply))
        pg_sync_now(pg, reply);
}

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

/* When nothing at all comes any more, the connection is dead, whatever TCP says. One of a single
 * user is of no more use as soon as he gave up: to wait for its rollback would double his wait. */
static void give_up_waiting(struct pg *pg)
{
    int64_t silence = clock_monotonic() - pg->progress;

    pg->counters.timeouts++;
    if (pg->state == READY &&
        (pg->config.mode == PG_EXCLUSIVE || silence > INT64_C(2000) * pg->config.timeout_ms))
        pg_lose(pg);
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
        [ERR_TIMEOUT] = "The database did not answer in time",
        [ERR_CONFLICT] = "The database refused because of a simultaneous change",
        [ERR_BUSY] = "The database is not available at the moment",
        [ERR_UNKNOWN] = "The connection was lost during the commit",
        [ERR_INTERNAL] = "The database refused a statement",
    };

    return err_set(err, reply->kind, NULL, "%s%s%s%s", sentences[reply->kind],
                   *reply->sqlstate ? " (SQLSTATE " : "", reply->sqlstate,
                   *reply->sqlstate ? ")." : ".");
}

bool pg_is_retryable(const char *sqlstate)
{
    return strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0;
}

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
            pg_lose(pg);
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
            pg_lose(pg);
    }
    pg->in_transaction = pg->transaction_lost = false;
}

struct pg_request *pg_request_new(struct pg *pg, enum request_kind kind)
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

void pg_request_free(struct pg *pg, struct pg_request *request)
{
    if (request->prepared)
        request->prepared->users--;
    request->next = pg->spare;
    pg->spare = request;
    pg->counters.under_way--;
}

void pg_queue_append(struct queue *queue, struct pg_request *request)
{
    request->next = NULL;
    *queue->end = request;
    queue->end = &request->next;
}

struct pg_request *pg_queue_take(struct queue *queue)
{
    struct pg_request *request = queue->first;

    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->end = &queue->first;
    return request;
}
