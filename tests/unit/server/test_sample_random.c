#include "server/sample_random.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_seed_gives_the_same_numbers_on_every_machine(void **state)
{
    struct sample_random random;
    char id[UUID_SIZE];

    (void)state;
    sample_random_seed(&random, 1, 0);
    assert_int_equal(sample_next(&random), UINT64_C(0xbd1469dd2d3ae840));
    sample_uuid(&random, id);
    assert_string_equal(id, "4a0bb759-7b3d-4c80-8073-7acb46ac9dcc");
}

static void another_seed_or_stream_gives_others(void **state)
{
    struct sample_random a, b, c;

    (void)state;
    sample_random_seed(&a, 1, 0);
    sample_random_seed(&b, 2, 0);
    sample_random_seed(&c, 1, 1);
    uint64_t first = sample_next(&a), second = sample_next(&b), third = sample_next(&c);
    assert_true(first != second && first != third && second != third);
}

static void numbers_stay_within_their_limits_and_reach_them(void **state)
{
    struct sample_random random;
    bool low = false, high = false;

    (void)state;
    sample_random_seed(&random, 3, 0);
    for (int i = 0; i < 1000; i++) {
        int number = sample_between(&random, -2, 2);

        assert_in_range(number + 2, 0, 4);
        low = low || number == -2;
        high = high || number == 2;
    }
    assert_true(low && high);
}

static void chances_are_about_as_asked(void **state)
{
    struct sample_random random;
    int hits = 0;

    (void)state;
    sample_random_seed(&random, 4, 0);
    for (int i = 0; i < 10000; i++)
        hits += sample_chance(&random, 250);
    assert_in_range(hits, 2300, 2700);
    for (int i = 0; i < 100; i++) {
        assert_false(sample_chance(&random, 0));
        assert_true(sample_chance(&random, 1000));
    }
}

static void normal_numbers_have_mean_zero_and_deviation_one(void **state)
{
    struct sample_random random;
    int64_t sum = 0, squares = 0;

    (void)state;
    sample_random_seed(&random, 5, 0);
    for (int i = 0; i < 10000; i++) {
        int number = sample_normal(&random);

        sum += number;
        squares += (int64_t)number * number;
    }
    assert_in_range(sum / 10000 + 50, 0, 100);
    assert_in_range(squares / 10000, 950000, 1050000);
}

static void stable_numbers_do_not_change(void **state)
{
    (void)state;
    assert_int_equal(sample_stable(7, 1, 2, 1000000), sample_stable(7, 1, 2, 1000000));
    assert_int_not_equal(sample_stable(7, 1, 2, 1000000), sample_stable(7, 2, 1, 1000000));
    assert_int_not_equal(sample_stable(7, 1, 2, 1000000), sample_stable(8, 1, 2, 1000000));
}

/* 65536 is one; expected values from a calculator. */
static void powers_are_right_to_a_thousandth(void **state)
{
    static const struct {
        int64_t value;
        int exponent;
        int64_t expected;
    } cases[] = {
        {65536, -1154, 65536},                          /* 1 */
        {INT64_C(65536) * 2, 1000, INT64_C(65536) * 2}, /* 2 */
        {INT64_C(65536) * 2, 500, 92682},               /* the root of two */
        {32768, -1154, 145837},                         /* 0.5^-1.154 = 2.22530 */
        {INT64_C(98304), -1154, 41046},                 /* 1.5^-1.154 = 0.62631 */
        {INT64_C(65536) * 70, -203, 27665},             /* 70^-0.203 = 0.42213 */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t result = sample_power(cases[i].value, cases[i].exponent);

        assert_in_range(result, cases[i].expected - cases[i].expected / 1000 - 1,
                        cases[i].expected + cases[i].expected / 1000 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_numbers_on_every_machine),
        cmocka_unit_test(another_seed_or_stream_gives_others),
        cmocka_unit_test(numbers_stay_within_their_limits_and_reach_them),
        cmocka_unit_test(chances_are_about_as_asked),
        cmocka_unit_test(normal_numbers_have_mean_zero_and_deviation_one),
        cmocka_unit_test(stable_numbers_do_not_change),
        cmocka_unit_test(powers_are_right_to_a_thousandth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
