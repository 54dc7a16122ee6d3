#include "base/buf.h"

#include "base/arena.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void zero_is_an_empty_one(void **state)
{
    struct buf buf = {0};

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.size, 0);
    buf_release(&buf);
    buf_release(&buf);
}

static void content_survives_growth(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.size, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], 'a' + i % 26);
    buf_release(&buf);
}

static void everything_is_appended(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_add(&buf, "a\0b", 3);
    buf_add(&buf, NULL, 0);
    buf_add_text(&buf, "cd");
    buf_printf(&buf, "%d", 42);
    memcpy(buf_reserve(&buf, 2), "xy", 2);
    buf.size += 2;
    assert_int_equal(buf.size, 9);
    assert_memory_equal(buf_text(&buf), "a\0bcd42xy", 10);
    buf_clear(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_release(&buf);
}

static void printing_makes_the_room_it_needs(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int size = 0; size < 2000; size += 13) {
        buf_clear(&buf);
        buf_printf(&buf, "<%*s>", size, "");
        assert_int_equal(buf.size, size + 2);
        assert_int_equal(buf.data[buf.size - 1], '>');
    }
    buf_release(&buf);
}

static void one_in_an_arena_needs_no_release(void **state)
{
    struct arena *arena = arena_new();
    struct buf buf = buf_in(arena);

    (void)state;
    for (int i = 0; i < 10000; i++)
        buf_printf(&buf, "%d,", i % 10);
    assert_int_equal(buf.size, 20000);
    assert_memory_equal(buf.data, "0,1,2,3,4,5,6,7,8,9,0,", 22);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_an_empty_one),
        cmocka_unit_test(content_survives_growth),
        cmocka_unit_test(everything_is_appended),
        cmocka_unit_test(printing_makes_the_room_it_needs),
        cmocka_unit_test(one_in_an_arena_needs_no_release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
