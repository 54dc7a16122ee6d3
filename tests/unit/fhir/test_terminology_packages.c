/* Terminology of published packages, where they are at hand. */

#include "tests/unit/fhir/coding.h"
#include "tests/unit/fhir/packages.h"

typedef void each_fn(struct made *made, const char *json, size_t size);

/* All ValueSets and CodeSystems of an unpacked package; false when it is not at hand. */
static bool each_of_package(struct made *made, const char *package, each_fn *each)
{
    const char *folder = test_data(made->arena, package);
    DIR *dir = folder ? opendir(folder) : NULL;

    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct text name = text_of(entry->d_name);

        if (!text_starts_with(name, TEXT("ValueSet-")) &&
            !text_starts_with(name, TEXT("CodeSystem-")))
            continue;
        if (!text_ends_with(name, TEXT(".json")))
            continue;
        struct text content =
            read_whole(made->arena, arena_printf(made->arena, "%s/%s", folder, entry->d_name));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_member_that_was_published_is_refused),
        cmocka_unit_test(value_sets_of_us_core_answer),
        cmocka_unit_test(value_sets_of_the_ips_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
