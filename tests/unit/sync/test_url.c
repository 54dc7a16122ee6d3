#include "sync/url.h"

#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/sync/in_arena.h"

static void links_are_joined_to_their_base(void **state)
{
    static const char base[] = "https://a.example/fhir/Patient?_count=5";

    (void)state;
    assert_string_equal(url_join(arena, base, "?page=2"), "https://a.example/fhir/Patient?page=2");
    assert_string_equal(url_join(arena, base, "/x"), "https://a.example/x");
    assert_string_equal(url_join(arena, base, "http://b.example/y?z"), "http://b.example/y?z");
    assert_string_equal(url_join(arena, base, "?page=2#end"),
                        "https://a.example/fhir/Patient?page=2");
    assert_null(url_join(arena, base, "file:///etc/passwd"));
    assert_null(url_join(arena, base, "http://user@b.example/"));
    assert_null(url_join(arena, base, "http://a.example:443:443/x"));
}

static void origins_are_scheme_host_and_port(void **state)
{
    (void)state;
    assert_true(url_same_origin("https://A.example/x", "https://a.example:443/y"));
    assert_false(url_same_origin("https://a.example/", "http://a.example/"));
    assert_false(url_same_origin("https://a.example/", "https://a.example:8443/"));
    assert_false(url_same_origin("https://a.example/", "https://a.example.evil/"));
}

static void an_origin_can_be_replaced(void **state)
{
    (void)state;
    assert_string_equal(url_with_origin(arena, "http://int:8080/fhir?p=2", "https://a.example/r4"),
                        "https://a.example:443/fhir?p=2");
}

static void a_plus_is_encoded(void **state)
{
    struct buf out = buf_in(arena);

    (void)state;
    url_encode(&out, TEXT("ge2026-01-01T00:00:00+01:00"));
    assert_string_equal(buf_text(&out), "ge2026-01-01T00%3A00%3A00%2B01%3A00");
}

static void parameters_are_found_and_decoded(void **state)
{
    (void)state;
    assert_true(
        text_is(url_parameter(arena, "http://a/x?_count=5&_last%55pdated=ge1%2B2", "_lastUpdated"),
                "ge1+2"));
    assert_null(url_parameter(arena, "http://a/x?_count=5", "_lastUpdated").data);
    assert_null(url_parameter(arena, "http://a/x", "_count").data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_joined_to_their_base),
        cmocka_unit_test(origins_are_scheme_host_and_port),
        cmocka_unit_test(an_origin_can_be_replaced),
        cmocka_unit_test(a_plus_is_encoded),
        cmocka_unit_test(parameters_are_found_and_decoded),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
