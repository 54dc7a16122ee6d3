#pragma once

/* What the files of the HTTP server (http*.c) know of each other. */

#include "base/fiber.h"
#include "server/http.h"

#include <stdatomic.h>

#define HTTP_TRIM_FROM ((size_t)16 * 1024 * 1024) /* freed at once goes back to the system */

struct bufferevent;
struct event;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;

struct http {
    struct loop *loop; /* borrowed */
    struct http_config config;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL once stopped */
    uint16_t port;
    bool stopping;
    struct event *tick;
    struct event *tying; /* made active when there is a fresh connection */
    int64_t now;         /* microseconds of clock_monotonic(), of the last tick */

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

/* http_request.c: evhttp's callback, with a struct http. */
void http_on_request(struct evhttp_request *evhttp, void *context);

/* http_answer.c: answers with a refusal. `err` NULL or empty: what is usual for
 * the status. */
void http_refuse(struct exchange *exchange, int status, const struct err *err);

/* The body of a refusal, which is counted. */
struct text http_refusal_body(struct http *http, struct arena *arena, int status,
                              const struct err *given);

/* One holder less of the exchange's arena. */
void http_let_go(struct exchange *exchange);
