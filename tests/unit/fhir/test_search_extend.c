/* SearchParameters of packages as rows beside the published ones. */

#include "fhir/search_extend.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/search_param_text.h"

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

static const struct node *define(struct fixture *fixture, const char *base, const char *code,
                                 const char *type, const char *expression, const char *more)
{
    const char *json =
        arena_printf(fixture->arena,
                     "{\"resourceType\":\"SearchParameter\",\"url\":\"http://x/%s\",\"base\":[%s],"
                     "\"code\":\"%s\",\"type\":\"%s\",\"expression\":\"%s\"%s}",
                     code, base, code, type, expression, more);
    struct issues ignored;
    struct err err = {0};

    issues_init(&ignored, fixture->arena, 10);
    const struct node *resource =
        json_read(fixture->arena, json, strlen(json), &json_stored_limits, &ignored, &err);
    assert_non_null(resource);
    return resource;
}

static void add(struct fixture *fixture, const char *base, const char *code, const char *type,
                const char *expression)
{
    search_extender_add(fixture->extender, define(fixture, base, code, type, expression, ""));
}

/* `parts` is definition=expression, separated by spaces. */
static const struct node *define_composite(struct fixture *fixture, const char *code,
                                           const char *expression, const char *parts)
{
    struct buf components = buf_in(fixture->arena);
    struct text rest = text_of(parts), part, url, relative;

    while (text_next(&rest, ' ', &part) && text_split(part, '=', &url, &relative))
        buf_printf(&components, "%s{\"definition\":\"%.*s\",\"expression\":\"%.*s\"}",
                   components.size ? "," : "", TEXT_ARGS(url), TEXT_ARGS(relative));
    return define(fixture, "\"Observation\"", code, "composite", expression,
                  arena_printf(fixture->arena, ",\"component\":[%s]", buf_text(&components)));
}

static const struct search_addition *finish(struct fixture *fixture, size_t *count)
{
    fixture->issues.kept = 0;
    return search_extender_finish(fixture->extender, &fixture->issues, count);
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
    finish(fixture, &count);
    assert_int_equal(fixture->issues.kept, 0);
    add(fixture, "\"Patient\"", "gender", "token", "Patient.birthDate");
    finish(fixture, &count);
    assert_int_equal(fixture->issues.kept, 1);
    assert_non_null(strstr(fixture->issues.first->text, "http://x/gender: R4 defines"));
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
    finish(fixture, &count);
    assert_int_equal(fixture->issues.kept, 5);
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

#define CODE     "http://hl7.org/fhir/SearchParameter/clinical-code"
#define QUANTITY "http://hl7.org/fhir/SearchParameter/Observation-value-quantity|4.0.1"

static void composites_have_their_types_from_other_definitions(void **state)
{
    struct fixture *fixture = *state;
    struct search_param read;
    size_t count;

    search_extender_add(fixture->extender,
                        define_composite(fixture, "pair", "Observation | Observation.component",
                                         CODE "=code " QUANTITY "=valueQuantity"));
    search_extender_add(fixture->extender,
                        define_composite(fixture, "three", "Observation",
                                         "http://x/when=effective.as(dateTime) " CODE "=code "
                                         "http://x/when=issued"));
    add(fixture, "\"Observation\"", "when", "date", "Observation.issued");
    const struct search_addition *additions = finish(fixture, &count);
    assert_int_equal(fixture->issues.kept, 0);
    assert_int_equal(count, 3);
    const struct search_param *pair = &additions[0].param, *three = &additions[1].param;
    assert_string_equal(pair->code, "pair");
    assert_int_equal(pair->component_count, 2);
    assert_int_equal(pair->components[0].type, SEARCH_TOKEN);
    assert_string_equal(pair->components[0].code, "code");
    assert_int_equal(pair->components[1].type, SEARCH_QUANTITY);
    assert_string_equal(pair->components[1].expression, "value.ofType(Quantity)");
    assert_int_equal(three->component_count, 3);
    assert_int_equal(three->components[0].type, SEARCH_DATE);
    uint64_t before = additions[1].extension->version;

    assert_true(
        search_param_read(fixture->arena, search_param_write(fixture->arena, three), &read));
    assert_int_equal(read.component_count, 3);
    assert_int_equal(read.components[2].type, SEARCH_DATE);
    assert_string_equal(read.components[2].expression, "issued");

    add(fixture, "\"Observation\"", "when", "token", "Observation.status");
    additions = finish(fixture, &count);
    assert_int_equal(count, 3);
    assert_int_equal(additions[1].param.components[0].type, SEARCH_TOKEN);
    assert_int_not_equal(additions[1].extension->version, before);
}

static void composites_that_cannot_be_are_told(void **state)
{
    static const struct {
        const char *parts, *why;
    } wrong[] = {
        {CODE "=code", "fewer than two"},
        {CODE "=code " CODE "=code " CODE "=code " CODE "=code", "more than three"},
        {CODE "=code http://x/nowhere=value", "no search parameter that is known"},
        {CODE "=code http://hl7.org/fhir/SearchParameter/Location-near=value",
         "composite or special"},
        {CODE "=code http://hl7.org/fhir/SearchParameter/Observation-code-value-quantity=value",
         "composite or special"},
        {CODE "=code " QUANTITY "=", "no expression"},
        {CODE "=code " QUANTITY "=value.(", "cannot be used"},
    };
    struct fixture *fixture = *state;
    size_t count;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        fixture->extender = search_extender_new(fixture->arena);
        issues_init(&fixture->issues, fixture->arena, 10);
        search_extender_add(fixture->extender,
                            define_composite(fixture, "pair", "Observation", wrong[i].parts));
        finish(fixture, &count);
        assert_int_equal(count, 0);
        assert_int_equal(fixture->issues.kept, 1);
        if (!strstr(fixture->issues.first->text, wrong[i].why))
            fail_msg("%s: %s", wrong[i].parts, fixture->issues.first->text);
    }
}

static void a_part_that_finds_nothing_where_it_stands_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    search_extend_check(define_composite(fixture, "pair", "Observation.component",
                                         CODE "=code " QUANTITY "=value.as(Quantity)"),
                        &fixture->issues);
    assert_int_equal(fixture->issues.kept, 0);
    search_extend_check(define_composite(fixture, "pair", "Observation.component",
                                         CODE "=code " QUANTITY "=effective"),
                        &fixture->issues);
    assert_int_equal(fixture->issues.kept, 1);
    assert_non_null(strstr(fixture->issues.first->text, "finds nothing in its base"));
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
        TEST(composites_have_their_types_from_other_definitions),
        TEST(composites_that_cannot_be_are_told),
        TEST(a_part_that_finds_nothing_where_it_stands_is_an_error),
        TEST(added_parameters_are_found_and_the_others_keep_their_places),
        TEST(sets_take_the_place_of_each_other_and_keep_the_rows_they_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
