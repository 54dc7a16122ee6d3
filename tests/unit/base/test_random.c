/* Random. */

#include "base/random.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_uuid_has_the_form_of_version_4(void **state)
{
    char uuid[UUID_SIZE];

    (void)state;
    random_uuid(uuid);

    assert_int_equal(strlen(uuid), 36);
    for (int i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(uuid[i], '-');
        else
            assert_true(isdigit((unsigned char)uuid[i]) || (uuid[i] >= 'a' && uuid[i] <= 'f'));
    }
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
}

static void no_two_numbers_are_equal(void **state)
{
    enum { COUNT = 3000 }; /* several bites */
    static uint64_t numbers[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        numbers[i] = random_number();

    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_true(numbers[i] != numbers[k]);
}

static void a_request_may_be_larger_than_the_buffer(void **state)
{
    static unsigned char bytes[10000];
    unsigned set = 0;

    (void)state;
    random_bytes(bytes, sizeof(bytes));

    for (size_t i = 0; i < sizeof(bytes); i++)
        set += (unsigned)__builtin_popcount(bytes[i]);
    assert_in_range(set, 39000, 41000); /* of 80,000 bits: 14 standard deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_has_the_form_of_version_4),
        cmocka_unit_test(no_two_numbers_are_equal),
        cmocka_unit_test(a_request_may_be_larger_than_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
