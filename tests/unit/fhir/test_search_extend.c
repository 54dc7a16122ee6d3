/* SearchParameters of packages as rows beside the published ones. */

#include "fhir/search_extend.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena *arena;
    struct search_extender *extender;
    struct issues issues;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->arena = arena_new();
    fixture->extender = search_extender_new(fixture->arena);
    issues_init(&fixture->issues, fixture->arena, 10);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, const char *base, const char *code, const char *type,
                const char *expression)
{
    const char *json =
        arena_printf(fixture->arena,
                     "{\"resourceType\":\"SearchParameter\",\"url\":\"http://x/%s\",\"base\":[%s],"
                     "\"code\":\"%s\",\"type\":\"%s\",\"expression\":\"%s\"}",
                     code, base, code, type, expression);
    struct issues ignored;
    struct err err = {0};

    issues_init(&ignored, fixture->arena, 10);
    const struct node *resource =
        json_read(fixture->arena, json, strlen(json), &json_stored_limits, &ignored, &err);
    assert_non_null(resource);
    search_extender_add(fixture->extender, resource, &fixture->issues);
}

static const struct search_addition *finish(struct fixture *fixture, size_t *count)
{
    return search_extender_finish(fixture->extender, count);
}

static void each_base_has_a_row_in_the_order_of_types_and_codes(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    add(fixture, "\"Patient\",\"Goal\"", "wish", "token", "Patient.gender | Goal.description");
    add(fixture, "\"Patient\"", "aim", "date", "Patient.birthDate");
    const struct search_addition *additions = finish(fixture, &count);
    assert_int_equal(count, 3);
    assert_string_equal(additions[0].param.type, "Goal");
    assert_string_equal(additions[1].param.code, "aim");
    assert_string_equal(additions[2].param.code, "wish");
    assert_int_equal(fixture->issues.kept, 0);
}

static void what_r4_has_itself_stays_and_only_a_difference_is_told(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    add(fixture, "\"Patient\"", "gender", "token", "Patient . gender");
    assert_int_equal(fixture->issues.kept, 0);
    add(fixture, "\"Patient\"", "gender", "token", "Patient.birthDate");
    assert_int_equal(fixture->issues.kept, 1);
    assert_non_null(strstr(fixture->issues.first->text, "http://x/gender: R4 defines"));
    finish(fixture, &count);
    assert_int_equal(count, 0);
}

static void what_cannot_be_indexed_is_told(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    add(fixture, "\"Patient\"", "a.b", "token", "Patient.gender");
    add(fixture, "\"Patient\"", "near-by", "special", "Patient.gender");
    add(fixture, "\"Patient\"", "pair", "composite", "Patient");
    add(fixture, "\"Patient\"", "broken", "token", "Patient.(");
    add(fixture, "\"Nobody\"", "whose", "token", "Patient.gender");
    assert_int_equal(fixture->issues.kept, 5);
    finish(fixture, &count);
    assert_int_equal(count, 0);
}

static void the_later_of_two_definitions_counts_and_is_another_version(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    add(fixture, "\"Patient\"", "wish", "token", "Patient.gender");
    uint64_t before = finish(fixture, &count)[0].extension->version;
    add(fixture, "\"Patient\"", "wish", "token", "Patient.maritalStatus");
    const struct search_addition *additions = finish(fixture, &count);
    assert_int_equal(count, 1);
    assert_string_equal(additions[0].param.expression, "Patient.maritalStatus");
    assert_int_not_equal(additions[0].extension->version, before);
}

static void names_of_choices_as_in_json_are_understood(void **state)
{
    struct fixture *fixture = *state;
    size_t count;

    add(fixture, "\"Patient\"", "when", "date",
        "Patient.extension.where(url = 'http://x').valueDateTime | Patient.extension.value.code");
    const struct search_addition *additions = finish(fixture, &count);
    assert_int_equal(count, 1);
    assert_string_equal(additions[0].param.expression,
                        "Patient.extension.where(url = 'http://x').value.ofType(dateTime) | "
                        "Patient.extension.value.code");
}

static void added_parameters_are_found_and_the_others_keep_their_places(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = search_param_count(), of_patient;
    size_t count;

    add(fixture, "\"Patient\",\"Goal\"", "wish", "token", "Patient.gender | Goal.description");
    const struct search_addition *additions = finish(fixture, &count);
    search_params_use(search_params_make(additions, count));
    assert_int_equal(search_param_count(), before);
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *param = search_param_at(i);

        assert_int_equal(param->number, i);
        assert_ptr_equal(search_param_find(param->type, text_of(param->code)), param);
        assert_null(search_extension_of(param));
    }
    const struct search_param *const *of_type = search_params_of("Patient", &of_patient);
    for (unsigned i = 1; i < of_patient; i++)
        assert_true(strcmp(of_type[i - 1]->code, of_type[i]->code) < 0);
    assert_non_null(search_extension_of(search_param_find("Patient", TEXT("wish"))));
    assert_false(search_param_is_whole(search_param_find("Goal", TEXT("wish"))));
    assert_true(search_param_is_whole(search_param_find("Goal", TEXT("patient"))));
}

static void sets_take_the_place_of_each_other_and_keep_the_rows_they_share(void **state)
{
    struct fixture *fixture = *state;
    unsigned visible, written;
    size_t count;

    add(fixture, "\"Patient\"", "wish", "token", "Patient.gender");
    add(fixture, "\"Patient\"", "dream", "string", "Patient.name.family");
    const struct search_addition *both = finish(fixture, &count);
    assert_int_equal(count, 2);
    search_params_use(search_params_make(both, 2));
    const struct search_param *wish = search_param_find("Patient", TEXT("wish"));
    const struct search_param *dream = search_param_find("Patient", TEXT("dream"));
    assert_int_not_equal(wish->number, dream->number);
    atomic_store(&search_extension_of(wish)->whole, true);

    struct search_addition one = both[1]; /* sorted by code */
    assert_string_equal(one.param.code, "wish");
    one.leaving = true;
    search_params_use(search_params_make(&one, 1));
    assert_null(search_param_find("Patient", TEXT("wish")));
    assert_null(search_param_find("Patient", TEXT("dream")));
    search_params_of("Patient", &visible);
    assert_ptr_equal(search_params_written("Patient", &written)[visible], wish);
    assert_int_equal(written, visible + 1);

    search_params_use(search_params_make(both, 2));
    assert_ptr_equal(search_param_find("Patient", TEXT("wish")), wish);
    assert_ptr_equal(search_param_find("Patient", TEXT("dream")), dream);
    assert_true(search_param_is_whole(wish));
    search_params_use(search_params_make(NULL, 0));
    assert_null(search_param_find("Patient", TEXT("wish")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(each_base_has_a_row_in_the_order_of_types_and_codes),
        TEST(what_r4_has_itself_stays_and_only_a_difference_is_told),
        TEST(what_cannot_be_indexed_is_told),
        TEST(the_later_of_two_definitions_counts_and_is_another_version),
        TEST(names_of_choices_as_in_json_are_understood),
        TEST(added_parameters_are_found_and_the_others_keep_their_places),
        TEST(sets_take_the_place_of_each_other_and_keep_the_rows_they_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
