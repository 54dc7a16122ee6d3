#include "server/gzip.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void accept_encoding_is_weighed(void **state)
{
    static const struct {
        const char *header;
        bool accepted;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"gzip;q=0.001", true},
        {"gzip ; q=0.5", true},
        {"gzip;Q=0.5", true},
        {"gzip;q=1.001", false},
        {"gzip;q=0.0001", false},
        {"gzip;q=nonsense", false},
        {"gzip;q", false},
        {"identity", false},
        {"identity, gzip;q=0.5", false},
        {"identity;q=0.5, gzip", true},
        {"*", true},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"br, deflate", false},
        {"gzipped", false},
        {",,gzip,,", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (gzip_is_accepted(text_of(cases[i].header)) != cases[i].accepted)
            fail_msg("Accept-Encoding: %s", cases[i].header);
}

static struct text numbers(struct arena *arena, size_t size)
{
    char *bytes = arena_alloc_raw(arena, size);
    uint32_t seed = 1;

    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)('0' + (seed >> 16) % 10);
    }
    return (struct text){bytes, size};
}

static void what_is_packed_is_unpacked_again(void **state)
{
    static const size_t sizes[] = {1025, 65536, 65537, 300000, 5000000};
    struct arena *arena = arena_new();
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct text bytes = numbers(arena, sizes[i]), again;
        struct text packed = gzip_bytes(arena, bytes);
        assert_non_null(packed.data);
        assert_true(packed.size < bytes.size);
        assert_true(gzip_unpack(arena, packed, bytes.size, &again, &err));
        assert_true(text_equals(bytes, again));
    }
    arena_free(arena);
}

static void what_would_grow_is_not_packed(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_null(gzip_bytes(arena, TEXT("short")).data);
    assert_null(gzip_bytes(arena, TEXT("")).data);
    arena_free(arena);
}

static void several_members_are_one_text(void **state)
{
    struct arena *arena = arena_new();
    struct text one = gzip_bytes(arena, numbers(arena, 2000)), both;
    char *twice = arena_alloc_raw(arena, 2 * one.size);
    struct err err = {0};

    (void)state;
    memcpy(twice, one.data, one.size);
    memcpy(twice + one.size, one.data, one.size);
    assert_true(gzip_unpack(arena, (struct text){twice, 2 * one.size}, 4000, &both, &err));
    assert_int_equal(both.size, 4000);
    arena_free(arena);
}

static void what_is_broken_is_refused(void **state)
{
    struct arena *arena = arena_new();
    struct text packed = gzip_bytes(arena, numbers(arena, 2000)), bytes;
    char *copy = arena_strndup(arena, packed.data, packed.size);
    struct err err = {0};

    (void)state;
    for (size_t size = 0; size < packed.size; size++) {
        err = (struct err){0};
        assert_false(gzip_unpack(arena, (struct text){packed.data, size}, 4000, &bytes, &err));
        assert_int_equal(err.kind, ERR_INVALID);
    }
    copy[packed.size - 6] ^= 1; /* in the checksum */
    err = (struct err){0};
    assert_false(gzip_unpack(arena, (struct text){copy, packed.size}, 4000, &bytes, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    arena_free(arena);
}

static void what_is_too_large_is_refused(void **state)
{
    struct arena *arena = arena_new();
    struct text packed = gzip_bytes(arena, numbers(arena, 2000)), bytes;
    struct err err = {0};

    (void)state;
    assert_true(gzip_unpack(arena, packed, 2000, &bytes, &err));
    assert_false(gzip_unpack(arena, packed, 1999, &bytes, &err));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    arena_free(arena);
}

static void what_grows_out_of_proportion_is_refused(void **state)
{
    struct arena *arena = arena_new();
    struct text zeros = {arena_alloc(arena, 20000000), 20000000}, bytes;
    struct text packed = gzip_bytes(arena, zeros);
    struct err err = {0};
    bool unpacked = gzip_unpack(arena, packed, zeros.size, &bytes, &err);

    (void)state;
    assert_true(packed.size * 200 < zeros.size);
    assert_false(unpacked);
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_encoding_is_weighed),
        cmocka_unit_test(what_is_packed_is_unpacked_again),
        cmocka_unit_test(what_would_grow_is_not_packed),
        cmocka_unit_test(several_members_are_one_text),
        cmocka_unit_test(what_is_broken_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(what_grows_out_of_proportion_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
