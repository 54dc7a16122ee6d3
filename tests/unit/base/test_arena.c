#include "base/arena.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char order[8];

static void note(void *letter)
{
    size_t size = strlen(order);

    order[size] = *(char *)letter;
    order[size + 1] = '\0';
}

static void deferred_calls_run_last_first(void **state)
{
    struct arena *arena = arena_new();
    char first[] = "a", second[] = "b";

    (void)state;
    order[0] = '\0';
    arena_defer(arena, note, first);
    arena_defer(arena, note, second);
    arena_free(arena);
    assert_string_equal(order, "ba");
}

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    struct arena *arena = arena_new();
    char *seen[3000];

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3000; i++) {
            size_t size = i % 97;
            seen[i] = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)seen[i] % 16, 0);
            for (size_t k = 0; k < size; k++)
                assert_int_equal(seen[i][k], 0);
            memset(seen[i], (int)(i % 251) + 1, size);
        }
        for (size_t i = 0; i < 3000; i++)
            for (size_t k = 0; k < i % 97; k++)
                assert_int_equal((unsigned char)seen[i][k], i % 251 + 1);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void large_pieces_leave_the_current_block_in_use(void **state)
{
    struct arena *arena = arena_new();
    char *before = arena_alloc(arena, 16);
    char *large = arena_alloc(arena, 5000000);
    char *after = arena_alloc(arena, 16);

    (void)state;
    memset(large, 'x', 5000000);
    assert_true(after > before && after - before < 100);
    assert_int_equal(arena_used(arena), 5000032);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    arena_free(arena);
}

static void reset_runs_the_deferred_calls(void **state)
{
    struct arena *arena = arena_new();
    char letter[] = "x";

    (void)state;
    order[0] = '\0';
    arena_defer(arena, note, letter);
    arena_reset(arena);
    assert_string_equal(order, "x");
    arena_free(arena);
    assert_string_equal(order, "x");
}

static void texts_are_copied_and_printed(void **state)
{
    struct arena *arena = arena_new();
    char *text;

    (void)state;
    assert_string_equal(arena_strdup(arena, "one"), "one");
    assert_string_equal(arena_strndup(arena, "three", 2), "th");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "up"), "7-up");
    text = arena_printf(arena, "%*d", 100000, 1);
    assert_int_equal(strlen(text), 100000);
    arena_free(arena);
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deferred_calls_run_last_first),
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(large_pieces_leave_the_current_block_in_use),
        cmocka_unit_test(reset_runs_the_deferred_calls),
        cmocka_unit_test(texts_are_copied_and_printed),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
