#include "base/log.h"

#include "base/err.h"

#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static int pipe_ends[2], saved_stderr;

static int catch_stderr(void **state)
{
    (void)state;
    saved_stderr = dup(STDERR_FILENO);
    return saved_stderr < 0 || pipe2(pipe_ends, O_NONBLOCK) != 0 ||
           dup2(pipe_ends[1], STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
    static char text[65536];
    ssize_t size = read(pipe_ends[0], text, sizeof(text) - 1);

    text[size > 0 ? size : 0] = '\0';
    return text;
}

/* After the time, which the test cannot know. */
static const char *after_time(const char *line)
{
    const char *level = strstr(line, "level");

    assert_non_null(level);
    return level;
}

static void a_line_begins_with_time_and_level(void **state)
{
    regex_t form;

    (void)state;
    log_setup(LOG_INFO, false);
    log_info(NULL, "started", NULL);
    assert_int_equal(regcomp(&form,
                             "^time=20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
                             "\\.[0-9]{3}Z level=info event=started\n$",
                             REG_EXTENDED),
                     0);
    assert_int_equal(regexec(&form, logged(), 0, NULL, 0), 0);
    regfree(&form);
}

static void logfmt_quotes_what_needs_it(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_warn(NULL, "stored", "type", "Patient", "none", NULL, "empty", "", "text",
             "a \"b\"\\\n\x01", "assign", "a=b", "umlaut", "\xC3\xBC", NULL);
    assert_string_equal(after_time(logged()),
                        "level=warn event=stored type=Patient none=\"\" empty=\"\" "
                        "text=\"a \\\"b\\\"\\\\\\n\\u0001\" assign=\"a=b\" umlaut=\"\xC3\xBC\"\n");
}

static void json_is_escaped_and_always_utf8(void **state)
{
    (void)state;
    log_setup(LOG_INFO, true);
    log_error(NULL, "failed", "text", "a\"\t\xC3\xBC\xFF.", NULL);
    assert_string_equal(after_time(logged()), "level\":\"error\",\"event\":\"failed\",\"text\":"
                                              "\"a\\\"\\u0009\xC3\xBC\xEF\xBF\xBD.\"}\n");
}

static void a_context_adds_its_pairs(void **state)
{
    const struct log log = {{"request", "17", "client", "lab"}};

    (void)state;
    log_setup(LOG_INFO, false);
    log_info(&log, "done", "status", "200", NULL);
    assert_string_equal(after_time(logged()),
                        "level=info event=done request=17 client=lab status=200\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    (void)state;
    log_setup(LOG_WARN, false);
    log_info(NULL, "unseen", NULL);
    log_debug(NULL, "unseen", NULL);
    assert_string_equal(logged(), "");
    assert_true(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN) && !log_enabled(LOG_INFO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_begins_with_time_and_level, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(logfmt_quotes_what_needs_it, catch_stderr, release_stderr),
        cmocka_unit_test_setup_teardown(json_is_escaped_and_always_utf8, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(a_context_adds_its_pairs, catch_stderr, release_stderr),
        cmocka_unit_test_setup_teardown(what_is_below_the_level_is_not_written, catch_stderr,
                                        release_stderr),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
