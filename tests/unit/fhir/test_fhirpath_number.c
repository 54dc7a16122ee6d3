#include "fhir/fhirpath_number.h"

#include "base/count.h"
#include "tests/unit/fhir/reading.h"

typedef bool operation_fn(struct number a, struct number b, struct number *result);

/* The result as text, or "-" when there is none. */
static const char *calculate(struct arena *arena, const char *a, operation_fn *run, const char *b)
{
    struct number x = {0}, y = {0}, result;

    assert_true(number_read(text_of(a), &x) && number_read(text_of(b), &y));
    if (!run(x, y, &result))
        return "-";
    return text_dup(arena, number_write(arena, result));
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const same[] = {"0", "1.10", "-0.5", "1234567890987654321.0",
                                       "0.0000000000000000000000000001"};
    static const char *const wrong[] = {"",   "-",    ".5",  "1.", "1.2.3",
                                        "1e", "1e99", "abc", "1 ", "12345678901234567890123456789"};
    struct arena *arena = arena_new();
    struct number number;

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        assert_true(number_read(text_of(same[i]), &number));
        assert_true(text_is(number_write(arena, number), same[i]));
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(number_read(text_of(wrong[i]), &number));
    assert_true(number_read(TEXT("1.5e2"), &number));
    assert_true(text_is(number_write(arena, number), "150"));
    assert_true(number_read(TEXT("15e-3"), &number));
    assert_true(text_is(number_write(arena, number), "0.015"));
    arena_free(arena);
}

static void results_are_exact_or_refused(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_string_equal(calculate(arena, "0.1", number_add, "0.2"), "0.3");
    assert_string_equal(calculate(arena, "1.5", number_multiply, "-0.5"), "-0.75");
    assert_string_equal(calculate(arena, "1", number_divide, "3"), "0.3333333333333333");
    assert_string_equal(calculate(arena, "2", number_divide, "3"), "0.6666666666666667");
    assert_string_equal(calculate(arena, "1", number_divide, "0.00"), "-");
    assert_string_equal(calculate(arena, "7", number_quotient, "-2"), "-3");
    assert_string_equal(calculate(arena, "2.2", number_remainder, "1.8"), "0.4");
    assert_string_equal(calculate(arena, "9999999999999999999999999999", number_add, "1"), "-");
    assert_string_equal(calculate(arena, "10000000000000000", number_multiply, "10000000000000000"),
                        "-");
    assert_string_equal(calculate(arena, "1", number_divide, "0.0000000000000000000000000001"),
                        "-");
    assert_string_equal(
        calculate(arena, "123456789.123456789", number_multiply, "987654321.987654321"),
        "121932631356500531.3472031691");
    arena_free(arena);
}

static void rounding_has_a_direction(void **state)
{
    static const struct {
        const char *in;
        int scale;
        enum rounding rounding;
        const char *out;
    } cases[] = {
        {"1.25", 1, ROUND_HALF_UP, "1.3"},   {"-1.25", 1, ROUND_HALF_UP, "-1.3"},
        {"1.29", 1, ROUND_DOWN, "1.2"},      {"-1.21", 1, ROUND_FLOOR, "-1.3"},
        {"-1.29", 1, ROUND_CEILING, "-1.2"}, {"1.5", 3, ROUND_DOWN, "1.500"},
    };
    struct arena *arena = arena_new();
    struct number number;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(number_read(text_of(cases[i].in), &number));
        assert_true(number_round(number, cases[i].scale, cases[i].rounding, &number));
        assert_true(text_is(number_write(arena, number), cases[i].out));
    }
    assert_false(number_round(number_of(1), 29, ROUND_DOWN, &number));
    assert_false(number_round(number_of(INT64_MAX), 28, ROUND_DOWN, &number));
    arena_free(arena);
}

static void numbers_compare_by_value(void **state)
{
    struct number a = {0}, b = {0};

    (void)state;
    assert_true(number_read(TEXT("1.10"), &a) && number_read(TEXT("1.1"), &b));
    assert_int_equal(number_compare(a, b), 0);
    assert_int_equal(number_compare(number_of(-1), b), -1);
    assert_true(number_read(TEXT("0.0000000000000000000000000001"), &a));
    assert_true(number_read(TEXT("9999999999999999999999999999"), &b));
    assert_int_equal(number_compare(b, a), 1);
}

static void doubles_become_the_nearest_decimal(void **state)
{
    struct arena *arena = arena_new();
    struct number number;

    (void)state;
    assert_true(number_of_double(0.1, &number));
    assert_true(text_is(number_write(arena, number), "0.1"));
    assert_true(number_of_double(1e-40, &number));
    assert_int_equal(number_compare(number, number_of(0)), 0);
    assert_false(number_of_double(1e30, &number));
    assert_false(number_of_double(0.0 / 0.0, &number));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(results_are_exact_or_refused),
        cmocka_unit_test(rounding_has_a_direction),
        cmocka_unit_test(numbers_compare_by_value),
        cmocka_unit_test(doubles_become_the_nearest_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
