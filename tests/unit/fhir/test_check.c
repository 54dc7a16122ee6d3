#include "tests/unit/fhir/reading.h"

#include "base/count.h"

static void what_is_complete_passes(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"Patient\"}",
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
        "\"valueQuantity\":{\"value\":1.0},\"component\":[{\"code\":{\"text\":\"y\"}}]}",
        "{\"resourceType\":\"Patient\",\"_birthDate\":{\"extension\":[{\"url\":\"http://x\","
        "\"valueCode\":\"unknown\"}]}}",
        /* Required elements may have an extension in place of the value. */
        "{\"resourceType\":\"Observation\",\"_status\":{\"id\":\"x\"},\"code\":{\"text\":\"x\"}}",
        "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{"
        "\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":\"Patient\"}]}}]}",
        "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"x\",\"part\":[{\"name\":\"y\","
        "\"resource\":{\"resourceType\":\"Patient\"}}]}]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct reading r = check_json(documents[i]);

        assert_non_null(r.root);
        if (r.issues.first)
            fail_msg("%s: %s", r.issues.first->expression, r.issues.first->text);
        release(&r);
    }
}

static void each_fault_is_named_where_it_is(void **state)
{
    static const struct {
        const char *json, *code, *expression;
    } cases[] = {
        {"{\"resourceType\":\"Observation\",\"code\":{\"text\":\"x\"}}", "required", "Observation"},
        {"{\"resourceType\":\"Patient\",\"link\":[{\"type\":\"refer\"}]}", "required",
         "Patient.link[0]"},
        {"{\"resourceType\":\"Patient\",\"extension\":[{\"valueCode\":\"x\"}]}", "required",
         "Patient.extension[0]"},
        /* medication[x] is required. */
        {"{\"resourceType\":\"MedicationRequest\",\"status\":\"active\",\"intent\":\"order\","
         "\"subject\":{\"display\":\"x\"}}",
         "required", "MedicationRequest"},
        {"{\"resourceType\":\"Patient\",\"deceasedBoolean\":true,\"deceasedDateTime\":\"2000\"}",
         "structure", "Patient"},
        {"{\"resourceType\":\"Patient\",\"deceasedBoolean\":true,\"_deceasedDateTime\":{\"id\":"
         "\"x\"}}",
         "structure", "Patient"},
        {"{\"resourceType\":\"Patient\",\"maritalStatus\":{}}", "structure",
         "Patient.maritalStatus"},
        {"{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null]}]}", "structure",
         "Patient.name[0].given[0]"},
        {"{\"resourceType\":\"Patient\",\"language\":\"\"}", "value", "Patient.language"},
        {"{\"resourceType\":\"Patient\",\"id\":\"a b\"}", "value", "Patient.id"},
        {"{\"resourceType\":\"Patient\",\"birthDate\":\"2021-02-29\"}", "value",
         "Patient.birthDate"},
        {"{\"resourceType\":\"Patient\",\"multipleBirthInteger\":1.5}", "value",
         "Patient.multipleBirth"},
        {"{\"resourceType\":\"Patient\",\"birthDate\":\"1970\",\"_birthDate\":{\"extension\":[{"
         "\"valueCode\":\"x\"}]}}",
         "required", "Patient.birthDate.extension[0]"},
        {"{\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":\"Patient\",\"contained\":"
         "[{"
         "\"resourceType\":\"Patient\"}]}]}",
         "invariant", "Patient.contained[0].contained[0]"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"resource\":{"
         "\"resourceType\":"
         "\"Patient\",\"id\":\"_\"}}]}",
         "value", "Bundle.entry[0].resource.id"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading r = check_json(cases[i].json);

        assert_string_equal(r.err.text, "");
        assert_one_issue(&r, cases[i].code, cases[i].expression);
        release(&r);
    }
}

static void an_element_that_stands_too_often_is_counted(void **state)
{
    struct arena *arena = arena_new();
    struct node *patient = node_new_resource(arena, "Patient");
    struct issues issues;

    (void)state;
    node_add_value(arena, patient, "gender", TEXT("male"));
    node_add_value(arena, patient, "gender", TEXT("female"));
    issues_init(&issues, arena, 10);
    check_structure(patient, &issues);
    assert_int_equal(issues.errors, 1);
    assert_string_equal(issues.first->text, "gender stands here 2 times; at most 1 are allowed.");
    arena_free(arena);
}

static void no_text_quotes_a_value(void **state)
{
    static const char secret[] = "s3cret";
    struct reading r = check_json(
        "{\"resourceType\":\"Patient\",\"id\":\"s3cret \",\"birthDate\":\"s3cret\",\"active\":"
        "\"s3cret\",\"gender\":\"s3cret "
        "\",\"multipleBirthInteger\":\"s3cret\",\"photo\":\"s3cret\"}");

    (void)state;
    assert_true(r.issues.errors >= 6);
    for (const struct issue *issue = r.issues.first; issue; issue = issue->next)
        assert_null(strstr(issue->text, secret));
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_complete_passes),
        cmocka_unit_test(each_fault_is_named_where_it_is),
        cmocka_unit_test(an_element_that_stands_too_often_is_counted),
        cmocka_unit_test(no_text_quotes_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
