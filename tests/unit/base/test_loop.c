#include "base/loop.h"

#include "base/err.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define POSTS 1000

static struct loop *loop;
static unsigned calls, turns;
static bool in_order;

static int start(void **state)
{
    (void)state;
    loop = loop_new();
    calls = turns = 0;
    in_order = true;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void count_call(void *context)
{
    in_order = in_order && (uintptr_t)context == calls;
    if (++calls == POSTS)
        loop_stop(loop);
}

static void *post_many(void *context)
{
    for (uintptr_t i = 0; i < POSTS; i++)
        loop_post(loop, count_call, (void *)i);
    return context;
}

static void posts_of_another_thread_are_run_in_order(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, post_many, NULL), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    assert_int_equal(calls, POSTS);
    assert_true(in_order);
}

static void count_turn(void *context)
{
    (void)context;
    turns++;
    loop_stop(loop);
}

static void remove_hook(void *context)
{
    (void)context;
    loop_remove_turn_end(loop, count_turn, NULL);
    loop_stop(loop);
}

static void do_nothing(void *context)
{
    (void)context;
}

static void hooks_are_called_at_the_end_of_a_turn_until_removed(void **state)
{
    (void)state;
    loop_add_turn_end(loop, count_turn, NULL);
    loop_post(loop, do_nothing, NULL);
    loop_run(loop);
    assert_int_equal(turns, 1);
    loop_post(loop, remove_hook, NULL);
    loop_run(loop);
    assert_int_equal(turns, 1);
}

static void stop_loop(void *context)
{
    calls++;
    loop_stop(context);
}

static void a_signal_is_an_event(void **state)
{
    (void)state;
    loop_on_signal(loop, SIGUSR1, stop_loop, loop);
    raise(SIGUSR1);
    loop_run(loop);
    assert_int_equal(calls, 1);
}

static void posts_that_were_not_run_are_dropped_with_the_loop(void **state)
{
    (void)state;
    loop_post(loop, count_call, NULL);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(posts_of_another_thread_are_run_in_order, start, finish),
        cmocka_unit_test_setup_teardown(hooks_are_called_at_the_end_of_a_turn_until_removed, start,
                                        finish),
        cmocka_unit_test_setup_teardown(a_signal_is_an_event, start, finish),
        cmocka_unit_test_setup_teardown(posts_that_were_not_run_are_dropped_with_the_loop, start,
                                        finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
