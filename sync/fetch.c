/*
 * Fetch - see fetch.h.
 *
 * libcurl says which sockets it wants to be told about, and when; libevent
 * tells it; a finished transfer wakes the fiber that waits for it.
 */

#include "sync/fetch.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fiber.h"
#include "base/loop.h"

#include <curl/curl.h>
#include <event2/event.h>

struct fetcher {
    CURLM *multi;
    struct loop *loop;
    struct event *timer;
};

struct transfer {
    const struct fetch_request *request;
    struct buf body;
    bool too_large;
    CURLcode result;
    struct waiter waiter;
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

    if (transfer->body.size + size * count > transfer->request->max_body) {
        transfer->too_large = true;
        return 0;
    }
    buf_add(&transfer->body, data, size * count);
    return size * count;
}

static struct curl_slist *header_list(const struct fetch_request *request)
{
    /* A large body would wait a second for a "100 Continue" that many servers never send. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (const char *const *header = request->headers; header && *header; header++)
        list = curl_slist_append(list, *header);
    return list;
}

static void prepare(CURL *easy, const struct fetch_request *request, struct transfer *transfer,
                    struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (request->body.data) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
}

static bool explain(CURL *easy, const struct transfer *transfer, struct err *err)
{
    long sent = 0;

    if (transfer->too_large)
        return err_set(err, ERR_TOO_LARGE, NULL, "The answer is larger than %zu bytes.",
                       transfer->request->max_body);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    if (transfer->result == CURLE_OPERATION_TIMEDOUT && sent > 0)
        return err_set(err, ERR_TIMEOUT, NULL, "No answer within %d ms.",
                       transfer->request->timeout_ms);
    return err_set(err, sent > 0 ? ERR_UNKNOWN : ERR_BUSY, NULL, "%s.",
                   curl_easy_strerror(transfer->result));
}

static void fill(CURL *easy, struct transfer *transfer, struct arena *arena,
                 struct fetch_response *response)
{
    const char *type = NULL;
    curl_off_t retry = 0;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
    *response = (struct fetch_response){
        .status = (int)status,
        .body = {transfer->body.data ? transfer->body.data : "", transfer->body.size},
        .content_type = text_of(type ? arena_strdup(arena, type) : NULL),
        .retry_after = retry > 0 && retry < 1 << 30 ? (int)retry : 0,
    };
}

bool fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena,
           struct fetch_response *response, struct err *err)
{
    struct transfer transfer = {.request = request, .body = buf_in(arena)};
    struct curl_slist *headers = header_list(request);
    CURL *easy = curl_easy_init();
    bool good;

    prepare(easy, request, &transfer, headers);
    curl_multi_add_handle(fetcher->multi, easy);
    /* libcurl keeps the time; the fiber waits without a deadline of its own. */
    good = fiber_wait(&transfer.waiter, -1, err);
    if (good && transfer.result == CURLE_OK)
        fill(easy, &transfer, arena, response);
    else if (good)
        good = explain(easy, &transfer, err);
    curl_multi_remove_handle(fetcher->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    return good;
}
