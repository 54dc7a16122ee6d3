#include "tests/unit/fhir/reading.h"

#include "base/count.h"
#include "fhir/definitions.h"
#include "fhir/definitions_set.h"
#include "fhir/profile.h"

/* A profile of Patient without rules. */
#define PROFILE(url, version, name)                                                                \
    "{\"resourceType\":\"StructureDefinition\",\"url\":\"" url "\",\"version\":\"" version         \
    "\",\"name\":\"" name "\",\"status\":\"active\",\"kind\":\"resource\",\"abstract\":false,"     \
    "\"type\":\"Patient\",\"baseDefinition\":\"http://hl7.org/fhir/StructureDefinition/Patient\"," \
    "\"derivation\":\"constraint\",\"differential\":{\"element\":[{\"path\":\"Patient\"}]}}"

static const struct definitions *load(struct arena *arena, const char *const *documents,
                                      struct issues *issues)
{
    struct definitions *definitions = definitions_new();
    struct err err = {0};

    for (; *documents; documents++) {
        struct node *resource =
            json_read(arena, *documents, strlen(*documents), &json_default_limits, issues, &err);

        assert_non_null(resource);
        definitions_add(definitions, resource, "test#1");
    }
    return definitions_finish(definitions, issues);
}

static const char *name_of(const struct definitions *definitions, const char *canonical)
{
    const struct profile *profile = definitions_profile(definitions, text_of(canonical));

    return profile ? profile->name : NULL;
}

static void what_r4_publishes_loads_without_a_finding(void **state)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct definitions *base;

    (void)state;
    issues_init(&issues, arena, 10);
    base = definitions_build_base(&issues);
    if (issues.first)
        fail_msg("%s", issues.first->text);
    definitions_free(base);
    arena_free(arena);
}

static void the_built_in_set_is_one_and_stays(void **state)
{
    const struct definitions *base = definitions_base();

    (void)state;
    assert_ptr_equal(base, definitions_base());
    assert_ptr_equal(base, definitions_hold(base));
    definitions_release(base);
    definitions_release(base);
    assert_string_equal(name_of(base, "http://hl7.org/fhir/StructureDefinition/vitalsigns|4.0.1"),
                        "observation-vitalsigns");
    assert_int_equal(definitions_memory(base), 0);
}

static void types_of_r4_are_profiles_without_rules(void **state)
{
    const struct profile *profile = definitions_profile(
        definitions_base(), TEXT("http://hl7.org/fhir/StructureDefinition/Patient"));

    (void)state;
    assert_non_null(profile);
    assert_ptr_equal(profile->type, type_find(TEXT("Patient")));
    assert_non_null(profile->root);
    assert_null(profile->root->children);
    assert_null(definitions_profile(
        definitions_base(), TEXT("http://hl7.org/fhir/StructureDefinition/Patient.contact")));
}

static void the_highest_version_answers_to_the_bare_url(void **state)
{
    static const char *const documents[] = {
        PROFILE("http://x/p", "1.9.0", "nine"),
        PROFILE("http://x/p", "1.10.0", "ten"),
        PROFILE("http://x/p", "1.10.0-ballot", "old"),
        PROFILE("http://x/p", "1.9.1", "nine-one"),
        NULL,
    };
    struct arena *arena = arena_new();
    struct issues issues;
    const struct definitions *definitions;

    (void)state;
    issues_init(&issues, arena, 10);
    definitions = load(arena, documents, &issues);
    assert_int_equal(issues.kept, 0);
    assert_string_equal(name_of(definitions, "http://x/p"), "ten");
    assert_string_equal(name_of(definitions, "http://x/p|1.9"), "nine-one");
    assert_string_equal(name_of(definitions, "http://x/p|1.9.0"), "nine");
    assert_string_equal(name_of(definitions, "http://x/p|1.10.0-ballot"), "old");
    assert_null(name_of(definitions, "http://x/p|2"));
    assert_null(name_of(definitions, "http://x/q"));
    definitions_release(definitions);
    arena_free(arena);
}

static void a_later_one_of_the_same_version_replaces_the_earlier(void **state)
{
    static const char *const documents[] = {
        PROFILE("http://x/p", "1", "first"),
        PROFILE("http://x/p", "1", "second"),
        NULL,
    };
    struct arena *arena = arena_new();
    struct issues issues;
    const struct definitions *definitions, *held;

    (void)state;
    issues_init(&issues, arena, 10);
    definitions = load(arena, documents, &issues);
    arena_free(arena); /* what was read may go */
    held = definitions_hold(definitions);
    definitions_release(definitions);
    assert_string_equal(name_of(held, "http://x/p|1"), "second");
    assert_string_equal(definitions_profile(held, TEXT("http://x/p"))->package, "test#1");
    assert_true(definitions_memory(held) > 0);
    assert_non_null(name_of(held, "http://hl7.org/fhir/StructureDefinition/bp"));
    definitions_release(held);
}

static void what_is_no_profile_is_reported_and_left_out(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/l\",\"kind\":\"logical\","
        "\"type\":\"Thing\",\"derivation\":\"specialization\"}",
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/t\",\"kind\":\"resource\","
        "\"type\":\"Unheard\",\"derivation\":\"constraint\"}",
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/b\",\"kind\":\"resource\","
        "\"type\":\"Patient\",\"derivation\":\"constraint\",\"baseDefinition\":\"http://x/none\"}",
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/c\",\"kind\":\"resource\","
        "\"type\":\"Patient\",\"derivation\":\"constraint\",\"baseDefinition\":\"http://x/d\"}",
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/d\",\"kind\":\"resource\","
        "\"type\":\"Patient\",\"derivation\":\"constraint\",\"baseDefinition\":\"http://x/c\"}",
        "{\"resourceType\":\"Patient\"}",
        NULL,
    };
    static const char *const urls[] = {"http://x/l", "http://x/t", "http://x/b", "http://x/c",
                                       "http://x/d"};
    struct arena *arena = arena_new();
    struct issues issues;
    const struct definitions *definitions;

    (void)state;
    issues_init(&issues, arena, 20);
    definitions = load(arena, documents, &issues);
    assert_int_equal(issues.errors, 0);
    assert_int_equal(issues.first->severity, ISSUE_INFORMATION);
    for (size_t i = 0; i < COUNT(urls); i++) {
        bool reported = false;

        assert_null(name_of(definitions, urls[i]));
        for (const struct issue *issue = issues.first; issue; issue = issue->next)
            reported = reported || strstr(issue->text, urls[i]);
        assert_true(reported);
    }
    definitions_release(definitions);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_r4_publishes_loads_without_a_finding),
        cmocka_unit_test(the_built_in_set_is_one_and_stays),
        cmocka_unit_test(types_of_r4_are_profiles_without_rules),
        cmocka_unit_test(the_highest_version_answers_to_the_bare_url),
        cmocka_unit_test(a_later_one_of_the_same_version_replaces_the_earlier),
        cmocka_unit_test(what_is_no_profile_is_reported_and_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
