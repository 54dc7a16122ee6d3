#include "tests/unit/fhir/reading.h"

#include "base/count.h"

#define PATIENT(members) "{\"resourceType\":\"Patient\"," members "}"

static void what_is_right_comes_back_as_it_was(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"Patient\"}",
        PATIENT("\"active\":true,\"name\":[{\"given\":[\"A\",\"B\"]}]"),
        PATIENT("\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"x\"}"),
        PATIENT("\"_birthDate\":{\"extension\":[{\"url\":\"u\",\"valueDecimal\":1.50}]}"),
        PATIENT("\"name\":[{\"given\":[\"A\",null,\"C\"],\"_given\":[null,{\"id\":\"b\"},null]}]"),
        PATIENT("\"name\":[{\"_given\":[{\"id\":\"b\"}]}]"),
        PATIENT("\"contained\":[{\"resourceType\":\"Basic\",\"id\":\"b\"}]"),
        PATIENT("\"id\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
        PATIENT("\"id\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\""),
        PATIENT("\"id\":\"\x7f\""),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++)
        assert_round_trip(documents[i]);
}

static void decimals_keep_every_digit(void **state)
{
    (void)state;
    assert_round_trip("{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":1.50}}");
    assert_round_trip("{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":-0.0E+10}}");
    assert_round_trip("{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":"
                      "123456789012345678901234567890.123456789012345678901234567890}}");
}

static void the_resource_type_may_come_last(void **state)
{
    struct reading r =
        read_json("{\"entry\":[{\"resource\":{\"x\":{\"resourceType\":\"Basic\"},\"id\":\"}\\\"\","
                  "\"name\":[{\"text\":\"]\"}],\"resourceType\":\"Patient\"}}],"
                  "\"resourceType\":\"Bundle\"}");

    (void)state;
    assert_string_equal(r.root->type->name, "Bundle");
    assert_string_equal(node_path(r.root, "entry.resource")->type->name, "Patient");
    assert_one_issue(&r, "structure", "Bundle.entry[0].resource.x");
    release(&r);
}

static void a_companion_may_come_before_its_value(void **state)
{
    struct reading r = read_json(
        PATIENT("\"_birthDate\":{\"id\":\"x\"},\"active\":true,\"birthDate\":\"1970\",\"name\":[{"
                "\"_given\":[null,{\"id\":\"g\"}],\"family\":\"F\",\"given\":[\"A\",\"B\"]}]"));

    (void)state;
    assert_int_equal(r.issues.kept, 0);
    assert_string_equal(
        written(&r),
        PATIENT("\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"x\"},\"active\":true,\"name\":[{"
                "\"given\":[\"A\",\"B\"],\"_given\":[null,{\"id\":\"g\"}],\"family\":\"F\"}]"));
    release(&r);
}

static void strings_without_escapes_are_borrowed(void **state)
{
    const char *json = PATIENT("\"id\":\"plain\",\"language\":\"a\\u00e9\\ud83d\\ude00\\/\"");
    struct reading r = read_json(json);
    struct node *id = node_child(r.root, "id"), *language = node_child(r.root, "language");

    (void)state;
    assert_true(id->value.data > json && id->value.data < json + strlen(json));
    assert_true(id->flags & NODE_PLAIN);
    assert_false(language->flags & NODE_PLAIN);
    assert_true(text_is(language->value, "a\xc3\xa9\xf0\x9f\x98\x80/"));
    release(&r);
}

/* What is JSON but not FHIR becomes a finding; the document is kept. */
static void what_is_no_fhir_is_reported_and_kept(void **state)
{
    static const struct {
        const char *json, *code, *expression;
        bool changes; /* is written in another form than it came */
    } cases[] = {
        {PATIENT("\"nmae\":[{\"a\":[1,[2,{}],null]},\"x\"]"), "structure", "Patient.nmae", 0},
        {PATIENT("\"active\":\"true\""), "value", "Patient.active", 0},
        {PATIENT("\"active\":1"), "value", "Patient.active", 0},
        {PATIENT("\"active\":null"), "structure", "Patient.active", 0},
        {PATIENT("\"active\":[true]"), "structure", "Patient.active[0]", 0},
        {PATIENT("\"active\":{\"a\":1}"), "structure", "Patient.active", 0},
        {PATIENT("\"birthDate\":1970"), "value", "Patient.birthDate", 0},
        {PATIENT("\"birthDate\":true"), "value", "Patient.birthDate", 0},
        {PATIENT("\"multipleBirthInteger\":\"2\""), "value", "Patient.multipleBirth", 0},
        {PATIENT("\"name\":{\"family\":\"F\"}"), "structure", "Patient.name[0]", 1},
        {PATIENT("\"name\":[]"), "structure", "Patient.name[0]", 0},
        {PATIENT("\"name\":null"), "structure", "Patient.name[0]", 0},
        {PATIENT("\"name\":[null]"), "structure", "Patient.name[0]", 0},
        {PATIENT("\"name\":[[{\"family\":\"F\"}]]"), "structure", "Patient.name[0]", 0},
        {PATIENT("\"name\":[{\"family\":\"F\"},\"G\"]"), "structure", "Patient.name[1]", 0},
        {PATIENT("\"name\":\"G\""), "structure", "Patient.name[0]", 0},
        {PATIENT("\"maritalStatus\":\"M\""), "structure", "Patient.maritalStatus", 0},
        {PATIENT("\"_birthDate\":null"), "structure", "Patient", 0},
        {PATIENT("\"_birthDate\":[{\"id\":\"x\"}]"), "structure", "Patient", 0},
        {PATIENT("\"birthDate\":\"1970\",\"_birthDate\":\"x\""), "structure", "Patient", 0},
        {PATIENT("\"birthDate\":\"1970\",\"_birthDate\":{}"), "structure", "Patient.birthDate", 1},
        {PATIENT("\"_name\":[{}]"), "structure", "Patient._name", 0},
        {PATIENT("\"_other\":{}"), "structure", "Patient._other", 0},
        {PATIENT("\"name\":[{\"given\":[\"A\"],\"_given\":[null,{\"id\":\"x\"}]}]"), "structure",
         "Patient.name[0].given[1]", 1},
        {PATIENT("\"name\":[{\"given\":[\"A\",\"B\"],\"_given\":[{\"id\":\"x\"}]}]"), "structure",
         "Patient.name[0].given[0]", 1},
        {PATIENT("\"contained\":[{\"id\":\"x\"}]"), "structure", "Patient.contained[0]", 0},
        {PATIENT("\"contained\":[{\"resourceType\":\"HumanName\"}]"), "structure",
         "Patient.contained[0]", 0},
        {PATIENT("\"valueString\":\"x\""), "structure", "Patient.valueString", 0},
        {PATIENT("\"maritalStatus\":{\"resourceType\":\"CodeableConcept\"}"), "structure",
         "Patient.maritalStatus.resourceType", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading r = read_json(cases[i].json);

        assert_string_equal(r.err.text, "");
        assert_one_issue(&r, cases[i].code, cases[i].expression);
        if (!cases[i].changes)
            assert_string_equal(written(&r), cases[i].json);
        release(&r);
    }
}

static void what_is_kept_as_text_loses_its_white_space(void **state)
{
    struct reading r = read_json(PATIENT("\"x\": [ 1 , { \"a b\" : \"c \\\" d\" } ]"));

    (void)state;
    assert_string_equal(written(&r), PATIENT("\"x\":[1,{\"a b\":\"c \\\" d\"}]"));
    release(&r);
}

static void errors_name_line_and_column_and_what_was_expected(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "Line 1, column 1: the document ends where '{' and a resource was expected."},
        {"[]", "Line 1, column 1: expected '{' and a resource."},
        {"{\n \"id\": tru}", "Line 2, column 8: expected a value."},
        {PATIENT("\"id\" 1"), "Line 1, column 32: expected ':' after the name."},
        {PATIENT("\"id\":\"1\" \"x\""), "Line 1, column 36: expected ',' or '}'."},
        {PATIENT("\"id\":\"1\","), "Line 1, column 36: expected a name in double quotes."},
        {"{\"resourceType\":\"Patient\"} x",
         "Line 1, column 28: expected nothing more after the resource."},
        {"{\n\n\"\xc3\xa9\": \x01", "Line 3, column 6: expected a value."},
        {PATIENT("\"id\":\"1\",\"id\":\"1\""),
         "Line 1, column 41: id stands twice in this object."},
        {PATIENT("\"x\":{\"y\":1,\"y\":1}"),
         "Line 1, column 42: this name stands twice in its object."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading r = read_json(cases[i].json);

        assert_null(r.root);
        assert_int_equal(r.err.kind, ERR_INVALID);
        assert_string_equal(r.err.text, cases[i].text);
        release(&r);
    }
}

static void names_that_stand_twice_are_refused(void **state)
{
    static const char *const documents[] = {
        PATIENT("\"name\":[],\"name\":[]"),
        PATIENT("\"_birthDate\":{},\"_birthDate\":{}"),
        PATIENT("\"_birthDate\":1,\"_birthDate\":1"),
        PATIENT("\"resourceType\":\"Patient\""),
        PATIENT("\"x\":null,\"x\":null"),
        PATIENT("\"i\\u0064\":\"1\",\"id\":\"1\""),
        PATIENT("\"x\":[{\"a\":1,\"\\u0061\":2}]"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct reading r = read_json(documents[i]);

        assert_null(r.root);
        assert_int_equal(r.err.kind, ERR_INVALID);
        assert_non_null(strstr(r.err.text, "twice"));
        release(&r);
    }
}

static void what_is_no_resource_is_refused(void **state)
{
    static const char *const documents[] = {
        "{}",
        "{\"id\":\"x\"}",
        "{\"resourceType\":\"Nobody\"}",
        "{\"resourceType\":\"HumanName\"}",
        "{\"resourceType\":\"DomainResource\"}",
        "{\"resourceType\":1}",
        "{\"x\":{\"resourceType\":\"Patient\"}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct reading r = read_json(documents[i]);

        assert_null(r.root);
        assert_int_equal(r.err.kind, ERR_INVALID);
        assert_string_equal(r.err.where, "resourceType");
        release(&r);
    }
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    struct reading r = read_json("\xef\xbb\xbf{\"resourceType\":\"Patient\"}");

    (void)state;
    assert_non_null(r.root);
    assert_string_equal(written(&r), "{\"resourceType\":\"Patient\"}");
    release(&r);
}

static struct err read_limited(struct json_limits limits, const char *json)
{
    struct arena *arena = arena_new();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    json_read(arena, json, strlen(json), &limits, &issues, &err);
    arena_free(arena);
    return err;
}

static void limits_hold(void **state)
{
    const char *json = PATIENT("\"name\":[{\"given\":[\"a\"]}]"); /* 5 levels, 3 nodes */
    const char *unknown = PATIENT("\"x\":[[[[]]]]");

    (void)state;
    assert_int_equal(read_limited((struct json_limits){100, 4, 3}, json).kind, ERR_NONE);
    assert_int_equal(read_limited((struct json_limits){100, 3, 3}, json).kind, ERR_TOO_LARGE);
    assert_int_equal(read_limited((struct json_limits){100, 4, 2}, json).kind, ERR_TOO_LARGE);
    assert_int_equal(read_limited((struct json_limits){50, 4, 3}, json).kind, ERR_TOO_LARGE);
    assert_int_equal(read_limited((struct json_limits){100, 5, 9}, unknown).kind, ERR_NONE);
    assert_int_equal(read_limited((struct json_limits){100, 4, 9}, unknown).kind, ERR_TOO_LARGE);
}

static void many_unknown_names_meet_a_limit_before_they_cost_time(void **state)
{
    struct buf json = {0};
    struct arena *arena = arena_new();
    struct json_limits limits = {(size_t)1 << 20, 64, 10000};
    struct issues issues;
    struct err err = {0};

    (void)state;
    buf_add_text(&json, "{\"resourceType\":\"Patient\"");
    for (int i = 0; i < 5000; i++)
        buf_printf(&json, ",\"x%d\":1", i);
    buf_add_text(&json, "}");
    issues_init(&issues, arena, 10);
    assert_null(json_read(arena, json.data, json.size, &limits, &issues, &err));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    buf_release(&json);
    arena_free(arena);
}

/* The reader may not look behind the end: a document is no C string. */
static void every_truncation_is_refused(void **state)
{
    const char *json = PATIENT(
        "\"id\":\"a\\u00e9\xc3\xa9\",\"active\":true,\"birthDate\":null,\"name\":[{\"given\":"
        "[\"A\",null],\"_given\":[null,{\"id\":\"b\"}]}],\"x\":{\"y\":[-1.5e+3,\"\"]}");
    size_t size = strlen(json);

    (void)state;
    for (size_t i = 0; i < size; i++) {
        char *part = malloc(i + 1);
        struct reading r;

        memcpy(part, json, i);
        r = read_sized(part, i);
        assert_null(r.root);
        assert_int_equal(r.err.kind, ERR_INVALID);
        release(&r);
        free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_comes_back_as_it_was),
        cmocka_unit_test(decimals_keep_every_digit),
        cmocka_unit_test(the_resource_type_may_come_last),
        cmocka_unit_test(a_companion_may_come_before_its_value),
        cmocka_unit_test(strings_without_escapes_are_borrowed),
        cmocka_unit_test(what_is_no_fhir_is_reported_and_kept),
        cmocka_unit_test(what_is_kept_as_text_loses_its_white_space),
        cmocka_unit_test(errors_name_line_and_column_and_what_was_expected),
        cmocka_unit_test(names_that_stand_twice_are_refused),
        cmocka_unit_test(what_is_no_resource_is_refused),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(many_unknown_names_meet_a_limit_before_they_cost_time),
        cmocka_unit_test(every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
