#include "base/map.h"

#include "base/arena.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_was_put_in_is_found(void **state)
{
    struct arena *arena = arena_new();
    struct map map = {.arena = arena};
    char *keys[1000];

    (void)state;
    assert_null(map_find(&map, TEXT("0")));
    for (int i = 0; i < 1000; i++) {
        keys[i] = arena_printf(arena, "%d", i);
        map_entry(&map, text_of(keys[i]))->value = keys[i];
    }
    assert_int_equal(map.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(map_find(&map, text_of(arena_printf(arena, "%d", i))), keys[i]);
    assert_null(map_find(&map, TEXT("1000")));
    assert_null(map_find(&map, TEXT("")));
    arena_free(arena);
}

static void a_key_has_one_entry(void **state)
{
    struct arena *arena = arena_new();
    struct map map = {.arena = arena};

    (void)state;
    map_entry(&map, TEXT("a"))->value = arena;
    assert_ptr_equal(map_entry(&map, TEXT("a"))->value, arena);
    assert_null(map_entry(&map, (struct text){0})->value);
    map_entry(&map, TEXT(""))->value = &map;
    assert_ptr_equal(map_find(&map, (struct text){0}), &map);
    assert_int_equal(map.count, 2);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_found),
        cmocka_unit_test(a_key_has_one_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
