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

/* Where the length of the text has room in the last block, and where not. */
static void every_length_is_padded_right(void **state)
{
    static const struct {
        size_t size;
        const char *hash;
    } known[] = {{55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
                 {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
                 {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
                 {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
                 {65, "11655326c708d70319be2610e8a57d9a5b959d3b"}};
    char text[65];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_sha1((struct text){text, known[i].size}, known[i].hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_come_out),
        cmocka_unit_test(every_length_is_padded_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
