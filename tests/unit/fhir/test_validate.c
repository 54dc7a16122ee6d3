/* What full validation finds, and where. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
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

#define BIRTHPLACE                                                                                 \
    "{\"url\":\"http://hl7.org/fhir/StructureDefinition/patient-birthPlace\",\"valueAddress\":{"   \
    "\"city\":\"x\"}}"

struct fault {
    const char *json, *code, *expression;
};

static void assert_each_is_found(const struct fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading r = validate(faults[i].json, (struct validation){0});
        const struct issue *issue = first_of(&r, ISSUE_ERROR);

        if (!issue) {
            fail_msg("%s passes", faults[i].json);
        } else {
            assert_string_equal(issue->expression, faults[i].expression);
            assert_string_equal(issue->code, faults[i].code);
        }
        assert_int_equal(r.issues.errors, 1);
        release(&r);
    }
}

static void each_rule_names_the_element_that_breaks_it(void **state)
{
    static const struct fault faults[] = {
        {PATIENT("\"gender\":\"mann\""), "code-invalid", "Patient.gender"},
        {PATIENT("\"contact\":[{\"gender\":\"male\"}]"), "invariant", "Patient.contact[0]"},
        {PATIENT("\"identifier\":[{\"value\":\"x\",\"period\":{\"start\":\"2012-02\",\"end\":"
                 "\"2012-01\"}}]"),
         "invariant", "Patient.identifier[0].period"},
        {PATIENT("\"name\":[{\"id\":\"x\"}]"), "invariant", "Patient.name[0]"},
        {PATIENT("\"name\":[{\"text\":\"<Script>x</script>\"}]"), "security",
         "Patient.name[0].text"},
        {PATIENT("\"identifier\":[{\"system\":\"x\",\"value\":\"1\"}]"), "invalid",
         "Patient.identifier[0].system"},
        {PATIENT("\"name\":[{\"id\":\"a\",\"family\":\"x\"},{\"id\":\"b\",\"family\":\"y\"}],"
                 "\"contact\":[{"
                 "\"gender\":\"male\",\"name\":{\"family\":\"z\",\"_family\":{\"id\":\"a\"}}}]"),
         "duplicate", "Patient.contact[0].name.family"},
        {"{\"resourceType\":\"ValueSet\",\"status\":\"draft\",\"compose\":{\"include\":[{"
         "\"system\":"
         "\"#codes\",\"concept\":[{\"code\":\"x\"}]}]}}",
         "invalid", "ValueSet.compose.include[0].system"},
        {PATIENT("\"photo\":[{\"contentType\":\"image/png\",\"data\":\"AAAA\",\"size\":4}]"),
         "invalid", "Patient.photo[0].size"},
        {PATIENT("\"text\":{\"status\":\"generated\",\"div\":\"<div><form/></div>\"}"), "invariant",
         "Patient.text.div"},
    };

    (void)state;
    assert_each_is_found(faults, COUNT(faults));
}

static void so_do_those_of_references_extensions_and_what_is_contained(void **state)
{
    static const struct fault faults[] = {
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
        {PATIENT(
             "\"contained\":[{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":\"#\"}],"
             "\"recorded\":\"2012-05-03T10:00:00Z\",\"agent\":[{\"who\":{\"display\":\"x\"}}]}]"),
         "required", "Patient.contained[0]"},
        {PATIENT("\"extension\":[" BIRTHPLACE
                 ",{\"url\":\"http://x.y/z\",\"valueCode\":\"x\"}," BIRTHPLACE "]"),
         "extension", "Patient.extension[2]"},
    };

    (void)state;
    assert_each_is_found(faults, COUNT(faults));
}

static void so_do_those_of_bundles(void **state)
{
    static const struct fault faults[] = {
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
        {BUNDLE("collection", "{\"resource\":" PATIENT("\"id\":\"1\"") "}"), "required",
         "Bundle.entry[0]"},
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
    assert_each_is_found(faults, COUNT(faults));
}

#define OBSERVATION(more) "{\"resourceType\":\"Observation\",\"status\":\"final\"," more "}"
#define WEIGHT                                                                                     \
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"29463-7\"}]},"              \
    "\"valueQuantity\":{\"value\":70,\"unit\":\"kg\",\"system\":\"http://unitsofmeasure.org\","    \
    "\"code\":\"kg\"},\"subject\":{\"reference\":\"Patient/1\"}"
#define CATEGORY                                                                                   \
    ",\"category\":[{\"coding\":[{\"system\":"                                                     \
    "\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"vital-signs\"}]}]"
#define CLAIM(url) ",\"meta\":{\"profile\":[\"" url "\"]}"

static void a_vital_sign_that_claims_no_profile_is_held_to_its_own(void **state)
{
    static const struct {
        const char *json;
        unsigned errors, warnings;
    } cases[] = {
        {OBSERVATION(WEIGHT), 0, 2}, /* no category, no time */
        {OBSERVATION(WEIGHT CATEGORY ",\"effectiveDateTime\":\"2012-05-03\""), 0, 0},
        {OBSERVATION("\"code\":{\"coding\":[{\"system\":\"http://x.y\",\"code\":\"29463-7\"}]}"), 0,
         0},
        /* Once only, when it is claimed; and not beside the profile of somebody else. */
        {OBSERVATION(WEIGHT CLAIM("http://hl7.org/fhir/StructureDefinition/vitalsigns")), 2, 0},
        {OBSERVATION(WEIGHT CLAIM("http://x.y/StructureDefinition/weight")), 0, 1},
        /* A profile that says nothing of vital signs is no reason to leave them out. */
        {OBSERVATION(WEIGHT CLAIM("http://hl7.org/fhir/StructureDefinition/Observation")), 0, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading r = validate(cases[i].json, (struct validation){0});
        unsigned warnings = 0;

        for (const struct issue *issue = r.issues.first; issue; issue = issue->next)
            warnings += issue->severity == ISSUE_WARNING;
        if (r.issues.errors != cases[i].errors || warnings != cases[i].warnings)
            fail_msg("%s: %u errors, %u warnings", cases[i].json, r.issues.errors, warnings);
        release(&r);
    }
}

static void what_should_be_otherwise_is_a_warning(void **state)
{
    static const struct {
        const char *json, *expression;
    } cases[] = {
        {PATIENT("\"name\":[{\"family\":\" \"}]"), "Patient.name[0].family"},
        {PATIENT("\"text\":{\"status\":\"generated\",\"div\":\"<div>x</div>\"}"),
         "Patient.text.div"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading r = validate(cases[i].json, (struct validation){0});
        const struct issue *issue = first_of(&r, ISSUE_WARNING);

        assert_int_equal(r.issues.errors, 0);
        assert_non_null(issue);
        assert_string_equal(issue->expression, cases[i].expression);
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

/* The document with `count` of the parts between start and end; "%u" in them is their number. */
static uint64_t work_of(const char *start, const char *part, const char *end, unsigned count)
{
    struct arena *arena = arena_new();
    struct buf json = buf_in(arena);
    uint64_t work = 0;
    struct reading r;

    buf_add_text(&json, start);
    for (unsigned i = 0; i < count; i++) {
        struct text rest = text_of(part), piece;

        if (i > 0)
            buf_add_char(&json, ',');
        while (text_split(rest, '%', &piece, &rest)) {
            buf_add(&json, piece.data, piece.size);
            buf_printf(&json, "%u", i);
        }
        buf_add(&json, rest.data, rest.size);
    }
    buf_add_text(&json, end);
    r = validate(buf_text(&json), (struct validation){.work = &work});
    release(&r);
    arena_free(arena);
    return work;
}

static void work_grows_with_the_size_of_a_document_and_not_faster(void **state)
{
    static const struct {
        const char *start, *part, *end;
    } cases[] = {
        {"{\"resourceType\":\"Bundle\",\"entry\":[",
         "{\"fullUrl\":\"urn:uuid:%\",\"request\":{\"method\":\"POST\",\"url\":\"List\"},"
         "\"resource\":{\"resourceType\":\"List\",\"status\":\"current\",\"mode\":\"working\","
         "\"subject\":{\"reference\":\"urn:uuid:%\"}}}",
         "],\"type\":\"transaction\"}"},
        {"{\"resourceType\":\"List\",\"status\":\"current\",\"mode\":\"working\",\"contained\":[",
         "{\"resourceType\":\"Basic\",\"id\":\"%\",\"code\":{\"text\":\"x\"},\"subject\":"
         "{\"reference\":\"#\"}}",
         "]}"},
        {"{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"item\":[",
         "{\"linkId\":\"%\",\"type\":\"display\"}", "]}"},
        {"{\"resourceType\":\"CodeSystem\",\"status\":\"draft\",\"content\":\"complete\","
         "\"concept\":[",
         "{\"code\":\"%\"}", "]}"},
        {"{\"resourceType\":\"Patient\",\"contact\":[", "{\"gender\":\"male\"}", "]}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t few = work_of(cases[i].start, cases[i].part, cases[i].end, 300);
        uint64_t many = work_of(cases[i].start, cases[i].part, cases[i].end, 3000);

        if (many > few * 12)
            fail_msg("%s: %lu steps became %lu", cases[i].start, few, many);
    }
}

static void what_takes_too_much_work_is_said(void **state)
{
    /* Each of the resources looks through all of the groupings. */
    struct arena *arena = arena_new();
    struct buf json = buf_in(arena);
    struct reading r;

    (void)state;
    buf_add_text(&json, "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[");
    for (unsigned guide = 0; guide < 2; guide++) {
        buf_add_text(&json, guide ? "," : "");
        buf_add_text(&json,
                     "{\"resource\":{\"resourceType\":\"ImplementationGuide\",\"url\":\"http:"
                     "//x\",\"name\":\"X\",\"status\":\"draft\",\"packageId\":\"x\","
                     "\"fhirVersion\":[\"4.0.1\"],\"definition\":{\"grouping\":[");
        for (unsigned i = 0; i < 3000; i++)
            buf_printf(&json, "%s{\"id\":\"g%u\",\"name\":\"x\"}", i ? "," : "", i);
        buf_add_text(&json, "],\"resource\":[");
        for (unsigned i = 0; i < 300; i++)
            buf_printf(&json, "%s{\"groupingId\":\"g299\",\"reference\":{\"display\":\"x\"}}",
                       i ? "," : "");
        buf_add_text(&json, "]}}}");
    }
    buf_add_text(&json, "]}");
    r = validate(buf_text(&json), (struct validation){.max_steps = 1000});
    assert_non_null(first_of(&r, ISSUE_ERROR));
    assert_string_equal(first_of(&r, ISSUE_ERROR)->code, "too-costly");
    assert_int_equal(r.issues.errors, 1);
    release(&r);
    arena_free(arena);
}

static void no_number_of_repetitions_is_too_large(void **state)
{
    struct arena *arena = arena_new();
    struct buf json = buf_in(arena);
    struct reading r;

    (void)state;
    buf_add_text(&json, "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"x\"");
    for (unsigned i = 0; i < 70000; i++)
        buf_add_text(&json, ",\"x\"");
    buf_add_text(&json, "]}]}");
    r = validate(buf_text(&json), (struct validation){.level = VALIDATION_STRUCTURE});
    assert_null(r.issues.first);
    release(&r);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_names_the_element_that_breaks_it),
        cmocka_unit_test(so_do_those_of_references_extensions_and_what_is_contained),
        cmocka_unit_test(so_do_those_of_bundles),
        cmocka_unit_test(a_vital_sign_that_claims_no_profile_is_held_to_its_own),
        cmocka_unit_test(what_should_be_otherwise_is_a_warning),
        cmocka_unit_test(best_practice_is_for_those_who_ask),
        cmocka_unit_test(a_profile_that_is_not_loaded_is_an_error_when_it_was_asked_for),
        cmocka_unit_test(levels_say_how_much_is_checked),
        cmocka_unit_test(example_urls_can_be_refused),
        cmocka_unit_test(work_grows_with_the_size_of_a_document_and_not_faster),
        cmocka_unit_test(what_takes_too_much_work_is_said),
        cmocka_unit_test(no_number_of_repetitions_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
