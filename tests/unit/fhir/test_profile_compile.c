#include "tests/unit/fhir/reading.h"

#include "base/count.h"
#include "tests/unit/fhir/packages.h"

#include "fhir/definitions_set.h"

/* Profiles whose snapshot is not what their differential says, and why. */
static const char *const different[] = {
    /* Publishers of R4's time closed a choice at "valueQuantity" in a differential; R4 profiling
     * and later publishers leave it open. */
    "StructureDefinition/bodyheight",
    "StructureDefinition/bodytemp",
    "StructureDefinition/bodyweight",
    "StructureDefinition/bp",
    "StructureDefinition/headcircum",
    "StructureDefinition/heartrate",
    "StructureDefinition/oxygensat",
    "StructureDefinition/resprate",
    "StructureDefinition/cholesterol",
    "StructureDefinition/hdlcholesterol",
    "StructureDefinition/ldlcholesterol",
    "StructureDefinition/triglyceride",
    "StructureDefinition/structuredefinition-json-type",
    "StructureDefinition/structuredefinition-rdf-type",
    "StructureDefinition/structuredefinition-xml-type",
    "StructureDefinition/abatement-dateTime-uv-ips",
    "us-core-3.1.1/StructureDefinition/us-core-goal",
    "us-core-3.1.1/StructureDefinition/us-core-pulse-oximetry",
    "us-core-3.1.1/StructureDefinition/head-occipital-frontal-circumference-percentile",
    "us-core-3.1.1/StructureDefinition/pediatric-bmi-for-age",
    "us-core-3.1.1/StructureDefinition/pediatric-weight-for-height",
    /* The same rules, once on the choice and once on the slice that is all of it. */
    "us-core-3.1.1/StructureDefinition/us-core-race",
    /* Closed in the differential, open in the snapshot. */
    "StructureDefinition/Observation-results-laboratory-uv-ips",
    "StructureDefinition/Observation-results-pathology-uv-ips",
    /* Snapshots with invariants that R4 states with other words or not at all. */
    "StructureDefinition/cqf-questionnaire",
    /* A snapshot that walks into an extension's own definition. */
    "StructureDefinition/elementdefinition-de",
    /* A binding of an extension, which the snapshot dropped. */
    "us-core-3.1.1/StructureDefinition/us-core-patient",
    /* Its base is in a package that is not loaded: only the snapshot can be used. */
    "StructureDefinition/us-core-questionnaireresponse",
};

struct loading {
    struct arena *arena;
    struct definitions *definitions;
    bool strip;
    struct buf urls; /* one a line */
};

static void add(struct node *definition, void *context)
{
    struct loading *loading = context;
    struct node *snapshot = node_child(definition, "snapshot");
    struct text url = node_value(definition, "url");

    if (loading->strip && snapshot)
        node_remove(snapshot);
    definitions_add(loading->definitions, definition, "test#1");
    buf_add(&loading->urls, url.data, url.size);
    buf_add_char(&loading->urls, '\n');
}

static const struct definitions *load(struct loading *loading, const char *folder, bool core,
                                      bool strip, struct issues *issues)
{
    loading->definitions = core ? definitions_start(NULL) : definitions_new();
    loading->strip = strip;
    loading->urls = buf_in(loading->arena);
    if (core)
        definitions_add_types(loading->definitions);
    each_definition(loading->arena, folder, add, loading);
    return definitions_finish(loading->definitions, issues);
}

static const char *dump(struct arena *arena, const struct definitions *definitions, struct text url)
{
    const struct profile *profile = definitions_profile(definitions, url);
    struct buf out = buf_in(arena);

    if (profile)
        dump_rule(&out, profile->root, 0);
    return buf_text(&out);
}

static bool may_differ(struct text url, const char *folder)
{
    for (size_t i = 0; i < COUNT(different); i++) {
        struct text known = text_of(different[i]), package, name;

        if (text_ends_with(url, known))
            return true;
        if (text_split(known, '/', &package, &name) && text_ends_with(url, name) &&
            text_ends_with(text_of(folder), package))
            return true;
    }
    return false;
}

static void compare(const char *folder, bool core)
{
    struct arena *arena = arena_new();
    const char *path = test_data(arena, folder);
    struct loading loading = {.arena = arena};
    const struct definitions *published, *generated;
    struct issues issues;
    struct text urls, url;
    unsigned compared = 0;

    if (!path) {
        arena_free(arena);
        skip();
        return;
    }
    issues_init(&issues, arena, 200);
    published = load(&loading, path, core, false, &issues);
    generated = load(&loading, path, core, true, &issues);
    for (const struct issue *issue = issues.first; issue; issue = issue->next)
        if (issue->severity <= ISSUE_ERROR)
            fail_msg("%s", issue->text);

    urls = (struct text){loading.urls.data, loading.urls.size};
    while (text_next(&urls, '\n', &url)) {
        const char *a = dump(arena, published, url), *b = dump(arena, generated, url);

        compared += *a != '\0';
        if (strcmp(a, b) != 0 && !may_differ(url, folder))
            fail_msg("%.*s: from the snapshot\n%s\nfrom the differential\n%s", TEXT_ARGS(url), a,
                     b);
    }
    assert_true(compared >= 30);
    if (core)
        definitions_free((struct definitions *)generated);
    if (core)
        definitions_free((struct definitions *)published);
    if (!core)
        definitions_release(generated);
    if (!core)
        definitions_release(published);
    arena_free(arena);
}

static void us_core_6_is_the_same_from_differentials(void **state)
{
    (void)state;
    compare("packages/us-core-6.1.0", false);
}

static void us_core_3_is_the_same_from_differentials(void **state)
{
    (void)state;
    compare("packages/us-core-3.1.1", false);
}

static void ips_is_the_same_from_differentials(void **state)
{
    (void)state;
    compare("packages/ips-1.1.0", false);
}

static void r4_is_the_same_from_differentials(void **state)
{
    (void)state;
    compare("r4-core/package", true);
}

/* Compiles one profile of Observation with these elements; the dump of its rules. */
static const char *compiled(struct arena *arena, const char *elements, struct issues *issues)
{
    const char *json = arena_printf(
        arena,
        "{\"resourceType\":\"StructureDefinition\",\"url\":\"http://x/p\",\"kind\":\"resource\","
        "\"type\":\"Observation\",\"derivation\":\"constraint\",\"baseDefinition\":"
        "\"http://hl7.org/fhir/StructureDefinition/"
        "Observation\",\"differential\":{\"element\":[%s]}}",
        elements);
    struct definitions *definitions = definitions_new();
    struct err err = {0};
    const struct definitions *finished;
    const char *text;

    issues_init(issues, arena, 10);
    definitions_add(definitions,
                    json_read(arena, json, strlen(json), &json_default_limits, issues, &err),
                    "t#1");
    finished = definitions_finish(definitions, issues);
    text = dump(arena, finished, TEXT("http://x/p"));
    definitions_release(finished);
    return text;
}

static void elements_become_rules(void **state)
{
    static const struct {
        const char *elements, *rules;
    } cases[] = {
        /* What R4 says already is no rule. */
        {"{\"path\":\"Observation.status\",\"min\":1,\"max\":\"1\",\"type\":[{\"code\":\"code\"}],"
         "\"binding\":{\"strength\":\"required\",\"valueSet\":"
         "\"http://hl7.org/fhir/ValueSet/observation-status|4.0.1\"}}",
         " 0..*\n"},
        {"{\"path\":\"Observation.subject\",\"min\":1,\"mustSupport\":true}",
         " 0..*\n  subject 1..1 S\n"},
        /* Below a datatype, in the order of R4. */
        {"{\"path\":\"Observation.code.coding.system\",\"min\":1},"
         "{\"path\":\"Observation.identifier\",\"max\":\"0\"}",
         " 0..*\n  identifier 0..0\n  code 1..1\n    coding 0..*\n      system 1..1\n"},
        /* The short form of a choice is a slice by type; one that must be there is the only one. */
        {"{\"path\":\"Observation.valueQuantity\"},{\"path\":\"Observation.valueQuantity.code\","
         "\"min\":1}",
         " 0..*\n  value 0..1 open by-type:$this\n    value:valueQuantity 0..1 Quantity\n"
         "      code 1..1\n"},
        {"{\"path\":\"Observation.valueString\",\"min\":1}",
         " 0..*\n  value 1..1 string closed by-type:$this\n    value:valueString 1..1 string\n"},
        /* Without ids the order tells which slice is meant. */
        {"{\"path\":\"Observation.component\",\"slicing\":{\"discriminator\":[{\"type\":"
         "\"pattern\","
         "\"path\":\"code\"}],\"rules\":\"closed\"}},"
         "{\"path\":\"Observation.component\",\"sliceName\":\"a\",\"max\":\"1\"},"
         "{\"path\":\"Observation.component.code\",\"patternCodeableConcept\":{\"text\":\"x\"}},"
         "{\"path\":\"Observation.component\",\"sliceName\":\"a/b\",\"min\":1}",
         " 0..*\n  component 0..* closed by-pattern:code\n    component:a 0..1 open "
         "by-pattern:code\n"
         "      component:a/b 1..1\n      code 1..1 pattern={\"text\":\"x\"}\n"},
        {"{\"id\":\"Observation.extension:e\",\"path\":\"Observation.extension\",\"sliceName\":"
         "\"e\","
         "\"type\":[{\"code\":\"Extension\",\"profile\":[\"http://x/e\"]}]}",
         " 0..*\n  extension 0..* open by-value:url\n"
         "    extension:e 0..* Extension profile(http://x/e)\n"},
        /* An invariant of R4 is not repeated, an own one is kept. */
        {"{\"path\":\"Observation\",\"constraint\":[{\"key\":\"dom-2\",\"severity\":\"error\","
         "\"expression\":\"contained.contained.empty()\"},{\"key\":\"x-1\",\"severity\":"
         "\"warning\","
         "\"expression\":\"code.exists()\"}]}",
         " 0..* x-1?{code.exists()}\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena *arena = arena_new();
        struct issues issues;

        assert_string_equal(compiled(arena, cases[i].elements, &issues), cases[i].rules);
        assert_int_equal(issues.kept, 0);
        arena_free(arena);
    }
}

static void what_cannot_be_used_is_left_out_alone(void **state)
{
    struct arena *arena = arena_new();
    struct issues issues;

    (void)state;
    assert_string_equal(
        compiled(arena,
                 "{\"path\":\"Observation.status\",\"mustSupport\":true,\"constraint\":[{\"key\":"
                 "\"x-1\",\"expression\":\"nothing.of(\"}]},{\"path\":\"Observation.unheard\"}",
                 &issues),
        " 0..*\n  status 1..1 S\n");
    assert_int_equal(issues.kept, 2);
    assert_int_equal(issues.errors, 0);
    arena_free(arena);
}

static const struct rule *find(const struct rule *list, const char *name)
{
    while (list && !text_is(list->name, name))
        list = list->next;
    assert_non_null(list);
    return list;
}

static void blood_pressure_has_its_slices(void **state)
{
    const struct profile *profile =
        definitions_profile(definitions_base(), TEXT("http://hl7.org/fhir/StructureDefinition/bp"));
    const struct rule *component;

    (void)state;
    assert_non_null(profile);
    assert_string_equal(profile->base->name, "observation-vitalsigns");
    assert_non_null(find(profile->root->children, "category")->slices);
    component = find(profile->root->children, "component");
    assert_int_equal(component->min, 2);
    assert_string_equal(component->slices->slice, "SystolicBP");
    assert_string_equal(component->slices->next->slice, "DiastolicBP");
    assert_true(component->slices->profile == profile);
    for (unsigned i = 0; i < component->discriminator_count; i++)
        assert_non_null(component->discriminators[i].compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_become_rules),
        cmocka_unit_test(what_cannot_be_used_is_left_out_alone),
        cmocka_unit_test(blood_pressure_has_its_slices),
        cmocka_unit_test(us_core_6_is_the_same_from_differentials),
        cmocka_unit_test(us_core_3_is_the_same_from_differentials),
        cmocka_unit_test(ips_is_the_same_from_differentials),
        cmocka_unit_test(r4_is_the_same_from_differentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
