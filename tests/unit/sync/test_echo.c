/* Marks and hashes by which a resource is known again. */

#include "../storage/writing.h"

#include "base/buf.h"
#include "sync/echo.h"

static uint64_t hash(const struct store *store, const char *json)
{
    struct arena *arena = arena_new();
    uint64_t content = echo_content(parse(arena, json), store);

    arena_free(arena);
    return content;
}

static void check_content(void *context)
{
    struct store *store = open_store();
    const uint64_t one = hash(store, "{\"resourceType\":\"Observation\",\"status\":\"final\","
                                     "\"subject\":{\"reference\":\"Patient/1\"},"
                                     "\"code\":{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}}");

    (void)context;
    assert_true(one != 0);
    /* another id, meta, narrative, target, our identifier, and order of elements */
    assert_true(one == hash(store,
                            "{\"resourceType\":\"Observation\",\"id\":\"7\","
                            "\"meta\":{\"versionId\":\"3\",\"source\":\"urn:x\"},"
                            "\"text\":{\"status\":\"generated\",\"div\":\"<div "
                            "xmlns=\\\"http://www.w3.org/1999/xhtml\\\">x</div>\"},"
                            "\"identifier\":[{\"system\":\"urn:isthmus:1\",\"value\":\"y\"}],"
                            "\"code\":{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]},"
                            "\"subject\":{\"reference\":\"Patient/2\"},\"status\":\"final\"}"));
    /* an identifier of others, another value, another order of repetitions */
    assert_true(one != hash(store, "{\"resourceType\":\"Observation\",\"status\":\"final\","
                                   "\"identifier\":[{\"system\":\"urn:lab\",\"value\":\"y\"}],"
                                   "\"subject\":{\"reference\":\"Patient/1\"},"
                                   "\"code\":{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}}"));
    assert_true(one != hash(store, "{\"resourceType\":\"Observation\",\"status\":\"amended\","
                                   "\"subject\":{\"reference\":\"Patient/1\"},"
                                   "\"code\":{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}}"));
    assert_true(one != hash(store, "{\"resourceType\":\"Observation\",\"status\":\"final\","
                                   "\"subject\":{\"reference\":\"Patient/1\"},"
                                   "\"code\":{\"coding\":[{\"code\":\"b\"},{\"code\":\"a\"}]}}"));
    store_close(store);
}
IN_DATABASE(content_is_the_same_wherever_a_resource_passed_through, check_content)

static void check_place(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    const struct node *bundle =
        parse(arena, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["
                     "{\"resource\":{\"resourceType\":\"Patient\",\"gender\":\"other\"}}]}");

    (void)context;
    assert_true(echo_content(node_path(bundle, "entry.resource"), store) ==
                hash(store, "{\"resourceType\":\"Patient\",\"gender\":\"other\"}"));
    arena_free(arena);
    store_close(store);
}
IN_DATABASE(content_is_the_same_in_a_bundle_and_alone, check_place)

static void marks_say_who_feeds_a_copy_and_can_be_taken_out(void **state)
{
    struct arena *arena = arena_new();
    struct node *patient =
        parse(arena, "{\"resourceType\":\"Patient\",\"meta\":{\"tag\":[{\"code\":\"kept\"}]}}");
    struct buf json = buf_in(arena);

    (void)state;
    assert_int_equal(echo_feeder(patient).size, 0);
    echo_mark(arena, patient, "one", TEXT("http://a/fhir/Patient/1"));
    echo_mark(arena, patient, "two", (struct text){0});
    assert_true(text_is(echo_feeder(patient), "two"));
    assert_true(text_is(node_path(patient, "meta.source")->value, "http://a/fhir/Patient/1"));
    echo_unmark(patient);
    json_write(patient, &json);
    assert_string_equal(buf_text(&json),
                        "{\"resourceType\":\"Patient\",\"meta\":{\"tag\":[{\"code\":\"kept\"}],"
                        "\"source\":\"http://a/fhir/Patient/1\"}}");
    arena_free(arena);
}

static void types_are_named_by_identifiers_when_these_repeat_and_can_be_searched(void **state)
{
    (void)state;
    assert_true(echo_has_identifier("Patient"));
    assert_false(echo_has_identifier("Provenance"));
    assert_false(echo_has_identifier("Composition")); /* has one, which is its own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_the_same_wherever_a_resource_passed_through),
        cmocka_unit_test(content_is_the_same_in_a_bundle_and_alone),
        cmocka_unit_test(marks_say_who_feeds_a_copy_and_can_be_taken_out),
        cmocka_unit_test(types_are_named_by_identifiers_when_these_repeat_and_can_be_searched),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
