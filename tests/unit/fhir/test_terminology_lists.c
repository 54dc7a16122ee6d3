/* Terminology, value sets and branches as lists. */

#include "tests/unit/fhir/coding.h"

#define GENDER "http://hl7.org/fhir/administrative-gender"

static struct arena *arena; /* of lists */

static struct code_listing list(const struct definitions *definitions, const char *set, size_t most)
{
    struct code_listing listing;

    value_set_list(definitions, text_of(set), most, arena, &listing);
    return listing;
}

static bool lists(const struct code_listing *listing, const char *system, const char *code)
{
    for (size_t i = 0; i < listing->count; i++)
        if (text_is(listing->codes[i].system, system) && text_is(listing->codes[i].code, code))
            return true;
    return false;
}

static void lists_have_every_code_once(void **state)
{
    struct code_listing listing = list(base(), SET "administrative-gender", 100);

    (void)state;
    assert_int_equal(listing.outcome, LISTING_WHOLE);
    assert_int_equal(listing.count, 4);
    assert_true(lists(&listing, GENDER, "female"));
    for (size_t i = 0; i < listing.count; i++)
        assert_int_equal(
            has(base(), SET "administrative-gender", GENDER,
                arena_strndup(arena, listing.codes[i].code.data, listing.codes[i].code.size)),
            CODE_YES);
}

static void what_is_missing_endless_or_too_long_is_not_listed(void **state)
{
    struct code_listing listing = list(base(), SET "no-such-set", 100);

    (void)state;
    assert_int_equal(listing.outcome, LISTING_MISSING);
    assert_true(text_is(listing.missing, SET "no-such-set"));
    assert_int_equal(list(base(), SET "administrative-gender", 3).outcome, LISTING_TOO_LONG);
    assert_int_equal(list(base(), SET "mimetypes", 100).outcome, LISTING_OPEN);
    listing = list(base(), SET "observation-codes", 100);
    assert_int_equal(listing.outcome, LISTING_MISSING);
    assert_true(text_is(listing.missing, "http://loinc.org"));
}

static void branches_are_listed_upwards_and_downwards(void **state)
{
    const char *system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    struct code_listing listing;

    (void)state;
    code_system_list(base(), text_of(system), TEXT("active"), false, 100, arena, &listing);
    assert_int_equal(listing.count, 3);
    assert_true(lists(&listing, system, "active"));
    assert_true(lists(&listing, system, "relapse"));
    code_system_list(base(), text_of(system), TEXT("relapse"), true, 100, arena, &listing);
    assert_int_equal(listing.count, 2);
    assert_true(lists(&listing, system, "active"));
    assert_false(lists(&listing, system, "recurrence"));
    code_system_list(base(), text_of(SNOMED), TEXT("1"), true, 100, arena, &listing);
    assert_int_equal(listing.outcome, LISTING_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_have_every_code_once),
        cmocka_unit_test(what_is_missing_endless_or_too_long_is_not_listed),
        cmocka_unit_test(branches_are_listed_upwards_and_downwards),
    };

    arena = arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
