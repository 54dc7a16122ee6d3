/*
 * Fetch - see fetch.h.
 *
 * libcurl says which sockets it wants to be told about, and when; libevent
 * tells it; a finished transfer wakes the fiber that waits for it.
 */

#include "sync/fetch.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "sync/fetch_part.h"
#include "sync/http_date.h"
#include "sync/inflate.h"
#include "sync/network.h"
#include "sync/url.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <strings.h>
#include <unistd.h>

#define PIECE 65536L /* of an answer, read at once: a page takes few turns of the loop */

struct fetcher {
    CURLM *multi;
    struct loop *loop;
    struct event *timer;
    struct transfer *transfers; /* under way */
    bool stopped;
};

struct transfer {
    const struct fetch_request *request;
    const char *url;
    struct curl_slist *headers;
    struct buf body;
    bool bare;      /* of what is secret: the origin is another than was asked */
    bool see_other; /* a redirect that asks for a GET */
    bool too_large, refused, stopped;
    bool used, resent; /* a connection was about to be used; and another one for the same again */
    CURLcode result;
    struct waiter waiter;
    struct transfer *next, **link;
};

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *known);
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context);
static void on_timer(evutil_socket_t fd, short events, void *context);
static void hand_over_finished(struct fetcher *fetcher);

struct fetcher *fetcher_new(struct loop *loop, unsigned connections)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

    if (!fetcher)
        abort();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    fetcher->loop = loop;
    fetcher->multi = curl_multi_init();
    fetcher->timer = evtimer_new(loop_base(loop), on_timer, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
    return fetcher;
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    curl_multi_cleanup(fetcher->multi);
    event_free(fetcher->timer);
    free(fetcher);
}

static void on_socket(evutil_socket_t fd, short events, void *context)
{
    struct fetcher *fetcher = context;
    int action =
        (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(fetcher->multi, fd, action, &running);
    hand_over_finished(fetcher);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct fetcher *fetcher = context;
    struct event *event = known;
    short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
                           (what & CURL_POLL_OUT ? EV_WRITE : 0));

    (void)easy;
    if (event)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        event = event_new(loop_base(fetcher->loop), fd, events, on_socket, fetcher);
        event_add(event, NULL);
    }
    curl_multi_assign(fetcher->multi, fd, event);
    return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    struct fetcher *fetcher = context;
    struct timeval wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

    (void)multi;
    if (timeout_ms < 0)
        evtimer_del(fetcher->timer);
    else
        evtimer_add(fetcher->timer, &wait);
    return 0;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct fetcher *fetcher = context;
    int running;

    (void)fd, (void)events;
    curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    hand_over_finished(fetcher);
}

static void hand_over_finished(struct fetcher *fetcher)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetcher->multi, &left))) {
        char *private = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = (struct transfer *)private;
        transfer->result = message->data.result;
        fiber_wake(&transfer->waiter);
    }
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct fetch_part *part = transfer->request->part;
    size_t before = part ? part->body.size : 0;

    if (before + transfer->body.size + size * count > transfer->request->max_body) {
        transfer->too_large = true;
        return 0;
    }
    buf_add(&transfer->body, data, size * count);
    return size * count;
}

/* A new connection: the address is what the name was resolved to, so no name can point elsewhere
 * between the check and the use of it. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    const struct fetch_guard *guard = transfer->request->guard;

    (void)purpose;
    if (guard && !network_allows(guard->networks, guard->count, &address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Whether it may be sent twice. */
static bool is_safe(const struct transfer *transfer)
{
    const char *method = transfer->request->method;

    return transfer->see_other || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A connection is about to be used that another request, with another guard, may have opened. When
 * one that was kept ends without an answer, libcurl sends the request again, whatever it is: of a
 * write nobody would know then how often it had its effect. */
static int on_use(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct transfer *transfer = context;
    const struct fetch_guard *guard = transfer->request->guard;

    (void)local, (void)remote_port, (void)local_port;
    if (transfer->used && !is_safe(transfer)) {
        transfer->resent = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->used = true;
    if (!guard || network_allows_text(guard->networks, guard->count, remote))
        return CURL_PREREQFUNC_OK;
    transfer->refused = true;
    return CURL_PREREQFUNC_ABORT;
}

static bool is_secret(const char *header)
{
    static const char *const names[] = {"Authorization:", "Cookie:", "Proxy-Authorization:", NULL};

    for (const char *const *name = names; *name; name++)
        if (strncasecmp(header, *name, strlen(*name)) == 0)
            return true;
    return false;
}

static struct curl_slist *header_list(const struct transfer *transfer, struct arena *arena)
{
    const struct fetch_request *request = transfer->request;
    const char *range, *if_range;
    /* A large body would wait a second for a "100 Continue" that many servers never send. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    size_t index = 0;

    list = curl_slist_append(list, "Accept-Encoding: gzip, deflate");
    if (request->part && fetch_part_headers(request->part, arena, &range, &if_range)) {
        list = curl_slist_append(list, range);
        list = curl_slist_append(list, if_range);
    }
    for (const char *const *header = request->headers; header && *header; header++, index++) {
        bool own = request->public_headers && index >= request->public_headers;
        if (transfer->bare && (own || is_secret(*header)))
            continue;
        if (transfer->see_other && strncasecmp(*header, "Content-", 8) == 0)
            continue;
        list = curl_slist_append(list, *header);
    }
    return list;
}

static void prepare_method(CURL *easy, const struct transfer *transfer)
{
    const struct fetch_request *request = transfer->request;

    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (!transfer->see_other)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body.data && !transfer->see_other) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
}

static void prepare(CURL *easy, struct transfer *transfer)
{
    const struct fetch_request *request = transfer->request;

    curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    prepare_method(easy, transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L); /* inflate.c does it */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, PIECE);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_use);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (request->tls && request->tls->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->tls->ca_file);
    if (request->tls && request->tls->client_file) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, request->tls->client_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, request->tls->client_file);
    }
    if (url_is_https(transfer->url)) /* whether HTTP/2 lets them share it: seen when it is there */
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    if (request->guard) /* a proxy's address says nothing about where it connects to */
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Absent when the answer has no such header. */
static struct text header_of(CURL *easy, const char *name, struct arena *arena)
{
    struct curl_header *header;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return (struct text){0};
    return text_of(arena_strdup(arena, header->value));
}

static struct fetch_piece piece_of(CURL *easy, const struct transfer *transfer, struct arena *arena)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (struct fetch_piece){
        .status = (int)status,
        .body = {transfer->body.data ? transfer->body.data : "", transfer->body.size},
        .etag = header_of(easy, "ETag", arena),
        .coding = header_of(easy, "Content-Encoding", arena),
        .range = header_of(easy, "Content-Range", arena),
    };
}

static bool explain(CURL *easy, const struct transfer *transfer, struct arena *arena,
                    struct err *err)
{
    long sent = 0;

    if (transfer->stopped)
        return err_set(err, ERR_BUSY, NULL, "Stopping.");
    if (transfer->resent)
        return err_set(err, ERR_UNKNOWN, NULL, "The connection ended before the answer.");
    if (transfer->refused)
        return err_set(err, ERR_FORBIDDEN, NULL,
                       "The server's address is internal; name its network to allow it.");
    if (transfer->request->part) {
        const struct fetch_piece piece = piece_of(easy, transfer, arena);
        fetch_part_keep(transfer->request->part, &piece, arena);
    }
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    if (transfer->result == CURLE_OPERATION_TIMEDOUT && sent > 0)
        return err_set(err, ERR_TIMEOUT, NULL, "No answer within %d ms.",
                       transfer->request->timeout_ms);
    return err_set(err, sent > 0 ? ERR_UNKNOWN : ERR_BUSY, NULL, "%s.",
                   curl_easy_strerror(transfer->result));
}

static const char *version_text(long version)
{
    return version == CURL_HTTP_VERSION_1_0   ? "1.0"
           : version == CURL_HTTP_VERSION_1_1 ? "1.1"
           : version == CURL_HTTP_VERSION_2_0 ? "2"
                                              : "3";
}

static bool fill(CURL *easy, struct transfer *transfer, struct arena *arena,
                 struct fetch_response *response, struct err *err)
{
    const struct fetch_piece piece = piece_of(easy, transfer, arena);
    struct fetch_part *part = transfer->request->part;
    const bool asked = part && part->body.size > 0;
    struct text raw = piece.body;
    long version = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    *response = (struct fetch_response){
        .status = piece.status == 206 && asked ? 200 : piece.status,
        .content_type = header_of(easy, "Content-Type", arena),
        .etag = piece.etag,
        .range = piece.range,
        .location = header_of(easy, "Location", arena),
        .received = raw.size,
        .http_version = version_text(version),
        .url = transfer->url,
    };
    if (!http_date_parse(header_of(easy, "Date", arena), &response->date))
        response->date = INT64_MIN;
    int64_t now = response->date != INT64_MIN ? response->date : clock_now();
    int64_t wait = retry_after_ms(header_of(easy, "Retry-After", arena), now);
    response->retry_after = (int)((wait + 999) / 1000);
    if (asked && !is_redirect(piece.status) && !fetch_part_join(part, &piece, arena, &raw, err))
        return false;
    bool good = inflate_body(arena, raw, text_equals_nocase(piece.coding, TEXT("deflate")),
                             transfer->request->max_body, &response->body, err);
    response->packed = response->body.data != raw.data;
    if (!transfer->too_large)
        return good;
    *err = (struct err){0};
    return err_set(err, ERR_TOO_LARGE, NULL, "The answer is larger than %zu bytes.",
                   transfer->request->max_body);
}

/* Transfers are listed so that all can be ended at once. */
static void begin(struct fetcher *fetcher, struct transfer *transfer)
{
    transfer->next = fetcher->transfers;
    transfer->link = &fetcher->transfers;
    if (transfer->next)
        transfer->next->link = &transfer->next;
    fetcher->transfers = transfer;
}

static void end(struct transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next)
        transfer->next->link = transfer->link;
}

void fetcher_stop(struct fetcher *fetcher)
{
    fetcher->stopped = true;
    for (struct transfer *transfer = fetcher->transfers; transfer; transfer = transfer->next) {
        transfer->stopped = true;
        fiber_wake(&transfer->waiter);
    }
}

/* Waits. One request and its answer; `*location` gets what a redirect points to. */
static bool hop(struct fetcher *fetcher, struct transfer *transfer, struct arena *arena,
                struct fetch_response *response, struct text *location, struct err *err)
{
    CURL *easy = curl_easy_init();

    transfer->headers = header_list(transfer, arena);
    transfer->body = buf_in(arena);
    transfer->used = false;
    prepare(easy, transfer);
    begin(fetcher, transfer);
    curl_multi_add_handle(fetcher->multi, easy);
    /* libcurl keeps the time; the fiber waits without a deadline of its own. */
    bool good = fiber_wait(&transfer->waiter, -1, err);
    bool answered = transfer->result == CURLE_OK || transfer->too_large;
    if (good && answered && !transfer->stopped)
        good = fill(easy, transfer, arena, response, err);
    else if (good)
        good = explain(easy, transfer, arena, err);
    if (good)
        *location = header_of(easy, "Location", arena);
    curl_multi_remove_handle(fetcher->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(transfer->headers);
    end(transfer);
    return good;
}

/* What the next hop asks for. R9110 15.4: after 303, and by custom after a POST's 301 and 302, a
 * GET. */
static bool turn(struct transfer *transfer, int status, struct text location, struct arena *arena,
                 struct err *err)
{
    const char *target = url_join(arena, transfer->url, location.data);
    bool is_post = strcmp(transfer->request->method, "POST") == 0;

    if (!target)
        return err_set(err, ERR_FORBIDDEN, NULL, "The server redirects to what is no http(s) URL.");
    if (url_is_https(transfer->url) && !url_is_https(target))
        return err_set(err, ERR_FORBIDDEN, NULL, "The server redirects from https to http.");
    if (!url_same_origin(transfer->url, target))
        transfer->bare = true;
    if (status == 303 || (is_post && (status == 301 || status == 302)))
        transfer->see_other = true;
    transfer->url = target;
    return true;
}

bool fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena,
           struct fetch_response *response, struct err *err)
{
    struct transfer transfer = {.request = request, .url = request->url};

    for (unsigned turns = 0;; turns++) {
        struct text location = {0};
        if (fetcher->stopped)
            return err_set(err, ERR_BUSY, NULL, "Stopping.");
        if (!hop(fetcher, &transfer, arena, response, &location, err))
            return false;
        response->redirected = turns;
        if (!request->redirects || !is_redirect(response->status) || !location.data)
            return true;
        if (turns == request->redirects)
            return err_set(err, ERR_FORBIDDEN, NULL, "The server redirects more than %u times.",
                           request->redirects);
        if (!turn(&transfer, response->status, location, arena, err))
            return false;
    }
}
