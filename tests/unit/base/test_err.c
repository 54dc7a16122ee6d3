#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_first_error_wins(void **state)
{
    struct err err = {0};

    (void)state;
    assert_false(err_set(&err, ERR_CONFLICT, "Patient.id", "version %d", 3));
    assert_false(err_set(&err, ERR_INTERNAL, NULL, "cleaning up"));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_string_equal(err.where, "Patient.id");
    assert_string_equal(err.text, "version 3");
}

static void nobody_needs_to_look(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_BUSY, NULL, "unseen"));
}

static void a_text_has_no_line_break(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_INTERNAL, NULL, "ERROR:  a\n\tb");
    assert_string_equal(err.text, "ERROR:  a  b");
    assert_string_equal(err.where, "");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    char text[600];
    struct err err = {0};

    (void)state;
    for (size_t lead = 0; lead < 3; lead++) {
        memset(text, 'x', lead);
        for (size_t at = lead; at + 3 < sizeof(text); at += 3)
            memcpy(text + at, "\xE2\x82\xAC", 4);
        err = (struct err){0};
        err_set(&err, ERR_INVALID, NULL, "%s", text);
        assert_true(strlen(err.text) >= sizeof(err.text) - 3);
        assert_int_equal((strlen(err.text) - lead) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(nobody_needs_to_look),
        cmocka_unit_test(a_text_has_no_line_break),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
