#include "tests/unit/fhir/reading.h"

#include "fhir/bundle.h"

static void entries_are_read(void **state)
{
    struct reading r = read_json(
        "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"fullUrl\":\"urn:uuid:"
        "1\","
        "\"resource\":{\"resourceType\":\"Patient\"},\"request\":{\"method\":\"POST\",\"url\":"
        "\"Patient\",\"ifNoneExist\":\"identifier=x\"}},{\"request\":{\"method\":\"DELETE\","
        "\"url\":"
        "\"Patient/1\",\"ifMatch\":\"W/\\\"1\\\"\"}},{\"resource\":{\"id\":\"x\"}}]}");
    struct bundle bundle;

    (void)state;
    assert_true(bundle_read(r.arena, r.root, &bundle, &r.err));
    assert_true(text_is(bundle.type, "transaction"));
    assert_int_equal(bundle.count, 3);
    assert_true(text_is(bundle.entries[0].full_url, "urn:uuid:1"));
    assert_true(text_is(bundle.entries[0].method, "POST"));
    assert_true(text_is(bundle.entries[0].if_none_exist, "identifier=x"));
    assert_string_equal(bundle.entries[0].resource->type->name, "Patient");
    assert_null(bundle.entries[1].resource);
    assert_null(bundle.entries[1].full_url.data);
    assert_true(text_is(bundle.entries[1].if_match, "W/\"1\""));
    assert_string_equal(node_fhirpath(r.arena, bundle.entries[1].node), "Bundle.entry[1]");
    assert_null(bundle.entries[2].resource);
    assert_null(bundle.entries[2].method.data);
    release(&r);
}

static void another_resource_is_no_bundle(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\"}");
    struct bundle bundle;

    (void)state;
    assert_false(bundle_read(r.arena, r.root, &bundle, &r.err));
    assert_int_equal(r.err.kind, ERR_INVALID);
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(another_resource_is_no_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
