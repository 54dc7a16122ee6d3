/*
 * Terminology: facts of R4, the rules of value sets on small systems made
 * here, and real packages when they are at hand.
 */

#include "fhir/terminology.h"

#include "base/count.h"
#include "fhir/terminology_set.h"
#include "reading.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define SNOMED "http://snomed.info/sct"
#define GENDER "http://hl7.org/fhir/administrative-gender"
#define UCUM   "http://unitsofmeasure.org"
#define SET    "http://hl7.org/fhir/ValueSet/"
#define V3     "http://terminology.hl7.org/CodeSystem/v3-"

/* The tests bring a terminology without other definitions. */
const struct terminology *definitions_terminology(const struct definitions *definitions)
{
    return (const void *)definitions;
}

static const struct definitions *base(void)
{
    return (const void *)terminology_base();
}

static struct code_finding find_in(const struct definitions *definitions, const char *set,
                                   const char *system, const char *code)
{
    struct code_finding finding;

    value_set_has(definitions, text_of(set), text_of(system), text_of(code), &finding);
    return finding;
}

static enum code_answer has(const struct definitions *definitions, const char *set,
                            const char *system, const char *code)
{
    return find_in(definitions, set, system, code).answer;
}

static void assert_missing(const struct definitions *definitions, const char *set,
                           const char *system, const char *code, const char *missing)
{
    struct code_finding finding = find_in(definitions, set, system, code);

    assert_int_equal(finding.answer, CODE_UNKNOWN);
    if (!text_is(finding.missing, missing))
        fail_msg("missing is %.*s", TEXT_ARGS(finding.missing));
}

static struct text text(const char *string)
{
    return text_of(string);
}

/* A terminology from documents written here. */
struct made {
    struct arena *arena;
    struct issues issues;
    struct terminology *terminology;
    const struct definitions *definitions;
};

static void add_json(struct made *made, const char *json, size_t size)
{
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, made->arena, 10);
    struct node *node = json_read(made->arena, json, size, &json_default_limits, &issues, &err);
    if (!node)
        fail_msg("%s", err.text);
    terminology_add(made->terminology, node);
}

static struct made make(const char *const *documents)
{
    struct made made = {.arena = arena_new()};

    made.terminology = terminology_new(made.arena);
    made.definitions = (const void *)made.terminology;
    issues_init(&made.issues, made.arena, 100);
    for (; documents && *documents; documents++)
        add_json(&made, *documents, strlen(*documents));
    if (documents)
        terminology_finish(made.terminology, &made.issues);
    return made;
}

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

typedef void each_fn(struct made *made, const char *json, size_t size);

/* All ValueSets and CodeSystems of an unpacked package; false when it is not at hand. */
static bool each_of_package(struct made *made, const char *package, each_fn *each)
{
    const char *data = getenv("ISTHMUS_TEST_DATA");
    const char *folder =
        arena_printf(made->arena, "%s/%s", data ? data : "../shared/data", package);
    DIR *dir = opendir(folder);

    if (!dir) {
        print_message("skipped: no package in %s\n", folder);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct text name = text_of(entry->d_name);

        if (!text_starts_with(name, TEXT("ValueSet-")) &&
            !text_starts_with(name, TEXT("CodeSystem-")))
            continue;
        if (!text_ends_with(name, TEXT(".json")))
            continue;
        FILE *file = fopen(arena_printf(made->arena, "%s/%s", folder, entry->d_name), "r");
        struct buf content = buf_in(made->arena);
        size_t size;

        assert_non_null(file);
        while ((size = fread(buf_reserve(&content, 65536), 1, 65536, file)) > 0)
            content.size += size;
        fclose(file);
        each(made, content.data, content.size);
    }
    closedir(dir);
    return true;
}

static bool add_package(struct made *made, const char *package)
{
    bool found = each_of_package(made, package, add_json);

    terminology_finish(made->terminology, &made->issues);
    return found;
}

static unsigned members;

static void compare_members(struct text set, const struct node *parent)
{
    for (const struct node *item = node_child(parent, "contains"); item;
         item = node_next_same(item)) {
        struct text system = node_value(item, "system"), code = node_value(item, "code");
        struct code_finding finding;

        value_set_has(base(), set, system, code, &finding);
        if (finding.answer == CODE_NO || (finding.answer == CODE_UNKNOWN && !finding.missing.data))
            fail_msg("%.*s in %.*s", TEXT_ARGS(code), TEXT_ARGS(set));
        members++;
        compare_members(set, item);
    }
}

static void compare_expansion(struct made *made, const char *json, size_t size)
{
    struct err err = {0};
    struct node *node =
        json_read(made->arena, json, size, &json_default_limits, &made->issues, &err);

    assert_non_null(node);
    if (node_child(node, "expansion"))
        compare_members(node_value(node, "url"), node_child(node, "expansion"));
}

static void no_member_that_was_published_is_refused(void **state)
{
    struct made made = make(NULL);
    bool found = each_of_package(&made, "r4-expansions/package", compare_expansion);

    (void)state;
    terminology_finish(made.terminology, &made.issues);
    arena_free(made.arena);
    if (!found)
        skip();
    assert_true(members > 50000);
}

static void value_sets_of_us_core_answer(void **state)
{
    static const char *const us = "http://hl7.org/fhir/us/core/ValueSet/";
    struct made made = make(NULL);
    char url[200];

    (void)state;
    if (!add_package(&made, "packages/us-core-6.1.0")) {
        arena_free(made.arena);
        skip();
    }
    assert_int_equal(made.issues.kept, 0);
    snprintf(url, sizeof(url), "%sus-core-narrative-status", us);
    assert_int_equal(has(made.definitions, url, NULL, "generated"), CODE_YES);
    assert_int_equal(has(made.definitions, url, NULL, "empty"), CODE_NO);
    snprintf(url, sizeof(url), "%sus-core-clinical-result-observation-category|6.1.0", us);
    assert_int_equal(has(made.definitions, url,
                         "http://terminology.hl7.org/CodeSystem/observation-category",
                         "laboratory"),
                     CODE_YES);
    assert_int_equal(has(made.definitions, url,
                         "http://terminology.hl7.org/CodeSystem/observation-category", "survey"),
                     CODE_NO);
    snprintf(url, sizeof(url), "%ssimple-language", us);
    assert_int_equal(has(made.definitions, url, "urn:ietf:bcp:47", "es"), CODE_YES);
    snprintf(url, sizeof(url), "%sus-core-servicerequest-category", us);
    assert_int_equal(has(made.definitions, url, SNOMED, "386053000"), CODE_YES);
    snprintf(url, sizeof(url), "%sus-core-condition-code", us);
    assert_missing(made.definitions, url, SNOMED, "38341003", SNOMED);
    snprintf(url, sizeof(url), "%somb-race-category", us);
    assert_missing(made.definitions, url, "urn:oid:2.16.840.1.113883.6.238", "2106-3",
                   "http://cts.nlm.nih.gov/fhir/ValueSet/2.16.840.1.114222.4.11.836");
    snprintf(url, sizeof(url), "%sus-core-usps-state", us);
    assert_missing(made.definitions, url, NULL, "CA", "https://www.usps.com/");
    arena_free(made.arena);
}

static void value_sets_of_the_ips_answer(void **state)
{
    static const char *const ips = "http://hl7.org/fhir/uv/ips/ValueSet/";
    struct made made = make(NULL);
    char url[200];

    (void)state;
    if (!add_package(&made, "packages/ips-1.1.0")) {
        arena_free(made.arena);
        skip();
    }
    assert_int_equal(made.issues.kept, 0);
    snprintf(url, sizeof(url), "%sabsent-or-unknown-allergies-uv-ips", ips);
    assert_int_equal(has(made.definitions, url,
                         "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips",
                         "no-known-allergies"),
                     CODE_YES);
    snprintf(url, sizeof(url), "%scondition-severity-uv-ips", ips);
    assert_int_equal(has(made.definitions, url, "http://loinc.org", "LA6752-5"), CODE_YES);
    assert_int_equal(has(made.definitions, url, "http://loinc.org", "8302-2"), CODE_NO);
    snprintf(url, sizeof(url), "%sresults-presence-absence-snomed-ct-ips-free-set", ips);
    assert_int_equal(has(made.definitions, url, SNOMED, "2667000"), CODE_YES);
    assert_int_equal(has(made.definitions, url, SNOMED, "1"), CODE_NO);
    snprintf(url, sizeof(url), "%sproblems-snomed-absent-unknown-uv-ips", ips);
    assert_int_equal(has(made.definitions, url, SNOMED, "38341003"), CODE_UNKNOWN);
    arena_free(made.arena);
}

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
        cmocka_unit_test(added_systems_answer),
        cmocka_unit_test(supplements_add_designations),
        cmocka_unit_test(concepts_may_stand_below_several),
        cmocka_unit_test(properties_filter),
        cmocka_unit_test(imports_intersect_and_exclusions_take_away),
        cmocka_unit_test(expansions_count_when_they_are_whole),
        cmocka_unit_test(the_highest_version_answers_to_the_bare_url),
        cmocka_unit_test(a_package_completes_what_the_base_refers_to),
        cmocka_unit_test(what_cannot_be_used_is_reported),
        cmocka_unit_test(no_member_that_was_published_is_refused),
        cmocka_unit_test(lists_have_every_code_once),
        cmocka_unit_test(what_is_missing_endless_or_too_long_is_not_listed),
        cmocka_unit_test(branches_are_listed_upwards_and_downwards),
        cmocka_unit_test(value_sets_of_us_core_answer),
        cmocka_unit_test(value_sets_of_the_ips_answer),
    };

    arena = arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
