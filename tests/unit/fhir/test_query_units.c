/* Quantities in other units: which are searched for, with what ends. */

#include "fhir/query.h"

#include "base/arena.h"
#include "base/count.h"
#include "fhir/issue.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define UCUM "http://unitsofmeasure.org"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct query_param *read_criterion(const char *text)
{
    struct query_options options = query_options_default();
    struct err err = {0};
    struct issues issues;

    issues_init(&issues, arena, 10);
    const struct query *query =
        query_parse(arena, "Observation", text_of(text), &options, &issues, &err);
    assert_non_null(query);
    assert_int_equal(query->param_count, 1);
    return &query->params[0];
}

/* The quantity of a criterion in this unit, or NULL. */
static const struct query_value *in_unit(const struct query_param *param, const char *code)
{
    for (size_t i = 0; i < param->value_count; i++) {
        const struct query_value *value = &param->values[i];
        if (value->type == SEARCH_COMPOSITE)
            value = &value->components[1];
        if (value->code_count == 0 && text_is(value->code, code))
            return value;
        for (size_t k = 0; k < value->code_count; k++)
            if (text_is(value->codes[k], code))
                return value;
    }
    return NULL;
}

static void assert_span(const char *criterion, const char *code, double low, double number,
                        double high)
{
    const struct query_value *value = in_unit(read_criterion(criterion), code);

    assert_non_null(value);
    if (!(value->number_low == low && value->number == number && value->number_high == high))
        fail_msg("%s in %s: %.17g %.17g %.17g", criterion, code, value->number_low, value->number,
                 value->number_high);
}

static void a_concentration_is_searched_for_by_its_other_units(void **state)
{
    (void)state;
    assert_span("value-quantity=100|" UCUM "|mg/dL", "mg/dL", 99.5, 100, 100.5);
    assert_span("value-quantity=100|" UCUM "|mg/dL", "g/L", 0.995, 1, 1.005);
    assert_span("value-quantity=100|" UCUM "|mg/dL", "mg/dl", 99.5, 100, 100.5);
    assert_span("value-quantity=100|" UCUM "|mg/dL", "mg/mL", 0.995, 1, 1.005);
}

/* 5.35 is no binary fraction: what stands in a resource as 0.00535 must not fall beside the end. */
static void powers_of_ten_are_exact(void **state)
{
    (void)state;
    assert_span("value-quantity=5.4|" UCUM "|mg", "g", 0.00535, 0.0054, 0.00545);
    assert_span("value-quantity=5.4|" UCUM "|mg", "kg", 0.00000535, 0.0000054, 0.00000545);
    assert_span("value-quantity=5|" UCUM "|g", "mg", 4500, 5000, 5500);
    assert_span("value-quantity=-5|" UCUM "|g", "mg", -5500, -5000, -4500);
    assert_span("value-quantity=12e-1|" UCUM "|g", "mg", 1195, 1200, 1205);
    assert_span("value-quantity=1.20e%2B3|" UCUM "|mg", "g", 1.195, 1.2, 1.205);
}

static void temperatures_have_other_zeros(void **state)
{
    const struct query_value *value;

    (void)state;
    value = in_unit(read_criterion("value-quantity=37.0|" UCUM "|Cel"), "[degF]");
    assert_non_null(value);
    assert_true(fabs(value->number - 98.6) < 1e-9);
    assert_true(fabs(value->number_low - 98.51) < 1e-9);
    value = in_unit(read_criterion("value-quantity=gt37.0|" UCUM "|Cel"), "K");
    assert_non_null(value);
    assert_int_equal(value->prefix, PREFIX_GT);
    assert_true(fabs(value->number - 310.15) < 1e-9);
}

static void composites_are_searched_for_by_all_units_too(void **state)
{
    const struct query_param *param =
        read_criterion("code-value-quantity=8480-6$gt16|" UCUM "|kPa");
    const struct query_value *value = in_unit(param, "mm[Hg]");

    (void)state;
    assert_non_null(value);
    assert_true(value->number > 120 && value->number < 120.1);
    for (size_t i = 0; i < param->value_count; i++)
        assert_true(text_is(param->values[i].components[0].code, "8480-6"));
}

static void what_is_as_large_under_several_names_stands_once(void **state)
{
    const struct query_param *param = read_criterion("value-quantity=7|" UCUM "|10*3/uL");

    (void)state;
    for (size_t i = 0; i < param->value_count; i++)
        for (size_t k = i + 1; k < param->value_count; k++)
            assert_true(param->values[i].number != param->values[k].number);
    assert_ptr_equal(in_unit(param, "10*3/uL"), in_unit(param, "10*9/L"));
}

static void other_systems_and_unknown_units_stay_alone(void **state)
{
    static const char *const alone[] = {
        "value-quantity=5",
        "value-quantity=5||mg",
        "value-quantity=5|http://example.org|mg",
        "value-quantity=5|" UCUM "|MG",
        "value-quantity=5|" UCUM "|{tablet}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(alone); i++)
        assert_int_equal(read_criterion(alone[i])->value_count, 1);
}

static void equivalents_are_no_moles(void **state)
{
    (void)state;
    assert_null(in_unit(read_criterion("value-quantity=5|" UCUM "|meq/L"), "mmol/L"));
    assert_null(in_unit(read_criterion("value-quantity=5|" UCUM "|U/L"), "[IU]/L"));
}

/* More digits than fit, or none. */
static void numbers_without_end_are_left_out(void **state)
{
    const struct query_param *param = read_criterion("value-quantity=1e308|" UCUM "|g");

    (void)state;
    assert_non_null(in_unit(param, "kg"));
    assert_null(in_unit(param, "mg"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_concentration_is_searched_for_by_its_other_units, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(powers_of_ten_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(temperatures_have_other_zeros, set_up, tear_down),
        cmocka_unit_test_setup_teardown(composites_are_searched_for_by_all_units_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_as_large_under_several_names_stands_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_systems_and_unknown_units_stay_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(equivalents_are_no_moles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_without_end_are_left_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
