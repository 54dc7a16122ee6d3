/*
 * HTTP, answers: whole, in pieces, and refusals. See http.h.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "base/fiber.h"
#include "server/gzip.h"
#include "server/http_internal.h"
#include "server/metrics.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <malloc.h>
#include <strings.h>

#define GZIP_FROM   1024 /* bytes of an answer */
#define REFER_FROM  8192 /* bytes from which a body is not copied */
#define MOST_UNSENT ((size_t)1024 * 1024)

/* Statuses with which HTTP itself refuses. */
static const struct refusal {
    int status;
    enum err_kind kind;
    const char *text;
} refusals[] = {
    {400, ERR_INVALID, "The request is not valid HTTP/1.1."},
    {413, ERR_TOO_LARGE,
     "The request is larger than this server accepts, or its chunks are malformed."},
    {415, ERR_MEDIA_TYPE, "The only Content-Encoding of a request is gzip."},
    {417, ERR_INVALID, "The only expectation that is met is 100-continue."},
    {431, ERR_TOO_LARGE, "The request line and headers are larger than this server accepts."},
    {500, ERR_INTERNAL, "The request could not be handled."},
    {501, ERR_NOT_SUPPORTED, "This HTTP method or transfer coding is unknown."},
    {503, ERR_BUSY, "Too many requests are being handled. Try again in a moment."},
};

/* Reasons that evhttp does not know. */
static const struct {
    int status;
    const char *reason;
} reasons[] = {

    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
};

static bool is_head(const struct exchange *exchange);
static struct text pack(struct exchange *exchange, const struct http_answer *answer);
static bool is_packable(const struct http_answer *answer);
static void add_headers(struct exchange *exchange, const struct http_answer *answer);
static void add_body_headers(struct exchange *exchange, const struct http_answer *answer,
                             size_t body_size, bool packed);
static void add_body(struct exchange *exchange, struct text body);
static void on_body_sent(const void *data, size_t size, void *context);
static const char *find_reason(int status);
static void write_now(struct connection *connection);
static void end_exchange(struct exchange *exchange);
static bool wait_until_sent(struct exchange *exchange, struct err *err);
static void on_sent(struct evhttp_connection *evhttp, void *context);

/* `err` NULL or empty: what the table says about the status. */
void http_refuse(struct exchange *exchange, int status, const struct err *err)
{
    struct http *http = exchange->http;
    const struct http_header headers[] = {
        {"Content-Type", http->config.refusal_type},
        {"Retry-After", "1"},
    };

    /* Where a request ended that was not understood is anybody's guess. */
    if (status != 415 && status != 500 && status != 503)
        exchange->request.keep_alive = false;
    http_answer(&exchange->request,
                &(struct http_answer){
                    .status = status,
                    .headers = headers,
                    .header_count = status == 503 ? 2 : 1,
                    .body = http_refusal_body(http, exchange->request.arena, status, err),
                });
}

struct text http_refusal_body(struct http *http, struct arena *arena, int status,
                              const struct err *given)
{
    const struct refusal *refusal = &refusals[0];
    struct err err = {0};

    metrics_count(METRIC_REFUSALS, 1, metrics_status(status), NULL, NULL);
    for (size_t i = 0; i < COUNT(refusals); i++)
        if (refusals[i].status == status)
            refusal = &refusals[i];
    err_set(&err, refusal->kind, NULL, "%s", refusal->text);
    if (given && given->kind != ERR_NONE)
        err = *given;
    return http->config.refuse(arena, status, &err, http->config.context);
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    struct exchange *exchange = (struct exchange *)request;
    struct text packed = pack(exchange, answer);
    struct text body = packed.data ? packed : answer->body;

    assert(exchange->evhttp && !exchange->streaming && "one answer a request");
    if (!exchange->connection)
        body.size = 0;
    add_headers(exchange, answer);
    add_body_headers(exchange, answer, body.size, packed.data != NULL);
    if (body.size > 0 && !is_head(exchange))
        add_body(exchange, body);
    evhttp_send_reply(exchange->evhttp, answer->status, find_reason(answer->status), NULL);
    write_now(exchange->connection);
    end_exchange(exchange);
}

/* An answer nearly always fits into the socket. Written here, it needs no turn
 * of the loop and no epoll_ctl() to wait for a socket that is ready anyway. */
static void write_now(struct connection *connection)
{
    struct evbuffer *output;

    if (!connection)
        return;
    output = bufferevent_get_output(connection->bufferevent);
    evbuffer_unfreeze(output, 1);
    evbuffer_write(output, connection->fd);
    evbuffer_freeze(output, 1);
    if (evbuffer_get_length(output) > 0)
        return; /* the rest, or the error, is for evhttp */
    bufferevent_disable(connection->bufferevent, EV_WRITE);
    bufferevent_trigger(connection->bufferevent, EV_WRITE,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static bool is_head(const struct exchange *exchange)
{
    return strcmp(exchange->request.method, "HEAD") == 0;
}

/* Absent when the body is sent as it is. */
static struct text pack(struct exchange *exchange, const struct http_answer *answer)
{
    if (!exchange->connection || !is_packable(answer) ||
        !gzip_is_accepted(http_header(&exchange->request, "Accept-Encoding")))
        return (struct text){0};
    return gzip_bytes(exchange->request.arena, answer->body);
}

static bool is_packable(const struct http_answer *answer)
{
    const char *type = "";

    if (answer->body.size < GZIP_FROM)
        return false;
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcasecmp(answer->headers[i].name, "Content-Encoding") == 0)
            return false;
        if (strcasecmp(answer->headers[i].name, "Content-Type") == 0)
            type = answer->headers[i].value;
    }
    return strncmp(type, "text/", 5) == 0 || strstr(type, "json") || strstr(type, "xml");
}

static void add_headers(struct exchange *exchange, const struct http_answer *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->evhttp);

    for (size_t i = 0; i < answer->header_count; i++)
        evhttp_add_header(headers, answer->headers[i].name, answer->headers[i].value);
    if (exchange->http->stopping || !exchange->request.keep_alive)
        evhttp_add_header(headers, "Connection", "close");
}

/* evhttp gives the Content-Length itself, except for HEAD. */
static void add_body_headers(struct exchange *exchange, const struct http_answer *answer,
                             size_t body_size, bool packed)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->evhttp);
    char number[24];

    if (packed)
        evhttp_add_header(headers, "Content-Encoding", "gzip");
    if (is_packable(answer))
        evhttp_add_header(headers, "Vary", "Accept-Encoding");
    if (is_head(exchange) && answer->status != 204 && answer->status != 304) {
        snprintf(number, sizeof(number), "%zu", body_size);
        evhttp_add_header(headers, "Content-Length", number);
    }
}

static void add_body(struct exchange *exchange, struct text body)
{
    struct evbuffer *output = evhttp_request_get_output_buffer(exchange->evhttp);

    if (body.size < REFER_FROM) {
        evbuffer_add(output, body.data, body.size);
        return;
    }
    exchange->holders++;
    if (evbuffer_add_reference(output, body.data, body.size, on_body_sent, exchange) != 0)
        abort();
}

static void on_body_sent(const void *data, size_t size, void *context)
{
    (void)data;
    (void)size;
    http_let_go(context);
}

/* What a large request took goes back to the system: it may be some hundred megabytes. */
void http_let_go(struct exchange *exchange)
{
    if (--exchange->holders > 0)
        return;
    bool large = arena_used(exchange->request.arena) > HTTP_TRIM_FROM;
    arena_free(exchange->request.arena);
    if (large)
        malloc_trim(0);
}

/* evhttp may free the request any time from now on. */
static void end_exchange(struct exchange *exchange)
{
    exchange->evhttp = NULL;
    exchange->streaming = false;
    if (exchange->connection) {
        exchange->connection->since = exchange->http->now;
        exchange->connection->exchange = NULL;
    }
    exchange->connection = NULL;
    atomic_fetch_sub_explicit(&exchange->http->request_count, 1, memory_order_relaxed);
}

static const char *find_reason(int status)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return NULL;
}

void http_answer_start(struct http_request *request, const struct http_answer *answer)
{
    struct exchange *exchange = (struct exchange *)request;

    assert(exchange->evhttp && !exchange->streaming && "one answer a request");
    add_headers(exchange, answer);
    exchange->streaming = true;
    evhttp_send_reply_start(exchange->evhttp, answer->status, find_reason(answer->status));
}

bool http_answer_chunk(struct http_request *request, const void *data, size_t size, struct err *err)
{
    struct exchange *exchange = (struct exchange *)request;
    struct evbuffer *chunk;
    size_t unsent;

    assert(exchange->streaming);
    if (!exchange->connection)
        return err_set(err, ERR_TIMEOUT, NULL, "The client is gone.");
    if (size == 0 || is_head(exchange))
        return true;
    unsent = evbuffer_get_length(bufferevent_get_output(exchange->connection->bufferevent)) + size;
    chunk = evbuffer_new();
    if (!chunk || evbuffer_add(chunk, data, size) != 0)
        abort();
    if (unsent <= MOST_UNSENT)
        evhttp_send_reply_chunk(exchange->evhttp, chunk);
    else
        evhttp_send_reply_chunk_with_cb(exchange->evhttp, chunk, on_sent, exchange);
    evbuffer_free(chunk);
    return unsent <= MOST_UNSENT || wait_until_sent(exchange, err);
}

/* As long as the client takes something, however little, it is worth waiting. */
static bool wait_until_sent(struct exchange *exchange, struct err *err)
{
    int timeout_ms = exchange->http->config.read_timeout_ms;
    size_t before = SIZE_MAX;

    while (exchange->connection) {
        struct evbuffer *output = bufferevent_get_output(exchange->connection->bufferevent);
        size_t unsent = evbuffer_get_length(output);
        if (unsent >= before)
            return err_set(err, ERR_TIMEOUT, NULL, "The client does not take the answer.");
        before = unsent;
        if (fiber_wait(&exchange->sent, timeout_ms, NULL) && exchange->connection)
            return true;
    }
    return err_set(err, ERR_TIMEOUT, NULL, "The client is gone.");
}

static void on_sent(struct evhttp_connection *evhttp, void *context)
{
    struct exchange *exchange = context;

    (void)evhttp;
    fiber_wake(&exchange->sent);
}

void http_answer_end(struct http_request *request)
{
    struct exchange *exchange = (struct exchange *)request;

    assert(exchange->streaming);
    evhttp_send_reply_end(exchange->evhttp);
    end_exchange(exchange);
}

void http_answer_abort(struct http_request *request)
{
    struct exchange *exchange = (struct exchange *)request;

    assert(exchange->streaming);
    if (exchange->connection)
        evhttp_connection_free(exchange->connection->evhttp);
    else
        evhttp_send_reply_end(exchange->evhttp);
    end_exchange(exchange);
}
