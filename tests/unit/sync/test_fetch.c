#include "sync/fetch.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "sync/fetch_part.h"
#include "sync/network.h"
#include "tests/unit/sync/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct answers server, other;
static struct arena *arena;
static struct fetch_request request;
static struct fetch_response response;
static struct err err;
static bool fetched;

static void run(void *context)
{
    struct loop *loop = context;
    struct fetcher *fetcher = fetcher_new(loop, 2);

    fetched = fetch(fetcher, &request, arena, &response, &err);
    fetcher_free(fetcher);
    loop_stop(loop);
}

/* Asks the server for `path`, with what the test has put into `request`. */
static bool ask(const char *path)
{
    struct loop *loop = loop_new();

    request.method = request.method ? request.method : "GET";
    request.url = arena_printf(arena, "http://127.0.0.1:%u%s", server.port, path);
    request.timeout_ms = 60000;
    request.max_body = request.max_body ? request.max_body : 4 << 20;
    err = (struct err){0};
    response = (struct fetch_response){0};
    fiber_spawn(loop, run, loop);
    loop_run(loop);
    loop_free(loop);
    return fetched;
}

static char moved[256];
static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x33\x34\x32\x36\x31"
                             "\x35\x33\xb7\xb0\x34\x00\x00\xe5\xae\x1d\x26\x0a\x00\x00\x00";
static char gzip_good[256], gzip_cut[256];
static struct answer answers[] = {
    {"/plain",
     "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 13:48:05 GMT\r\nETag: W/\"3\"\r\nRetry-After: "
     "7\r\nContent-Length: 2\r\n\r\n{}",
     0, NULL},
    {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", 0, NULL},
    {"/moved", moved, 0, NULL},
    {"/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n", 0, NULL},
    {"/file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", 0,
     NULL},
    {"/relative", "HTTP/1.1 307 T\r\nLocation: plain\r\nContent-Length: 0\r\n\r\n", 0, NULL},
    {"/gzip", gzip_good, 0, NULL},
    {"/gzip-cut", gzip_cut, 0, NULL},
    {"/long",
     "HTTP/1.1 206 Rest\r\nETag: \"a\"\r\nContent-Range: bytes 6-10/11\r\n"
     "Content-Length: 5\r\n\r\nworld",
     0, "Range: bytes=6-\r\nIf-Range: \"a\""},
    {"/long", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 11\r\n\r\nhello ", 0, NULL},
    {"/changed", "HTTP/1.1 200 OK\r\nETag: \"b\"\r\nContent-Length: 5\r\n\r\nother", 0,
     "Range: bytes=6-\r\nIf-Range: \"a\""},
    {"/changed", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 11\r\n\r\nhello ", 0, NULL},
    {"/elsewhere",
     "HTTP/1.1 206 Rest\r\nETag: \"a\"\r\nContent-Range: bytes 0-10/11\r\n"
     "Content-Length: 11\r\n\r\nhello world",
     0, "Range: bytes=6-"},
    {"/elsewhere", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 11\r\n\r\nhello ", 0, NULL},
    {"/see", "HTTP/1.1 303 See\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n", 0, NULL},
    {"/weak", "HTTP/1.1 200 OK\r\nETag: W/\"a\"\r\nContent-Length: 11\r\n\r\nhello ", 0, NULL},
    {0},
};

static size_t with_gzip(char *out, size_t room, size_t size)
{
    int head = snprintf(out, room,
                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        size);

    memcpy(out + head, packed, size);
    return (size_t)head + size;
}

static int start(void **state)
{
    static struct answer others[] = {
        {"/there", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmove", 0, NULL}, {0}};

    (void)state;
    arena = arena_new();
    answers_start(&other, others);
    snprintf(moved, sizeof(moved),
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/there\r\nContent-Length: "
             "0\r\n\r\n",
             other.port);
    answers[6].size = with_gzip(gzip_good, sizeof(gzip_good), sizeof(packed) - 1);
    answers[7].size = with_gzip(gzip_cut, sizeof(gzip_cut), sizeof(packed) - 13);
    answers_start(&server, answers);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    answers_stop(&server);
    answers_stop(&other);
    arena_free(arena);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    request = (struct fetch_request){0};
    return 0;
}

static void an_answer_has_its_headers(void **state)
{
    (void)state;
    assert_true(ask("/plain"));
    assert_int_equal(response.status, 200);
    assert_true(text_is(response.body, "{}"));
    assert_true(text_is(response.etag, "W/\"3\""));
    assert_int_equal(response.retry_after, 7);
    assert_int_equal(response.date, INT64_C(1795355285000000));
}

static void a_body_that_ends_early_is_an_error(void **state)
{
    (void)state;
    assert_false(ask("/cut"));
    assert_int_equal(err.kind, ERR_UNKNOWN);
}

static void redirects_are_answers_unless_asked_for(void **state)
{
    (void)state;
    assert_true(ask("/relative"));
    assert_int_equal(response.status, 307);
}

static void relative_redirects_are_followed(void **state)
{
    (void)state;
    request.redirects = 5;
    assert_true(ask("/relative"));
    assert_int_equal(response.status, 200);
    assert_int_equal(response.redirected, 1);
}

static void redirects_have_an_end(void **state)
{
    unsigned before = server.count;

    (void)state;
    request.redirects = 5;
    assert_false(ask("/loop"));
    assert_int_equal(err.kind, ERR_FORBIDDEN);
    assert_int_equal(server.count - before, 6);
}

static void secrets_stay_with_their_server(void **state)
{
    static const char *const headers[] = {"X-Public: yes", "Authorization: Bearer secret",
                                          "Cookie: a=b", "X-Key: mine", NULL};
    unsigned before = other.count, asked = server.count;

    (void)state;
    request.redirects = 5;
    request.headers = headers;
    request.public_headers = 3;
    assert_true(ask("/moved"));
    assert_true(text_is(response.body, "move"));
    assert_non_null(strstr(server.seen[asked % 8], "Bearer secret"));
    assert_non_null(strstr(other.seen[before % 8], "X-Public"));
    assert_null(strstr(other.seen[before % 8], "secret"));
    assert_null(strstr(other.seen[before % 8], "a=b"));
    assert_null(strstr(other.seen[before % 8], "X-Key"));
}

static void only_the_web_is_followed(void **state)
{
    (void)state;
    request.redirects = 5;
    assert_false(ask("/file"));
    assert_int_equal(err.kind, ERR_FORBIDDEN);
}

static void internal_addresses_are_refused(void **state)
{
    static const struct fetch_guard guard = {0};
    unsigned before = server.count;

    (void)state;
    request.guard = &guard;
    assert_false(ask("/plain"));
    assert_int_equal(err.kind, ERR_FORBIDDEN);
    assert_int_equal(server.count, before);
}

/* Not even a connection is made: who listens inside learns nothing. */
static void internal_addresses_are_not_connected_to(void **state)
{
    static const struct fetch_guard guard = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unsigned port = server.port;

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    request = (struct fetch_request){.guard = &guard};
    server.port = ntohs(address.sin_port);
    assert_false(ask("/plain"));
    server.port = port;
    assert_int_equal(err.kind, ERR_FORBIDDEN);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    close(listener);
}

/* A server that keeps its connection, and counts requests. */
static atomic_uint kept;

static void *keep(void *context)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    int listener = *(const int *)context, fd = accept(listener, NULL, NULL);
    char asked[2048];

    while (fd >= 0 && read(fd, asked, sizeof(asked)) > 0) {
        kept++;
        if (write(fd, answer, sizeof(answer) - 1) < 0)
            break;
    }
    close(fd);
    return NULL;
}

struct two {
    struct loop *loop;
    struct fetch_request first, second;
    bool first_good, second_good;
};

static void run_two(void *context)
{
    struct two *two = context;
    struct fetcher *fetcher = fetcher_new(two->loop, 2);
    struct err ignored = {0};

    two->first_good = fetch(fetcher, &two->first, arena, &response, &ignored);
    two->second_good = fetch(fetcher, &two->second, arena, &response, &err);
    fetcher_free(fetcher);
    loop_stop(two->loop);
}

/* What one partner may connect to, another does not use. */
static void a_connection_of_somebody_else_is_guarded_too(void **state)
{
    static const struct fetch_guard none = {0};
    struct network loopback;
    const struct fetch_guard guard = {&loopback, 1};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;

    (void)state;
    err = (struct err){0};
    assert_true(network_parse(TEXT("127.0.0.0/8"), &loopback, &err));
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, keep, &listener), 0);
    struct two two = {
        .loop = loop_new(),
        .first = {.method = "GET",
                  .url = arena_printf(arena, "http://127.0.0.1:%u/", ntohs(address.sin_port)),
                  .timeout_ms = 60000,
                  .max_body = 100,
                  .guard = &guard},
    };
    two.second = two.first;
    two.second.guard = &none;
    fiber_spawn(two.loop, run_two, &two);
    loop_run(two.loop);
    loop_free(two.loop);
    pthread_join(thread, NULL);
    close(listener);
    assert_true(two.first_good);
    assert_false(two.second_good);
    assert_int_equal(err.kind, ERR_FORBIDDEN);
    assert_int_equal(kept, 1);
}

/* R9110 15.4.4 */
static void see_other_is_got_without_the_body(void **state)
{
    static const char *const headers[] = {"Content-Type: text/plain", NULL};
    unsigned asked = server.count;

    (void)state;
    request = (struct fetch_request){
        .method = "POST", .body = TEXT("secret"), .headers = headers, .redirects = 2};
    assert_true(ask("/see"));
    assert_int_equal(response.status, 200);
    assert_non_null(strstr(server.seen[asked % 8], "POST /see "));
    assert_non_null(strstr(server.seen[(asked + 1) % 8], "GET /plain "));
    assert_null(strstr(server.seen[(asked + 1) % 8], "Content-Type"));
    assert_null(strstr(server.seen[(asked + 1) % 8], "secret"));
}

static void networks_that_are_named_are_allowed(void **state)
{
    struct network loopback;
    struct fetch_guard guard = {&loopback, 1};

    (void)state;
    assert_true(network_parse(TEXT("127.0.0.0/8"), &loopback, &err));
    request.guard = &guard;
    assert_true(ask("/plain"));
}

static void compressed_answers_are_unpacked(void **state)
{
    (void)state;
    assert_true(ask("/gzip"));
    assert_true(text_is(response.body, "1234567890"));
    assert_true(response.packed);
    assert_int_equal(response.received, sizeof(packed) - 1);
}

static void cut_compressed_answers_are_errors(void **state)
{
    (void)state;
    assert_false(ask("/gzip-cut"));
    assert_int_equal(err.kind, ERR_UNKNOWN);
}

static void large_answers_are_refused(void **state)
{
    (void)state;
    request.max_body = 1;
    assert_false(ask("/plain"));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
}

/* Two attempts, of which the first breaks. */
static bool ask_twice(const char *path, struct fetch_part *part)
{
    *part = (struct fetch_part){0};
    request.part = part;
    assert_false(ask(path));
    return ask(path);
}

static void what_broke_is_gone_on_with(void **state)
{
    struct fetch_part part;

    (void)state;
    assert_true(ask_twice("/long", &part));
    assert_int_equal(response.status, 200);
    assert_true(text_is(response.body, "hello world"));
    assert_int_equal(response.received, 5);
}

static void what_changed_meanwhile_comes_whole(void **state)
{
    struct fetch_part part;

    (void)state;
    assert_true(ask_twice("/changed", &part));
    assert_true(text_is(response.body, "other"));
}

static void another_part_than_was_asked_for_is_an_error(void **state)
{
    struct fetch_part part;

    (void)state;
    assert_false(ask_twice("/elsewhere", &part));
    assert_int_equal(err.kind, ERR_UNKNOWN);
    assert_int_equal(part.body.size, 0);
}

static void bytes_that_are_not_named_are_not_gone_on_with(void **state)
{
    struct fetch_part part;

    (void)state;
    assert_false(ask_twice("/weak", &part));
    assert_null(strstr(server.seen[(server.count - 1) % 8], "Range"));
    assert_false(ask_twice("/cut", &part));
    assert_int_equal(part.body.size, 0);
}

static void parts_together_are_bounded(void **state)
{
    struct fetch_part part;

    (void)state;
    request.max_body = 8;
    assert_false(ask_twice("/long", &part));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_answer_has_its_headers, forget),
        cmocka_unit_test_setup(a_body_that_ends_early_is_an_error, forget),
        cmocka_unit_test_setup(redirects_are_answers_unless_asked_for, forget),
        cmocka_unit_test_setup(relative_redirects_are_followed, forget),
        cmocka_unit_test_setup(redirects_have_an_end, forget),
        cmocka_unit_test_setup(secrets_stay_with_their_server, forget),
        cmocka_unit_test_setup(only_the_web_is_followed, forget),
        cmocka_unit_test_setup(internal_addresses_are_refused, forget),
        cmocka_unit_test_setup(internal_addresses_are_not_connected_to, forget),
        cmocka_unit_test_setup(a_connection_of_somebody_else_is_guarded_too, forget),
        cmocka_unit_test_setup(see_other_is_got_without_the_body, forget),
        cmocka_unit_test_setup(networks_that_are_named_are_allowed, forget),
        cmocka_unit_test_setup(compressed_answers_are_unpacked, forget),
        cmocka_unit_test_setup(cut_compressed_answers_are_errors, forget),
        cmocka_unit_test_setup(large_answers_are_refused, forget),
        cmocka_unit_test_setup(what_broke_is_gone_on_with, forget),
        cmocka_unit_test_setup(what_changed_meanwhile_comes_whole, forget),
        cmocka_unit_test_setup(another_part_than_was_asked_for_is_an_error, forget),
        cmocka_unit_test_setup(bytes_that_are_not_named_are_not_gone_on_with, forget),
        cmocka_unit_test_setup(parts_together_are_bounded, forget),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
