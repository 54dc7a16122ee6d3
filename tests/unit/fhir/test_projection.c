/* Projections: which part of a resource is left. */

#include "fhir/projection.h"

#include "base/arena.h"
#include "base/buf.h"
#include "fhir/issue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TAG                                                                                        \
    "\"tag\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ObservationValue\","          \
    "\"code\":\"SUBSETTED\"}]"

static struct arena *arena;
static struct issues issues;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    issues_init(&issues, arena, 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void check(const struct projection *projection, const char *whole, const char *part)
{
    struct buf out = buf_in(arena);

    assert_true(projection_write(projection, whole, strlen(whole), &out));
    assert_string_equal(buf_text(&out), part);
}

static struct projection elements(const char *type, const char *names)
{
    struct projection projection = {0};
    struct text value = text_of(names);

    assert_true(projection_read_elements(&projection, arena, type, &value, false, &issues, &err));
    assert_int_equal(projection.kind, PROJECTION_ELEMENTS);
    return projection;
}

static void named_elements_stay_with_what_they_need(void **state)
{
    struct projection projection = elements("Observation", "value,issued");

    (void)state;
    check(&projection,
          "{\"resourceType\":\"Observation\",\"id\":\"a\",\"meta\":{\"versionId\":\"1\"},"
          "\"text\":{\"status\":\"empty\"},\"modifierExtension\":[{\"url\":\"u\"}],"
          "\"status\":\"final\",\"category\":[{\"text\":\"c\"}],\"code\":{\"text\":\"d\"},"
          "\"issued\":\"2020-01-01T00:00:00Z\",\"valueQuantity\":{\"value\":1.50},"
          "\"component\":[{\"code\":{\"text\":\"e\"}}]}",
          "{\"resourceType\":\"Observation\",\"id\":\"a\",\"meta\":{\"versionId\":\"1\"," TAG "},"
          "\"modifierExtension\":[{\"url\":\"u\"}],\"status\":\"final\",\"code\":{\"text\":\"d\"},"
          "\"issued\":\"2020-01-01T00:00:00Z\",\"valueQuantity\":{\"value\":1.50}}");
}

static void a_choice_may_be_named_with_its_type(void **state)
{
    struct projection projection = elements("Patient", "deceasedBoolean, birthDate");

    (void)state;
    check(&projection,
          "{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{},\"gender\":\"male\","
          "\"birthDate\":\"2000\",\"_birthDate\":{\"id\":\"x\"},\"deceasedBoolean\":false}",
          "{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{" TAG "},"
          "\"birthDate\":\"2000\",\"_birthDate\":{\"id\":\"x\"},\"deceasedBoolean\":false}");
}

static void an_unknown_name_is_refused_with_the_nearest(void **state)
{
    struct projection projection = {0};
    struct text value = TEXT("name,brithDate");

    (void)state;
    assert_false(
        projection_read_elements(&projection, arena, "Patient", &value, false, &issues, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.text, "Name 2 of \"_elements\" is no element at the root of Patient "
                                  "(did you mean birthDate?).");
}

static void an_unknown_name_is_only_reported_when_lenient(void **state)
{
    struct projection projection = {0};
    struct text value = TEXT("brithDate,name");

    (void)state;
    issues_init(&issues, arena, 10);
    assert_true(
        projection_read_elements(&projection, arena, "Patient", &value, true, &issues, &err));
    assert_int_equal(issues.kept, 1);
    assert_int_equal(issues.errors, 0);
    assert_int_equal(projection.count, 1);
    assert_true(text_is(value, "name"));
}

static void names_of_any_type_go_for_several(void **state)
{
    (void)state;
    assert_int_equal(elements(NULL, "birthDate,component").count, 2);
}

static void a_summary_is_what_the_definitions_say(void **state)
{
    struct projection projection = {.kind = PROJECTION_SUMMARY};

    (void)state;
    check(&projection,
          "{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{},\"language\":\"de\","
          "\"text\":{\"status\":\"empty\"},\"extension\":[{\"url\":\"u\"}],\"active\":true,"
          "\"name\":[{\"extension\":[{\"url\":\"u\"}],\"family\":\"F\"}],"
          "\"maritalStatus\":{\"text\":\"m\"},"
          "\"photo\":[{\"contentType\":\"image/png\",\"data\":\"AAAA\"}],"
          "\"contact\":[{\"gender\":\"male\"}],"
          "\"link\":[{\"extension\":[{\"url\":\"u\"}],\"other\":{\"display\":\"o\"},"
          "\"type\":\"refer\"}]}",
          "{\"resourceType\":\"Patient\",\"id\":\"a\",\"meta\":{" TAG "},"
          "\"active\":true,\"name\":[{\"extension\":[{\"url\":\"u\"}],\"family\":\"F\"}],"
          "\"link\":[{\"other\":{\"display\":\"o\"},\"type\":\"refer\"}]}");
}

static void a_summary_looks_into_groups(void **state)
{
    struct projection projection = {.kind = PROJECTION_SUMMARY};

    (void)state;
    check(&projection,
          "{\"resourceType\":\"Observation\",\"meta\":{},\"status\":\"final\","
          "\"code\":{\"text\":\"d\"},\"component\":[{\"code\":{\"text\":\"e\"},"
          "\"valueString\":\"v\",\"interpretation\":[{\"text\":\"i\"}]}]}",
          "{\"resourceType\":\"Observation\",\"meta\":{" TAG "},\"status\":\"final\","
          "\"code\":{\"text\":\"d\"},\"component\":[{\"code\":{\"text\":\"e\"},"
          "\"valueString\":\"v\"}]}");
}

static void text_and_data_are_complements(void **state)
{
    struct projection text = {.kind = PROJECTION_TEXT}, data = {.kind = PROJECTION_DATA};
    const char *whole = "{\"resourceType\":\"Encounter\",\"id\":\"a\",\"meta\":{},"
                        "\"text\":{\"status\":\"empty\"},\"status\":\"planned\","
                        "\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"t\"}]}";

    (void)state;
    check(&text, whole,
          "{\"resourceType\":\"Encounter\",\"id\":\"a\",\"meta\":{" TAG "},"
          "\"text\":{\"status\":\"empty\"},\"status\":\"planned\",\"class\":{\"code\":\"AMB\"}}");
    check(&data, whole,
          "{\"resourceType\":\"Encounter\",\"id\":\"a\",\"meta\":{" TAG "},"
          "\"status\":\"planned\",\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"t\"}]}");
}

static void contained_resources_stay_when_something_refers_to_them(void **state)
{
    struct projection medication = elements("MedicationRequest", "medication");
    struct projection note = elements("Observation", "note");

    (void)state;
    check(&medication,
          "{\"resourceType\":\"MedicationRequest\",\"meta\":{},"
          "\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\"}],\"status\":\"active\","
          "\"intent\":\"order\",\"medicationReference\":{\"reference\":\"#m\"},"
          "\"subject\":{\"reference\":\"Patient/p\"}}",
          "{\"resourceType\":\"MedicationRequest\",\"meta\":{" TAG "},\"status\":\"active\","
          "\"intent\":\"order\",\"medicationReference\":{\"reference\":\"#m\"},"
          "\"subject\":{\"reference\":\"Patient/p\"},"
          "\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\"}]}");
    check(&note,
          "{\"resourceType\":\"Observation\",\"meta\":{},"
          "\"contained\":[{\"resourceType\":\"Device\",\"id\":\"d\"}],\"status\":\"final\","
          "\"code\":{\"text\":\"c\"},\"device\":{\"reference\":\"#d\"}}",
          "{\"resourceType\":\"Observation\",\"meta\":{" TAG "},\"status\":\"final\","
          "\"code\":{\"text\":\"c\"}}");
}

static void resources_in_bundles_are_shortened_too(void **state)
{
    struct projection projection = {.kind = PROJECTION_SUMMARY};

    (void)state;
    check(&projection,
          "{\"resourceType\":\"Bundle\",\"meta\":{},\"type\":\"collection\",\"entry\":[{"
          "\"fullUrl\":\"urn:x\",\"resource\":{\"resourceType\":\"Patient\",\"meta\":{},"
          "\"text\":{\"status\":\"empty\"},\"gender\":\"male\"}}]}",
          "{\"resourceType\":\"Bundle\",\"meta\":{" TAG "},\"type\":\"collection\",\"entry\":[{"
          "\"fullUrl\":\"urn:x\",\"resource\":{\"resourceType\":\"Patient\",\"meta\":{" TAG "},"
          "\"gender\":\"male\"}}]}");
}

static void the_tag_is_there_once(void **state)
{
    struct projection projection = {.kind = PROJECTION_DATA};
    const char *tagged = "{\"resourceType\":\"Patient\",\"meta\":{" TAG "}}";

    (void)state;
    check(&projection, tagged, tagged);
}

static void words_of_summary_are_few(void **state)
{
    struct projection projection = {0};

    (void)state;
    assert_true(projection_read_summary(&projection, TEXT("text")));
    assert_int_equal(projection.kind, PROJECTION_TEXT);
    assert_true(projection_read_summary(&projection, TEXT("false")));
    assert_int_equal(projection.kind, PROJECTION_WHOLE);
    assert_false(projection_read_summary(&projection, TEXT("yes")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_elements_stay_with_what_they_need),
        cmocka_unit_test(a_choice_may_be_named_with_its_type),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_nearest),
        cmocka_unit_test(an_unknown_name_is_only_reported_when_lenient),
        cmocka_unit_test(names_of_any_type_go_for_several),
        cmocka_unit_test(a_summary_is_what_the_definitions_say),
        cmocka_unit_test(a_summary_looks_into_groups),
        cmocka_unit_test(text_and_data_are_complements),
        cmocka_unit_test(contained_resources_stay_when_something_refers_to_them),
        cmocka_unit_test(resources_in_bundles_are_shortened_too),
        cmocka_unit_test(the_tag_is_there_once),
        cmocka_unit_test(words_of_summary_are_few),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
