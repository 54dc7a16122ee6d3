#include "server/archive.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const struct archive_limits limits = {.file = 10000, .total = 15000, .count = 20};

static int start(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/isthmus-archive-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int stop(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

/* Runs a shell command in the test's folder. */
static void __attribute__((format(printf, 1, 2))) in_folder(const char *fmt, ...)
{
    char inner[1000], command[1200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(inner, sizeof(inner), fmt, args);
    va_end(args);
    snprintf(command, sizeof(command), "cd %s && { %s; } >/dev/null 2>&1", folder, inner);
    if (system(command) != 0)
        fail_msg("%s", inner);
}

static bool want_text(const char *name)
{
    return text_ends_with(text_of(name), TEXT(".txt"));
}

static void note(const char *name, struct text content, void *context)
{
    assert_int_equal(content.data[content.size], '\0');
    buf_printf(context, "%s=%.*s\n", name, (int)(content.size < 20 ? content.size : 20),
               content.data);
}

static const char *read_name(const char *name, enum err_kind *kind)
{
    static struct buf out;
    struct arena *arena = arena_new();
    struct err err = {0};
    const char *path = arena_printf(arena, "%s/%s", folder, name);

    buf_clear(&out);
    bool good = archive_read(path, &limits, want_text, note, &out, arena, &err);
    *kind = err.kind;
    assert_int_equal(good, err.kind == ERR_NONE);
    arena_free(arena);
    return buf_text(&out);
}

static void files_come_in_the_order_of_the_archive(void **state)
{
    enum err_kind kind;

    (void)state;
    in_folder("mkdir -p a && printf one >a/1.txt && printf two >a/2.txt && printf x >a/3.bin");
    in_folder("tar -czf plain.tgz a/2.txt a/3.bin a/1.txt && tar -cf plain.tar a/1.txt");
    assert_string_equal(read_name("plain.tgz", &kind), "a/2.txt=two\na/1.txt=one\n");
    assert_string_equal(read_name("plain.tar", &kind), "a/1.txt=one\n");
}

static void links_and_devices_are_not_followed(void **state)
{
    enum err_kind kind;

    (void)state;
    in_folder("mkdir -p b && ln -sf /etc/passwd b/l.txt && printf one >b/1.txt &&"
              " ln -f b/1.txt b/h.txt && mkfifo b/f.txt && tar -czf links.tgz b/1.txt b/l.txt"
              " b/h.txt b/f.txt");
    assert_string_equal(read_name("links.tgz", &kind), "b/1.txt=one\n");
    assert_int_equal(kind, ERR_NONE);
}

static void what_is_too_large_is_refused_before_it_is_there(void **state)
{
    enum err_kind kind;

    (void)state;
    in_folder("mkdir -p c && head -c 10001 /dev/zero >c/big.txt && tar -czf big.tgz c/big.txt");
    read_name("big.tgz", &kind);
    assert_int_equal(kind, ERR_TOO_LARGE);
    in_folder("mv c/big.txt c/big.bin && tar -czf skipped.tgz c/big.bin");
    read_name("skipped.tgz", &kind);
    assert_int_equal(kind, ERR_TOO_LARGE);
    in_folder("for i in 1 2; do head -c 8000 /dev/zero >c/$i.txt; done;"
              " tar -czf sum.tgz c/1.txt c/2.txt");
    read_name("sum.tgz", &kind);
    assert_int_equal(kind, ERR_TOO_LARGE);
    in_folder("mkdir -p d && for i in $(seq 21); do touch d/$i; done; tar -czf many.tgz d");
    read_name("many.tgz", &kind);
    assert_int_equal(kind, ERR_TOO_LARGE);
}

static void what_is_no_archive_or_damaged_is_refused(void **state)
{
    enum err_kind kind;

    (void)state;
    in_folder("mkdir -p e && head -c 9000 /dev/urandom >e/1.txt && tar -czf whole.tgz e/1.txt &&"
              " head -c 4000 whole.tgz >cut.tgz && printf text >text.tgz && : >empty.tgz");
    read_name("whole.tgz", &kind);
    assert_int_equal(kind, ERR_NONE);
    const char *const wrong[] = {"cut.tgz", "text.tgz", "empty.tgz", "none.tgz"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        read_name(wrong[i], &kind);
        assert_int_equal(kind, ERR_INVALID);
    }
}

static void a_folder_is_read_like_an_archive(void **state)
{
    struct arena *arena = arena_new();
    struct buf out = buf_in(arena);
    struct err err = {0};

    (void)state;
    in_folder("mkdir -p f/package/example f/x.txt && printf one >f/package/1.txt &&"
              " printf no >f/package/example/2.txt && printf no >f/3.bin");
    const char *path = arena_printf(arena, "%s/f", folder);
    assert_true(archive_read_folder(path, "package", &limits, want_text, note, &out, arena, &err));
    assert_string_equal(buf_text(&out), "package/1.txt=one\n");
    assert_false(
        archive_read_folder("/nowhere", "package", &limits, want_text, note, &out, arena, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_in_the_order_of_the_archive),
        cmocka_unit_test(links_and_devices_are_not_followed),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_there),
        cmocka_unit_test(what_is_no_archive_or_damaged_is_refused),
        cmocka_unit_test(a_folder_is_read_like_an_archive),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
