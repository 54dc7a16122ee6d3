#include "fhir/fhirpath_unit.h"

#include "tests/unit/fhir/reading.h"

/* -1, 0, 1, or 2 when the two cannot be compared. */
static int compare(const char *a, const char *unit_a, const char *b, const char *unit_b)
{
    struct number x, y;

    assert_true(number_read(text_of(a), &x) && number_read(text_of(b), &y));
    if (!units_align(&x, text_of(unit_a), &y, text_of(unit_b)))
        return 2;
    return number_compare(x, y);
}

static void units_of_a_kind_compare(void **state)
{
    (void)state;
    assert_int_equal(compare("4", "g", "4000", "mg"), 0);
    assert_int_equal(compare("1", "mg/dL", "10", "mg/L"), 0);
    assert_int_equal(compare("1", "mmol/L", "1", "umol/mL"), 0);
    assert_int_equal(compare("1", "m2", "10000", "cm2"), 0);
    assert_int_equal(compare("120", "mm[Hg]", "16", "kPa"), -1);
    assert_int_equal(compare("1", "/min", "60", "/h"), 0);
    assert_int_equal(compare("1", "10*3/uL", "1", "10*9/L"), 0);
    assert_int_equal(compare("1", "[lb_av]", "1", "kg"), -1);
    assert_int_equal(compare("100", "%", "1", "1"), 0);
    assert_int_equal(compare("5", "{score}", "5", "1"), 0);
    assert_int_equal(compare("2", "h", "120", "minutes"), 0);
}

static void others_do_not(void **state)
{
    (void)state;
    assert_int_equal(compare("1", "g", "1", "m"), 2);
    assert_int_equal(compare("1", "Cel", "1", "K"), 2); /* not by a factor */
    assert_int_equal(compare("1", "month", "1", "mo"), 2);
    assert_int_equal(compare("1", "", "1", "1"), 2);
    assert_int_equal(compare("1", "g//m", "1", "g"), 2);
    assert_true(units_differ_in_kind(TEXT("g"), TEXT("m")));
    assert_false(units_differ_in_kind(TEXT("g"), TEXT("stones")));
}

static void units_multiply_and_divide(void **state)
{
    struct arena *arena = arena_new();
    struct number result;
    struct text unit;

    (void)state;
    assert_true(units_combine(arena, number_of(4), TEXT("g"), number_of(2), TEXT("m"), true,
                              &result, &unit));
    assert_true(text_is(unit, "g/m") && number_compare(result, number_of(2)) == 0);
    assert_true(units_combine(arena, number_of(4), TEXT("km"), number_of(2), TEXT("m"), false,
                              &result, &unit));
    assert_true(text_is(unit, "m2") && number_compare(result, number_of(8000)) == 0);
    assert_true(units_combine(arena, number_of(4), TEXT("x"), number_of(2), TEXT("x"), true,
                              &result, &unit));
    assert_true(text_is(unit, "1"));
    assert_true(units_combine(arena, number_of(4), TEXT("x"), number_of(2), TEXT("1"), false,
                              &result, &unit));
    assert_true(text_is(unit, "x"));
    assert_false(units_combine(arena, number_of(4), TEXT("x"), number_of(2), TEXT("g"), false,
                               &result, &unit));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_of_a_kind_compare),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(units_multiply_and_divide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
