#include "base/clock.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void instants_have_milliseconds_and_z(void **state)
{
    static const struct {
        int64_t time;
        const char *instant, *http;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
        {784111777999999, "1994-11-06T08:49:37.999Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400000000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char instant[CLOCK_INSTANT_SIZE], http[CLOCK_HTTP_SIZE];
        clock_format_instant(cases[i].time, instant);
        clock_format_http(cases[i].time, http);
        assert_string_equal(instant, cases[i].instant);
        assert_string_equal(http, cases[i].http);
    }
}

static void days_and_dates_are_inverse(void **state)
{
    int64_t expected = clock_days(-1, 12, 31);

    (void)state;
    assert_int_equal(clock_days(1970, 1, 1), 0);
    assert_int_equal(clock_days(2000, 3, 1), 11017);
    for (int year = 0; year < 2500; year++) {
        for (int month = 1; month <= 12; month++) {
            static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
            bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            for (int day = 1; day <= length[month - 1] + (month == 2 && leap); day++) {
                int y, m, d;
                assert_int_equal(clock_days(year, month, day), ++expected);
                clock_civil(expected, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
            }
        }
    }
}

static void clocks_go_forward(void **state)
{
    int64_t before = clock_monotonic();

    (void)state;
    assert_true(clock_monotonic() >= before);
    assert_true(clock_now() > clock_days(2024, 1, 1) * INT64_C(86400000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_have_milliseconds_and_z),
        cmocka_unit_test(days_and_dates_are_inverse),
        cmocka_unit_test(clocks_go_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
