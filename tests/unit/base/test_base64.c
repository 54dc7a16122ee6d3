#include "base/base64.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 4648 10. */
static const struct {
    const char *plain, *coded;
} published[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void published_vectors_are_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(published); i++) {
        struct base64_decoder decoder = {0};
        size_t size = strlen(published[i].plain);
        char coded[16];
        uint8_t plain[16];

        base64_encode(published[i].plain, size, coded);
        assert_int_equal(base64_size(size), strlen(published[i].coded));
        assert_memory_equal(coded, published[i].coded, base64_size(size));
        assert_int_equal(base64_decoded_size(text_of(published[i].coded)), size);
        assert_int_equal(base64_decode(&decoder, text_of(published[i].coded), plain), size);
        assert_memory_equal(plain, published[i].plain, size);
    }
}

static void pieces_of_any_size_make_the_same_bytes(void **state)
{
    uint8_t plain[257], back[300];
    char coded[400];

    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7);
    base64_encode(plain, sizeof(plain), coded);
    for (size_t step = 1; step < 20; step++) {
        struct base64_decoder decoder = {0};
        size_t size = 0, total = base64_size(sizeof(plain));

        for (size_t at = 0; at < total; at += step)
            size += base64_decode(&decoder,
                                  (struct text){coded + at, total - at < step ? total - at : step},
                                  back + size);
        assert_int_equal(size, sizeof(plain));
        assert_memory_equal(back, plain, size);
    }
}

static void white_space_is_passed_over(void **state)
{
    struct base64_decoder decoder = {0};
    struct text text = TEXT(" Zm9v\r\nYm\tFy ");
    uint8_t back[16];

    (void)state;
    assert_int_equal(base64_decoded_size(text), 6);
    assert_int_equal(base64_decode(&decoder, text, back), 6);
    assert_memory_equal(back, "foobar", 6);
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const wrong[] = {"Zm9-", "Zg==Zg==", "Zm\xc3\xa4"};
    uint8_t back[16];

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct base64_decoder decoder = {0};
        assert_true(base64_decode(&decoder, text_of(wrong[i]), back) == SIZE_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_are_met),
        cmocka_unit_test(pieces_of_any_size_make_the_same_bytes),
        cmocka_unit_test(white_space_is_passed_over),
        cmocka_unit_test(what_is_no_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
