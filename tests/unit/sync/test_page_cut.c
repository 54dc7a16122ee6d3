#include "base/count.h"
#include "sync/page.h"
#include "tests/unit/sync/in_arena.h"

static struct page page;
static struct page_start beginning;

/* Its entries; links stand before them. */
#define PAGE(entries)                                                                              \
    "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"self\",\"url\":\"s?_count=3\"},"       \
    "{\"relation\":\"next\",\"url\":\"n\"}],\"entry\":[" entries "]}"

#define GOOD(id)                                                                                   \
    "{\"fullUrl\":\"http://a/Patient/" id "\",\"resource\":{\"resourceType\":\"Patient\","         \
    "\"id\":\"" id "\",\"name\":[{\"family\":\"x\"},{\"family\":\"y\"}]},\"search\":{\"mode\":"    \
    "\"match\"}}"

/* What follows its id is broken. */
#define BAD(rest)                                                                                  \
    "{\"fullUrl\":\"http://a/Patient/bad\",\"resource\":{\"resourceType\":\"Patient\",\"id\":"     \
    "\"bad\"," rest "},\"search\":{\"mode\":\"match\"}}"

static bool cut(const char *body)
{
    return page_cut(text_of(body), arena, &page);
}

/* Some breaks are no obstacle when brackets only are counted. */
static void assert_not_misread(const char *body, size_t count)
{
    struct err err = {0};

    if (page_read(text_of(body), TEXT("text/plain"), arena, &page, &err))
        assert_int_equal(page.count, count);
}

static void assert_cut(const char *body, const char *before, const char *broken, const char *after)
{
    size_t at = 0;

    assert_true(cut(body));
    if (before)
        assert_true(text_is(page.entries[at++].id, before));
    assert_string_equal(page.entries[at].refused, "parse");
    assert_true(text_is(page.entries[at].body, broken));
    assert_true(text_is(page.entries[at].type, "Patient"));
    assert_true(text_is(page.entries[at++].id, "bad"));
    if (after)
        assert_true(text_is(page.entries[at++].id, after));
    assert_int_equal(page.count, at);
    assert_not_misread(body, at);
    assert_true(cut(body));
    for (size_t i = 0; i < page.count; i++)
        assert_int_equal(page.entries[i].refused != NULL, text_is(page.entries[i].id, "bad"));
    assert_true(text_is(page.next, "n"));
}

static const char *const breaks[] = {
    "\"birthDate\":[",
    "\"birthDate\":[1",
    "\"birthDate\":]",
    "\"x\":{\"a\":1]",
    "\"x\":[{\"a\":1},{\"b\"",
    "\"text\":\"he said \"yes\", and left\"",
    "\"x\" \"y\"",
    "\"x\":",
    "\"x\":1,,",
    "\"family\":\"Smith,",
    "\"x\":[{\"y\":1},{\"z\":2}, \"w\":{\"v\":1}",
};

static void one_that_is_broken_is_cut_out_of_its_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(breaks); i++) {
        const char *bad = arena_printf(arena, BAD("%s"), breaks[i]);
        assert_cut(arena_printf(arena, PAGE(GOOD("1") ",%s ," GOOD("2")), bad), "1", bad, "2");
        assert_cut(arena_printf(arena, PAGE("%s," GOOD("2")), bad), NULL, bad, "2");
        assert_cut(arena_printf(arena, PAGE(GOOD("1") ", %s\n"), bad), "1", bad, NULL);
    }
}

static void several_are_cut_out_one_by_one(void **state)
{
    (void)state;
    assert_true(cut(PAGE(BAD("\"x\":[") "," BAD("\"y\":[1"))));
    assert_int_equal(page.count, 2);
    assert_true(page.entries[0].refused && page.entries[1].refused);
    assert_true(cut(PAGE(BAD("\"x\":[") "," GOOD("1") "," BAD("\"y\":") "," GOOD("2"))));
    assert_int_equal(page.count, 4);
    assert_non_null(page.entries[0].refused);
    assert_null(page.entries[1].refused);
    assert_true(text_starts_with(page.entries[1].body, TEXT("{\"resourceType\"")));
    assert_non_null(page.entries[2].refused);
    assert_null(page.entries[3].refused);
}

static void deletions_and_remarks_are_told_behind_one_that_is_broken(void **state)
{
    (void)state;
    assert_true(
        cut(PAGE(BAD("\"x\":[") ",{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/9\"}},"
                                "{\"resource\":{\"resourceType\":\"OperationOutcome\"}}")));
    assert_int_equal(page.count, 2);
    assert_true(page.entries[1].deletion && text_is(page.entries[1].id, "9"));
    assert_int_equal(page.outcomes, 1);
}

/* A gap would be silent where a page that ends too early were taken for a whole one. */
static void no_page_is_cut_that_ends_too_early(void **state)
{
    static const char whole[] = PAGE(GOOD("1") "," GOOD("2"));

    (void)state;
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        assert_false(page_cut((struct text){whole, size}, arena, &page));
}

static void nothing_is_taken_out_of_what_may_be_a_bundle_itself(void **state)
{
    (void)state;
    assert_false(cut(PAGE(GOOD("1") ",{\"resource\":{\"resourceType\":\"Bundle\",\"entry\":[" GOOD(
        "i") "," GOOD("j") "},\"x\":[}," GOOD("2"))));
}

static void what_looks_like_an_entry_in_a_string_is_none(void **state)
{
    (void)state;
    assert_true(cut(PAGE(BAD("\"text\":\"}, {\\\"fullUrl\\\":\\\"u\\\",\\\"resource\\\":"
                             "{\\\"resourceType\\\":\\\"Patient\\\"}},\",\"x\":[") "," GOOD("2"))));
    assert_int_equal(page.count, 2);
    assert_true(text_is(page.entries[1].id, "2"));
}

static void what_is_no_bundle_is_not_cut(void **state)
{
    (void)state;
    assert_false(cut("<html>}, {</html>"));
    assert_false(cut("{\"entry\":[" GOOD("1") "," BAD("\"x\":[") "]}"));
    assert_false(cut(
        "{\"resourceType\":\"Bundle\",\"entry\":[" GOOD("1") "],\"entry\":[" BAD("\"x\":[") "]}"));
    assert_false(cut(PAGE("[[[[[[[[[[[[[[[[[[[")));
    assert_false(cut("{\"resourceType\":\"Bundle\",\"entry\":[" GOOD("1") "]} }"));
}

static void the_beginning_of_a_page_names_its_first_resource(void **state)
{
    static const char body[] = PAGE(GOOD("1") "," GOOD("2"));
    const size_t id = (size_t)(strstr(body, "\"name\"") - body);
    const size_t end = (size_t)(strstr(body, ",{\"fullUrl\":\"http://a/Patient/2") - body);

    (void)state;
    for (size_t size = id; size < sizeof(body) - 1; size++) {
        assert_true(page_read_start((struct text){body, size}, arena, &beginning));
        assert_true(text_is(beginning.first.type, "Patient") && text_is(beginning.first.id, "1"));
        assert_int_equal(beginning.whole, size >= end);
        assert_true(beginning.linked && text_is(beginning.page.next, "n"));
        assert_true(text_starts_with(beginning.first.body, TEXT("{\"fullUrl\"")));
    }
}

static void it_is_named_by_its_url_where_its_id_does_not_come(void **state)
{
    (void)state;
    assert_true(page_read_start(
        TEXT("{\"entry\":[{\"fullUrl\":\"http://a/Binary/b/_history/2\",\"resource\":{"
             "\"resourceType\":\"Binary\",\"data\":\"AAAA"),
        arena, &beginning));
    assert_true(text_is(beginning.first.type, "Binary") && text_is(beginning.first.id, "b"));
    assert_false(beginning.linked || beginning.whole);
}

static void a_beginning_that_names_nothing_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "[",
        "<html>",
        "   ",
        "{\"entry\":[",
        "{\"entry\":[7",
        "{\"entry\":[{\"fullUrl\":\"x",
        "{\"entry\":[{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[]}},",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_false(page_read_start(text_of(bodies[i]), arena, &beginning));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_broken_is_cut_out_of_its_page),
        cmocka_unit_test(several_are_cut_out_one_by_one),
        cmocka_unit_test(deletions_and_remarks_are_told_behind_one_that_is_broken),
        cmocka_unit_test(no_page_is_cut_that_ends_too_early),
        cmocka_unit_test(nothing_is_taken_out_of_what_may_be_a_bundle_itself),
        cmocka_unit_test(what_looks_like_an_entry_in_a_string_is_none),
        cmocka_unit_test(what_is_no_bundle_is_not_cut),
        cmocka_unit_test(the_beginning_of_a_page_names_its_first_resource),
        cmocka_unit_test(it_is_named_by_its_url_where_its_id_does_not_come),
        cmocka_unit_test(a_beginning_that_names_nothing_is_none),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
