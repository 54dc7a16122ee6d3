/* Fetch, when thousands of servers are slow at once. */

#include "sync/fetch.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 1000, SPARE = 64 };

/* Answers nobody before everybody has asked: whoever waits for one answer before the next request
 * waits for ever. */
struct crowd {
    int listener, connections[MANY];
    unsigned port;
    pthread_t thread;
};

struct asking {
    struct crowd crowd;
    struct loop *loop;
    struct fetcher *fetcher;
    unsigned left, good, ticks;
};

static void *run_crowd(void *context)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct crowd *crowd = context;
    char request[4096];

    for (int i = 0; i < MANY; i++) {
        crowd->connections[i] = accept(crowd->listener, NULL, NULL);
        if (crowd->connections[i] < 0 || read(crowd->connections[i], request, sizeof(request)) <= 0)
            abort();
    }
    for (int i = 0; i < MANY; i++) {
        if (write(crowd->connections[i], answer, sizeof(answer) - 1) < 0)
            abort();
        close(crowd->connections[i]);
    }
    return NULL;
}

static void start_crowd(struct crowd *crowd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    crowd->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(crowd->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(crowd->listener, MANY) != 0 ||
        getsockname(crowd->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&crowd->thread, NULL, run_crowd, crowd) != 0)
        abort();
    crowd->port = ntohs(address.sin_port);
}

static void ask(void *context)
{
    struct asking *asking = context;
    struct arena *arena = arena_new();
    const struct fetch_request request = {
        .method = "GET",
        .url = arena_printf(arena, "http://127.0.0.1:%u/", asking->crowd.port),
        .timeout_ms = 600000,
        .max_body = 1024,
    };
    struct fetch_response response;
    struct err err = {0};

    asking->good += fetch(asking->fetcher, &request, arena, &response, &err) &&
                    response.status == 200 && text_is(response.body, "{}");
    arena_free(arena);
    asking->left--;
}

/* Others go on meanwhile. */
static void tick(void *context)
{
    struct asking *asking = context;

    while (asking->left > 0) {
        asking->ticks++;
        fiber_sleep(1);
    }
    fetcher_free(asking->fetcher);
    loop_stop(asking->loop);
}

static void a_thousand_slow_servers_are_asked_at_once_in_one_thread(void **state)
{
    static struct asking asking;
    struct rlimit files;

    (void)state;
    /* Both ends of every connection are here. */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < 2 * MANY + SPARE)
        skip();
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    start_crowd(&asking.crowd);
    asking.loop = loop_new();
    asking.fetcher = fetcher_new(asking.loop, MANY);
    asking.left = MANY;
    for (int i = 0; i < MANY; i++)
        fiber_spawn(asking.loop, ask, &asking);
    fiber_spawn(asking.loop, tick, &asking);
    loop_run(asking.loop);
    loop_free(asking.loop);
    pthread_join(asking.crowd.thread, NULL);
    close(asking.crowd.listener);
    assert_int_equal(asking.good, MANY);
    assert_true(asking.ticks > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_slow_servers_are_asked_at_once_in_one_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
