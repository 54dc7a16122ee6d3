#include "sync/attachment.h"

#include "fhir/node.h"
#include "tests/unit/sync/in_arena.h"

#include "base/err.h"

/* "rogue" */
#define DATA  "\"cm9ndWU=\""
#define HASH  "8jL+vRCFzXiRE3fvlx8geqGeC/4="
#define OTHER "B8ehTwqzpGS9JYvs3LRNKL9hV24="

static struct attachments attachments;

static int forget(void **state)
{
    (void)state;
    attachments_release(&attachments);
    return 0;
}

static void note(const char *id, const char *size, const char *hash)
{
    struct node *document = node_new_resource(arena, "DocumentReference");
    struct node *attachment = node_add(arena, node_add(arena, document, "content"), "attachment");

    if (size)
        node_set_value(arena, attachment, "size", text_of(size));
    if (hash)
        node_set_value(arena, attachment, "hash", text_of(hash));
    attachments_note(&attachments, attachment, text_of(id));
}

static bool agrees(const char *id, const char *data)
{
    const char *json = arena_printf(arena, " {\"resourceType\":\"Binary\",\"data\":%s}", data);

    return !attachments_refuse(&attachments, text_of(id), text_of(json), arena);
}

static void size_and_hash_are_compared(void **state)
{
    (void)state;
    note("a", "5", HASH);
    note("b", "6", NULL);
    note("c", NULL, OTHER);
    assert_true(agrees("a", DATA));
    assert_false(agrees("b", DATA));
    assert_false(agrees("c", DATA));
}

static void what_nobody_speaks_of_is_not_compared(void **state)
{
    (void)state;
    assert_true(agrees("a", DATA));
    note("b", NULL, NULL);
    note("c", "many", "no hash");
    assert_true(agrees("b", DATA) && agrees("c", "7"));
}

static void what_has_no_data_is_refused_where_it_matters(void **state)
{
    (void)state;
    note("a", NULL, HASH);
    assert_false(agrees("a", "null"));
    assert_false(agrees("a", "\"*\""));
    assert_false(agrees("a", "\"cm9n"));
}

static void escapes_of_json_are_no_part_of_the_data(void **state)
{
    (void)state;
    note("a", "3", NULL);
    assert_true(agrees("a", "\"\\/\\/\\/\\/\""));
    assert_int_equal(attachments_size(TEXT("{\"data\":" DATA "}"), arena), 5);
}

static void the_last_word_counts_among_many(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++)
        note(arena_printf(arena, "id-%d", i), "6", NULL);
    for (int i = 0; i < 5000; i += 2)
        note(arena_printf(arena, "id-%d", i), "5", NULL);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(agrees(arena_printf(arena, "id-%d", i), DATA), i % 2 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(size_and_hash_are_compared, forget),
        cmocka_unit_test_teardown(what_nobody_speaks_of_is_not_compared, forget),
        cmocka_unit_test_teardown(what_has_no_data_is_refused_where_it_matters, forget),
        cmocka_unit_test_teardown(escapes_of_json_are_no_part_of_the_data, forget),
        cmocka_unit_test_teardown(the_last_word_counts_among_many, forget),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
