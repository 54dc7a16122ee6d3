/* Tokens. */

#include "storage/token.h"

#include "fhir/search_param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct tokens ours = {.key = {1, 2}, .tenant = 0};

static const struct search_param *param(const char *type, const char *code)
{
    const struct search_param *found = search_param_find(type, text_of(code));

    assert_non_null(found);
    return found;
}

static void hashes_are_what_is_stored_already(void **state)
{
    (void)state;
    /* Rows in databases hold these: a change of them loses what is stored. */
    const struct search_param *gender = param("Patient", "gender");

    assert_int_equal(token_rkey(&ours, TEXT("Patient"), TEXT("1")), INT64_C(3301634136049975583));
    assert_int_equal(token_system_code(&ours, gender, TEXT("s"), TEXT("c")),
                     INT64_C(5801187285774933297));
    assert_int_equal(token_coding(&ours, TEXT("http://loinc.org"), TEXT("8480-6")),
                     INT64_C(-1928007934478131771));
    assert_int_equal(token_combine(1, 2), INT64_C(-4838594755968170389));
}

static void the_key_the_tenant_the_type_and_the_id_all_count(void **state)
{
    struct tokens other_key = ours, other_tenant = ours;
    int64_t rkey = token_rkey(&ours, TEXT("Patient"), TEXT("1"));

    (void)state;
    other_key.key.k0++;
    other_tenant.tenant = 1;
    assert_true(rkey != token_rkey(&other_key, TEXT("Patient"), TEXT("1")));
    assert_true(rkey != token_rkey(&other_tenant, TEXT("Patient"), TEXT("1")));
    assert_true(rkey != token_rkey(&ours, TEXT("Person"), TEXT("1")));
    assert_true(rkey != token_rkey(&ours, TEXT("Patient"), TEXT("2")));
    assert_true(rkey != token_rkey(&ours, TEXT("Patient1"), TEXT("")));
}

static void parameters_of_the_same_code_differ_by_type(void **state)
{
    (void)state;
    assert_true(token_param(&ours, param("Observation", "code")) !=
                token_param(&ours, param("Condition", "code")));
}

static void the_case_of_codes_does_not_count(void **state)
{
    const struct search_param *code = param("Observation", "code");

    (void)state;
    assert_int_equal(token_code(&ours, code, TEXT("ABC-é")),
                     token_code(&ours, code, TEXT("abc-é")));
    assert_int_equal(token_system_code(&ours, code, TEXT("s"), TEXT("LA6")),
                     token_system_code(&ours, code, TEXT("s"), TEXT("la6")));
    assert_true(token_system_code(&ours, code, TEXT("S"), TEXT("x")) !=
                token_system_code(&ours, code, TEXT("s"), TEXT("x")));
}

static void the_case_of_ucum_units_counts(void **state)
{
    struct text ucum = TEXT("http://unitsofmeasure.org");

    (void)state;
    assert_true(token_coding(&ours, ucum, TEXT("mS")) != token_coding(&ours, ucum, TEXT("MS")));
}

static void a_code_without_system_is_not_one_of_any_system(void **state)
{
    const struct search_param *code = param("Observation", "code");
    struct text absent = {0};

    (void)state;
    assert_int_equal(token_system_code(&ours, code, absent, TEXT("x")),
                     token_system_code(&ours, code, TEXT(""), TEXT("x")));
    assert_true(token_system_code(&ours, code, absent, TEXT("x")) !=
                token_code(&ours, code, TEXT("x")));
    assert_true(token_code(&ours, code, TEXT("x")) != token_system(&ours, code, TEXT("x")));
}

static void long_codes_count_to_the_end(void **state)
{
    const struct search_param *code = param("Observation", "code");
    char a[300], b[300];

    (void)state;
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[299] = 'y';
    assert_true(token_code(&ours, code, (struct text){a, 300}) !=
                token_code(&ours, code, (struct text){b, 300}));
    assert_true(token_code(&ours, code, (struct text){a, 128}) !=
                token_code(&ours, code, (struct text){a, 256}));
}

static void sql_can_compute_references_and_members_by_xor(void **state)
{
    const struct search_param *subject = param("Observation", "subject");
    int64_t rkey = token_rkey(&ours, TEXT("Patient"), TEXT("1"));

    (void)state;
    assert_int_equal(token_reference(&ours, subject, rkey),
                     rkey ^ token_reference(&ours, subject, 0));
    assert_int_equal(token_member(&ours, rkey), rkey ^ token_member(&ours, 0));
    assert_true(token_reference(&ours, subject, 0) != token_param(&ours, subject));
}

static void the_order_of_what_is_combined_counts(void **state)
{
    (void)state;
    assert_true(token_combine(1, 2) != token_combine(2, 1));
    assert_true(token_combine(1, 2) != token_combine(1, 3));
    assert_true(token_combine(0, 0) != 0);
}

static void a_slash_at_the_end_does_not_count_for_what_lies_below(void **state)
{
    const struct search_param *url = param("ValueSet", "url");

    (void)state;
    assert_int_equal(token_uri_below(&ours, url, TEXT("http://a/b/")),
                     token_uri_below(&ours, url, TEXT("http://a/b")));
    assert_true(token_uri(&ours, url, TEXT("http://a/b/")) !=
                token_uri(&ours, url, TEXT("http://a/b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_what_is_stored_already),
        cmocka_unit_test(the_key_the_tenant_the_type_and_the_id_all_count),
        cmocka_unit_test(parameters_of_the_same_code_differ_by_type),
        cmocka_unit_test(the_case_of_codes_does_not_count),
        cmocka_unit_test(the_case_of_ucum_units_counts),
        cmocka_unit_test(a_code_without_system_is_not_one_of_any_system),
        cmocka_unit_test(long_codes_count_to_the_end),
        cmocka_unit_test(sql_can_compute_references_and_members_by_xor),
        cmocka_unit_test(the_order_of_what_is_combined_counts),
        cmocka_unit_test(a_slash_at_the_end_does_not_count_for_what_lies_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
