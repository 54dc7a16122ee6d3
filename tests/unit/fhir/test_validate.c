/* What full validation finds, and where. */

#include "fhir/definitions.h"
#include "fhir/validate.h"
#include "tests/unit/fhir/reading.h"

static struct reading validate(const char *json, struct validation validation)
{
    struct reading r = read_json(json);

    assert_string_equal(r.err.text, "");
    validation.definitions = definitions_base();
    if (validation.level == VALIDATION_OFF)
        validation.level = VALIDATION_FULL;
    validate_resource(r.root, &validation, &r.issues);
    return r;
}

static const struct issue *first_of(const struct reading *r, enum issue_severity severity)
{
    const struct issue *issue = r->issues.first;

    while (issue && issue->severity != severity)
        issue = issue->next;
    return issue;
}

#define PATIENT(more) "{\"resourceType\":\"Patient\"," more "}"
#define BUNDLE(type, entries)                                                                      \
    "{\"resourceType\":\"Bundle\",\"type\":\"" type "\",\"entry\":[" entries "]}"
#define ENTRY(url, resource) "{\"fullUrl\":\"" url "\",\"resource\":" resource "}"

static void each_rule_names_the_element_that_breaks_it(void **state)
{
    static const struct {
        const char *json, *code, *expression;
    } cases[] = {
        {PATIENT("\"gender\":\"mann\""), "code-invalid", "Patient.gender"},
        {PATIENT("\"contact\":[{\"gender\":\"male\"}]"), "invariant", "Patient.contact[0]"},
        {PATIENT("\"identifier\":[{\"value\":\"x\",\"period\":{\"start\":\"2012-02\",\"end\":"
                 "\"2012-01\"}}]"),
         "invariant", "Patient.identifier[0].period"},
        {PATIENT("\"name\":[{\"id\":\"x\"}]"), "invariant", "Patient.name[0]"},
        {PATIENT("\"managingOrganization\":{\"reference\":\"#x\"}"), "invariant",
         "Patient.managingOrganization"},
        {PATIENT("\"managingOrganization\":{\"reference\":\"Patient/1\"}"), "invalid",
         "Patient.managingOrganization"},
        {PATIENT("\"managingOrganization\":{\"reference\":\"x\"}"), "invalid",
         "Patient.managingOrganization.reference"},
        {PATIENT("\"managingOrganization\":{\"type\":\"Orga\"}"), "invalid",
         "Patient.managingOrganization.type"},
        {PATIENT("\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\"}]"),
         "invariant", "Patient"},
        {PATIENT("\"extension\":[{\"url\":\"x\",\"valueCode\":\"x\"}]"), "invalid",
         "Patient.extension[0]"},
        {PATIENT("\"extension\":[{\"url\":\"http://x|1\",\"valueCode\":\"x\"}]"), "invalid",
         "Patient.extension[0]"},
        {PATIENT("\"modifierExtension\":[{\"url\":\"http://x/y\",\"valueCode\":\"x\"}]"),
         "extension", "Patient.modifierExtension[0]"},
        {PATIENT("\"name\":[{\"text\":\"<Script>x</script>\"}]"), "security",
         "Patient.name[0].text"},
        {PATIENT("\"identifier\":[{\"system\":\"x\",\"value\":\"1\"}]"), "invalid",
         "Patient.identifier[0].system"},
        {PATIENT("\"photo\":[{\"contentType\":\"image/png\",\"data\":\"AAAA\",\"size\":4}]"),
         "invalid", "Patient.photo[0].size"},
        {PATIENT("\"text\":{\"status\":\"generated\",\"div\":\"<div><form/></div>\"}"), "invariant",
         "Patient.text.div"},
        {BUNDLE("collection", ENTRY("Patient/1", "{\"resourceType\":\"Patient\"}")), "invalid",
         "Bundle.entry[0].fullUrl"},
        {BUNDLE("collection", ENTRY("http://x/Patient/1", PATIENT("\"id\":\"2\""))), "invalid",
         "Bundle.entry[0].fullUrl"},
        {BUNDLE(
             "collection",
             ENTRY(
                 "urn:uuid:87e11d66-c137-458a-9754-fe6c4e445a6d",
                 PATIENT("\"id\":\"1\"")) "," ENTRY("urn:uuid:87e11d66-c137-458a-9754-fe6c4e445a6d",
                                                    PATIENT("\"id\":\"2\""))),
         "invariant", "Bundle.entry[1]"},
        {BUNDLE("searchset",
                ENTRY("urn:uuid:87e11d66-c137-458a-9754-fe6c4e445a6d", PATIENT("\"active\":true"))),
         "required", "Bundle.entry[0].resource"},
        {BUNDLE(
             "collection",
             ENTRY("http://x/Patient/1",
                   PATIENT("\"id\":\"1\",\"generalPractitioner\":[{\"reference\":"
                           "\"Practitioner/2\"}]")) "," ENTRY("http://x/Practitioner/2",
                                                              "{\"resourceType\":\"Practitioner\","
                                                              "\"id\":\"2\",\"gender\":\"x\"}")),
         "code-invalid", "Bundle.entry[1].resource.gender"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading r = validate(cases[i].json, (struct validation){0});
        const struct issue *issue = first_of(&r, ISSUE_ERROR);

        if (!issue)
            fail_msg("%s passes", cases[i].json);
        assert_string_equal(issue->expression, cases[i].expression);
        assert_string_equal(issue->code, cases[i].code);
        assert_int_equal(r.issues.errors, 1);
        release(&r);
    }
}

static void best_practice_is_for_those_who_ask(void **state)
{
    struct reading r = validate(PATIENT("\"active\":true"), (struct validation){0});

    (void)state;
    assert_null(r.issues.first);
    release(&r);
    r = validate(PATIENT("\"active\":true"), (struct validation){.best_practice = true});
    assert_int_equal(r.issues.kept, 1);
    assert_int_equal(r.issues.first->severity, ISSUE_WARNING);
    assert_non_null(strstr(r.issues.first->text, "dom-6"));
    release(&r);
}

static void a_profile_that_is_not_loaded_is_an_error_when_it_was_asked_for(void **state)
{
    static const char *const profiles[] = {"http://x/asked", NULL};
    const char *json = PATIENT("\"meta\":{\"profile\":[\"http://x/claimed\"]}");
    struct reading r = validate(json, (struct validation){.profiles = profiles});

    (void)state;
    assert_int_equal(r.issues.errors, 1);
    assert_non_null(strstr(first_of(&r, ISSUE_ERROR)->text, "http://x/asked"));
    assert_non_null(strstr(first_of(&r, ISSUE_WARNING)->text, "http://x/claimed"));
    release(&r);
    r = validate(json, (struct validation){.ignore_claimed = true});
    assert_null(r.issues.first);
    release(&r);
}

static void levels_say_how_much_is_checked(void **state)
{
    const char *json = PATIENT("\"gender\":\"mann\",\"birthDate\":\"2000-13\"");
    struct reading r = validate(json, (struct validation){.level = VALIDATION_STRUCTURE});

    (void)state;
    assert_one_issue(&r, "value", "Patient.birthDate");
    release(&r);
    r = validate(json, (struct validation){.level = VALIDATION_FULL});
    assert_int_equal(r.issues.errors, 2);
    release(&r);
}

static void example_urls_can_be_refused(void **state)
{
    const char *json = PATIENT("\"identifier\":[{\"system\":\"http://www.example.org/x\",\"value\":"
                               "\"1\"},{\"system\":\"http://x/example.org\",\"value\":\"1\"}]");
    struct reading r = validate(json, (struct validation){0});

    (void)state;
    assert_null(r.issues.first);
    release(&r);
    r = validate(json, (struct validation){.refuse_examples = true});
    assert_one_issue(&r, "business-rule", "Patient.identifier[0].system");
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_names_the_element_that_breaks_it),
        cmocka_unit_test(best_practice_is_for_those_who_ask),
        cmocka_unit_test(a_profile_that_is_not_loaded_is_an_error_when_it_was_asked_for),
        cmocka_unit_test(levels_say_how_much_is_checked),
        cmocka_unit_test(example_urls_can_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
