/* Secrets. */

#include "sync/secret.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/isthmus-secret-XXXXXX";

static void put(const char *content, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct secret_header of_file(struct arena *arena)
{
    return (struct secret_header){.name = "X-Key", .ref = arena_printf(arena, "file:%s", path)};
}

static void a_file_is_read_again_each_time(void **state)
{
    struct arena *arena = arena_new();
    struct secret_header header = of_file(arena);
    struct err err = {0};
    const char *value;

    (void)state;
    put("one\n", 4);
    assert_true(secret_read(&header, arena, &value, &err));
    assert_string_equal(value, "one");
    put("  two words\r\n", 13);
    assert_true(secret_read(&header, arena, &value, &err));
    assert_string_equal(value, "two words");
    arena_free(arena);
}

static void what_is_no_line_of_text_is_refused_and_never_told(void **state)
{
    static const char *const contents[] = {"", "\n\n", "hush\nhush"};
    struct arena *arena = arena_new();
    struct secret_header header = of_file(arena);
    char *large = arena_alloc(arena, 9000);
    const char *value;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct err err = {0};
        memset(large, 'h', 9000);
        if (i < 3)
            put(contents[i], strlen(contents[i]));
        else
            put(i == 3 ? "hush\0hush" : large, i == 3 ? 9 : 9000);
        assert_false(secret_read(&header, arena, &value, &err));
        assert_non_null(strstr(err.text, "one line of text"));
        assert_null(strstr(err.text, "hush"));
    }
    struct err err = {0};
    assert_int_equal(unlink(path), 0);
    assert_false(secret_read(&header, arena, &value, &err));
    assert_non_null(strstr(err.text, "The header X-Key is in /tmp/isthmus-secret-"));
    assert_non_null(strstr(err.text, "No such file"));
    arena_free(arena);
}

static void the_environment_is_another_place(void **state)
{
    const struct secret_header headers[] = {
        {.name = "A", .value = "clear"}, {.name = "B", .ref = "env:ISTHMUS_TEST_SECRET"}, {0}};
    struct arena *arena = arena_new();
    const char *lines[4] = {"first"};
    struct err err = {0};
    size_t count = 1;

    (void)state;
    assert_int_equal(setenv("ISTHMUS_TEST_SECRET", "hush", 1), 0);
    assert_true(secret_add_lines(headers, arena, lines, &count, 4, &err));
    assert_int_equal(count, 3);
    assert_string_equal(lines[1], "A: clear");
    assert_string_equal(lines[2], "B: hush");
    assert_int_equal(unsetenv("ISTHMUS_TEST_SECRET"), 0);
    assert_false(secret_add_lines(headers, arena, lines, &count, 9, &err));
    assert_non_null(strstr(err.text, "ISTHMUS_TEST_SECRET, which is not set"));
    arena_free(arena);
}

static void names_of_credentials_are_known(void **state)
{
    (void)state;
    assert_true(secret_is_likely("Authorization"));
    assert_true(secret_is_likely("X-API-KEY"));
    assert_true(secret_is_likely("Ocp-Apim-Subscription-Key"));
    assert_true(secret_is_likely("x-access-token"));
    assert_false(secret_is_likely("Epic-Client-ID"));
    assert_true(secret_is_ref("file:/a"));
    assert_true(secret_is_ref("env:A"));
    assert_false(secret_is_ref("env:"));
    assert_false(secret_is_ref("file:a"));
}

static void what_stands_in_clear_is_masked_and_the_rest_stays(void **state)
{
    struct arena *arena = arena_new();
    struct text plain = TEXT("{\"a\": 1 ,\"headers\": {\"K\": {\"ref\": \"env:A\"}}}");
    struct text masked = secret_mask(
        TEXT("{\"id\":\"p\",\"headers\":{\"K\":\"hush\",\"L\":{\"ref\":\"env:A\"}}}"), arena);
    char *text = text_dup(arena, masked);

    (void)state;
    assert_ptr_equal(secret_mask(plain, arena).data, plain.data);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "\"K\": \"***\""));
    assert_non_null(strstr(text, "\"ref\": \"env:A\""));
    assert_non_null(strstr(text, "\"id\": \"p\""));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_again_each_time),
        cmocka_unit_test(what_is_no_line_of_text_is_refused_and_never_told),
        cmocka_unit_test(the_environment_is_another_place),
        cmocka_unit_test(names_of_credentials_are_known),
        cmocka_unit_test(what_stands_in_clear_is_masked_and_the_rest_stays),
    };

    int file = mkstemp(path);
    if (file < 0)
        return 1;
    close(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
