#include "base/fiber.h"

#include "base/count.h"
#include "base/err.h"
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* What happened, in the order in which it did. */
struct story {
    struct loop *loop;
    struct waiter waiter;
    struct err err;
    bool result;
    char text[64];
    unsigned count;
};

static void tell(struct story *story, char letter)
{
    size_t size = strlen(story->text);

    assert_true(size + 1 < sizeof(story->text));
    story->text[size] = letter;
    story->text[size + 1] = '\0';
}

/* Runs `first` in a fiber until it, and everything it spawned, is done. */
static void stop_when_idle(void *context)
{
    struct story *story = context;

    if (loop_fibers(story->loop) == 0)
        loop_stop(story->loop);
}

static void run_story(struct story *story, void (*first)(void *context))
{
    story->loop = loop_new();
    loop_add_turn_end(story->loop, stop_when_idle, story);
    fiber_spawn(story->loop, first, story);
    loop_run(story->loop);
    loop_free(story->loop);
}

static void wait_long(void *context)
{
    struct story *story = context;

    tell(story, 'w');
    story->result = fiber_wait(&story->waiter, 60000, &story->err);
    tell(story, 'r');
}

static void wake(void *context)
{
    struct story *story = context;

    tell(story, 'k');
    fiber_wake(&story->waiter);
    tell(story, 'K');
}

static void spawn_waiter_and_waker(void *context)
{
    struct story *story = context;

    tell(story, 's');
    fiber_spawn(story->loop, wait_long, story);
    fiber_spawn(story->loop, wake, story);
    tell(story, 'S');
}

static void nothing_runs_inside_spawn_or_wake(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, spawn_waiter_and_waker);
    assert_string_equal(story.text, "sSwkKr");
    assert_true(story.result);
    assert_null(story.waiter.fiber);
}

static void wake_then_wait(void *context)
{
    struct story *story = context;

    fiber_wake(&story->waiter);
    fiber_wake(&story->waiter);
    story->result = fiber_wait(&story->waiter, -1, &story->err);
    assert_false(fiber_wait(&story->waiter, 1, &story->err));
}

static void a_wake_before_the_wait_is_kept_once(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, wake_then_wait);
    assert_true(story.result);
    assert_int_equal(story.err.kind, ERR_TIMEOUT);
}

static void wait_in_vain(void *context)
{
    struct story *story = context;

    story->result = fiber_wait(&story->waiter, 1, &story->err);
    assert_null(story->waiter.fiber);
    fiber_spawn(story->loop, wake, story);
    assert_true(fiber_wait(&story->waiter, 60000, NULL));
}

static void a_wait_ends_at_its_deadline_and_the_waiter_serves_again(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, wait_in_vain);
    assert_false(story.result);
    assert_int_equal(story.err.kind, ERR_TIMEOUT);
}

static struct {
    int ms;
    char letter;
} const sleeps[] = {{600, 'd'}, {200, 'b'}, {400, 'c'}, {0, 'a'}};

static struct story *sleeping;

static void sleep_and_tell(void *context)
{
    size_t i = (size_t)(uintptr_t)context;

    fiber_sleep(sleeps[i].ms);
    tell(sleeping, sleeps[i].letter);
}

static void spawn_sleepers(void *context)
{
    sleeping = context;
    for (size_t i = 0; i < COUNT(sleeps); i++)
        fiber_spawn(sleeping->loop, sleep_and_tell, (void *)(uintptr_t)i);
}

static void sleepers_rise_in_order(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, spawn_sleepers);
    assert_string_equal(story.text, "abcd");
}

static void yield_twice(void *context)
{
    struct story *story = context;

    tell(story, '1');
    fiber_yield();
    tell(story, '2');
    fiber_yield();
    tell(story, '3');
}

static void spawn_yielders(void *context)
{
    struct story *story = context;

    for (int i = 0; i < 3; i++)
        fiber_spawn(story->loop, yield_twice, story);
}

static void yielding_lets_the_others_run(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, spawn_yielders);
    assert_string_equal(story.text, "111222333");
}

static void post_wake(void *context)
{
    wake(context);
}

static void yield_until_posted(void *context)
{
    struct story *story = context;

    loop_post(story->loop, post_wake, story);
    while (!story->waiter.woken)
        fiber_yield();
    assert_true(fiber_wait(&story->waiter, -1, NULL));
}

static void yielding_lets_events_through(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, yield_until_posted);
    assert_string_equal(story.text, "kK");
}

/* Deep enough to touch most of a stack. */
static unsigned sum_deeply(unsigned depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth == 0 ? 0 : (unsigned)(frame[0] == (char)depth) + sum_deeply(depth - 1);
}

static void count_deeply(void *context)
{
    struct story *story = context;

    fiber_yield();
    story->count += sum_deeply(500);
    fiber_sleep((int)(story->count % 3));
    story->count += sum_deeply(500);
}

static void spawn_thousands(void *context)
{
    struct story *story = context;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++)
            fiber_spawn(story->loop, count_deeply, story);
        while (loop_fibers(story->loop) > 1)
            fiber_yield();
    }
}

static void thousands_of_fibers_keep_their_stacks_apart(void **state)
{
    struct story story = {0};

    (void)state;
    run_story(&story, spawn_thousands);
    assert_int_equal(story.count, 3 * 3000 * 1000);
}

static void look_at_loop(void *context)
{
    struct story *story = context;

    story->result = fiber_loop() == story->loop;
}

static void a_fiber_knows_its_loop(void **state)
{
    struct story story = {0};

    (void)state;
    assert_null(fiber_loop());
    run_story(&story, look_at_loop);
    assert_true(story.result);
    assert_null(fiber_loop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_runs_inside_spawn_or_wake),
        cmocka_unit_test(a_wake_before_the_wait_is_kept_once),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_the_waiter_serves_again),
        cmocka_unit_test(sleepers_rise_in_order),
        cmocka_unit_test(yielding_lets_the_others_run),
        cmocka_unit_test(yielding_lets_events_through),
        cmocka_unit_test(thousands_of_fibers_keep_their_stacks_apart),
        cmocka_unit_test(a_fiber_knows_its_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
