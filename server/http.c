/*
 * HTTP - see http.h. These files alone know evhttp:
 * here are listening and connections, http_request.c has requests, http_answer.c
 * answers. What has to be done around evhttp (libevent 2.1.12):
 *
 *  - It makes its own error pages in HTML. They are recognised as they are
 *    put into a connection's output, and replaced there.
 *  - It does not tell of new connections. Ours begin when it asks for a
 *    bufferevent, and are tied to its own before the loop looks at any socket.
 *  - Its timeout begins anew with every byte. A timer of ours sees to it that a
 *    request arrives as a whole.
 *  - It frees a request some time after the answer, or at once when the
 *    client is gone: nothing of it is touched after the answer.
 *  - A request whose client is gone is freed by answering it all the same.
 *  - It tries again at once, and says so each time, when a connection cannot be
 *    accepted for want of file descriptors. Here it waits for the next tick.
 *  - It buffers the line that gives the size of a chunk however long it gets.
 */

#include "server/http.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "server/http_internal.h"
#include "server/http_socket.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#define HEADER_SLACK   ((size_t)1024 * 1024) /* by which evhttp's limits are above ours */
#define BODY_SLACK     ((size_t)16 * 1024 * 1024)
#define SLOWEST        16384 /* bytes a second with which a request has to arrive */
#define DRAIN_POLL_MS  10
#define TICK_MS        1000
#define ERROR_PAGE_END "</BODY></HTML>\n"
#define ERROR_PAGE_MAX 4096

static bool set_up(struct http *http, int fd);
static void on_cannot_accept(struct evconnlistener *listener, void *context);
static struct bufferevent *on_new_connection(struct event_base *base, void *context);
static void on_fresh(evutil_socket_t fd, short what, void *context);
static void tie(struct http *http, struct connection *connection);
static void note_fd(struct http *http, struct connection *connection);
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context);
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *context);
static void replace_page(struct connection *connection, struct evbuffer *output);
static void on_close(struct evhttp_connection *evhttp, void *context);
static void on_tick(evutil_socket_t fd, short what, void *context);
static bool is_late(const struct connection *connection);
static void close_late(struct http *http);

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
    return http;
}

static bool set_up(struct http *http, int fd)
{
    const struct http_config *config = &http->config;
    int longest_ms = config->idle_timeout_ms > config->read_timeout_ms ? config->idle_timeout_ms
                                                                       : config->read_timeout_ms;
    struct timeval longest = {longest_ms / 1000 + 1, 0};
    struct timeval tick = {TICK_MS / 1000, TICK_MS % 1000 * 1000L};

    http->evhttp = evhttp_new(loop_base(http->loop));
    http->tick = event_new(loop_base(http->loop), -1, EV_PERSIST, on_tick, http);
    http->tying = event_new(loop_base(http->loop), -1, 0, on_fresh, http);
    if (!http->evhttp || !http->tick || !http->tying || event_add(http->tick, &tick) != 0)
        return false;

    evhttp_set_allowed_methods(http->evhttp, UINT16_MAX); /* the router decides */
    evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)(config->header_size + HEADER_SLACK));
    evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)(config->body_size + BODY_SLACK));
    evhttp_set_timeout_tv(http->evhttp,
                          event_base_init_common_timeout(loop_base(http->loop), &longest));
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_flags(http->evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_bevcb(http->evhttp, on_new_connection, http);
    evhttp_set_gencb(http->evhttp, http_on_request, http);
    http->bound = evhttp_accept_socket_with_handle(http->evhttp, fd);
    if (!http->bound)
        return false;
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(http->bound), on_cannot_accept);
    return true;
}

/* Those who wait to be accepted keep waiting; on_tick() listens again. */
static void on_cannot_accept(struct evconnlistener *listener, void *context)
{
    (void)context;
    log_error(NULL, "cannot accept a connection", "why",
              strerror(evutil_socket_geterror(evconnlistener_get_fd(listener))), NULL);
    evconnlistener_disable(listener);
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
    event_free(http->tick);
    event_free(http->tying);
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
    event_active(http->tying, EV_TIMEOUT, 0);
    return connection->bufferevent;
}

/* By now evhttp has made its own connection: it is what the bufferevent calls
 * back with. */
static void on_fresh(evutil_socket_t fd, short what, void *context)
{
    struct http *http = context;

    (void)fd;
    (void)what;
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

    note_fd(http, connection);
    connection->next = http->connections;
    if (connection->next)
        connection->next->previous = connection;
    http->connections = connection;
    if (atomic_fetch_add_explicit(&http->connection_count, 1, memory_order_relaxed) >=
            http->config.connections ||
        http->stopping)
        evhttp_connection_free(connection->evhttp);
}

static void note_fd(struct http *http, struct connection *connection)
{
    size_t room = http->fd_room ? http->fd_room : 256;

    while ((size_t)connection->fd >= room)
        room *= 2;
    if (room > http->fd_room) {
        http->by_fd = reallocarray(http->by_fd, room, sizeof(struct connection *));
        if (!http->by_fd)
            abort();
        http->fd_room = room;
    }
    http->by_fd[connection->fd] = connection;
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

/* Only the status line stays. */
static void replace_page(struct connection *connection, struct evbuffer *output)
{
    struct http *http = connection->http;
    struct arena *arena = arena_new();
    char page[ERROR_PAGE_MAX + 1];
    ev_ssize_t size = evbuffer_copyout(output, page, ERROR_PAGE_MAX);
    int64_t status = 400;

    page[size > 0 ? size : 0] = '\0';
    page[strcspn(page, "\r\n")] = '\0'; /* "HTTP/1.1 413 Request Entity Too Large" */
    if (strlen(page) > 12)
        text_to_int64((struct text){page + 9, 3}, 400, 599, &status);

    struct text body = http_refusal_body(http, arena, (int)status, NULL);
    evbuffer_unfreeze(output, 1);
    evbuffer_drain(output, evbuffer_get_length(output));
    evbuffer_freeze(output, 1);
    evbuffer_add_printf(output,
                        "%s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n",
                        page, http->config.refusal_type, body.size);
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
    if (http->bound)
        evconnlistener_enable(evhttp_bound_socket_get_listener(http->bound));
}

static bool is_late(const struct connection *connection)
{
    const struct http_config *config = &connection->http->config;
    int64_t elapsed_ms = (connection->http->now - connection->since) / 1000;
    size_t unread = evbuffer_get_length(bufferevent_get_input(connection->bufferevent));

    if (connection->exchange ||
        evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) > 0)
        return false;
    if (connection->received == 0)
        return connection->http->stopping || elapsed_ms > config->idle_timeout_ms;
    return unread > config->body_size + BODY_SLACK + HEADER_SLACK ||
           connection->received > 2 * (config->body_size + BODY_SLACK + HEADER_SLACK) ||
           elapsed_ms > config->read_timeout_ms + (int64_t)(connection->received / SLOWEST) * 1000;
}

/* Closes connections that are idle for too long, or on which a request takes
 * too long to arrive, or has a part that is larger than any may be; when stopping, all that are
 * idle. */
static void close_late(struct http *http)
{
    struct connection *next;

    for (struct connection *connection = http->connections; connection; connection = next) {
        next = connection->next;
        if (is_late(connection))
            evhttp_connection_free(connection->evhttp);
    }
}
