/* Row. */

#include "storage/row.h"

#include "base/arena.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/search_values.h"
#include "storage/columns.h"
#include "storage/row_set.h"
#include "storage/token.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LOINC "http://loinc.org"
#define UCUM  "http://unitsofmeasure.org"

static const struct tokens ours = {.key = {1, 2}, .tenant = 3};

static struct arena *arena;

static int setup(void **state)
{
    struct err err = {0};

    (void)state;
    return search_values_setup(&err) ? 0 : -1;
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The row of a resource called "x". */
static struct row *row_of(const char *json)
{
    struct issues issues;
    struct search_values values;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    const struct node *node =
        json_read(arena, json, strlen(json), &json_default_limits, &issues, &err);
    assert_string_equal(err.text, "");
    search_values_extract(node, arena, &values, NULL);
    return row_make(&ours, node->type, TEXT("x"), &values, arena);
}

static const struct search_param *param(const char *type, const char *code)
{
    const struct search_param *found = search_param_find(type, text_of(code));

    assert_non_null(found);
    return found;
}

static bool has(const struct row *row, int64_t token)
{
    for (size_t i = 0; i < row->tok_count; i++)
        if (row->toks[i] == token)
            return true;
    return false;
}

static int64_t patient(const char *id)
{
    return token_rkey(&ours, TEXT("Patient"), text_of(id));
}

static size_t count_quantities(const struct row *row, int64_t h)
{
    size_t count = 0;

    for (size_t i = 0; i < row->quantity_count; i++)
        count += row->quantities[i].h == h;
    return count;
}

#define OBSERVATION(more)                                                                          \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"subject\":{\"reference\":"           \
    "\"Patient/p\"},\"effectiveDateTime\":\"2020-02-03\",\"code\":{\"coding\":[{\"system\":"       \
    "\"" LOINC "\",\"code\":\"2339-0\"},{\"system\":\"s\",\"code\":\"glu\"}]}" more "}"
#define VALUE(value)                                                                               \
    ",\"valueQuantity\":{" value "\"value\":95.0,\"unit\":\"mg per dl\",\"system\":\"" UCUM        \
    "\",\"code\":\"mg/dL\"}"

static void columns_hold_the_main_values(void **state)
{
    struct row *row = row_of(OBSERVATION(VALUE("")));

    (void)state;
    assert_int_equal(row->rkey, token_rkey(&ours, TEXT("Observation"), TEXT("x")));
    assert_true(row->has_patient);
    assert_int_equal(row->patient, patient("p"));
    assert_true(row->has_code);
    assert_int_equal(row->code, token_coding(&ours, TEXT(LOINC), TEXT("2339-0")));
    assert_true(row->has_date);
    assert_int_equal(row->d, INT64_C(1580688000000000));
    assert_int_equal(row->dhi, INT64_C(1580774399999999));
    assert_true(row->has_quantity && row->has_unit);
    assert_true(row->vq == 95);
    assert_int_equal(row->vqu, token_coding(&ours, TEXT(UCUM), TEXT("mg/dL")));
    assert_int_equal(row->date_count, 0);
    assert_int_equal(row->quantity_count, 0);
    assert_int_equal(row->code_count, 1);
    assert_int_equal(row->codes[0].code, token_coding(&ours, TEXT("s"), TEXT("glu")));
}

static void a_coding_is_found_in_each_form_and_no_other(void **state)
{
    struct row *row = row_of(OBSERVATION(""));
    const struct search_param *code = param("Observation", "code");

    (void)state;
    assert_true(has(row, token_param(&ours, code)));
    assert_true(has(row, token_system_code(&ours, code, TEXT(LOINC), TEXT("2339-0"))));
    assert_true(has(row, token_code(&ours, code, TEXT("2339-0"))));
    assert_true(has(row, token_code(&ours, code, TEXT("GLU"))));
    assert_true(has(row, token_system(&ours, code, TEXT("s"))));
    assert_false(has(row, token_system_code(&ours, code, TEXT(""), TEXT("2339-0"))));
    assert_false(has(row, token_param(&ours, param("Observation", "value-concept"))));
}

static void an_implied_system_counts(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Patient\",\"gender\":\"male\"}");
    const struct search_param *gender = param("Patient", "gender");

    (void)state;
    assert_true(has(row, token_code(&ours, gender, TEXT("male"))));
    assert_true(
        has(row, token_system_code(&ours, gender, TEXT("http://hl7.org/fhir/administrative-gender"),
                                   TEXT("male"))));
    assert_false(has(row, token_system_code(&ours, gender, TEXT(""), TEXT("male"))));
}

static void an_identifier_is_found_by_its_type_too(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"s\","
                             "\"value\":\"1\",\"type\":{\"coding\":[{\"system\":\"t\",\"code\":"
                             "\"MR\"}]}}]}");
    const struct search_param *identifier = param("Patient", "identifier");

    (void)state;
    assert_true(has(row, token_system_code(&ours, identifier, TEXT("s"), TEXT("1"))));
    assert_true(has(row, token_of_type(&ours, identifier, TEXT("t"), TEXT("MR"), TEXT("1"))));
}

static void a_unit_is_found_without_its_system(void **state)
{
    struct row *row = row_of(OBSERVATION(VALUE("")));
    const struct search_param *value = param("Observation", "value-quantity");

    (void)state;
    assert_true(has(row, token_code(&ours, value, TEXT("mg/dL"))));
    assert_true(has(row, token_code(&ours, value, TEXT("mg per dl"))));
}

static void what_is_not_plain_is_a_range_beside_the_column(void **state)
{
    struct row *row = row_of(OBSERVATION(VALUE("\"comparator\":\"<\",")));
    const struct search_param *value = param("Observation", "value-quantity");
    int64_t composite = token_param(&ours, param("Observation", "code-value-quantity"));
    int64_t first = token_code(&ours, param("Observation", "code-value-quantity"), TEXT("2339-0"));

    (void)state;
    assert_false(row->has_quantity);
    assert_int_equal(count_quantities(row, token_param(&ours, value)), 1);
    assert_int_equal(count_quantities(row, token_combine(composite, first)), 1);
    for (size_t i = 0; i < row->quantity_count; i++) {
        assert_true(isinf(row->quantities[i].low) && row->quantities[i].low < 0);
        assert_true(row->quantities[i].has_unit);
        assert_int_equal(row->quantities[i].unit, token_coding(&ours, TEXT(UCUM), TEXT("mg/dL")));
    }
}

static void components_have_rows_and_unions_have_none(void **state)
{
    struct row *row =
        row_of(OBSERVATION(",\"component\":[{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":"
                           "\"c\"}]},\"valueQuantity\":{\"value\":120,\"unit\":\"mm\"}}]"));
    const struct search_param *pair = param("Observation", "component-code-value-quantity");
    int64_t h = token_param(&ours, pair);

    (void)state;
    assert_int_equal(
        count_quantities(row,
                         token_combine(h, token_system_code(&ours, pair, TEXT("s"), TEXT("c")))),
        1);
    assert_int_equal(count_quantities(row, token_combine(h, token_code(&ours, pair, TEXT("c")))),
                     1);
    assert_int_equal(
        count_quantities(row, token_param(&ours, param("Observation", "component-value-quantity"))),
        1);
    assert_int_equal(row->quantity_count, 3);
    assert_int_equal(row->quantities[0].unit, token_coding(&ours, (struct text){0}, TEXT("mm")));
    assert_false(has(row, token_param(&ours, param("Observation", "combo-code"))));
    assert_true(has(row, token_param(&ours, param("Observation", "component-code"))));
}

static void two_tokens_are_one(void **state)
{
    struct row *row = row_of(OBSERVATION(
        ",\"valueCodeableConcept\":{\"coding\":[{\"system\":\"v\",\"code\":\"pos\"}]}"));
    const struct search_param *pair = param("Observation", "code-value-concept");
    int64_t h = token_param(&ours, pair);
    int64_t code[] = {token_system_code(&ours, pair, TEXT(LOINC), TEXT("2339-0")),
                      token_code(&ours, pair, TEXT("2339-0"))};
    int64_t value[] = {token_system_code(&ours, pair, TEXT("v"), TEXT("pos")),
                       token_code(&ours, pair, TEXT("pos"))};

    (void)state;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            assert_true(has(row, token_combine(token_combine(h, code[i]), value[k])));
}

static void references_are_keys_or_as_written(void **state)
{
    struct row *row = row_of(
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
        "\"subject\":{\"reference\":\"Patient/p/_history/4\"},\"performer\":[{\"reference\":"
        "\"http://other/fhir/Patient/q\"},{\"reference\":\"urn:uuid:1\"},{\"reference\":\"#c\"},"
        "{\"identifier\":{\"system\":\"s\",\"value\":\"v\"}},{\"reference\":\"Patient/r\"}]}");
    const struct search_param *subject = param("Observation", "subject");
    const struct search_param *performer = param("Observation", "performer");

    (void)state;
    assert_true(has(row, token_reference(&ours, subject, patient("p"))));
    assert_true(has(row, token_uri(&ours, performer, TEXT("http://other/fhir/Patient/q"))));
    assert_false(has(row, token_reference(&ours, performer, patient("q"))));
    assert_true(has(row, token_uri(&ours, performer, TEXT("urn:uuid:1"))));
    assert_false(has(row, token_uri(&ours, performer, TEXT("#c"))));
    assert_true(has(row, token_system_code(&ours, performer, TEXT("s"), TEXT("v"))));
    assert_true(has(row, token_reference(&ours, performer, patient("r"))));
}

static void a_resource_belongs_to_every_patient_it_names(void **state)
{
    struct row *row = row_of(OBSERVATION(",\"performer\":[{\"reference\":\"Patient/q\"}],"
                                         "\"focus\":[{\"reference\":\"Patient/r\"}]"));

    (void)state;
    assert_int_equal(row->patient, patient("p"));
    assert_int_equal(row->patient_count, 2); /* focus is no membership */
    assert_true(has(row, token_member(&ours, patient("p"))));
    assert_true(has(row, token_member(&ours, patient("q"))));
    assert_false(has(row, token_member(&ours, patient("r"))));
}

static void a_patient_belongs_to_itself(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Patient\",\"id\":\"x\",\"link\":[{\"type\":"
                             "\"seealso\",\"other\":{\"reference\":\"Patient/y\"}}]}");

    (void)state;
    assert_true(row->has_patient);
    assert_int_equal(row->patient, row->rkey);
    assert_int_equal(row->patient_count, 2);
    assert_true(has(row, token_member(&ours, row->rkey)));
    assert_true(has(row, token_member(&ours, patient("y"))));
}

static void a_resource_of_nobody_has_no_patient(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Organization\",\"name\":\"X\"}");

    (void)state;
    assert_false(row->has_patient);
    assert_int_equal(row->patient_count, 0);
}

static void a_uri_is_found_below_each_of_its_prefixes(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"ValueSet\",\"status\":\"active\",\"url\":"
                             "\"http://a.org/b/c\"}");
    const struct search_param *url = param("ValueSet", "url");

    (void)state;
    assert_true(has(row, token_uri(&ours, url, TEXT("http://a.org/b/c"))));
    assert_true(has(row, token_uri_below(&ours, url, TEXT("http://a.org/b/c"))));
    assert_true(has(row, token_uri_below(&ours, url, TEXT("http://a.org/b"))));
    assert_true(has(row, token_uri_below(&ours, url, TEXT("http://a.org/"))));
    assert_false(has(row, token_uri_below(&ours, url, TEXT("http:"))));
    assert_false(has(row, token_uri(&ours, url, TEXT("http://a.org/b"))));
}

static void strings_are_folded_and_cut_between_characters(void **state)
{
    char json[1200] = "{\"resourceType\":\"Organization\",\"name\":\"x";

    (void)state;
    for (int i = 0; i < 300; i++)
        strncat(json, "\xd0\xb6", sizeof(json) - strlen(json) - 1); /* two bytes each */
    strncat(json, "\"}", sizeof(json) - strlen(json) - 1);
    struct row *row = row_of(json);

    assert_true(row->string_count > 0);
    assert_int_equal(row->strings[0].norm.size, 255);
    assert_true(text_is_utf8(row->strings[0].norm));

    row =
        row_of("{\"resourceType\":\"Organization\",\"name\":\"  \xc3\x89t\xc3\xa9 SANT\xc3\x89\"}");
    assert_true(text_equals(row->strings[0].norm, TEXT("ete sante")));
}

static void dates_without_a_column_have_rows(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Patient\",\"birthDate\":\"1950-01-01\","
                             "\"deceasedDateTime\":\"2020-02-03\"}");

    (void)state;
    assert_true(row->has_date);
    assert_int_equal(row->date_count, 1);
    assert_int_equal(row->dates[0].h, token_param(&ours, param("Patient", "death-date")));
    assert_int_equal(row->dates[0].low, INT64_C(1580688000000000));
}

static void an_open_period_has_no_end(void **state)
{
    struct row *row = row_of("{\"resourceType\":\"Encounter\",\"status\":\"finished\",\"class\":"
                             "{\"code\":\"AMB\"},\"period\":{\"start\":\"2020-02-03\"}}");

    (void)state;
    assert_int_equal(row->d, INT64_C(1580688000000000));
    assert_int_equal(row->dhi, INT64_MAX);
}

static void toks_are_a_sorted_set(void **state)
{
    struct row *row = row_of(OBSERVATION(VALUE("")));

    (void)state;
    for (size_t i = 1; i < row->tok_count; i++)
        assert_true(row->toks[i - 1] < row->toks[i]);
}

static void rows_are_equal_when_every_list_is(void **state)
{
    struct row *row = row_of(OBSERVATION(VALUE("")));

    (void)state;
    assert_true(row_equals(row, row_of(OBSERVATION(VALUE("")))));
    assert_true(row_equals(
        row, row_of(OBSERVATION(VALUE("") ",\"note\":[{\"text\":\"no search value\"}]"))));
    assert_false(row_equals(row, row_of(OBSERVATION(VALUE("\"comparator\":\"<\",")))));
    assert_false(row_equals(row, row_of(OBSERVATION(""))));
    assert_false(row_equals(row, row_of(OBSERVATION(VALUE("") ",\"category\":[{\"coding\":[{"
                                                              "\"code\":\"lab\"}]}]"))));
}

static void a_difference_has_what_only_the_first_has(void **state)
{
    struct row *a = row_of("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"A\",\"given\":"
                           "[\"B\"]}]}");
    struct row *b = row_of("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"A\",\"given\":"
                           "[\"C\"]}]}");
    struct row only;

    (void)state;
    row_difference(a, b, arena, &only);
    assert_true(only.string_count > 0);
    for (size_t i = 0; i < only.string_count; i++)
        assert_true(text_equals(only.strings[i].norm, TEXT("b")));
    row_difference(a, a, arena, &only);
    assert_int_equal(only.string_count, 0);
}

static void every_union_is_made_of_its_parts(void **state)
{
    unsigned unions = 0;

    (void)state;
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *whole = search_param_at(i);
        const struct search_union *of = search_union_of(whole);

        if (!of)
            continue;
        unions++;
        assert_int_equal(whole->search_type, of->parts[0]->search_type);
        assert_int_equal(whole->search_type, of->parts[1]->search_type);
        assert_string_equal(whole->type, of->parts[0]->type);
    }
    assert_int_equal(unions, 6);
}

#define ROW_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW_TEST(columns_hold_the_main_values),
        ROW_TEST(a_coding_is_found_in_each_form_and_no_other),
        ROW_TEST(an_implied_system_counts),
        ROW_TEST(an_identifier_is_found_by_its_type_too),
        ROW_TEST(a_unit_is_found_without_its_system),
        ROW_TEST(what_is_not_plain_is_a_range_beside_the_column),
        ROW_TEST(components_have_rows_and_unions_have_none),
        ROW_TEST(two_tokens_are_one),
        ROW_TEST(references_are_keys_or_as_written),
        ROW_TEST(a_resource_belongs_to_every_patient_it_names),
        ROW_TEST(a_patient_belongs_to_itself),
        ROW_TEST(a_resource_of_nobody_has_no_patient),
        ROW_TEST(a_uri_is_found_below_each_of_its_prefixes),
        ROW_TEST(strings_are_folded_and_cut_between_characters),
        ROW_TEST(dates_without_a_column_have_rows),
        ROW_TEST(an_open_period_has_no_end),
        ROW_TEST(toks_are_a_sorted_set),
        ROW_TEST(rows_are_equal_when_every_list_is),
        ROW_TEST(a_difference_has_what_only_the_first_has),
        ROW_TEST(every_union_is_made_of_its_parts),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
