#include "sync/http_date.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1795355285000000) /* Sun, 22 Nov 2026 13:48:05 GMT */

static void all_three_forms_are_read(void **state)
{
    static const char *const forms[] = {"Sun, 22 Nov 2026 13:48:05 GMT",
                                        "Sunday, 22-Nov-26 13:48:05 GMT",
                                        "Sun Nov 22 13:48:05 2026"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int64_t time = 0;
        assert_true(http_date_parse(text_of(forms[i]), &time));
        assert_int_equal(time, NOW);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "soon",
                                      "22 Nov 2026",
                                      "Sun, 42 Nov 2026 13:48:05 GMT",
                                      "Sun, 22 Foo 2026 13:48:05 GMT",
                                      "Sun, 22 Nov 2026 25:48:05 GMT"};
    int64_t time;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(http_date_parse(text_of(bad[i]), &time));
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    assert_int_equal(retry_after_ms(TEXT("120"), NOW), 120000);
    assert_int_equal(retry_after_ms(TEXT("18000"), NOW), 18000000);
    assert_int_equal(retry_after_ms(TEXT("Sun, 22 Nov 2026 13:49:05 GMT"), NOW), 60000);
}

static void retry_after_that_makes_no_sense_counts_as_none(void **state)
{
    static const char *const bad[] = {"-5",
                                      "soon",
                                      "",
                                      "99999999999999999999",
                                      "1e3",
                                      "Sun, 22 Nov 2026 13:47:05 GMT",
                                      "Sun, 22 Nov 3026 13:48:05 GMT"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(retry_after_ms(text_of(bad[i]), NOW), 0);
    assert_int_equal(retry_after_ms((struct text){0}, NOW), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_forms_are_read),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(retry_after_that_makes_no_sense_counts_as_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
