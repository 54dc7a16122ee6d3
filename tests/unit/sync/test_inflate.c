#include "sync/inflate.h"

#include "base/arena.h"
#include "tests/unit/sync/in_arena.h"

#include <zlib.h>

enum { GZIP = MAX_WBITS + 16, ZLIB = MAX_WBITS, RAW = -MAX_WBITS };

static struct text plain;
static struct err err;

static struct text pack(struct text text, int window)
{
    size_t room = text.size + 1024;
    char *out = arena_alloc(arena, room);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.size};

    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = stream.total_out;
    deflateEnd(&stream);
    return (struct text){out, size};
}

static struct text zeros(size_t size)
{
    return (struct text){arena_alloc(arena, size), size};
}

static bool unpack(struct text body, bool deflate, size_t most)
{
    err = (struct err){0};
    return inflate_body(arena, body, deflate, most, &plain, &err);
}

static void all_forms_are_unpacked(void **state)
{
    const struct text text = TEXT("{\"resourceType\":\"Bundle\"}");

    (void)state;
    assert_true(unpack(text, false, 1000) && text_equals(plain, text));
    assert_true(unpack(pack(text, GZIP), false, 1000) && text_equals(plain, text));
    assert_true(unpack(pack(text, ZLIB), true, 1000) && text_equals(plain, text));
    assert_true(unpack(pack(text, RAW), true, 1000) && text_equals(plain, text));
    assert_true(unpack(text, true, 1000) && text_equals(plain, text));
    assert_true(unpack(pack(pack(text, GZIP), GZIP), false, 1000) && text_equals(plain, text));
}

static void members_follow_each_other(void **state)
{
    struct text one = pack(TEXT("one,"), GZIP), two = pack(TEXT("two"), GZIP);

    (void)state;
    struct text both = {arena_printf(arena, "%*s", (int)(one.size + two.size), ""),
                        one.size + two.size};
    memcpy((char *)(uintptr_t)both.data, one.data, one.size);
    memcpy((char *)(uintptr_t)both.data + one.size, two.data, two.size);
    assert_true(unpack(both, false, 1000));
    assert_true(text_is(plain, "one,two"));
}

static void what_is_cut_is_an_error(void **state)
{
    struct text body = pack(TEXT("{\"resourceType\":\"Bundle\"}"), GZIP);

    (void)state;
    body.size -= 9;
    assert_false(unpack(body, false, 1000));
    assert_int_equal(err.kind, ERR_UNKNOWN);
}

static void little_does_not_become_much(void **state)
{
    struct text bomb = pack(zeros(3 << 20), GZIP); /* a thousand times less */

    (void)state;
    assert_false(unpack(bomb, false, 64 << 20));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    assert_false(unpack(pack(zeros(3 << 20), RAW), true, 64 << 20));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    assert_true(unpack(pack(zeros(1 << 19), GZIP), false, 64 << 20));
    assert_false(unpack(pack(zeros(1 << 19), GZIP), false, 1000));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_unpacked),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(what_is_cut_is_an_error),
        cmocka_unit_test(little_does_not_become_much),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
