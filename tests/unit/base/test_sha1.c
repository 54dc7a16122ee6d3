#include "base/sha1.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_sha1(struct text text, const char *expected)
{
    uint8_t digest[SHA1_SIZE];
    char hex[2 * SHA1_SIZE + 1];

    sha1(text, digest);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, expected);
}

static void the_examples_of_the_standard_come_out(void **state)
{
    (void)state;
    assert_sha1((struct text){0}, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_sha1(TEXT("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_sha1(TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
