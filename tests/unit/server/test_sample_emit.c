#include "server/sample_emit.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct emit emit;

static int setup(void **state)
{
    (void)state;
    memset(&emit, 0, sizeof(emit));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&emit.out);
    return 0;
}

static void commas_stand_between_values_only(void **state)
{
    (void)state;
    emit_open(&emit, '{');
    emit_begin(&emit, "a", '[');
    emit_text(&emit, "x");
    emit_number(&emit, 1, 0);
    emit_open(&emit, '{');
    emit_close(&emit, '}');
    emit_close(&emit, ']');
    emit_bool(&emit, "b", false);
    emit_close(&emit, '}');
    assert_string_equal(buf_text(&emit.out), "{\"a\":[\"x\",1,{}],\"b\":false}");
}

static void decimals_keep_their_zeros(void **state)
{
    static const struct {
        int64_t number;
        int decimals;
        const char *text;
    } cases[] = {{0, 0, "0"},     {0, 2, "0.00"},     {150, 2, "1.50"}, {5, 1, "0.5"},
                 {7, 3, "0.007"}, {-125, 1, "-12.5"}, {1200, 0, "1200"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&emit.out);
        emit.comma = false;
        emit_number(&emit, cases[i].number, cases[i].decimals);
        assert_string_equal(buf_text(&emit.out), cases[i].text);
    }
}

static void expect_time(int year, int month, int day, int hour, const char *text)
{
    buf_clear(&emit.out);
    emit.comma = false;
    emit_time(&emit, "t", (clock_days(year, month, day) * 24 + hour) * 60 + 5, -300);
    assert_string_equal(buf_text(&emit.out), text);
}

static void times_carry_the_offset_of_summer_and_winter(void **state)
{
    (void)state;
    expect_time(2024, 1, 15, 9, "\"t\":\"2024-01-15T09:05:00-05:00\"");
    expect_time(2024, 7, 4, 9, "\"t\":\"2024-07-04T09:05:00-04:00\"");
    /* 2024: from 10 March to 3 November */
    expect_time(2024, 3, 9, 23, "\"t\":\"2024-03-09T23:05:00-05:00\"");
    expect_time(2024, 3, 10, 1, "\"t\":\"2024-03-10T01:05:00-05:00\"");
    expect_time(2024, 3, 10, 3, "\"t\":\"2024-03-10T03:05:00-04:00\"");
    expect_time(2024, 11, 3, 0, "\"t\":\"2024-11-03T00:05:00-04:00\"");
    expect_time(2024, 11, 3, 2, "\"t\":\"2024-11-03T02:05:00-05:00\"");
    /* 2020: the first of November was the Sunday */
    expect_time(2020, 10, 31, 12, "\"t\":\"2020-10-31T12:05:00-04:00\"");
    expect_time(2020, 11, 1, 12, "\"t\":\"2020-11-01T12:05:00-05:00\"");
}

static void quantities_have_their_unit_and_code(void **state)
{
    (void)state;
    emit_open(&emit, '{');
    emit_quantity(&emit, "valueQuantity", 705, 1, "kg", "kg");
    emit_close(&emit, '}');
    assert_string_equal(buf_text(&emit.out),
                        "{\"valueQuantity\":{\"value\":70.5,\"unit\":\"kg\",\"system\":"
                        "\"http://unitsofmeasure.org\",\"code\":\"kg\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_stand_between_values_only, setup, teardown),
        cmocka_unit_test_setup_teardown(decimals_keep_their_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(times_carry_the_offset_of_summer_and_winter, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(quantities_have_their_unit_and_code, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
