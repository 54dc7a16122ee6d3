#include "storage/body.h"

#include "base/arena.h"
#include "base/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{\"versionId\":\"1\"},"
    "\"name\":[{\"family\":\"Meier\",\"given\":[\"Anna\",\"Anna\",\"Anna\",\"Anna\"]}]}";

static void a_body_comes_back_as_it_was(void **state)
{
    struct body_codec *codec = body_codec_new();
    struct arena *arena = arena_new();
    const size_t sizes[] = {0, 1, 2, 50, sizeof(patient) - 1};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct text json = {patient, sizes[i]}, back;
        struct text body = body_pack(codec, json, arena);

        assert_true(body.size <= json.size + 1);
        assert_true(body_unpack(codec, body, arena, &back, &err));
        assert_true(text_equals(back, json));
        assert_int_equal(back.data[back.size], 0);
    }
    arena_free(arena);
    body_codec_free(codec);
}

static void a_dictionary_makes_it_smaller_and_is_needed_again(void **state)
{
    struct body_codec *with = body_codec_new(), *without = body_codec_new();
    struct arena *arena = arena_new();
    struct text json = {patient, sizeof(patient) - 1}, back;
    struct err err = {0};

    (void)state;
    assert_true(body_codec_add(with, 7, patient, sizeof(patient) - 1, &err));
    struct text small = body_pack(with, json, arena);
    assert_int_equal((unsigned char)small.data[0], 7);
    assert_true(small.size < body_pack(without, json, arena).size / 2);
    assert_true(body_unpack(with, small, arena, &back, &err));
    assert_true(text_equals(back, json));
    assert_false(body_codec_has(without, 7));
    assert_false(body_unpack(without, small, arena, &back, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
    arena_free(arena);
    body_codec_free(with);
    body_codec_free(without);
}

static void pieces_make_one_body(void **state)
{
    struct body_codec *codec = body_codec_new();
    struct arena *arena = arena_new();
    const size_t size = sizeof(patient) - 1, cuts[] = {0, 1, 17, size};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        const struct text pieces[] = {
            {patient, cuts[i]}, {patient + cuts[i], size - cuts[i]}, {patient, size}};
        struct text body = body_pack_pieces(codec, pieces, 3, arena), back;

        assert_true(body_unpack(codec, body, arena, &back, &err));
        assert_int_equal(back.size, 2 * size);
        assert_memory_equal(back.data, patient, size);
        assert_memory_equal(back.data + size, patient, size);
        body = body_pack_pieces(codec, pieces, 2, arena);
        assert_true(body_unpack(codec, body, arena, &back, &err));
        assert_true(text_equals(back, (struct text){patient, size}));
    }
    arena_free(arena);
    body_codec_free(codec);
}

static void what_does_not_shrink_is_kept_as_it_is_from_pieces_too(void **state)
{
    struct body_codec *codec = body_codec_new();
    struct arena *arena = arena_new();
    const struct text pieces[] = {TEXT("a"), TEXT("b")};
    struct text body = body_pack_pieces(codec, pieces, 2, arena), back;
    struct err err = {0};

    (void)state;
    assert_int_equal((unsigned char)body.data[0], BODY_RAW);
    assert_true(body_unpack(codec, body, arena, &back, &err));
    assert_true(text_is(back, "ab"));
    arena_free(arena);
    body_codec_free(codec);
}

static void a_damaged_body_is_an_error(void **state)
{
    struct body_codec *codec = body_codec_new();
    struct arena *arena = arena_new();
    struct text json = {patient, sizeof(patient) - 1};
    struct text body = body_pack(codec, json, arena);

    (void)state;
    for (size_t i = 0; i <= body.size; i++) {
        struct err err = {0};
        struct text back, cut = {body.data, i < body.size ? i : 0};

        assert_false(body_unpack(codec, cut, arena, &back, &err));
        assert_int_equal(err.kind, ERR_INTERNAL);
    }
    arena_free(arena);
    body_codec_free(codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_back_as_it_was),
        cmocka_unit_test(a_dictionary_makes_it_smaller_and_is_needed_again),
        cmocka_unit_test(pieces_make_one_body),
        cmocka_unit_test(what_does_not_shrink_is_kept_as_it_is_from_pieces_too),
        cmocka_unit_test(a_damaged_body_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
