#include "server/http.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * The server runs in the test's thread, a blocking client in another: it sends
 * one text, reads until the connection ends, and has the server stop.
 */

#define BODY_LIMIT   100000
#define HEADER_LIMIT 2000
#define CHUNKS       40
#define CHUNK_SIZE   100000

static struct talk {
    struct loop *loop;
    struct http *http;
    const char *sent;
    size_t sent_size;
    struct buf answer;
    bool drained;
    bool handler_failed;
    char seen[512]; /* what the handler saw of each request */
} talk;

static void note(const struct http_request *request)
{
    size_t size = strlen(talk.seen);
    struct text mark = http_header(request, "x-mark");

    snprintf(talk.seen + size, sizeof(talk.seen) - size, "%s %.*s ?%.*s %zu %.*s;", request->method,
             TEXT_ARGS(request->path), (int)request->query.size,
             request->query.data ? request->query.data : "", request->body.size, (int)mark.size,
             mark.data ? mark.data : "");
}

static void stream(struct http_request *request, size_t chunks)
{
    const struct http_header headers[] = {{"Content-Type", "application/fhir+ndjson"}};
    char *chunk = arena_alloc_raw(request->arena, CHUNK_SIZE);
    struct err err = {0};

    memset(chunk, 'c', CHUNK_SIZE);
    http_answer_start(request, &(struct http_answer){200, headers, 1, {0}});
    for (size_t i = 0; i < chunks; i++)
        if (!http_answer_chunk(request, chunk, CHUNK_SIZE, &err))
            talk.handler_failed = true;
}

static void handle(struct http_request *request, void *context)
{
    const struct http_header headers[] = {{"Content-Type", "application/fhir+json"}};
    struct http_answer answer = {200, headers, 1, request->body};

    (void)context;
    note(request);
    if (text_is(request->path, "/silent"))
        return;
    if (text_is(request->path, "/stream") || text_is(request->path, "/broken")) {
        stream(request, CHUNKS);
        if (text_is(request->path, "/stream"))
            http_answer_end(request);
        return;
    }
    if (text_is(request->path, "/large")) {
        char *body = arena_alloc_raw(request->arena, 3000000);
        memset(body, 'l', 3000000);
        answer.body = (struct text){body, 3000000};
    }
    if (text_is(request->path, "/later"))
        fiber_sleep(20);
    if (!answer.body.data)
        answer.body = TEXT("{}");
    http_answer(request, &answer);
}

static struct text refusal(struct arena *arena, int status, const struct err *err, void *context)
{
    (void)context;
    assert_true(err->kind != ERR_NONE && err->text[0]);
    return text_of(arena_printf(arena, "{\"refused\":%d}", status));
}

static void stop(void *context)
{
    (void)context;
    talk.drained = http_drain(talk.http, 60000);
    loop_stop(talk.loop);
}

static void start_stopping(void *context)
{
    (void)context;
    fiber_spawn(talk.loop, stop, NULL);
}

static void *be_client(void *context)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(http_port(talk.http))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.0.1", &there.sin_addr);
    if (connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0) {
        for (size_t at = 0; at < talk.sent_size;) {
            ssize_t size = send(fd, talk.sent + at, talk.sent_size - at, MSG_NOSIGNAL);
            if (size <= 0)
                break;
            at += (size_t)size;
        }
        ssize_t size;
        while ((size = read(fd, buf_reserve(&talk.answer, 65536), 65536)) > 0)
            talk.answer.size += (size_t)size;
    }
    close(fd);
    loop_post(talk.loop, start_stopping, NULL);
    return context;
}

static struct http_config config_for_tests(void)
{
    return (struct http_config){
        .address = "127.0.0.1",
        .body_size = BODY_LIMIT,
        .header_size = HEADER_LIMIT,
        .requests = 10,
        .connections = 10,
        .idle_timeout_ms = 60000,
        .read_timeout_ms = 60000,
        .handle = handle,
        .refuse = refusal,
        .refusal_type = "application/json",
    };
}

/* What the client gets for what it sends. It must end the connection itself,
 * by Connection: close or by being refused. */
static const char *say_bytes(const struct http_config *config, const char *bytes, size_t size)
{
    struct err err = {0};
    pthread_t client;

    buf_release(&talk.answer);
    talk = (struct talk){.sent = bytes, .sent_size = size, .loop = loop_new()};
    talk.http = http_listen(talk.loop, config, &err);
    assert_non_null(talk.http);
    assert_int_equal(pthread_create(&client, NULL, be_client, NULL), 0);
    loop_run(talk.loop);
    pthread_join(client, NULL);
    assert_true(talk.drained);
    assert_int_equal(http_counts(talk.http).connections, 0);
    http_free(talk.http);
    loop_free(talk.loop);
    return buf_text(&talk.answer);
}

static const char *say(const char *text)
{
    struct http_config config = config_for_tests();

    return say_bytes(&config, text, strlen(text));
}

static void assert_status(const char *answer, int status)
{
    char start[16];

    snprintf(start, sizeof(start), "HTTP/1.1 %d", status);
    if (strncmp(answer, start, strlen(start)) != 0)
        fail_msg("expected %d, got \"%.40s\"", status, answer);
}

static void assert_refused(const char *answer, int status)
{
    char body[32];

    assert_status(answer, status);
    snprintf(body, sizeof(body), "{\"refused\":%d}", status);
    assert_non_null(strstr(answer, body));
    assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
    assert_null(strstr(answer, "<HTML>"));
}

#define LAST "Host: x\r\nConnection: close\r\n\r\n"

static void a_request_reaches_the_handler_undecoded(void **state)
{
    (void)state;
    assert_status(
        say("PATCH /a%20b/?x=%31&y HTTP/1.1\r\nX-Mark: m\r\nContent-Length: 3\r\n" LAST "abc"),
        200);
    assert_string_equal(talk.seen, "PATCH /a%20b/ ?x=%31&y 3 m;");
    say("GET http://example.org/p?q HTTP/1.1\r\n" LAST);
    assert_string_equal(talk.seen, "GET /p ?q 0 ;");
    say("GET http://example.org HTTP/1.1\r\n" LAST);
    assert_string_equal(talk.seen, "GET / ? 0 ;");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    const char *answer = say("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                             "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                             "GET /3 HTTP/1.1\r\n" LAST);

    (void)state;
    assert_string_equal(talk.seen, "GET /1 ? 0 ;POST /later ? 3 ;GET /3 ? 0 ;");
    assert_non_null(strstr(answer, "abcHTTP/1.1 200"));
}

static void chunked_bodies_are_joined(void **state)
{
    (void)state;
    assert_status(say("POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" LAST
                      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
                  200);
    assert_string_equal(talk.seen, "POST /c ? 5 ;");
    assert_non_null(strstr(talk.answer.data, "\r\n\r\nabcde"));
}

static void head_has_the_length_but_no_body(void **state)
{
    const char *answer = say("HEAD /large HTTP/1.1\r\n" LAST);

    (void)state;
    assert_non_null(strstr(answer, "Content-Length: 3000000\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void large_bodies_arrive_whole(void **state)
{
    (void)state;
    assert_status(say("GET /large HTTP/1.1\r\n" LAST), 200);
    assert_true(talk.answer.size > 3000000);
    assert_int_equal(strspn(strstr(talk.answer.data, "\r\n\r\n") + 4, "l"), 3000000);
}

static void answers_are_packed_on_demand(void **state)
{
    const char *answer = say("GET /large HTTP/1.1\r\nAccept-Encoding: gzip\r\n" LAST);

    (void)state;
    assert_non_null(strstr(answer, "Content-Encoding: gzip\r\n"));
    assert_non_null(strstr(answer, "Vary: Accept-Encoding\r\n"));
    assert_true(talk.answer.size < 100000);
}

static void a_stream_arrives_whole_and_a_broken_one_has_no_end(void **state)
{
    (void)state;
    assert_status(say("GET /stream HTTP/1.1\r\n" LAST), 200);
    assert_true(talk.answer.size > (size_t)CHUNKS * CHUNK_SIZE);
    assert_string_equal(talk.answer.data + talk.answer.size - 7, "\r\n0\r\n\r\n");
    assert_false(talk.handler_failed);

    say("GET /broken HTTP/1.1\r\n" LAST);
    assert_true(talk.answer.size < 5 ||
                memcmp(talk.answer.data + talk.answer.size - 5, "0\r\n\r\n", 5) != 0);
}

static void what_is_no_request_is_refused_in_our_words(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"garbage\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET / HTTP/9.9\r\n" LAST, 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n" LAST, 400},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n" LAST, 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" LAST "ab", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" LAST "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" LAST "0\r\n\r\n", 501},
        {"FROB / HTTP/1.1\r\n" LAST, 501},
        {"POST / HTTP/1.1\r\nExpect: a miracle\r\nContent-Length: 1\r\n" LAST "a", 417},
        {"POST / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n" LAST "a", 415},
        {"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n" LAST "a", 400},
        {"GET /silent HTTP/1.1\r\n" LAST, 500},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(say(cases[i].text), cases[i].status);
}

/* Some are below the limits of the library, and refused by us; some are above. */
static void what_is_too_large_is_refused_in_our_words(void **state)
{
    static const size_t bodies[] = {BODY_LIMIT + 1, BODY_LIMIT + 20 * 1024 * 1024};
    struct http_config config = config_for_tests();
    struct buf request = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&request);
        buf_printf(&request, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n%s", bodies[i], LAST);
        memset(buf_reserve(&request, bodies[i]), 'x', bodies[i]);
        request.size += bodies[i];
        assert_refused(say_bytes(&config, request.data, request.size), 413);
        assert_string_equal(talk.seen, "");
    }
    buf_clear(&request);
    buf_printf(&request, "GET / HTTP/1.1\r\nX-Long: %0*d\r\n%s", HEADER_LIMIT, 0, LAST);
    assert_refused(say_bytes(&config, request.data, request.size), 431);
    buf_release(&request);
}

static void a_body_of_the_limit_is_accepted(void **state)
{
    struct http_config config = config_for_tests();
    struct buf request = {0};

    (void)state;
    buf_printf(&request, "POST / HTTP/1.1\r\nContent-Length: %d\r\n%s", BODY_LIMIT, LAST);
    memset(buf_reserve(&request, BODY_LIMIT), 'x', BODY_LIMIT);
    request.size += BODY_LIMIT;
    assert_status(say_bytes(&config, request.data, request.size), 200);
    buf_release(&request);
}

static void beyond_the_limit_of_requests_is_503(void **state)
{
    struct http_config config = config_for_tests();
    const char request[] = "GET / HTTP/1.1\r\n" LAST;

    (void)state;
    config.requests = 0;
    assert_refused(say_bytes(&config, request, sizeof(request) - 1), 503);
    assert_non_null(strstr(talk.answer.data, "Retry-After: 1\r\n"));
}

static void beyond_the_limit_of_connections_is_silence(void **state)
{
    struct http_config config = config_for_tests();
    const char request[] = "GET / HTTP/1.1\r\n" LAST;

    (void)state;
    config.connections = 0;
    assert_string_equal(say_bytes(&config, request, sizeof(request) - 1), "");
}

static void a_request_that_does_not_arrive_ends_its_connection(void **state)
{
    struct http_config config = config_for_tests();

    (void)state;
    config.read_timeout_ms = 1;
    assert_string_equal(say_bytes(&config, "GET / HT", 8), "");
    config = config_for_tests();
    config.idle_timeout_ms = 1;
    assert_string_equal(say_bytes(&config, "", 0), "");
}

static void a_port_in_use_is_an_error(void **state)
{
    struct loop *loop = loop_new();
    struct http_config config = config_for_tests();
    struct err err = {0};
    struct http *http = http_listen(loop, &config, &err);

    (void)state;
    assert_non_null(http);
    config.port = http_port(http);
    assert_false(http_port_is_free(config.address, config.port, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_null(http_listen(loop, &config, &err));
    http_free(http);
    err = (struct err){0};
    assert_true(http_port_is_free(config.address, config.port, &err));
    config.address = "localhost";
    assert_null(http_listen(loop, &config, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    loop_free(loop);
}

static int release_answer(void **state)
{
    (void)state;
    buf_release(&talk.answer);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_the_handler_undecoded),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(chunked_bodies_are_joined),
        cmocka_unit_test(head_has_the_length_but_no_body),
        cmocka_unit_test(large_bodies_arrive_whole),
        cmocka_unit_test(answers_are_packed_on_demand),
        cmocka_unit_test(a_stream_arrives_whole_and_a_broken_one_has_no_end),
        cmocka_unit_test(what_is_no_request_is_refused_in_our_words),
        cmocka_unit_test(what_is_too_large_is_refused_in_our_words),
        cmocka_unit_test(a_body_of_the_limit_is_accepted),
        cmocka_unit_test(beyond_the_limit_of_requests_is_503),
        cmocka_unit_test(beyond_the_limit_of_connections_is_silence),
        cmocka_unit_test(a_request_that_does_not_arrive_ends_its_connection),
        cmocka_unit_test(a_port_in_use_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, release_answer);
}
