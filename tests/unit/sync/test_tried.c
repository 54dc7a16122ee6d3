#include "sync/tried.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_was_tried_is_remembered(void **state)
{
    struct tried tried = {0};

    (void)state;
    assert_true(tried_may(&tried, "Patient", "1", 0));
    tried_note(&tried, "Patient", "1", INT64_MAX);
    assert_false(tried_may(&tried, "Patient", "1", INT64_MAX - 1));
    assert_true(tried_may(&tried, "Patient", "2", 0));
    assert_true(tried_may(&tried, "Group", "1", 0));
    tried_release(&tried);
    assert_true(tried_may(&tried, "Patient", "1", 0));
}

static void what_failed_may_be_tried_again_when_it_is_time(void **state)
{
    struct tried tried = {0};

    (void)state;
    tried_note(&tried, "Patient", "1", 100);
    assert_false(tried_may(&tried, "Patient", "1", 99));
    assert_true(tried_may(&tried, "Patient", "1", 100));
    tried_note(&tried, "Patient", "1", 200);
    assert_false(tried_may(&tried, "Patient", "1", 100));
    assert_int_equal(tried.count, 1);
    tried_release(&tried);
}

/* Each look at all of them would take minutes if it went through a list. */
static void many_are_told_apart(void **state)
{
    enum { MANY = 100000 };
    struct tried tried = {0};
    char id[16];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_true(tried_may(&tried, "Practitioner", id, i));
        tried_note(&tried, "Practitioner", id, INT64_MAX);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_false(tried_may(&tried, "Practitioner", id, i));
    }
    assert_int_equal(tried.count, MANY);
    tried_release(&tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_tried_is_remembered),
        cmocka_unit_test(what_failed_may_be_tried_again_when_it_is_time),
        cmocka_unit_test(many_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
