#include "base/deadline.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MANY 5000

static uint64_t seed = 1;

static int64_t draw(int64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(seed >> 33) % below;
}

static void the_earliest_comes_first(void **state)
{
    struct deadlines deadlines = {0};
    static struct deadline many[MANY];
    struct deadline *first;
    int64_t before = -1;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        deadlines_add(&deadlines, &many[i], draw(1000));
    while ((first = deadlines_first(&deadlines))) {
        assert_true(first->when >= before);
        before = first->when;
        deadlines_remove(&deadlines, first);
        assert_int_equal(first->place, 0);
        count++;
    }
    assert_int_equal(count, MANY);
    deadlines_release(&deadlines);
}

static void any_can_be_removed(void **state)
{
    struct deadlines deadlines = {0};
    static struct deadline many[MANY];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct deadline *deadline = &many[draw(MANY)];
        if (deadline->place)
            deadlines_remove(&deadlines, deadline);
        else
            deadlines_add(&deadlines, deadline, draw(100000));
    }
    for (size_t place = 2; place <= deadlines.count; place++) {
        assert_true(deadlines.heap[place / 2]->when <= deadlines.heap[place]->when);
        assert_int_equal(deadlines.heap[place]->place, place);
    }
    deadlines_release(&deadlines);
}

static void removing_twice_is_harmless(void **state)
{
    struct deadlines deadlines = {0};
    struct deadline one = {0}, other = {0};

    (void)state;
    deadlines_add(&deadlines, &one, 2);
    deadlines_add(&deadlines, &other, 1);
    deadlines_remove(&deadlines, &other);
    deadlines_remove(&deadlines, &other);
    assert_ptr_equal(deadlines_first(&deadlines), &one);
    deadlines_release(&deadlines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(any_can_be_removed),
        cmocka_unit_test(removing_twice_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
