#include "base/count.h"
#include "sync/page.h"
#include "tests/unit/sync/in_arena.h"

static struct page page;
static struct err err;

static bool read_page(const char *body)
{
    err = (struct err){0};
    return page_read(text_of(body), TEXT("text/plain"), arena, &page, &err);
}

static void resources_stay_the_bytes_they_came_as(void **state)
{
    (void)state;
    assert_true(read_page(
        "\xef\xbb\xbf {\"resourceType\":\"Bundle\",\"total\":7,\"link\":[{\"relation\":\"next\","
        "\"url\":\"http:\\/\\/"
        "a\"},{\"relation\":\"self\",\"url\":\"s\"}],\"entry\":[{\"resource\": "
        "{\"id\":\"a\\\"]}\",\"resourceType\":\"Patient\",\"x\":1.50,\"meta\":{\"versionId\":\"3\","
        "\"lastUpdated\":\"2026-11-22T13:48:05Z\"}} ,\"search\":{\"mode\":\"include\"}}]}\n"));
    assert_int_equal(page.count, 1);
    assert_int_equal(page.total, 7);
    assert_true(text_is(page.next, "http://a"));
    assert_true(text_is(page.self, "s"));
    assert_true(text_is(page.entries[0].id, "a\"]}"));
    assert_true(text_is(page.entries[0].version, "3"));
    assert_int_equal(page.entries[0].updated, INT64_C(1795355285000000));
    assert_true(page.entries[0].include);
    assert_true(text_starts_with(page.entries[0].body, TEXT("{\"id\":\"a")));
    assert_true(text_ends_with(page.entries[0].body, TEXT("05Z\"}}")));
}

static void one_bad_entry_spoils_no_other(void **state)
{
    (void)state;
    assert_true(read_page("{\"resourceType\":\"Bundle\",\"entry\":[null,{\"resource\":{\"id\":1}},"
                          "{},{\"resource\":{\"resourceType\":\"Patient\",\"n\":\"\xff\"}}]}"));
    assert_int_equal(page.count, 4);
    assert_true(text_is(page.entries[0].body, "null"));
    assert_true(text_is(page.entries[2].body, "{}"));
    assert_true(text_is(page.entries[3].type, "Patient"));
}

#define OUTCOME(issues)       "{\"resource\":{\"resourceType\":\"OperationOutcome\"" issues "}}"
#define ISSUE(severity, code) "{\"severity\":\"" severity "\",\"code\":\"" code "\"}"

static void of_remarks_the_worst_counts(void **state)
{
    static const struct {
        const char *entries, *code;
        enum page_outcome outcome;
    } cases[] = {
        {"", NULL, PAGE_SILENT},
        {OUTCOME(",\"issue\":[" ISSUE("information", "a") "]"), "a", PAGE_REMARK},
        {OUTCOME(",\"issue\":[" ISSUE("information", "a") "," ISSUE("warning", "b") "]"), "b",
         PAGE_DOUBT},
        {OUTCOME(",\"issue\":[" ISSUE("warning", "a") "]") "," OUTCOME(
             ",\"issue\":[" ISSUE("fatal", "b") "]"),
         "b", PAGE_ERROR},
        {OUTCOME(",\"issue\":[" ISSUE("error", "a") "," ISSUE("warning", "b") "]"), "a",
         PAGE_ERROR},
        {OUTCOME(""), NULL, PAGE_DOUBT},
        {OUTCOME(",\"issue\":[]"), NULL, PAGE_DOUBT},
        {OUTCOME(",\"issue\":7"), NULL, PAGE_DOUBT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(read_page(arena_printf(
            arena, "{\"resourceType\":\"Bundle\",\"total\":0,\"entry\":[%s]}", cases[i].entries)));
        assert_int_equal(page.outcome, cases[i].outcome);
        assert_int_equal(page.count, 0);
        assert_true(cases[i].code ? text_is(page.code, cases[i].code) : !page.code.data);
    }
}

#define ENTRIES                                                                                    \
    "{\"fullUrl\":\"http://a/Patient/1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"1\"," \
    "\"active\":true,\"n\":-1.5e3,\"meta\":{\"versionId\":\"2\"}},\"search\":{\"mode\":\"match\"}" \
    "} ,"                                                                                          \
    "{\"resource\":{\"id\":\"}]\",\"resourceType\":\"Observation\"},\"search\":{\"mode\":"         \
    "\"include\"}},"                                                                               \
    "{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\"}]}}," \
    "{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/9\"}},{\"search\":{}}"

static void assert_entries(void)
{
    assert_int_equal(page.outcomes, 1);
    assert_true(text_is(page.severity, "error"));
    assert_true(text_is(page.entries[0].id, "1") && text_is(page.entries[0].version, "2"));
    assert_true(text_ends_with(page.entries[0].body, TEXT("\"2\"}}")));
    assert_true(text_is(page.entries[1].id, "}]") && page.entries[1].include);
    assert_true(text_is(page.entries[1].body, "{\"id\":\"}]\",\"resourceType\":\"Observation\"}"));
    assert_true(page.entries[2].deletion && text_is(page.entries[2].id, "9"));
    assert_true(text_is(page.entries[3].body, "{\"search\":{}}"));
}

/* Pages are gone through once; those with anything odd another way, which finds the same. */
static void what_is_odd_changes_nothing_for_others(void **state)
{
    static const char *const odd[] = {
        "null",
        "7",
        "\"x\"",
        "[{}]",
        "{\"resource\":null}",
        "{\"resource\":{\"resourceType\":\"Patient\" 1 2}}",
        "{\"resource\":{\"resourceType\":\"Patient\",\"a\":x\"}\"}}",
        "{\"resource\":{},\"resource\":{\"resourceType\":\"Patient\"}}",
    };

    (void)state;
    assert_true(read_page("{\"resourceType\":\"Bundle\",\"entry\":[" ENTRIES "]}"));
    assert_int_equal(page.count, 4);
    assert_entries();
    for (size_t i = 0; i < COUNT(odd); i++) {
        assert_true(read_page(arena_printf(
            arena, "{\"resourceType\":\"Bundle\",\"entry\":[" ENTRIES ",%s]}", odd[i])));
        assert_int_equal(page.count, 5);
        assert_entries();
    }
    assert_false(read_page("{\"resourceType\":\"Bundle\",\"entry\":[" ENTRIES "}"));
    assert_false(read_page("{\"resourceType\":\"Bundle\",\"entry\":[" ENTRIES));
}

static void entries_may_come_in_several_lists(void **state)
{
    struct text more = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        more = text_of(arena_printf(arena, "%s%s{\"resource\":{\"resourceType\":\"Patient\"}}",
                                    more.data ? more.data : "", i ? "," : ""));
    assert_true(read_page(arena_printf(arena,
                                       "{\"resourceType\":\"Bundle\",\"entry\":[" ENTRIES
                                       ",null],\"entry\":[%s],\"entry\":[null]}",
                                       more.data)));
    assert_int_equal(page.count, 4 + 1 + 200 + 1);
    assert_entries();
}

static void outcomes_are_no_rows(void **state)
{
    (void)state;
    assert_true(read_page("{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":"
                          "\"OperationOutcome\",\"issue\":[{\"severity\":\"warning\",\"code\":"
                          "\"incomplete\"}]}}]}"));
    assert_int_equal(page.count, 0);
    assert_int_equal(page.outcomes, 1);
    assert_true(text_is(page.severity, "warning"));
    assert_true(text_is(page.code, "incomplete"));
}

static void deletions_are_rows_without_bytes(void **state)
{
    (void)state;
    assert_true(
        read_page("{\"resourceType\":\"Bundle\",\"entry\":[{\"request\":{\"method\":\"DELETE\","
                  "\"url\":\"Patient/7\"},\"response\":{\"etag\":\"W/\\\"4\\\"\","
                  "\"lastModified\":\"2026-11-22T13:48:05Z\"}},{\"fullUrl\":"
                  "\"http://a/fhir/Patient/8/_history/2\",\"request\":{\"method\":\"DELETE\"}}]}"));
    assert_true(page.entries[0].deletion && !page.entries[0].body.data);
    assert_true(text_is(page.entries[0].type, "Patient"));
    assert_true(text_is(page.entries[0].id, "7"));
    assert_true(text_is(page.entries[0].version, "4"));
    assert_true(text_is(page.entries[1].id, "8"));
}

static void what_is_no_page_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "<html></html>",
        "{\"resourceType\":\"Bundle\"}",
        "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"}",
        "{\"resourceType\":\"OperationOutcome\",\"issue\":[]}",
        "{\"resourceType\":\"Bundle\",\"total\":1,\"entry\":[{\"resource\":{\"id\":\"a\"",
        "{\"resourceType\":\"Bundle\",\"total\":1,\"entry\":[{}}"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (read_page(bad[i]))
            fail_msg("a page: %s", bad[i]);
        assert_int_equal(err.kind, ERR_INVALID);
    }
    assert_false(read_page("{\"resourceType\":\"Patient\",\"id\":\"secret\"}"));
    assert_non_null(strstr(err.text, "Patient"));
    assert_null(strstr(err.text, "secret"));
}

static void odd_times_are_their_earliest_instant(void **state)
{
    (void)state;
    assert_int_equal(page_time(TEXT("2026-11-22T13:48:60Z")),
                     page_time(TEXT("2026-11-22T13:48:59Z")));
    assert_int_equal(page_time(TEXT("2026-11-22")), page_time(TEXT("2026-11-22T00:00:00+14:00")));
    assert_int_equal(page_time(TEXT("soon")), INT64_MIN);
    assert_int_equal(page_time((struct text){0}), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources_stay_the_bytes_they_came_as),
        cmocka_unit_test(one_bad_entry_spoils_no_other),
        cmocka_unit_test(of_remarks_the_worst_counts),
        cmocka_unit_test(what_is_odd_changes_nothing_for_others),
        cmocka_unit_test(entries_may_come_in_several_lists),
        cmocka_unit_test(outcomes_are_no_rows),
        cmocka_unit_test(deletions_are_rows_without_bytes),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(odd_times_are_their_earliest_instant),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
