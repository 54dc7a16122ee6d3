#include "storage/cursor.h"

#include "base/arena.h"
#include "base/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct hash_key key = {1, 2};

static const char *make(struct arena *arena)
{
    struct cursor cursor = cursor_begin(arena);

    cursor_put_int(&cursor, -5);
    cursor_put_float(&cursor, 0.25);
    cursor_put_text(&cursor, TEXT("M\xc3\xbcller"));
    cursor_put_text(&cursor, (struct text){0});
    cursor_put_int(&cursor, INT64_MAX);
    return cursor_text(&cursor, &key, 77);
}

static void fields_come_back(void **state)
{
    struct arena *arena = arena_new();
    struct cursor cursor;
    struct err err = {0};

    (void)state;
    assert_true(cursor_open(&cursor, arena, text_of(make(arena)), &key, 77, &err));
    assert_int_equal(cursor_take_int(&cursor), -5);
    assert_true(cursor_take_float(&cursor) == 0.25);
    assert_true(text_is(cursor_take_text(&cursor), "M\xc3\xbcller"));
    assert_null(cursor_take_text(&cursor).data);
    assert_true(cursor_take_int(&cursor) == INT64_MAX);
    assert_true(cursor_end(&cursor, &err));
    arena_free(arena);
}

static void a_cursor_of_another_query_is_gone(void **state)
{
    struct arena *arena = arena_new();
    struct cursor cursor;
    struct err err = {0};

    (void)state;
    assert_false(cursor_open(&cursor, arena, text_of(make(arena)), &key, 78, &err));
    assert_int_equal(err.kind, ERR_GONE);
    arena_free(arena);
}

static void every_changed_character_is_noticed(void **state)
{
    struct arena *arena = arena_new();
    const char *good = make(arena);

    (void)state;
    for (size_t i = 0; good[i]; i++) {
        char *bad = arena_strdup(arena, good);
        struct cursor cursor;
        struct err err = {0};

        bad[i] = bad[i] == 'A' ? 'Q' : 'A';
        if (cursor_open(&cursor, arena, text_of(bad), &key, 77, &err))
            assert_true(good[i + 1] == '\0'); /* its last bits may be padding */
        else
            assert_int_equal(err.kind, ERR_GONE);
    }
    arena_free(arena);
}

static void nonsense_is_gone(void **state)
{
    static const char *const nonsense[] = {
        "", "A", "=", "....", "\xff\xfe", "AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        struct cursor cursor;
        struct err err = {0};

        assert_false(cursor_open(&cursor, arena, text_of(nonsense[i]), &key, 77, &err));
        assert_int_equal(err.kind, ERR_GONE);
    }
    arena_free(arena);
}

static void fields_of_another_kind_are_gone(void **state)
{
    struct arena *arena = arena_new();
    struct cursor cursor;
    struct err err = {0};

    (void)state;
    assert_true(cursor_open(&cursor, arena, text_of(make(arena)), &key, 77, &err));
    cursor_take_text(&cursor);
    assert_false(cursor_end(&cursor, &err));
    assert_int_equal(err.kind, ERR_GONE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(a_cursor_of_another_query_is_gone),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(nonsense_is_gone),
        cmocka_unit_test(fields_of_another_kind_are_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
