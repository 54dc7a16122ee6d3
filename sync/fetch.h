#pragma once

/*
 * Fetch - HTTP requests to other servers, through libcurl's multi interface in
 * the event loop: thousands at once in one thread. Only fetch.c knows libcurl.
 *
 * TLS certificates are always verified. Redirects are not followed. Bodies
 * are bounded.
 */

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>

struct arena;
struct fetcher;
struct loop;

struct fetch_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL-ended; NULL: none */
    struct text body;           /* borrowed until the answer; absent: none */
    int timeout_ms;             /* for the whole of it */
    size_t max_body;            /* of the answer; more is ERR_TOO_LARGE */
};

struct fetch_response {
    int status;
    struct text body;
    struct text content_type;
    int retry_after; /* seconds; 0 when not said */
};

/* `connections`: most connections to one host. */
struct fetcher *fetcher_new(struct loop *loop, unsigned connections);

/* No request may be under way. NULL is a no-op. */
void fetcher_free(struct fetcher *fetcher);

/* Waits. True when an answer came, whatever its status; the answer lives in
 * `arena`. ERR_BUSY when the server could not be reached (nothing was sent),
 * ERR_UNKNOWN when the connection was lost after sending, ERR_TIMEOUT. */
bool fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena,
           struct fetch_response *response, struct err *err);
