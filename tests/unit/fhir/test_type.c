/* The tables of R4's types, and looking things up in them. */

#include "fhir/type.h"

#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct type *type(const char *name)
{
    const struct type *found = type_find(text_of(name));

    assert_non_null(found);
    return found;
}

static const struct element *element(const char *type_name, const char *name)
{
    const struct element *found = type_element(type(type_name), text_of(name), NULL);

    assert_non_null(found);
    return found;
}

static const char *type_of(const char *type_name, const char *name)
{
    return type_at(element(type_name, name)->type)->name;
}

static void r4_has_146_resource_types_and_20_primitives(void **state)
{
    unsigned primitives = 0, resources = 0;

    (void)state;
    for (unsigned i = 0; i < type_count(); i++) {
        primitives += type_at(i)->kind == TYPE_PRIMITIVE;
        resources += type_at(i)->kind == TYPE_RESOURCE && !type_at(i)->abstract;
    }
    assert_int_equal(resource_type_count(), 146);
    assert_int_equal(resources, 146);
    assert_int_equal(primitives, 20);
    assert_int_equal(type_count(), 682);
}

static void resource_types_come_first_sorted_by_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < resource_type_count(); i++) {
        assert_int_equal(type_at(i)->kind, TYPE_RESOURCE);
        assert_false(type_at(i)->abstract);
        if (i > 0)
            assert_true(strcmp(type_at(i - 1)->name, type_at(i)->name) < 0);
    }
}

static void every_type_and_element_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < type_count(); i++) {
        const struct type *at = type_at(i);

        assert_int_equal(at->number, i);
        assert_ptr_equal(type_find(text_of(at->name)), at);
        for (unsigned j = 0; j < at->element_count; j++) {
            const struct element *child = &at->elements[j];

            assert_ptr_equal(type_element(at, text_of(child->name), NULL), child);
            assert_int_equal(child->name_size, strlen(child->name));
            assert_int_equal(child->name_id, name_find(text_of(child->fhirpath)));
            assert_true(child->type < type_count());
            assert_true(child->min <= child->max || child->max == 0);
        }
    }
}

static void every_type_goes_back_to_a_root(void **state)
{
    (void)state;
    for (unsigned i = 0; i < type_count(); i++) {
        bool element = type_is(type_at(i), type("Element"));
        bool resource = type_is(type_at(i), type("Resource"));

        assert_true(element != resource);
        assert_int_equal(resource, type_at(i)->kind == TYPE_RESOURCE);
    }
}

static void targets_are_resource_types(void **state)
{
    (void)state;
    for (unsigned i = 0; i < type_count(); i++)
        for (unsigned j = 0; j < type_at(i)->element_count; j++) {
            const char *const *target = type_at(i)->elements[j].targets;
            for (; target && *target; target++)
                assert_non_null(resource_type_find(text_of(*target)));
        }
}

static void what_r4_does_not_have_is_not_found(void **state)
{
    const char *const absent[] = {"",         "patient",  "Patients",
                                  "Patient.", "Citation", "Patient.name"};
    unsigned hint = 3;

    (void)state;
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_null(type_find(text_of(absent[i])));
    assert_null(type_find((struct text){0}));
    assert_null(resource_type_find(TEXT("HumanName")));
    assert_null(resource_type_find(TEXT("DomainResource")));
    assert_null(type_element(type("Patient"), TEXT("nam"), NULL));
    assert_null(type_element(type("Patient"), TEXT("value"), &hint));
    assert_int_equal(hint, 3);
    assert_int_equal(name_find(TEXT("birthdate")), 0);
    assert_int_equal(name_find(TEXT("valueSampledData")), 0);
}

static void a_specialisation_is_what_it_specialises(void **state)
{
    (void)state;
    assert_true(type_is(type("Age"), type("Age")));
    assert_true(type_is(type("Age"), type("Quantity")));
    assert_true(type_is(type("Age"), type("Element")));
    assert_false(type_is(type("Quantity"), type("Age")));
    assert_false(type_is(type("Age"), type("Duration")));
    assert_true(type_is(type("canonical"), type("uri")));
    assert_true(type_is(type("code"), type("string")));
    assert_true(type_is(type("Observation.component"), type("BackboneElement")));
    assert_true(type_is(type("Timing.repeat"), type("Element")));
    assert_false(type_is(type("Timing.repeat"), type("BackboneElement")));
    assert_true(type_is(type("Patient"), type("DomainResource")));
    assert_false(type_is(type("Bundle"), type("DomainResource")));
    assert_false(type_is(type("Patient"), type("Element")));
}

static void cardinalities_are_those_of_the_standard(void **state)
{
    static const struct {
        const char *type, *name;
        unsigned min, max;
    } known[] = {
        {"Patient", "name", 0, ELEMENT_MANY},
        {"Patient", "birthDate", 0, 1},
        {"Observation", "status", 1, 1},
        {"Observation", "code", 1, 1},
        {"Observation.component", "code", 1, 1},
        {"Bundle", "type", 1, 1},
        {"Extension", "url", 1, 1},
        {"OperationOutcome", "issue", 1, ELEMENT_MANY},
        {"Consent", "category", 1, ELEMENT_MANY},
        {"Narrative", "div", 1, 1},
        {"MedicationRequest", "medicationReference", 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        const struct element *found = element(known[i].type, known[i].name);
        assert_int_equal(found->min, known[i].min);
        assert_int_equal(found->max, known[i].max);
    }
}

static void elements_have_the_types_of_the_standard(void **state)
{
    (void)state;
    assert_string_equal(type_of("Patient", "id"), "id");
    assert_string_equal(type_of("Bundle", "id"), "id");
    assert_string_equal(type_of("Patient.contact", "id"), "string");
    assert_string_equal(type_of("HumanName", "id"), "string");
    assert_string_equal(type_of("Extension", "url"), "uri");
    assert_string_equal(type_of("Narrative", "div"), "xhtml");
    assert_string_equal(type_of("Patient", "contact"), "Patient.contact");
    assert_string_equal(type_of("Bundle.entry", "resource"), "Resource");
    assert_string_equal(type_of("Observation.component", "referenceRange"),
                        "Observation.referenceRange");
    assert_string_equal(type_of("Questionnaire.item", "item"), "Questionnaire.item");
    assert_string_equal(type_of("Bundle.entry", "link"), "Bundle.link");
    assert_int_equal(element("Bundle.entry", "resource")->flags & ELEMENT_RESOURCE,
                     ELEMENT_RESOURCE);
    assert_int_equal(element("Element", "id")->flags, ELEMENT_ATTRIBUTE);
    assert_int_equal(element("Extension", "url")->flags, ELEMENT_ATTRIBUTE);
    assert_int_equal(element("Patient", "id")->flags & ELEMENT_ATTRIBUTE, 0);
}

static void inherited_elements_stand_first(void **state)
{
    (void)state;
    assert_string_equal(type("Patient")->elements[0].name, "id");
    assert_string_equal(type("Patient")->elements[8].name, "identifier");
    assert_string_equal(type("Observation.component")->elements[2].name, "modifierExtension");
    assert_string_equal(type("Age")->elements[2].name, "value");
}

static void a_choice_has_a_row_for_each_type(void **state)
{
    const struct element *quantity = element("Observation", "valueQuantity");
    const struct element *concept = element("Observation", "valueCodeableConcept");
    unsigned choices = 0;

    (void)state;
    assert_string_equal(quantity->fhirpath, "value");
    assert_int_equal(quantity->name_id, concept->name_id);
    assert_int_equal(quantity->flags & ELEMENT_CHOICE, ELEMENT_CHOICE);
    assert_null(type_element(type("Observation"), TEXT("value"), NULL));
    assert_null(type_element(type("Observation"), TEXT("valueReference"), NULL));
    for (unsigned i = 0; i < type("Extension")->element_count; i++)
        choices += (type("Extension")->elements[i].flags & ELEMENT_CHOICE) != 0;
    assert_int_equal(choices, 50);
}

static void a_primitive_has_id_and_extension_but_no_value(void **state)
{
    (void)state;
    assert_int_equal(type("string")->element_count, 2);
    assert_string_equal(type_of("string", "id"), "string");
    assert_string_equal(type_of("dateTime", "extension"), "Extension");
    assert_int_equal(type("dateTime")->primitive, PRIMITIVE_DATETIME);
    assert_int_equal(type("positiveInt")->primitive, PRIMITIVE_POSITIVEINT);
    assert_int_equal(type("HumanName")->primitive, PRIMITIVE_NONE);
}

static void bindings_flags_and_targets_are_known(void **state)
{
    const struct element *gender = element("Patient", "gender");
    const struct element *organization = element("Patient", "managingOrganization");

    (void)state;
    assert_int_equal(gender->binding_strength, BINDING_REQUIRED);
    assert_string_equal(gender->binding, "http://hl7.org/fhir/ValueSet/administrative-gender");
    assert_string_equal(gender->code_system, "http://hl7.org/fhir/administrative-gender");
    assert_int_equal(gender->flags, ELEMENT_SUMMARY);
    assert_int_equal(element("Patient", "active")->flags, ELEMENT_SUMMARY | ELEMENT_MODIFIER);
    assert_int_equal(element("Patient", "language")->binding_strength, BINDING_PREFERRED);
    assert_null(element("Patient", "language")->code_system);
    assert_null(element("Observation", "code")->code_system);
    assert_string_equal(organization->targets[0], "Organization");
    assert_null(organization->targets[1]);
    assert_null(element("Observation", "focus")->targets);
}

static void a_hint_leads_on_and_wraps_around(void **state)
{
    const struct type *patient = type("Patient");
    unsigned hint = 0;

    (void)state;
    for (unsigned i = 0; i < patient->element_count; i++) {
        assert_ptr_equal(type_element(patient, text_of(patient->elements[i].name), &hint),
                         &patient->elements[i]);
        assert_int_equal(hint, i + 1);
    }
    assert_ptr_equal(type_element(patient, TEXT("id"), &hint), &patient->elements[0]);
    assert_int_equal(hint, 1);
    hint = 1000;
    assert_ptr_equal(type_element(patient, TEXT("meta"), &hint), &patient->elements[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r4_has_146_resource_types_and_20_primitives),
        cmocka_unit_test(resource_types_come_first_sorted_by_name),
        cmocka_unit_test(every_type_and_element_is_found_by_its_name),
        cmocka_unit_test(every_type_goes_back_to_a_root),
        cmocka_unit_test(targets_are_resource_types),
        cmocka_unit_test(what_r4_does_not_have_is_not_found),
        cmocka_unit_test(a_specialisation_is_what_it_specialises),
        cmocka_unit_test(cardinalities_are_those_of_the_standard),
        cmocka_unit_test(elements_have_the_types_of_the_standard),
        cmocka_unit_test(inherited_elements_stand_first),
        cmocka_unit_test(a_choice_has_a_row_for_each_type),
        cmocka_unit_test(a_primitive_has_id_and_extension_but_no_value),
        cmocka_unit_test(bindings_flags_and_targets_are_known),
        cmocka_unit_test(a_hint_leads_on_and_wraps_around),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
