#include "server/file.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE ((size_t)200000) /* several pieces */

static char path[] = "/tmp/isthmus-file-XXXXXX";

static int make_file(void **state)
{
    int file = mkstemp(path);
    bool written = file >= 0;

    (void)state;
    for (size_t i = 0; written && i < LARGE; i++)
        written = write(file, &"0123456789"[i % 10], 1) == 1;
    return written && close(file) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void a_file_is_added_as_it_is(void **state)
{
    struct buf content = {0};

    (void)state;
    buf_add_text(&content, "x");
    assert_true(file_read(path, LARGE, &content));
    assert_int_equal(content.size, LARGE + 1);
    assert_memory_equal(content.data, "x0123456789", 11);
    assert_int_equal(content.data[LARGE], '9');
    buf_release(&content);
}

static void of_one_that_is_too_large_not_all_is_read(void **state)
{
    struct buf content = {0};

    (void)state;
    assert_true(file_read(path, 1000, &content));
    assert_true(content.size > 1000 && content.size < LARGE);
    buf_release(&content);
}

static void what_cannot_be_read_leaves_a_reason(void **state)
{
    struct buf content = {0};

    (void)state;
    assert_false(file_read("/tmp/isthmus/no/such/file", 1000, &content));
    assert_int_equal(errno, ENOENT);
    assert_false(file_read("/tmp", 1000, &content));
    assert_int_equal(errno, EISDIR);
    assert_null(content.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_added_as_it_is),
        cmocka_unit_test(of_one_that_is_too_large_not_all_is_read),
        cmocka_unit_test(what_cannot_be_read_leaves_a_reason),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
