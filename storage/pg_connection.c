/*
 * Pg - the connection: made, lost, made again.
 */

#include "storage/pg_internal.h"

#include "base/buf.h"
#include "base/count.h"
#include "base/loop.h"

#include <event2/event.h>
#include <inttypes.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 3000,
};

static void start(struct pg *pg);
static bool send_settings(struct pg *pg, const char *settings, const char *timeout);
static void watch_connecting(struct pg *pg, short events);
static void on_connecting(int fd, short events, void *context);
static void connected(struct pg *pg);
static void discard_notice(void *context, const PGresult *result);
static void on_backoff_over(int fd, short events, void *context);
static void wake_connect_waiters(struct pg *pg);
static void close_connection(struct pg *pg);

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
    loop_add_turn_end(loop, pg_on_turn_end, pg);
    start(pg);
    return pg;
}

void pg_free(struct pg *pg)
{
    if (!pg)
        return;
    loop_remove_turn_end(pg->loop, pg_on_turn_end, pg);
    close_connection(pg);
    pg->state = BACKING_OFF;
    for (struct pg_request *request; (request = pg_queue_take(&pg->sent));)
        pg_give_up(pg, request);
    for (struct pg_request *request; (request = pg_queue_take(&pg->held));)
        pg_give_up(pg, request);
    for (struct pg_request *request; (request = pg_queue_take(&pg->again));)
        pg_give_up(pg, request);
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
    if (pg->config.member)
        snprintf(name, sizeof(name), "isthmus/%s #%" PRId64, pg->config.lane,
                 pg->config.member->id);
    else
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
        pg_cannot_connect(pg, PQerrorMessage(pg->conn));
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

static void on_connecting(int fd, short events, void *context)
{
    struct pg *pg = context;

    (void)fd;
    if (events & EV_TIMEOUT) {
        pg_cannot_connect(pg, "no answer within 10 seconds");
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
        pg_cannot_connect(pg, PQerrorMessage(pg->conn));
    }
}

/* Whoever begins to index by a parameter first fences it, and then looks who is connected: so this
 * connection is seen, or sees the fence. The cast of a sentence is how a query fails with it. */
static bool send_settings(struct pg *pg, const char *settings, const char *timeout)
{
    static const char fence[] =
        ", (case when exists (select from f_parameter where fenced and number > $2::int8)"
        " then 'search parameters came of which this process does not know yet'"
        " || $2::text end)::int4";
    bool fenced = pg->config.member != NULL;
    struct buf sql = {0};
    char number[24];
    const char *values[] = {timeout, number};

    snprintf(number, sizeof(number), "%" PRId64, fenced ? pg->config.member->known : 0);
    buf_printf(&sql, "%s%s", settings, fenced ? fence : "");
    bool sent = PQsendQueryParams(pg->conn, buf_text(&sql), fenced ? 2 : 1, NULL, values, NULL,
                                  NULL, 0) != 0;
    buf_release(&sql);
    return sent;
}

/* The settings are pinned for the session. Parallel plans would take cores from other requests, and
 * lose the order in which search_source_index.c has rows come. Sorts are off so that rows which an
 * index gives in order are taken from it, however few the planner expects; what must be sorted
 * still is. So are scans of whole tables: a plan that was made while a table was empty is kept
 * until PostgreSQL looks at its statistics again, and the table grows by then. synchronous_commit
 * stays what it is, so that a change of the server's configuration does not weaken a running one
 * (store.c looked at it). */
static void connected(struct pg *pg)
{
    static const char *const settings =
        "select set_config('plan_cache_mode', 'force_generic_plan', false),"
        " set_config('enable_memoize', 'off', false), set_config('jit', 'off', false),"
        " set_config('max_parallel_workers_per_gather', '0', false),"
        " set_config('enable_sort', 'off', false), set_config('enable_seqscan', 'off', false),"
        " set_config('synchronous_commit', current_setting('synchronous_commit'), false),"
        " set_config('timezone', 'UTC', false), set_config('statement_timeout', $1, false),"
        " set_config('idle_in_transaction_session_timeout', $1, false)";
    char timeout[16];

    PQsetNoticeReceiver(pg->conn, discard_notice, NULL);
    if (PQsetnonblocking(pg->conn, 1) != 0 || !PQenterPipelineMode(pg->conn)) {
        pg_cannot_connect(pg, PQerrorMessage(pg->conn));
        return;
    }
    event_free(pg->readable);
    pg->readable = event_new(loop_base(pg->loop), PQsocket(pg->conn), EV_READ | EV_PERSIST,
                             pg_on_readable, pg);
    pg->writable = event_new(loop_base(pg->loop), PQsocket(pg->conn), EV_WRITE, pg_on_writable, pg);
    event_add(pg->readable, NULL);

    pg->state = SETTING_UP;
    snprintf(timeout, sizeof(timeout), "%d", pg->config.timeout_ms);
    pg_enqueue(pg, pg_request_new(pg, REQUEST_SETUP));
    if (send_settings(pg, settings, timeout))
        pg_sync_now(pg, NULL);
    else
        pg_lose(pg);
}

static void discard_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

void pg_ready(struct pg *pg)
{
    struct queue held = pg->held;

    pg->state = READY;
    pg->backoff_ms = 0;
    pg->held = (struct queue){.end = &pg->held.first};
    wake_connect_waiters(pg);
    if (pg->config.stirred)
        pg->config.stirred(pg->config.context);
    for (struct pg_request *request = held.first, *next; request; request = next) {
        next = request->next;
        request->next = NULL;
        if (!request->reply) /* dropped, and its arena gone */
            pg_request_free(pg, request);
        else if (pg->state == READY)
            pg_dispatch(pg, request);
        else
            pg_give_up(pg, request);
    }
}

void pg_cannot_connect(struct pg *pg, const char *why)
{
    size_t size = strcspn(why, "\n");

    snprintf(pg->why, sizeof(pg->why), "%.*s", (int)(size < 250 ? size : 250), why);
    close_connection(pg);
    pg->state = BACKING_OFF;
    for (struct pg_request *request; (request = pg_queue_take(&pg->sent));)
        pg_give_up(pg, request);
    for (struct pg_request *request; (request = pg_queue_take(&pg->held));)
        pg_give_up(pg, request);
    wake_connect_waiters(pg);

    pg->backoff_ms = pg->backoff_ms ? pg->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (pg->backoff_ms > BACKOFF_MAX_MS)
        pg->backoff_ms = BACKOFF_MAX_MS;
    struct timeval delay = {.tv_sec = pg->backoff_ms / 1000,
                            .tv_usec = pg->backoff_ms % 1000 * 1000L};
    event_add(pg->timer, &delay);
}

static void on_backoff_over(int fd, short events, void *context)
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
    if (pg->connect_waiting == COUNT(pg->connect_waiters))
        return err_set(err, ERR_BUSY, NULL, "The database is not connected yet.");

    pg->connect_waiters[pg->connect_waiting++] = &waiter;
    if (!fiber_wait(&waiter, -1, err))
        return false;
    if (pg->state == READY)
        return true;
    return err_set(err, ERR_BUSY, NULL, "cannot connect to the database: %s", pg->why);
}

/* Connects anew at once; only when that fails as well do those who wait learn of it. */
void pg_lose(struct pg *pg)
{
    struct queue sent = pg->sent;

    if (pg->state == CONNECTING || pg->state == SETTING_UP) {
        pg_cannot_connect(pg, pg->conn ? PQerrorMessage(pg->conn) : "connection lost");
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
            pg_queue_append(&pg->held, request);
        } else {
            pg_give_up(pg, request);
        }
    }
    start(pg);
}

/* A commit, explicit or by a sync, whose answer did not come may have happened. */
void pg_give_up(struct pg *pg, struct pg_request *request)
{
    bool commit = request->kind == REQUEST_SYNC || request->kind == REQUEST_CONTROL;

    if (!request->answered)
        pg_answer(request, commit ? ERR_UNKNOWN : ERR_BUSY, "");
    pg_request_free(pg, request);
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

void pg_count(const struct pg *pg, struct pg_counters *counters)
{
    *counters = pg->counters;
    counters->open = pg->state == READY;
}
