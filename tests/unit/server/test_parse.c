#include "base/err.h"
#include "server/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `isthmus parse --quiet FILE` on a file with this content. */
static int parse(const char *content, const char *suffix)
{
    char path[] = "/tmp/isthmus-parse-XXXXXX.ndjson", option[] = "--quiet";
    char *words[] = {option, path};
    int file, status;

    path[strlen("/tmp/isthmus-parse-XXXXXX") + strlen(suffix)] = 0;
    memcpy(path + strlen("/tmp/isthmus-parse-XXXXXX"), suffix, strlen(suffix));
    file = mkstemps(path, (int)strlen(suffix));
    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    close(file);
    status = command_parse(2, words);
    unlink(path);
    return status;
}

static void the_exit_status_tells_whether_there_were_errors(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"resourceType\":\"Patient\"}", ".json"), 0);
    assert_int_equal(parse("{\"resourceType\":\"Patient\",\"x\":1}", ".json"), 1);
    assert_int_equal(parse("{\"resourceType\":\"Patient\"", ".json"), 1);
    assert_int_equal(parse("", ".json"), 1);
}

static void lines_are_resources_in_ndjson_only(void **state)
{
    const char *two = "{\"resourceType\":\"Patient\"}\r\n\n{\"resourceType\":\"Basic\",\"code\":{"
                      "\"text\":\"x\"}}";

    (void)state;
    assert_int_equal(parse(two, ".ndjson"), 0);
    assert_int_equal(parse(two, ".json"), 1);
    assert_int_equal(
        parse("{\"resourceType\":\"Basic\"}\n{\"resourceType\":\"Patient\"}\n", ".ndjson"), 1);
}

static void wrong_calls_are_told_apart_from_bad_files(void **state)
{
    char missing[] = "/nonexistent/file.json", option[] = "--frobnicate", help[] = "--help";
    char *words[] = {missing};

    (void)state;
    assert_int_equal(command_parse(0, NULL), 2);
    assert_int_equal(command_parse(1, words), 1);
    words[0] = option;
    assert_int_equal(command_parse(1, words), 2);
    words[0] = help;
    assert_int_equal(command_parse(1, words), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_tells_whether_there_were_errors),
        cmocka_unit_test(lines_are_resources_in_ndjson_only),
        cmocka_unit_test(wrong_calls_are_told_apart_from_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
