#pragma once

/*
 * HTTP - an HTTP/1.1 server on a loop. No type of libevent appears here.
 *
 *  - Each request runs the handler in a fiber of its own. The handler answers
 *    exactly once; when it returns without, the client gets a refusal with 500.
 *  - What cannot be a request for the handler (malformed, too large, too many at
 *    once) is refused here, with a body that the configured formatter writes:
 *    no client ever sees a page that evhttp made.
 *  - A client that leaves is not noticed before the answer is sent; an answer
 *    to nobody is dropped.
 *  - Answers are compressed with gzip for clients that accept it, and request
 *    bodies in gzip are unpacked, before the handler sees them.
 *
 * Everything here belongs to the thread of the loop.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct http;
struct loop;

/* One request. Arena, method and peer are valid until the handler returns, all
 * the rest (headers as well) until it has answered. */
struct http_request {
    struct arena *arena; /* freed when the handler has returned and the answer is sent */
    const char *method;  /* "GET", "PATCH", ...: any method that HTTP defines */
    struct text path;    /* not decoded: "/fhir/Patient/a%20b" */
    struct text query;   /* not decoded, without the question mark; absent when there is none */
    struct text body;    /* unpacked; absent when there is none */
    const char *peer;    /* the address of who connected */
    uint16_t peer_port;
    bool keep_alive; /* the client would like to send more on this connection */
};

struct http_header {
    const char *name;
    const char *value;
};

/* What is sent. Status, reason, Date, Content-Length, Connection, Vary and
 * Content-Encoding come from here; everything else is the caller's. */
struct http_answer {
    int status;
    const struct http_header *headers;
    size_t header_count;
    struct text body; /* lives as long as request->arena, or longer: a large one is not copied */
};

/* Waits. Called in a fiber. */
typedef void http_handler_fn(struct http_request *request, void *context);

/* The body for a refusal that HTTP itself makes: `status` is what is sent
 * (it can be 408, 417, 431, 501 or 505, which no error kind stands for), `err`
 * says why. Must not wait. The result lives in `arena`. */
typedef struct text http_refuse_fn(struct arena *arena, int status, const struct err *err,
                                   void *context);

struct http_config {
    const char *address; /* numeric: "127.0.0.1", "::1" */
    uint16_t port;       /* 0: the system chooses, see http_port() */
    bool reuse_port;     /* several loops share the port (SO_REUSEPORT) */

    /* Limits of this loop. */
    size_t body_size;     /* of a request, also once unpacked; beyond it 413 */
    size_t header_size;   /* request line and headers; beyond it 431 */
    unsigned requests;    /* with the handler at once; beyond it 503 */
    unsigned connections; /* open at once; a further one is closed at once */
    int idle_timeout_ms;  /* between two requests on a connection */
    int read_timeout_ms;  /* for a whole request, plus a second for every 16 KiB of it;
                             also the longest that a client may take nothing of an answer */

    http_handler_fn *handle;
    http_refuse_fn *refuse;
    const char *refusal_type; /* Content-Type of what `refuse` writes */
    void *context;            /* handed to both */
};

/* Listens at once; requests come when the loop runs. NULL when the address
 * cannot be had. `config` is copied. */
struct http *http_listen(struct loop *loop, const struct http_config *config, struct err *err);

/* The port that is listened on. */
uint16_t http_port(const struct http *http);

/* Whether nobody listens on the port: a socket with SO_REUSEPORT alone would
 * share the port with another server of the same user without a word. */
bool http_port_is_free(const char *address, uint16_t port, struct err *err);

/* Closes the listening socket and idle connections; from now on answers close
 * theirs. The first step of stopping. */
void http_stop_listening(struct http *http);

/* Waits, until every request is answered and every answer sent, at most
 * `timeout_ms`. False when some were not finished by then. */
bool http_drain(struct http *http, int timeout_ms) __attribute__((warn_unused_result));

/* After http_drain() was true. When it was not, leave this to the end of the
 * process: fibers still hold requests. NULL is a no-op. */
void http_free(struct http *http);

/* How many are open now. From any thread. */
struct http_counts {
    unsigned connections;
    unsigned requests;
};
struct http_counts http_counts(const struct http *http);

/* The first header of that name (case does not matter); absent if there is none. */
struct text http_header(const struct http_request *request, const char *name);

/* Gives back the memory of the body, which is absent from now on. */
void http_release_body(struct http_request *request);

/* Sends the whole answer. */
void http_answer(struct http_request *request, const struct http_answer *answer);

/*
 * An answer in pieces, for what is too large to be held: status and headers
 * (the body is ignored), any number of chunks, which are copied, the end. The
 * end is due whatever happened.
 */
void http_answer_start(struct http_request *request, const struct http_answer *answer);

/* Waits while more than 1 MiB is on its way. Fails when the client is gone, or
 * does not take anything any more: then there is no use in going on. */
bool http_answer_chunk(struct http_request *request, const void *data, size_t size, struct err *err)
    __attribute__((warn_unused_result));

void http_answer_end(struct http_request *request);

/* Instead of the end, when the rest cannot be made: closes the connection, so
 * that the client does not take the part for the whole. */
void http_answer_abort(struct http_request *request);
