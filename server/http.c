/*
 * HTTP - see http.h. The only file that knows evhttp, and what has to be done
 * around it (libevent 2.1.12):
 *
 *  - It makes its own error pages in HTML. They are recognised as they are
 *    put into a connection's output, and replaced there.
 *  - It does not tell of new connections. Ours begin when it asks for a
 *    bufferevent, and are tied to its own at the end of that turn of the loop.
 *  - Its timeout begins anew with every byte. A timer of ours sees to it that a
 *    request arrives as a whole.
 *  - It frees a request some time after the answer, or at once when the
 *    client is gone: nothing of it is touched after the answer.
 *  - A request whose client is gone is freed by answering it all the same.
 */

#include "server/http.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "server/gzip.h"
#include "server/http_socket.h"
#include "server/metrics.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <limits.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/queue.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SLACK          ((size_t)64 * 1024) /* by which evhttp's limits are above ours */
#define BODY_SLACK     ((size_t)16 * 1024 * 1024)
#define SLOWEST        16384 /* bytes a second that a body has to arrive with */
#define GZIP_FROM      1024  /* bytes of an answer */
#define REFER_FROM     8192  /* bytes from which a body is not copied */
#define MOST_UNSENT    ((size_t)1024 * 1024)
#define DRAIN_POLL_MS  10
#define TICK_MS        1000
#define ERROR_PAGE_END "</BODY></HTML>\n"
#define ERROR_PAGE_MAX 4096

struct http {
    struct loop *loop; /* borrowed */
    struct http_config config;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL once stopped */
    uint16_t port;
    bool stopping;
    bool draining;
    struct event *tick;
    int64_t now; /* microseconds of clock_monotonic(), of the last tick */

    struct connection *connections;
    struct connection *fresh;  /* the newest of those that are not tied yet */
    struct connection **by_fd; /* tied connections */
    size_t fd_room;
    atomic_uint connection_count;
    atomic_uint request_count;
};

struct connection {
    struct connection *next, *previous;
    struct connection *next_fresh;
    struct http *http;
    struct bufferevent *bufferevent; /* borrowed from evhttp, as the next */
    struct evhttp_connection *evhttp;
    int fd;
    struct exchange *exchange; /* the one being handled */
    size_t received;           /* bytes since the last request was complete */
    int64_t since;             /* the first of them, or the last answer */
    bool rewriting;
};

/* One request and its answer. Lives in its own arena. */
struct exchange {
    struct http_request request;
    struct http *http;
    struct connection *connection; /* NULL when the client is gone */
    struct evhttp_request *evhttp; /* NULL once answered */
    unsigned holders;              /* of the arena: the handler, and unsent bytes */
    bool streaming;
    struct waiter sent; /* of a chunk, when much is unsent */
};

/* evhttp's methods, and what an exchange calls them. */
static const struct {
    enum evhttp_cmd_type type;
    const char *name;
} methods[] = {
    {EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_POST, "POST"},   {EVHTTP_REQ_PUT, "PUT"},
    {EVHTTP_REQ_HEAD, "HEAD"},       {EVHTTP_REQ_PATCH, "PATCH"}, {EVHTTP_REQ_DELETE, "DELETE"},
    {EVHTTP_REQ_OPTIONS, "OPTIONS"}, {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_CONNECT, "CONNECT"},
};

/* Statuses with which HTTP itself refuses. */
static const struct refusal {
    int status;
    enum err_kind kind;
    const char *text;
} refusals[] = {
    {400, ERR_INVALID, "The request is not valid HTTP/1.1."},
    {413, ERR_TOO_LARGE, "The request is larger than this server accepts."},
    {415, ERR_MEDIA_TYPE, "The only Content-Encoding of a request is gzip."},
    {417, ERR_INVALID, "The only expectation that is met is 100-continue."},
    {431, ERR_TOO_LARGE, "The request line and headers are larger than this server accepts."},
    {500, ERR_INTERNAL, "The request could not be handled."},
    {501, ERR_NOT_SUPPORTED, "This HTTP method is unknown."},
    {503, ERR_BUSY, "Too many requests are being handled. Try again in a moment."},
};

/* Reasons that evhttp does not know. */
static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {412, "Precondition Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
};

static bool set_up(struct http *http, int fd);
static struct bufferevent *on_new_connection(struct event_base *base, void *context);
static void on_turn_end(void *context);
static void tie(struct http *http, struct connection *connection);
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context);
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *context);
static void replace_page(struct connection *connection, struct evbuffer *output);
static void on_close(struct evhttp_connection *evhttp, void *context);
static void on_tick(evutil_socket_t fd, short what, void *context);
static void close_late(struct http *http);
static void on_request(struct evhttp_request *evhttp, void *context);
static struct exchange *new_exchange(struct http *http, struct evhttp_request *evhttp);
static void split_uri(struct http_request *request, const char *uri);
static int check_limits(const struct exchange *exchange, size_t received);
static size_t header_size(struct evhttp_request *evhttp);
static void run_exchange(void *context);
static int take_body(struct exchange *exchange, struct err *err);
static void refuse(struct exchange *exchange, int status, const struct err *err);
static struct text refusal_body(struct http *http, struct arena *arena, int status,
                                const struct err *given);
static void let_go(struct exchange *exchange);
static void on_body_sent(const void *data, size_t size, void *context);
static struct text pack(struct exchange *exchange, const struct http_answer *answer);
static bool is_packable(const struct http_answer *answer);
static void add_headers(struct exchange *exchange, const struct http_answer *answer,
                        size_t body_size, bool packed);
static void add_body(struct exchange *exchange, struct text body);
static const char *find_reason(int status);
static void write_now(struct connection *connection);
static void end_exchange(struct exchange *exchange);
static bool wait_until_sent(struct exchange *exchange, struct err *err);
static void on_sent(struct evhttp_connection *evhttp, void *context);

/*
 * Listening, and stopping to.
 */

struct http *http_listen(struct loop *loop, const struct http_config *config, struct err *err)
{
    int fd = http_socket_listen(config->address, config->port, config->reuse_port, err);
    struct http *http;

    if (fd < 0)
        return NULL;
    http = calloc(1, sizeof(*http));
    if (!http)
        abort();
    http->loop = loop;
    http->config = *config;
    http->now = clock_monotonic();
    if (!set_up(http, fd))
        abort(); /* out of memory */
    http->port = http_socket_port(fd);
    loop_add_turn_end(loop, on_turn_end, http);
    return http;
}

static bool set_up(struct http *http, int fd)
{
    const struct http_config *config = &http->config;
    int longest_ms = config->idle_timeout_ms > config->read_timeout_ms ? config->idle_timeout_ms
                                                                       : config->read_timeout_ms;
    struct timeval longest = {longest_ms / 1000 + 1, 0};
    struct timeval tick = {TICK_MS / 1000, TICK_MS % 1000 * 1000};
    ev_uint16_t allowed = 0;

    http->evhttp = evhttp_new(loop_base(http->loop));
    http->tick = event_new(loop_base(http->loop), -1, EV_PERSIST, on_tick, http);
    if (!http->evhttp || !http->tick || event_add(http->tick, &tick) != 0)
        return false;

    for (size_t i = 0; i < COUNT(methods); i++)
        allowed |= (ev_uint16_t)methods[i].type;
    evhttp_set_allowed_methods(http->evhttp, allowed);
    evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)(config->header_size + SLACK));
    evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)(config->body_size + BODY_SLACK));
    evhttp_set_timeout_tv(http->evhttp,
                          event_base_init_common_timeout(loop_base(http->loop), &longest));
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_flags(http->evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_bevcb(http->evhttp, on_new_connection, http);
    evhttp_set_gencb(http->evhttp, on_request, http);
    http->bound = evhttp_accept_socket_with_handle(http->evhttp, fd);
    return http->bound != NULL;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

struct http_counts http_counts(const struct http *http)
{
    return (struct http_counts){
        .connections = atomic_load_explicit(&http->connection_count, memory_order_relaxed),
        .requests = atomic_load_explicit(&http->request_count, memory_order_relaxed),
    };
}

void http_stop_listening(struct http *http)
{
    if (http->bound)
        evhttp_del_accept_socket(http->evhttp, http->bound);
    http->bound = NULL;
    http->stopping = true;
    http->now = clock_monotonic();
    close_late(http);
}

bool http_drain(struct http *http, int timeout_ms)
{
    int64_t end = clock_monotonic() + (int64_t)timeout_ms * 1000;

    http_stop_listening(http);
    while (http->connections || http_counts(http).requests > 0) {
        if (clock_monotonic() >= end)
            return false;
        fiber_sleep(DRAIN_POLL_MS);
        close_late(http);
    }
    return true;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    assert(http_counts(http).requests == 0 && "a fiber holds a request");
    loop_remove_turn_end(http->loop, on_turn_end, http);
    on_turn_end(http);
    event_free(http->tick);
    evhttp_free(http->evhttp);
    assert(!http->connections);
    free(http->by_fd);
    free(http);
}

/*
 * Connections.
 */

static struct bufferevent *on_new_connection(struct event_base *base, void *context)
{
    struct http *http = context;
    struct connection *connection = calloc(1, sizeof(*connection));

    if (!connection)
        abort();
    connection->http = http;
    connection->bufferevent = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!connection->bufferevent)
        abort();
    connection->next_fresh = http->fresh;
    http->fresh = connection;
    return connection->bufferevent;
}

/* By now evhttp has made its own connection, and is what the bufferevent
 * calls back with. */
static void on_turn_end(void *context)
{
    struct http *http = context;

    while (http->fresh) {
        struct connection *connection = http->fresh;
        http->fresh = connection->next_fresh;
        tie(http, connection);
    }
}

static void tie(struct http *http, struct connection *connection)
{
    struct bufferevent *bufferevent = connection->bufferevent;
    void *evhttp = NULL;

    bufferevent_getcb(bufferevent, NULL, NULL, NULL, &evhttp);
    connection->evhttp = evhttp;
    connection->fd = bufferevent_getfd(bufferevent);
    connection->since = http->now;
    assert(connection->evhttp && connection->fd >= 0);
    evhttp_connection_set_closecb(connection->evhttp, on_close, connection);
    if (!evbuffer_add_cb(bufferevent_get_input(bufferevent), on_input, connection) ||
        !evbuffer_add_cb(bufferevent_get_output(bufferevent), on_output, connection))
        abort();

    while ((size_t)connection->fd >= http->fd_room) {
        size_t room = http->fd_room ? 2 * http->fd_room : 256;
        http->by_fd = reallocarray(http->by_fd, room, sizeof(struct connection *));
        if (!http->by_fd)
            abort();
        http->fd_room = room;
    }
    http->by_fd[connection->fd] = connection;
    connection->next = http->connections;
    if (connection->next)
        connection->next->previous = connection;
    http->connections = connection;
    if (atomic_fetch_add_explicit(&http->connection_count, 1, memory_order_relaxed) >=
            http->config.connections ||
        http->stopping)
        evhttp_connection_free(connection->evhttp);
}

/* Called whenever bytes arrive: says when a request began to. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context)
{
    struct connection *connection = context;

    (void)input;
    if (info->n_added == 0)
        return;
    if (connection->received == 0)
        connection->since = connection->http->now;
    connection->received += info->n_added;
}

/* Whatever is put out while no exchange is under way is evhttp's own. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *context)
{
    struct connection *connection = context;
    char end[sizeof(ERROR_PAGE_END) - 1];
    size_t size;

    if (connection->exchange || connection->rewriting || info->n_added == 0)
        return;
    size = evbuffer_get_length(output);
    if (size < sizeof(end) || size > ERROR_PAGE_MAX)
        return;

    struct evbuffer_ptr place;
    if (evbuffer_ptr_set(output, &place, size - sizeof(end), EVBUFFER_PTR_SET) != 0 ||
        evbuffer_copyout_from(output, &place, end, sizeof(end)) != sizeof(end) ||
        memcmp(end, ERROR_PAGE_END, sizeof(end)) != 0)
        return;
    connection->rewriting = true;
    replace_page(connection, output);
    connection->rewriting = false;
}

static void replace_page(struct connection *connection, struct evbuffer *output)
{
    struct http *http = connection->http;
    struct arena *arena = arena_new();
    char first[13] = {0};
    int64_t status = 400;
    struct text body;

    evbuffer_copyout(output, first, sizeof(first) - 1); /* "HTTP/1.1 413" */
    text_to_int64((struct text){first + 9, 3}, 400, 599, &status);
    body = refusal_body(http, arena, (int)status, NULL);
    evbuffer_unfreeze(output, 1);
    evbuffer_drain(output, evbuffer_get_length(output));
    evbuffer_freeze(output, 1);
    evbuffer_add_printf(output,
                        "%.8s %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n",
                        first, (int)status, find_reason((int)status), http->config.refusal_type,
                        body.size);
    evbuffer_add(output, body.data, body.size);
    arena_free(arena);
}

/* Whatever ends a connection, evhttp calls this. */
static void on_close(struct evhttp_connection *evhttp, void *context)
{
    struct connection *connection = context;
    struct http *http = connection->http;

    (void)evhttp;
    if (connection->exchange) {
        connection->exchange->connection = NULL;
        fiber_wake(&connection->exchange->sent);
    }
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        http->connections = connection->next;
    http->by_fd[connection->fd] = NULL;
    evbuffer_remove_cb(bufferevent_get_input(connection->bufferevent), on_input, connection);
    evbuffer_remove_cb(bufferevent_get_output(connection->bufferevent), on_output, connection);
    atomic_fetch_sub_explicit(&http->connection_count, 1, memory_order_relaxed);
    free(connection);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct http *http = context;

    (void)fd;
    (void)what;
    http->now = clock_monotonic();
    close_late(http);
}

static bool is_late(const struct connection *connection)
{
    const struct http_config *config = &connection->http->config;
    int64_t elapsed_ms = (connection->http->now - connection->since) / 1000;

    if (connection->exchange ||
        evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) > 0)
        return false;
    if (connection->received == 0)
        return connection->http->stopping || elapsed_ms > config->idle_timeout_ms;
    return elapsed_ms > config->read_timeout_ms + (int64_t)(connection->received / SLOWEST) * 1000;
}

/* Closes connections that are idle for too long, or on which a request takes
 * too long to arrive; when stopping, all that are idle. */
static void close_late(struct http *http)
{
    struct connection *next;

    for (struct connection *connection = http->connections; connection; connection = next) {
        next = connection->next;
        if (is_late(connection))
            evhttp_connection_free(connection->evhttp);
    }
}

/*
 * Requests.
 */

static void on_request(struct evhttp_request *evhttp, void *context)
{
    struct http *http = context;
    struct exchange *exchange = new_exchange(http, evhttp);
    struct connection *connection = exchange->connection;
    int status = check_limits(exchange, connection->received);

    /* What has arrived already of the next request counts as just arrived. */
    connection->received = evbuffer_get_length(bufferevent_get_input(connection->bufferevent));
    if (status == 0) {
        fiber_spawn(http->loop, run_exchange, exchange);
        return;
    }
    refuse(exchange, status, NULL);
    let_go(exchange);
}

static struct exchange *new_exchange(struct http *http, struct evhttp_request *evhttp)
{
    struct arena *arena = arena_new();
    struct exchange *exchange = arena_one(arena, struct exchange);
    struct http_request *request = &exchange->request;
    struct evhttp_connection *connection = evhttp_request_get_connection(evhttp);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    const char *wish = evhttp_find_header(evhttp_request_get_input_headers(evhttp), "Connection");
    char *peer = NULL;

    exchange->http = http;
    exchange->evhttp = evhttp;
    exchange->connection = http->by_fd[fd];
    exchange->connection->exchange = exchange;
    exchange->holders = 1;
    atomic_fetch_add_explicit(&http->request_count, 1, memory_order_relaxed);

    request->arena = arena;
    request->method = "";
    for (size_t i = 0; i < COUNT(methods); i++)
        if (methods[i].type == evhttp_request_get_command(evhttp))
            request->method = methods[i].name;
    split_uri(request, evhttp_request_get_uri(evhttp));
    evhttp_connection_get_peer(connection, &peer, &request->peer_port);
    request->peer = arena_strdup(arena, peer ? peer : "");
    request->keep_alive = !wish || strcasecmp(wish, "close") != 0;
    return exchange;
}

/* RFC 9112 3.2: "/path?query", "http://host/path?query", or "*". */
static void split_uri(struct http_request *request, const char *uri)
{
    const char *scheme = uri[0] == '/' ? NULL : strstr(uri, "://");

    if (scheme) {
        uri = strchr(scheme + 3, '/');
        if (!uri)
            uri = "/";
    }
    request->path = (struct text){uri, strcspn(uri, "#")};
    text_split(request->path, '?', &request->path, &request->query);
}

/* The status to refuse with, or 0. */
static int check_limits(const struct exchange *exchange, size_t received)
{
    const struct http_config *config = &exchange->http->config;
    size_t body = evbuffer_get_length(evhttp_request_get_input_buffer(exchange->evhttp));

    if (body > config->body_size)
        return 413;
    /* What arrived bounds the headers, so that they need not be counted mostly. */
    if (received - body > config->header_size &&
        header_size(exchange->evhttp) > config->header_size)
        return 431;
    if (http_counts(exchange->http).requests > config->requests)
        return 503;
    return 0;
}

static size_t header_size(struct evhttp_request *evhttp)
{
    size_t size = strlen(evhttp_request_get_uri(evhttp));
    struct evkeyval *pair;

    TAILQ_FOREACH(pair, evhttp_request_get_input_headers(evhttp), next)
    size += strlen(pair->key) + strlen(pair->value) + 4;
    return size;
}

static void run_exchange(void *context)
{
    struct exchange *exchange = context;
    struct http *http = exchange->http;
    struct err err = {0};
    int status = take_body(exchange, &err);

    if (status != 0)
        refuse(exchange, status, &err);
    else
        http->config.handle(&exchange->request, http->config.context);
    if (exchange->streaming)
        http_answer_abort(&exchange->request);
    else if (exchange->evhttp)
        refuse(exchange, 500, NULL);
    let_go(exchange);
}

/* The status to refuse with, or 0. */
static int take_body(struct exchange *exchange, struct err *err)
{
    struct http_request *request = &exchange->request;
    struct evbuffer *input = evhttp_request_get_input_buffer(exchange->evhttp);
    size_t size = evbuffer_get_length(input);
    struct text coding;

    if (size == 0)
        return 0;
    request->body = (struct text){(const char *)evbuffer_pullup(input, -1), size};
    coding = http_header(request, "Content-Encoding");
    if (coding.size == 0 || strcasecmp(coding.data, "identity") == 0)
        return 0;
    if (strcasecmp(coding.data, "gzip") != 0 && strcasecmp(coding.data, "x-gzip") != 0)
        return 415;
    if (gzip_unpack(request->arena, request->body, exchange->http->config.body_size, &request->body,
                    err))
        return 0;
    return err->kind == ERR_TOO_LARGE ? 413 : 400;
}

struct text http_header(const struct http_request *request, const char *name)
{
    const struct exchange *exchange = (const struct exchange *)request;

    if (!exchange->evhttp)
        return (struct text){0};
    return text_of(evhttp_find_header(evhttp_request_get_input_headers(exchange->evhttp), name));
}

/*
 * Answers.
 */

/* `err` NULL or empty: what the table says about the status. */
static void refuse(struct exchange *exchange, int status, const struct err *err)
{
    struct http *http = exchange->http;
    const struct http_header headers[] = {
        {"Content-Type", http->config.refusal_type},
        {"Retry-After", "1"},
    };

    exchange->request.keep_alive = exchange->request.keep_alive && status >= 500;
    http_answer(&exchange->request,
                &(struct http_answer){
                    .status = status,
                    .headers = headers,
                    .header_count = status == 503 ? 2 : 1,
                    .body = refusal_body(http, exchange->request.arena, status, err),
                });
}

static struct text refusal_body(struct http *http, struct arena *arena, int status,
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
    add_headers(exchange, answer, body.size, packed.data != NULL);
    if (body.size > 0 && strcmp(request->method, "HEAD") != 0)
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

static void add_headers(struct exchange *exchange, const struct http_answer *answer,
                        size_t body_size, bool packed)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->evhttp);
    char number[24];

    for (size_t i = 0; i < answer->header_count; i++)
        evhttp_add_header(headers, answer->headers[i].name, answer->headers[i].value);
    if (packed)
        evhttp_add_header(headers, "Content-Encoding", "gzip");
    if (is_packable(answer))
        evhttp_add_header(headers, "Vary", "Accept-Encoding");
    if (strcmp(exchange->request.method, "HEAD") == 0 && answer->status != 204 &&
        answer->status != 304) {
        snprintf(number, sizeof(number), "%zu", body_size);
        evhttp_add_header(headers, "Content-Length", number);
    }
    if (exchange->http->stopping || !exchange->request.keep_alive)
        evhttp_add_header(headers, "Connection", "close");
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
    let_go(context);
}

static void let_go(struct exchange *exchange)
{
    if (--exchange->holders == 0)
        arena_free(exchange->request.arena);
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
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->evhttp);

    assert(exchange->evhttp && !exchange->streaming && "one answer a request");
    for (size_t i = 0; i < answer->header_count; i++)
        evhttp_add_header(headers, answer->headers[i].name, answer->headers[i].value);
    if (exchange->http->stopping || !request->keep_alive)
        evhttp_add_header(headers, "Connection", "close");
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
    if (size == 0)
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
    return unsent <= MOST_UNSENT || strcmp(request->method, "HEAD") == 0 ||
           wait_until_sent(exchange, err);
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
