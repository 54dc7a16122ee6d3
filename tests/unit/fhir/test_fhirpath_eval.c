#include "fhir/fhirpath_eval.h"

#include "tests/unit/fhir/evaluating.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\","
    "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"Acme\"}],"
    "\"active\":true,"
    "\"name\":[{\"use\":\"official\",\"family\":\"Chalmers\",\"given\":[\"Peter\",\"James\"]},"
    "{\"use\":\"usual\",\"given\":[\"Jim\"]}],"
    "\"birthDate\":\"1974-12-25\","
    "\"_birthDate\":{\"extension\":[{\"url\":\"http://x/time\","
    "\"valueDateTime\":\"1974-12-25T14:35:45-05:00\"}]},"
    "\"deceasedBoolean\":false,\"multipleBirthInteger\":2,"
    "\"generalPractitioner\":[{\"reference\":\"#o\"},{\"reference\":\"Practitioner/7\"},"
    "{\"reference\":\"https://h/fhir/PractitionerRole/8\"},"
    "{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"9\"}},"
    "{\"reference\":\"urn:uuid:0\"}]}";

static const char observation[] =
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"c\"},"
    "\"valueQuantity\":{\"value\":185.0,\"unit\":\"lbs\",\"system\":\"http://unitsofmeasure.org\","
    "\"code\":\"[lb_av]\"},"
    "\"component\":[{\"code\":{\"text\":\"a\"},\"valueQuantity\":{\"value\":1}},"
    "{\"code\":{\"text\":\"b\"},\"valueString\":\"x\"},"
    "{\"code\":{\"text\":\"d\"},\"valueQuantity\":{\"value\":2,\"comparator\":\"<\"}}]}";

static void paths_lead_through_the_tree(void **state)
{
    static const struct evaluation_case cases[] = {
        {"Patient.name.given", "string:Peter string:James string:Jim"},
        {"name.given.first()", "string:Peter"},
        {"name[1].given", "string:Jim"},
        {"name[7]", ""},
        {"Observation.code", ""},
        {"Resource.id", "id:p"},
        {"birthDate", "date:@1974-12-25"},
        {"birthDate.extension('http://x/time').value", "dateTime:@1974-12-25T14:35:45-05:00"},
        {"contained.name", "string:Acme"},
        {"active.value", "boolean:true"},
        {"photo.url", ""},
        {"%resource.id = %context.id", "boolean:true"},
    };

    (void)state;
    CHECK(patient, cases);
}

static void choices_are_found_by_their_stem(void **state)
{
    static const struct evaluation_case cases[] = {
        {"Observation.value.unit", "string:lbs"},
        {"value is Quantity", "boolean:true"},
        {"value is Element", "boolean:true"},
        {"(Observation.value as Quantity).code", "code:[lb_av]"},
        {"(Observation.value as string)", ""},
        {"component.value.ofType(string)", "string:x"},
        {"component.value.ofType(Quantity).value", "decimal:1 decimal:2"},
        {"component.value as Quantity", "!execution"},
        {"value = 185 '[lb_av]'", "boolean:true"},
        {"value > 80 'kg'", "boolean:true"},
        {"component[2].value = 2", "boolean:false"}, /* a comparator is no number */
    };

    (void)state;
    CHECK(observation, cases);
}

static void search_rules_make_as_a_filter(void **state)
{
    struct reading reading = read_json(observation);

    (void)state;
    assert_string_equal(evaluated(reading.arena, reading.root,
                                  "(Observation.component.value as Quantity).value", true),
                        "decimal:1 decimal:2");
    release(&reading);
}

static void types_are_told_apart(void **state)
{
    static const struct evaluation_case cases[] = {
        {"Patient is Patient", "boolean:true"},
        {"$this is DomainResource", "boolean:true"},
        {"name.first() is FHIR.HumanName", "boolean:true"},
        {"name.first() is System.String", "boolean:false"},
        {"active is boolean", "boolean:true"},
        {"active is Boolean", "boolean:false"},
        {"true is Boolean", "boolean:true"},
        {"id is string", "boolean:true"}, /* id specialises string */
        {"id.ofType(string)", ""},
        {"1.type().name & 1.type().namespace", "string:IntegerSystem"},
        {"active.type().namespace", "string:FHIR"},
        {"name is HumanName", "!execution"},
    };

    (void)state;
    CHECK(patient, cases);
}

static void references_resolve_to_what_can_be_known(void **state)
{
    static const struct evaluation_case cases[] = {
        {"generalPractitioner[0].resolve().name", "string:Acme"},
        {"generalPractitioner.where(resolve() is Organization).reference", "string:#o"},
        {"generalPractitioner.where(resolve() is Practitioner).count()", "integer:2"},
        {"generalPractitioner.where(resolve() is PractitionerRole).count()", "integer:1"},
        {"generalPractitioner.resolve().count()", "integer:5"},
        {"generalPractitioner[1].resolve().name", "!unsupported"},
        {"'male'.memberOf('http://x')", "!unsupported"},
        {"name.memberOf('http://x')", "!execution"},
    };

    (void)state;
    CHECK(patient, cases);
}

static void bundle_entries_resolve_each_other(void **state)
{
    static const struct evaluation_case cases[] = {
        {"Bundle.entry.resource.ofType(Observation).subject.resolve().id", "id:p"},
        {"entry.resource.subject.where(resolve() is Patient).count()", "integer:1"},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"fullUrl\":"
          "\"urn:uuid:1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\"}},"
          "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},"
          "\"subject\":{\"reference\":\"urn:uuid:1\"}}}]}",
          cases);
}

static void logic_has_three_values(void **state)
{
    static const struct evaluation_case cases[] = {
        {"true and {}", ""},
        {"false and {}", "boolean:false"},
        {"{} and false", "boolean:false"},
        {"true or {}", "boolean:true"},
        {"{} or {}", ""},
        {"true xor {}", ""},
        {"{} implies true", "boolean:true"},
        {"{} implies false", ""},
        {"false implies {}", "boolean:true"},
        {"name.exists() and active", "boolean:true"},
        {"'x' and true", "boolean:true"}, /* one item that is no boolean is true */
        {"(1 | 2) and true", "!execution"},
        {"{}.not()", ""},
    };

    (void)state;
    CHECK(patient, cases);
}

static void lambdas_see_this_index_and_total(void **state)
{
    static const struct evaluation_case cases[] = {
        {"name.where(use = 'usual').given", "string:Jim"},
        {"name.given.where($this.startsWith('J'))", "string:James string:Jim"},
        {"name.given.select($index)", "integer:0 integer:1 integer:2"},
        {"(1 | 2 | 3).aggregate($this + $total, 10)", "integer:16"},
        {"name.all(given.exists())", "boolean:true"},
        {"name.exists(family = 'X')", "boolean:false"},
        {"name.repeat(given).count()", "integer:3"},
        {"iif(active, 'yes', 1/0)", "string:yes"},
        {"iif('no boolean', 1, 2)", "!execution"},
        {"(3 | 1 | 2).sort(-$this)", "integer:3 integer:2 integer:1"},
        {"name.select(given | family).count()", "integer:4"},
    };

    (void)state;
    CHECK(patient, cases);
}

static void what_has_no_element_is_asked_without_one(void **state)
{
    static const struct evaluation_case cases[] = {
        {"1 + 1", "integer:2"},
        {"name.given", ""},
        {"$this", ""},
        {"%resource", ""},
        {"exists()", "boolean:false"},
        {"today() = today()", "boolean:true"},
        {"now() = now()", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void work_is_bounded(void **state)
{
    static const struct evaluation_case cases[] = {
        {"'a'.repeat($this & 'a')", "!limit"},
        {"'ab'.repeat($this + $this)", "!limit"},
        {"('a' | 'b').repeat($this + 'a' | $this + 'b').count()", "!limit"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void steps_can_be_limited(void **state)
{
    struct reading reading = read_json(patient);
    struct fhirpath_context context = {.resource = reading.root, .max_steps = 3};
    struct fhirpath_values values;
    struct err err = {0};
    struct fhirpath *compiled =
        fhirpath_compile(reading.arena, TEXT("name.given.select(length())"), &err);

    (void)state;
    assert_false(fhirpath_evaluate(compiled, &context, reading.root, reading.arena, &values, &err));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    release(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_through_the_tree),
        cmocka_unit_test(choices_are_found_by_their_stem),
        cmocka_unit_test(search_rules_make_as_a_filter),
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(references_resolve_to_what_can_be_known),
        cmocka_unit_test(bundle_entries_resolve_each_other),
        cmocka_unit_test(logic_has_three_values),
        cmocka_unit_test(lambdas_see_this_index_and_total),
        cmocka_unit_test(what_has_no_element_is_asked_without_one),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(steps_can_be_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
