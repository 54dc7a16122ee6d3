/* The tables of R4's search parameters, and looking them up. */

#include "fhir/search_param.h"

#include "base/count.h"
#include "base/err.h"
#include "fhir/type.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct search_param *param(const char *type, const char *code)
{
    const struct search_param *found = search_param_find(type, text_of(code));

    assert_non_null(found);
    return found;
}

static bool among(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static void every_row_is_found_and_numbered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *at = search_param_at(i);

        assert_int_equal(at->number, i);
        assert_ptr_equal(search_param_find(at->type, text_of(at->code)), at);
        assert_int_equal(at->component_count > 0, at->search_type == SEARCH_COMPOSITE);
        for (const char *const *target = at->targets; target && *target; target++)
            assert_non_null(resource_type_find(text_of(*target)));
    }
}

static void rows_of_a_type_lie_together_sorted_by_code(void **state)
{
    unsigned total = 0;

    (void)state;
    for (unsigned i = 0; i < resource_type_count(); i++) {
        unsigned count;
        const struct search_param *const *of_type = search_params_of(type_at(i)->name, &count);

        for (unsigned j = 0; j < count; j++) {
            assert_string_equal(of_type[j]->type, type_at(i)->name);
            if (j > 0)
                assert_true(strcmp(of_type[j - 1]->code, of_type[j]->code) < 0);
        }
        total += count;
    }
    assert_int_equal(total, search_param_count());
}

static void every_type_has_what_every_resource_has(void **state)
{
    const char *const common[] = {"_content",     "_filter", "_has",     "_id",
                                  "_lastUpdated", "_list",   "_profile", "_query",
                                  "_security",    "_source", "_tag",     "_type"};

    (void)state;
    for (unsigned i = 0; i < resource_type_count(); i++)
        for (size_t j = 0; j < COUNT(common); j++)
            assert_string_equal(param(type_at(i)->name, common[j])->type, type_at(i)->name);
    assert_int_equal(param("Patient", "_source")->search_type, SEARCH_URI);
    assert_string_equal(param("Patient", "_source")->expression, "Resource.meta.source");
    assert_non_null(search_param_find("Patient", TEXT("_text")));
    assert_null(search_param_find("Bundle", TEXT("_text")));
    assert_null(param("Patient", "_has")->url);
    assert_null(param("Patient", "_content")->expression);
}

static void a_union_over_types_is_cut_to_the_type(void **state)
{
    (void)state;
    assert_string_equal(param("Patient", "family")->expression, "Patient.name.family");
    assert_string_equal(param("Practitioner", "family")->expression, "Practitioner.name.family");
    assert_string_equal(param("Observation", "patient")->expression,
                        "Observation.subject.where(resolve() is Patient)");
    assert_string_equal(param("Observation", "value-quantity")->expression,
                        "(Observation.value as Quantity) | (Observation.value as SampledData)");
    assert_string_equal(param("Patient", "deceased")->expression,
                        "Patient.deceased.exists() and Patient.deceased != false");
    assert_string_equal(param("InsurancePlan", "name")->expression, "name | alias");
}

static void targets_follow_definition_and_expression(void **state)
{
    const struct search_param *patient = param("Observation", "patient");
    const struct search_param *subject = param("Observation", "subject");

    (void)state;
    assert_string_equal(patient->targets[0], "Patient");
    assert_null(patient->targets[1]);
    assert_true(among(subject->targets, "Group"));
    assert_true(among(subject->targets, "Device"));
    assert_null(param("Observation", "focus")->targets);
}

static void a_composite_knows_its_components(void **state)
{
    const struct search_param *composite = param("Observation", "component-code-value-quantity");

    (void)state;
    assert_string_equal(composite->expression, "Observation.component");
    assert_int_equal(composite->component_count, 2);
    assert_string_equal(composite->components[0].code, "component-code");
    assert_int_equal(composite->components[0].type, SEARCH_TOKEN);
    assert_string_equal(composite->components[0].expression, "code");
    assert_string_equal(composite->components[1].code, "component-value-quantity");
    assert_int_equal(composite->components[1].type, SEARCH_QUANTITY);
    assert_string_equal(composite->components[1].expression, "value.as(Quantity)");
    assert_int_equal(param("MolecularSequence", "chromosome-window-coordinate")->component_count,
                     3);
}

static void what_is_not_defined_is_not_found(void **state)
{
    unsigned count = 7;

    (void)state;
    assert_null(search_param_find("Patient", TEXT("value-quantity")));
    assert_null(search_param_find("Patient", TEXT("")));
    assert_null(search_param_find("Patient", (struct text){0}));
    assert_null(search_param_find("Patient", TEXT("famil")));
    assert_null(search_param_find("Patient", TEXT("familyy")));
    assert_null(search_param_find("HumanName", TEXT("family")));
    assert_null(search_param_find("Nothing", TEXT("_id")));
    assert_null(search_param_find("Patient", TEXT("part-agree")));
    assert_null(search_params_of("Nothing", &count));
    assert_int_equal(count, 0);
}

static void the_patient_compartment_is_the_published_one(void **state)
{
    unsigned members = 0;

    (void)state;
    for (unsigned i = 0; i < resource_type_count(); i++) {
        const char *const *codes = patient_compartment_params(type_at(i)->name);

        members += codes != NULL;
        for (; codes && *codes; codes++)
            assert_int_equal(param(type_at(i)->name, *codes)->search_type, SEARCH_REFERENCE);
    }
    assert_int_equal(members, 66);
    assert_string_equal(patient_compartment_params("Observation")[0], "subject");
    assert_string_equal(patient_compartment_params("Observation")[1], "performer");
    assert_null(patient_compartment_params("Observation")[2]);
    assert_null(patient_compartment_params("Practitioner"));
    assert_null(patient_compartment_params("Nothing"));
}

static void the_encounter_compartment_is_the_published_one(void **state)
{
    (void)state;
    assert_string_equal(encounter_compartment_params("Observation")[0], "encounter");
    assert_null(encounter_compartment_params("Observation")[1]);
    assert_string_equal(encounter_compartment_params("MedicationAdministration")[0], "context");
    assert_null(encounter_compartment_params("Encounter")); /* by itself, not by a parameter */
    assert_null(encounter_compartment_params("AllergyIntolerance"));
}

static void types_of_search_have_their_codes(void **state)
{
    (void)state;
    assert_string_equal(search_type_name(SEARCH_NUMBER), "number");
    assert_string_equal(search_type_name(SEARCH_REFERENCE), "reference");
    assert_string_equal(search_type_name(SEARCH_SPECIAL), "special");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_and_numbered),
        cmocka_unit_test(rows_of_a_type_lie_together_sorted_by_code),
        cmocka_unit_test(every_type_has_what_every_resource_has),
        cmocka_unit_test(a_union_over_types_is_cut_to_the_type),
        cmocka_unit_test(targets_follow_definition_and_expression),
        cmocka_unit_test(a_composite_knows_its_components),
        cmocka_unit_test(what_is_not_defined_is_not_found),
        cmocka_unit_test(the_patient_compartment_is_the_published_one),
        cmocka_unit_test(the_encounter_compartment_is_the_published_one),
        cmocka_unit_test(types_of_search_have_their_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
