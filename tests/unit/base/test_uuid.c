/* UUIDs. */

#include "base/uuid.h"

#include "base/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char bytes[UUID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                                0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
#define WRITTEN "01234567-89ab-cdef-fedc-ba9876543210"

static void bytes_are_written_in_lower_case(void **state)
{
    char written[UUID_SIZE];

    (void)state;
    uuid_write(bytes, written);

    assert_string_equal(written, WRITTEN);
}

static void what_was_written_is_read(void **state)
{
    unsigned char read[UUID_BYTES];

    (void)state;
    assert_true(uuid_read(TEXT(WRITTEN), read));
    assert_memory_equal(read, bytes, UUID_BYTES);
}

static void what_is_no_uuid_is_refused_and_nothing_is_written(void **state)
{
    static const char *const texts[] = {
        "",
        "01234567-89ab-cdef-fedc-ba987654321",
        "01234567-89ab-cdef-fedc-ba98765432100",
        "01234567-89AB-cdef-fedc-ba9876543210",
        "0123456789-ab-cdef-fedc-ba9876543210",
        "01234567-89ab-cdef-fedc-ba987654321g",
        "0123456-789ab-cdef-fedc-ba9876543210",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        unsigned char read[UUID_BYTES] = {0};

        assert_false(uuid_read(text_of(texts[i]), read));
        assert_memory_equal(read, (unsigned char[UUID_BYTES]){0}, UUID_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_in_lower_case),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_is_no_uuid_is_refused_and_nothing_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
