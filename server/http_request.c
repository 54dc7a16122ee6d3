/*
 * HTTP, requests: what evhttp has read becomes an exchange, and gets a fiber.
 * See http.h.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"
#include "server/gzip.h"
#include "server/http_internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <malloc.h>
#include <strings.h>
#include <sys/queue.h>

/* evhttp's methods, and what an exchange calls them. */
static const struct {
    enum evhttp_cmd_type type;
    const char *name;
} methods[] = {
    {EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_POST, "POST"},   {EVHTTP_REQ_PUT, "PUT"},
    {EVHTTP_REQ_HEAD, "HEAD"},       {EVHTTP_REQ_PATCH, "PATCH"}, {EVHTTP_REQ_DELETE, "DELETE"},
    {EVHTTP_REQ_OPTIONS, "OPTIONS"}, {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_CONNECT, "CONNECT"},
};

/* What the headers say that concerns HTTP itself. */
struct heads {
    size_t size;
    unsigned hosts, lengths, codings;
    bool malformed;
    bool chunked;
    bool has_body;
    bool close;
};

static struct exchange *new_exchange(struct http *http, struct evhttp_request *evhttp);
static void split_uri(struct http_request *request, const char *uri);
static struct heads read_heads(struct evhttp_request *evhttp);
static bool is_name(const char *key);
static bool is_number(const char *value);
static bool lists(const char *list, const char *word);
static bool may_have_body(const struct exchange *exchange);
static int check(const struct exchange *exchange, const struct heads *heads);
static void run_exchange(void *context);
static int take_body(struct exchange *exchange, struct err *err);

void http_on_request(struct evhttp_request *evhttp, void *context)
{
    struct http *http = context;
    struct exchange *exchange = new_exchange(http, evhttp);
    struct connection *connection = exchange->connection;
    struct heads heads = read_heads(evhttp);
    int status = check(exchange, &heads);

    exchange->request.keep_alive = !heads.close;
    /* What has arrived already of the next request counts as just arrived. */
    connection->received = evbuffer_get_length(bufferevent_get_input(connection->bufferevent));
    if (status == 0) {
        fiber_spawn(http->loop, run_exchange, exchange);
        return;
    }
    http_refuse(exchange, status, NULL);
    http_let_go(exchange);
}

static struct exchange *new_exchange(struct http *http, struct evhttp_request *evhttp)
{
    struct arena *arena = arena_new();
    struct exchange *exchange = arena_one(arena, struct exchange);
    struct http_request *request = &exchange->request;
    struct evhttp_connection *connection = evhttp_request_get_connection(evhttp);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
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

static struct heads read_heads(struct evhttp_request *evhttp)
{
    struct heads heads = {.size = strlen(evhttp_request_get_uri(evhttp))};
    struct evkeyval *pair;

    TAILQ_FOREACH(pair, evhttp_request_get_input_headers(evhttp), next)
    {
        heads.size += strlen(pair->key) + strlen(pair->value) + 4;
        heads.malformed = heads.malformed || !is_name(pair->key);
        if (strcasecmp(pair->key, "Host") == 0)
            heads.hosts++;
        else if (strcasecmp(pair->key, "Content-Length") == 0) {
            heads.lengths++;
            heads.has_body = heads.has_body || strcmp(pair->value, "0") != 0;
            heads.malformed = heads.malformed || !is_number(pair->value);
        } else if (strcasecmp(pair->key, "Connection") == 0)
            heads.close = heads.close || lists(pair->value, "close");
        else if (strcasecmp(pair->key, "Transfer-Encoding") == 0) {
            heads.codings++;
            heads.has_body = true;
            heads.chunked = strcasecmp(pair->value, "chunked") == 0;
        }
    }
    return heads;
}

/* RFC 9112 5.1: no space before the colon, which would hide a Content-Length. */
static bool is_name(const char *key)
{
    return *key && !strpbrk(key, " \t");
}

/* RFC 9112 6.2: digits; evhttp takes a sign. */
static bool is_number(const char *value)
{
    return *value && value[strspn(value, "0123456789")] == '\0';
}

static bool lists(const char *list, const char *word)
{
    struct text rest = text_of(list), item;

    while (text_next(&rest, ',', &item))
        if (text_equals_nocase(text_trim(item), text_of(word)))
            return true;
    return false;
}

/* Of these evhttp does not read a body, and would take it for the next request. */
static bool may_have_body(const struct exchange *exchange)
{
    const char *method = exchange->request.method;

    return strcmp(method, "HEAD") != 0 && strcmp(method, "TRACE") != 0;
}

static bool is_1_1(const struct evhttp_request *evhttp)
{
    return evhttp->major == 1 && evhttp->minor >= 1;
}

/* The status to refuse with, or 0. evhttp lets pass what two readers can
 * understand in two ways, by which one request can be smuggled inside another
 * (RFC 9112 3.2, 6.1, 6.3). */
static int check(const struct exchange *exchange, const struct heads *heads)
{
    const struct http_config *config = &exchange->http->config;
    size_t body = evbuffer_get_length(evhttp_request_get_input_buffer(exchange->evhttp));

    if (heads->malformed || heads->lengths + heads->codings > 1 || heads->hosts > 1 ||
        (heads->has_body && !may_have_body(exchange)) ||
        (heads->hosts == 0 && is_1_1(exchange->evhttp)))
        return 400;
    if ((heads->codings > 0 && !heads->chunked) || !*exchange->request.method)
        return 501;
    if (body > config->body_size)
        return 413;
    if (heads->size > config->header_size)
        return 431;
    if (http_counts(exchange->http).requests > config->requests)
        return 503;
    return 0;
}

static void run_exchange(void *context)
{
    struct exchange *exchange = context;
    struct http *http = exchange->http;
    struct err err = {0};
    int status = take_body(exchange, &err);

    if (status != 0)
        http_refuse(exchange, status, &err);
    else
        http->config.handle(&exchange->request, http->config.context);
    if (exchange->streaming)
        http_answer_abort(&exchange->request);
    else if (exchange->evhttp)
        http_refuse(exchange, 500, NULL);
    http_let_go(exchange);
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

void http_release_body(struct http_request *request)
{
    const struct exchange *exchange = (const struct exchange *)request;
    struct evbuffer *input;
    size_t size;

    request->body = (struct text){0};
    if (!exchange->evhttp)
        return;
    input = evhttp_request_get_input_buffer(exchange->evhttp);
    size = evbuffer_get_length(input);
    evbuffer_drain(input, size);
    if (size > HTTP_TRIM_FROM)
        malloc_trim(0); /* it arrived in pieces */
}
