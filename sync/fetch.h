#pragma once

/*
 * Fetch - HTTP requests to other servers, through libcurl's multi interface in
 * the event loop: thousands at once in one thread, connections kept, HTTP/2
 * where it is offered. Only fetch.c and url.c know libcurl.
 *
 * TLS certificates are always verified. Answers are bounded, and unpacked
 * whatever they say about their coding (inflate.h). Redirects are followed by
 * our own rule: never from https to http; `Authorization`, cookies and what
 * else the caller calls secret are left out as soon as scheme, host or port changes.
 */

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct fetch_part;
struct fetcher;
struct loop;
struct network;

/* Which addresses may be connected to (network.h), judged when a connection is
 * made or used again, after names were resolved: also for every redirect. */
struct fetch_guard {
    const struct network *networks; /* allowed besides the public ones; borrowed */
    size_t count;
};

/* Files in PEM; NULL: none. There is no way to do without verifying. */
struct fetch_tls {
    const char *ca_file;     /* whom to trust in place of those that everybody trusts */
    const char *client_file; /* our certificate and its key, for servers that ask for one */
};

struct fetch_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL-ended; NULL: none */
    struct text body;           /* borrowed until the answer; absent: none */
    int timeout_ms;             /* for the whole of it, each redirect anew */
    size_t max_body;            /* of the answer, unpacked; more is ERR_TOO_LARGE */
    unsigned redirects;         /* most to follow; 0: a redirect is the answer */
    /* Headers after this many are the caller's own for this one server, such as keys; they are
     * treated as Authorization is. 0: none are. */
    size_t public_headers;
    const struct fetch_guard *guard; /* NULL: every address */
    const struct fetch_tls *tls;     /* NULL: as the system has it */
    struct fetch_part *part;         /* goes on with what broke (fetch_part.h); NULL: does not */
};

struct fetch_response {
    int status;
    struct text body;
    struct text content_type;
    struct text etag;  /* absent when not said, as the following */
    struct text range; /* Content-Range */
    struct text location;
    int64_t date;    /* the server's clock, microseconds since 1970; INT64_MIN when not said */
    int retry_after; /* seconds, rounded up; 0 when not said, or nothing to be honoured */
    size_t received; /* bytes of the body on the wire */
    bool packed;     /* it came compressed */
    const char *http_version; /* "1.0", "1.1", "2" */
    const char *url;          /* that answered: another one after redirects */
    unsigned redirected;      /* times */
};

/* `connections`: most connections to one host. */
struct fetcher *fetcher_new(struct loop *loop, unsigned connections);

/* No request may be under way. NULL is a no-op. */
void fetcher_free(struct fetcher *fetcher);

/* Requests under way fail with ERR_BUSY, and so do all that follow. */
void fetcher_stop(struct fetcher *fetcher);

/* Waits. True when an answer came, whatever its status; the answer lives in
 * `arena`. ERR_BUSY when the server could not be reached (nothing was sent),
 * ERR_UNKNOWN when the connection was lost after sending, ERR_TIMEOUT;
 * ERR_FORBIDDEN when the address or a redirect may not be followed; ERR_TOO_LARGE,
 * with the beginning of the body in `response`. */
bool fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena,
           struct fetch_response *response, struct err *err);
