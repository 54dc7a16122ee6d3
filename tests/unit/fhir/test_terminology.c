/* Terminology: facts of R4. */

#include "base/count.h"
#include "tests/unit/fhir/coding.h"

#define GENDER "http://hl7.org/fhir/administrative-gender"
#define UCUM   "http://unitsofmeasure.org"
#define V3     "http://terminology.hl7.org/CodeSystem/v3-"

static void a_required_code_needs_no_system(void **state)
{
    (void)state;
    struct code_finding finding = find_in(base(), SET "administrative-gender", NULL, "male");
    assert_int_equal(finding.answer, CODE_YES);
    assert_true(text_is(finding.display, "Male"));
    assert_int_equal(has(base(), SET "administrative-gender", NULL, "Male"), CODE_NO);
    assert_int_equal(has(base(), SET "administrative-gender", GENDER, "female"), CODE_YES);
    assert_int_equal(has(base(), SET "administrative-gender", SNOMED, "female"), CODE_NO);
    assert_int_equal(has(base(), SET "administrative-gender", "urn:nobody", "male"), CODE_NO);
    assert_int_equal(has(base(), SET "observation-status", NULL, "final"), CODE_YES);
    assert_int_equal(has(base(), SET "observation-status", NULL, "finished"), CODE_NO);
    assert_int_equal(has(base(), SET "observation-status", NULL, ""), CODE_NO);
}

static void a_version_must_be_the_loaded_one(void **state)
{
    (void)state;
    assert_int_equal(has(base(), SET "administrative-gender|4.0.1", NULL, "male"), CODE_YES);
    assert_int_equal(has(base(), SET "administrative-gender|4.0", NULL, "male"), CODE_YES);
    assert_missing(base(), SET "administrative-gender|5.0.0", NULL, "male",
                   SET "administrative-gender|5.0.0");
    assert_true(value_set_is_known(base(), text(SET "administrative-gender|4.0.1")));
    assert_false(value_set_is_known(base(), text(SET "administrative-gender|3.0.2")));
}

static void what_is_not_loaded_is_named(void **state)
{
    struct code_finding finding;

    (void)state;
    assert_missing(base(), SET "no-such-set", NULL, "x", SET "no-such-set");
    assert_missing(base(), SET "condition-cause", SNOMED, "1", SNOMED);
    assert_missing(base(), SET "report-codes", "http://loinc.org", "1", "http://loinc.org");
    assert_missing(base(), SET "body-site", SNOMED, "123", SNOMED);
    /* A set of SNOMED CT has nothing of another system, whatever is loaded. */
    assert_int_equal(has(base(), SET "body-site", "http://loinc.org", "123"), CODE_NO);
    code_system_has(base(), text("urn:nobody"), text("x"), &finding);
    assert_int_equal(finding.answer, CODE_UNKNOWN);
    assert_true(text_is(finding.missing, "urn:nobody"));
    assert_false(code_system_is_known(base(), text("urn:nobody")));
    assert_true(code_system_is_known(base(), text(GENDER)));
}

static void codes_that_are_listed_need_no_system_loaded(void **state)
{
    (void)state;
    struct code_finding finding = find_in(base(), SET "animal-species", SNOMED, "34618005");
    assert_int_equal(finding.answer, CODE_YES);
    assert_true(text_is(finding.display, "cow"));
    assert_int_equal(has(base(), SET "animal-species", SNOMED, "34618006"), CODE_NO);
    /* One part listed, one by a filter: only the second is in doubt. */
    assert_int_equal(has(base(), SET "feeding-device", SNOMED, "1"), CODE_UNKNOWN);
    assert_int_equal(has(base(), SET "feeding-device", GENDER, "male"), CODE_NO);
}

static void examples_and_fragments_cannot_say_no(void **state)
{
    (void)state;
    assert_int_equal(
        has(base(), SET "service-type", "http://terminology.hl7.org/CodeSystem/service-type", "1"),
        CODE_YES);
    assert_missing(base(), SET "service-type", "http://terminology.hl7.org/CodeSystem/service-type",
                   "no-such", "http://terminology.hl7.org/CodeSystem/service-type");
    assert_int_equal(has(base(), SET "vaccine-code", "http://hl7.org/fhir/sid/cvx", "140"),
                     CODE_YES);
    assert_missing(base(), SET "vaccine-code", "http://hl7.org/fhir/sid/cvx", "99999",
                   "http://hl7.org/fhir/sid/cvx");
}

static void filters_follow_the_hierarchy(void **state)
{
    (void)state;
    const char *set = "http://terminology.hl7.org/ValueSet/v3-RoleClassAgent";
    assert_int_equal(has(base(), set, V3 "RoleClass", "AGNT"), CODE_YES);
    assert_int_equal(has(base(), set, V3 "RoleClass", "ASSIGNED"), CODE_YES);
    assert_int_equal(has(base(), set, V3 "RoleClass", "CHILD"), CODE_NO);
    assert_int_equal(has(base(), set, V3 "RoleClass", "no-such"), CODE_NO);
    /* The heading itself is excluded. */
    set = "http://terminology.hl7.org/ValueSet/v3-RoleClassPartitive";
    assert_int_equal(has(base(), set, V3 "RoleClass", "PART"), CODE_YES);
    assert_int_equal(has(base(), set, V3 "RoleClass", "_RoleClassPartitive"), CODE_NO);
    assert_int_equal(has(base(), set, NULL, "_RoleClassPartitive"), CODE_NO);
    /* descendent-of */
    assert_int_equal(has(base(), SET "inactive", V3 "ActMood", "CRT"), CODE_YES);
    assert_int_equal(has(base(), SET "inactive", V3 "ActMood", "_ActMoodPredicate"), CODE_NO);
}

static void hierarchies_subsume(void **state)
{
    (void)state;
    assert_int_equal(code_subsumes(base(), text(V3 "RoleClass"), text("AGNT"), text("ASSIGNED")),
                     CODE_YES);
    assert_int_equal(code_subsumes(base(), text(V3 "RoleClass"), text("ASSIGNED"), text("AGNT")),
                     CODE_NO);
    assert_int_equal(code_subsumes(base(), text(V3 "RoleClass"), text("AGNT"), text("AGNT")),
                     CODE_YES);
    assert_int_equal(code_subsumes(base(), text(SNOMED), text("1"), text("2")), CODE_UNKNOWN);
    assert_int_equal(code_subsumes(base(), text("urn:nobody"), text("1"), text("2")), CODE_UNKNOWN);
}

static void media_types_are_a_grammar(void **state)
{
    static const char *const good[] = {
        "text/plain",    "application/fhir+json",     "xml",
        "image/svg+xml", "text/plain; charset=utf-8", "a/b;c=\"d;e\";f=g",
        "a/b; c=d/e",    "application/vnd.ms-excel"};
    static const char *const bad[] = {"",         "text",     "text/",           "/plain",
                                      "text/a b", "image/*",  "text/plain;",     "text/plain;a",
                                      "a/b;c=\"", "text/a/b", "text/plain;a=b c"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (has(base(), SET "mimetypes", NULL, good[i]) != CODE_YES)
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (has(base(), SET "mimetypes", NULL, bad[i]) != CODE_NO)
            fail_msg("%s", bad[i]);
}

static void language_tags_are_a_grammar(void **state)
{
    static const char *const good[] = {"en",        "en-US",  "de-CH-1996", "zh-Hans-CN",
                                       "sl-rozaj",  "es-419", "x-private",  "en-a-bbb-x-a",
                                       "i-klingon", "zh-yue", "EN-us",      "nds"};
    static const char *const bad[] = {
        "",    "e",    "english language",   "en_US", "xx", "en-", "en-US-US", "en--US", "en-a",
        "-en", "en-x", "nonexistentlanguage"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (has(base(), SET "all-languages", NULL, good[i]) != CODE_YES)
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (has(base(), SET "all-languages", NULL, bad[i]) != CODE_NO)
            fail_msg("%s", bad[i]);
    assert_int_equal(has(base(), SET "languages", "urn:ietf:bcp:47", "en-us"), CODE_YES);
    assert_int_equal(has(base(), SET "languages", "urn:ietf:bcp:47", "tlh"), CODE_NO);
}

static void units_are_known_or_in_doubt(void **state)
{
    static const char *const known[] = {"mg",    "mg/dL",   "mm[Hg]",          "10*3/uL",
                                        "/min",  "Cel",     "[IU]/L",          "%",
                                        "kg/m2", "{score}", "mL/min/{1.73_m2}"};

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++)
        if (has(base(), SET "ucum-units", UCUM, known[i]) != CODE_YES)
            fail_msg("%s", known[i]);
    assert_missing(base(), SET "ucum-units", UCUM, "furlong", UCUM);
    assert_int_equal(has(base(), SET "ucum-units", UCUM, "mg per dL"), CODE_NO);
    assert_int_equal(has(base(), SET "ucum-units", UCUM, "mm[Hg"), CODE_NO);
    assert_int_equal(has(base(), SET "ucum-units", UCUM, "years"), CODE_UNKNOWN);
    assert_int_equal(has(base(), SET "all-distance-units", UCUM, "km"), CODE_YES);
    assert_int_equal(has(base(), SET "all-distance-units", UCUM, "kg"), CODE_NO);
    assert_int_equal(has(base(), SET "all-time-units", UCUM, "min"), CODE_YES);
}

static void modalities_come_from_an_expansion(void **state)
{
    static const char *const set =
        "http://dicom.nema.org/medical/dicom/current/output/chtml/part16/sect_CID_29.html";
    static const char *const dicom = "http://dicom.nema.org/resources/ontology/DCM";

    (void)state;
    assert_int_equal(has(base(), set, dicom, "CT"), CODE_YES);
    assert_int_equal(has(base(), set, dicom, "no-such"), CODE_NO);
    /* R4 imports it here by a url that nobody defines. */
    assert_missing(base(), SET "media-modality", dicom, "CT", SET "dicom-cid29");
}

static void currencies_and_countries_are_lists(void **state)
{
    (void)state;
    assert_int_equal(has(base(), SET "currencies", NULL, "EUR"), CODE_YES);
    assert_int_equal(has(base(), SET "currencies", NULL, "SLE"), CODE_YES);
    assert_int_equal(has(base(), SET "currencies", NULL, "EURO"), CODE_NO);
    assert_int_equal(has(base(), SET "iso3166-1-2", "urn:iso:std:iso:3166", "CH"), CODE_YES);
    assert_int_equal(has(base(), SET "jurisdiction", "urn:iso:std:iso:3166", "US"), CODE_YES);
    assert_int_equal(has(base(), SET "jurisdiction", "urn:iso:std:iso:3166", "USA"), CODE_UNKNOWN);
}

static void displays_and_designations_fit(void **state)
{
    (void)state;
    assert_true(code_display_fits(base(), text(GENDER), text("male"), text("male")));
    assert_true(code_display_fits(base(), text(GENDER), text("male"), text(" MALE ")));
    assert_false(code_display_fits(base(), text(GENDER), text("male"), text("Female")));
    assert_true(code_display_fits(base(), text("http://hl7.org/fhir/resource-types"),
                                  text("Patient"), text("Patient")));
    assert_true(code_display_fits(base(), text(SNOMED), text("1"), text("anything")));
    assert_true(code_display_fits(base(), text(GENDER), text("no-such"), text("anything")));
}

/* Every concept of the base is found by the search for it. */
static void value_sets_of_r4_hold_what_they_list(void **state)
{
    FILE *file = fopen("schemas/r4/concepts.tsv", "r");
    char line[4096];
    unsigned count = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        struct text rest = text_of(line), system, code;
        struct code_finding finding;

        if (!text_starts_with(rest, TEXT("v3-")) || !text_split(rest, '\t', &system, &rest) ||
            !text_split(rest, '\t', &code, &rest))
            continue;
        char url[200];
        snprintf(url, sizeof(url), "http://terminology.hl7.org/CodeSystem/%.*s", TEXT_ARGS(system));
        code_system_has(base(), text_of(url), code, &finding);
        if (finding.answer != CODE_YES)
            fail_msg("%s %.*s", url, TEXT_ARGS(code));
        count++;
    }
    fclose(file);
    assert_true(count > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_required_code_needs_no_system),
        cmocka_unit_test(a_version_must_be_the_loaded_one),
        cmocka_unit_test(what_is_not_loaded_is_named),
        cmocka_unit_test(codes_that_are_listed_need_no_system_loaded),
        cmocka_unit_test(examples_and_fragments_cannot_say_no),
        cmocka_unit_test(filters_follow_the_hierarchy),
        cmocka_unit_test(hierarchies_subsume),
        cmocka_unit_test(media_types_are_a_grammar),
        cmocka_unit_test(language_tags_are_a_grammar),
        cmocka_unit_test(units_are_known_or_in_doubt),
        cmocka_unit_test(modalities_come_from_an_expansion),
        cmocka_unit_test(currencies_and_countries_are_lists),
        cmocka_unit_test(displays_and_designations_fit),
        cmocka_unit_test(value_sets_of_r4_hold_what_they_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
