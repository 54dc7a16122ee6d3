/* Terminology, the rules of value sets: on small systems that are made here. */

#include "tests/unit/fhir/coding.h"

#define CS(url, more) "{\"resourceType\":\"CodeSystem\",\"url\":\"" url "\"," more "}"
#define VS(url, more) "{\"resourceType\":\"ValueSet\",\"url\":\"" url "\"," more "}"

static const char *const animals[] = {
    CS("urn:animals",
       "\"version\":\"1.0\",\"content\":\"complete\",\"caseSensitive\":false,"
       "\"valueSet\":\"urn:all-animals\",\"concept\":["
       "{\"code\":\"Mammal\",\"display\":\"Mammal\",\"concept\":["
       "  {\"code\":\"dog\",\"display\":\"Dog\",\"property\":["
       "      {\"code\":\"legs\",\"valueInteger\":4},{\"code\":\"tame\",\"valueBoolean\":true}]},"
       "  {\"code\":\"whale\",\"property\":[{\"code\":\"legs\",\"valueInteger\":0}]}]},"
       "{\"code\":\"bird\",\"property\":[{\"code\":\"legs\",\"valueInteger\":2}]},"
       "{\"code\":\"pet\",\"property\":[{\"code\":\"child\",\"valueCode\":\"dog\"}]},"
       "{\"code\":\"parrot\",\"property\":[{\"code\":\"parent\",\"valueCode\":\"bird\"},"
       "      {\"code\":\"subsumedBy\",\"valueCode\":\"pet\"}]}]"),
    CS("urn:dutch", "\"content\":\"supplement\",\"supplements\":\"urn:animals\",\"concept\":["
                    "{\"code\":\"dog\",\"designation\":[{\"language\":\"nl\",\"value\":\"Hond\"}]},"
                    "{\"code\":\"unicorn\",\"display\":\"Eenhoorn\"}]"),
    CS("urn:part", "\"content\":\"fragment\",\"concept\":[{\"code\":\"a\"}]"),
    VS("urn:mammals", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"filter\":[{"
                      "\"property\":\"concept\",\"op\":\"is-a\",\"value\":\"mammal\"}]}]}"),
    VS("urn:pets", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"filter\":[{"
                   "\"property\":\"concept\",\"op\":\"descendent-of\",\"value\":\"pet\"}]}]}"),
    VS("urn:four", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"filter\":[{"
                   "\"property\":\"legs\",\"op\":\"=\",\"value\":\"4\"}]}]}"),
    VS("urn:tame", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"filter\":["
                   "{\"property\":\"tame\",\"op\":\"exists\",\"value\":\"true\"},"
                   "{\"property\":\"legs\",\"op\":\"in\",\"value\":\"2, 4\"}]}]}"),
    VS("urn:p", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"filter\":[{"
                "\"property\":\"code\",\"op\":\"regex\",\"value\":\"p.*\"}]}]}"),
    VS("urn:both", "\"compose\":{\"include\":[{\"valueSet\":[\"urn:mammals\",\"urn:pets\"]}]}"),
    VS("urn:wild", "\"compose\":{\"include\":[{\"system\":\"urn:animals\"}],"
                   "\"exclude\":[{\"valueSet\":[\"urn:pets\"]},{\"system\":\"urn:animals\","
                   "\"concept\":[{\"code\":\"pet\"}]}]}"),
    VS("urn:doubt", "\"compose\":{\"include\":[{\"system\":\"urn:animals\"}],"
                    "\"exclude\":[{\"valueSet\":[\"urn:nowhere\"]}]}"),
    VS("urn:loop", "\"compose\":{\"include\":[{\"valueSet\":[\"urn:loop\"]}]}"),
    VS("urn:old", "\"compose\":{\"include\":[{\"system\":\"urn:animals\",\"version\":\"0.9\"}]}"),
    VS("urn:whole", "\"expansion\":{\"timestamp\":\"2020-01-01\",\"total\":2,\"contains\":["
                    "{\"system\":\"urn:x\",\"code\":\"1\",\"display\":\"One\"},"
                    "{\"system\":\"urn:y\",\"code\":\"2\"}]}"),
    VS("urn:cut", "\"compose\":{\"include\":[{\"system\":\"urn:x\"}]},\"expansion\":{"
                  "\"timestamp\":\"2020-01-01\",\"total\":9,\"contains\":["
                  "{\"system\":\"urn:x\",\"code\":\"1\"}]}"),
    VS("urn:costly", "\"expansion\":{\"timestamp\":\"2020-01-01\",\"extension\":[{\"url\":\"http://"
                     "hl7.org/fhir/StructureDefinition/valueset-toocostly\","
                     "\"valueBoolean\":true}],\"contains\":[{\"system\":\"urn:x\",\"code\":\"1\"}]"
                     "}"),
    VS("urn:v", "\"version\":\"1.10\",\"compose\":{\"include\":[{\"system\":\"urn:x\","
                "\"concept\":[{\"code\":\"new\"}]}]}"),
    VS("urn:v", "\"version\":\"1.9\",\"compose\":{\"include\":[{\"system\":\"urn:x\","
                "\"concept\":[{\"code\":\"old\"}]}]}"),
    VS("urn:simple-language",
       "\"compose\":{\"include\":[{\"system\":\"urn:ietf:bcp:47\",\"filter\":["
       "{\"property\":\"script\",\"op\":\"exists\",\"value\":\"false\"},"
       "{\"property\":\"private-use\",\"op\":\"exists\",\"value\":\"false\"}]}]}"),
    NULL,
};

static void added_systems_answer(void **state)
{
    struct made made = make(animals);
    struct code_finding finding;

    (void)state;
    code_system_has(made.definitions, text("urn:animals"), text("DOG"), &finding);
    assert_int_equal(finding.answer, CODE_YES);
    assert_true(text_is(finding.display, "Dog"));
    code_system_has(made.definitions, text("urn:animals"), text("cat"), &finding);
    assert_int_equal(finding.answer, CODE_NO);
    code_system_has(made.definitions, text("urn:part"), text("b"), &finding);
    assert_int_equal(finding.answer, CODE_UNKNOWN);
    assert_true(text_is(finding.missing, "urn:part"));
    assert_int_equal(has(made.definitions, "urn:all-animals", NULL, "whale"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:all-animals|1.0", NULL, "x"), CODE_UNKNOWN);
    /* What R4 has is still there. */
    assert_int_equal(has(made.definitions, SET "administrative-gender", NULL, "male"), CODE_YES);
    arena_free(made.arena);
}

static void supplements_add_designations(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_true(
        code_display_fits(made.definitions, text("urn:animals"), text("dog"), text("hond")));
    assert_true(code_display_fits(made.definitions, text("urn:animals"), text("dog"), text("dog")));
    assert_false(
        code_display_fits(made.definitions, text("urn:animals"), text("dog"), text("cat")));
    assert_true(code_display_fits(made.definitions, text("urn:animals"), text("whale"), text("x")));
    arena_free(made.arena);
}

static void concepts_may_stand_below_several(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_int_equal(has(made.definitions, "urn:mammals", "urn:animals", "Dog"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:mammals", "urn:animals", "mammal"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:mammals", "urn:animals", "parrot"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:pets", "urn:animals", "dog"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:pets", "urn:animals", "parrot"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:pets", "urn:animals", "pet"), CODE_NO);
    assert_int_equal(
        code_subsumes(made.definitions, text("urn:animals"), text("bird"), text("parrot")),
        CODE_YES);
    arena_free(made.arena);
}

static void properties_filter(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_int_equal(has(made.definitions, "urn:four", NULL, "dog"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:four", NULL, "whale"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:tame", NULL, "dog"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:tame", NULL, "bird"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:p", NULL, "parrot"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:p", NULL, "bird"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:simple-language", NULL, "en-US"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:simple-language", NULL, "zh-Hans"), CODE_NO);
    arena_free(made.arena);
}

static void imports_intersect_and_exclusions_take_away(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_int_equal(has(made.definitions, "urn:both", NULL, "dog"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:both", NULL, "whale"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:both", "urn:animals", "parrot"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:wild", NULL, "whale"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:wild", NULL, "dog"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:wild", "urn:animals", "PET"), CODE_NO);
    assert_missing(made.definitions, "urn:doubt", NULL, "dog", "urn:nowhere");
    assert_int_equal(has(made.definitions, "urn:doubt", NULL, "unicorn"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:loop", NULL, "dog"), CODE_UNKNOWN);
    arena_free(made.arena);
}

static void expansions_count_when_they_are_whole(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_int_equal(has(made.definitions, "urn:whole", "urn:x", "1"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:whole", NULL, "2"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:whole", "urn:x", "2"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:cut", "urn:x", "1"), CODE_YES);
    assert_missing(made.definitions, "urn:cut", "urn:x", "2", "urn:x");
    assert_int_equal(has(made.definitions, "urn:costly", "urn:x", "1"), CODE_YES);
    struct code_finding finding = find_in(made.definitions, "urn:costly", "urn:x", "2");
    assert_int_equal(finding.answer, CODE_UNKNOWN);
    assert_null(finding.missing.data);
    arena_free(made.arena);
}

static void the_highest_version_answers_to_the_bare_url(void **state)
{
    struct made made = make(animals);

    (void)state;
    assert_int_equal(has(made.definitions, "urn:v", NULL, "new"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:v", NULL, "old"), CODE_NO);
    assert_int_equal(has(made.definitions, "urn:v|1.9", NULL, "old"), CODE_YES);
    assert_int_equal(has(made.definitions, "urn:v|1.10", NULL, "old"), CODE_NO);
    assert_missing(made.definitions, "urn:old", "urn:animals", "dog", "urn:animals|0.9");
    arena_free(made.arena);
}

static void a_package_completes_what_the_base_refers_to(void **state)
{
    static const char *const documents[] = {
        CS(SNOMED, "\"content\":\"complete\",\"concept\":[{\"code\":\"442083009\","
                   "\"concept\":[{\"code\":\"7\"}]},{\"code\":\"8\"}]"),
        CS("urn:ietf:bcp:47", "\"content\":\"not-present\""), NULL};
    struct made made = make(documents);

    (void)state;
    assert_int_equal(has(made.definitions, SET "body-site", SNOMED, "7"), CODE_YES);
    assert_int_equal(has(made.definitions, SET "body-site", SNOMED, "8"), CODE_NO);
    /* What knows less does not replace what knows more. */
    assert_int_equal(has(made.definitions, SET "all-languages", NULL, "en"), CODE_YES);
    arena_free(made.arena);
}

static void what_cannot_be_used_is_reported(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"CodeSystem\",\"content\":\"complete\"}",
        CS("urn:s", "\"content\":\"supplement\",\"supplements\":\"urn:gone\""),
        VS("urn:nothing", "\"status\":\"active\""), NULL};
    struct made made = make(documents);

    (void)state;
    assert_int_equal(made.issues.kept, 3);
    assert_int_equal(has(made.definitions, "urn:nothing", NULL, "x"), CODE_UNKNOWN);
    arena_free(made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added_systems_answer),
        cmocka_unit_test(supplements_add_designations),
        cmocka_unit_test(concepts_may_stand_below_several),
        cmocka_unit_test(properties_filter),
        cmocka_unit_test(imports_intersect_and_exclusions_take_away),
        cmocka_unit_test(expansions_count_when_they_are_whole),
        cmocka_unit_test(the_highest_version_answers_to_the_bare_url),
        cmocka_unit_test(a_package_completes_what_the_base_refers_to),
        cmocka_unit_test(what_cannot_be_used_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
