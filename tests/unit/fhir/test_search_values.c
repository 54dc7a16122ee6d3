#include "fhir/search_values.h"

#include "base/clock.h"
#include "base/count.h"
#include "tests/unit/fhir/reading.h"

#include <dirent.h>
#include <math.h>

static void write_value(struct buf *out, const struct search_value *value);

static void write_token(struct buf *out, const struct search_value *value)
{
    if (value->system.data)
        buf_printf(out, "%.*s|", TEXT_ARGS(value->system));
    if (value->system_implied)
        buf_add_text(out, "(implied)");
    buf_printf(out, "%.*s", TEXT_ARGS(value->code));
    if (value->text.data)
        buf_printf(out, "\"%.*s\"", TEXT_ARGS(value->text));
    if (value->identifier_type_code.data)
        buf_printf(out, "(type %.*s|%.*s)", TEXT_ARGS(value->identifier_type_system),
                   TEXT_ARGS(value->identifier_type_code));
}

static void write_reference(struct buf *out, const struct search_value *value)
{
    buf_printf(out, "%.*s", TEXT_ARGS(value->text));
    if (value->reference_id.data)
        buf_printf(out, "(%.*s %.*s %.*s %.*s)", TEXT_ARGS(value->reference_base),
                   TEXT_ARGS(value->reference_type), TEXT_ARGS(value->reference_id),
                   TEXT_ARGS(value->reference_version));
    if (value->code.data)
        buf_printf(out, "(identifier %.*s|%.*s)", TEXT_ARGS(value->system), TEXT_ARGS(value->code));
    if (!value->text.data && !value->code.data)
        buf_add_text(out, "(somebody)");
}

static void write_time(struct buf *out, int64_t time)
{
    char text[CLOCK_INSTANT_SIZE];

    if (time == SEARCH_TIME_MIN || time == SEARCH_TIME_MAX) {
        buf_add_text(out, "open");
        return;
    }
    clock_format_instant(time, text);
    buf_add_text(out, text);
}

static void write_composite(struct buf *out, const struct search_value *value)
{
    for (uint16_t i = 0; i < value->component_count; i++) {
        buf_add_char(out, i ? '$' : '<');
        write_value(out, &value->components[i]);
    }
    buf_add_char(out, '>');
}

/* Parentheses where a comparator leaves the number itself out. */
static char opening(const struct search_value *value)
{
    return value->number_low == nextafter(value->number, INFINITY) ? '(' : '[';
}

static char closing(const struct search_value *value)
{
    return value->number_high == nextafter(value->number, -INFINITY) ? ')' : ']';
}

/* A value as the test cases spell it. */
static void write_value(struct buf *out, const struct search_value *value)
{
    switch (value->type) {
    case SEARCH_TOKEN:
        write_token(out, value);
        break;
    case SEARCH_REFERENCE:
        write_reference(out, value);
        break;
    case SEARCH_DATE:
        write_time(out, value->time_low);
        buf_add_text(out, "..");
        write_time(out, value->time_high);
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        buf_printf(out, "%g%c%g,%g%c%s", value->number, opening(value), value->number_low,
                   value->number_high, closing(value), value->exact ? "" : "~");
        if (value->code.data || value->text.data)
            write_token(out, value);
        break;
    case SEARCH_COMPOSITE:
        write_composite(out, value);
        break;
    default:
        buf_printf(out, "%.*s", TEXT_ARGS(value->text));
        break;
    }
}

/* The values of one parameter, separated by blanks. */
static const char *values_of(struct reading *reading, const char *code)
{
    struct search_values values;
    struct buf out = buf_in(reading->arena);
    unsigned failed;

    assert_non_null(reading->root);
    search_values_extract(reading->root, reading->arena, &values, &failed);
    assert_int_equal(failed, 0);
    for (size_t i = 0; i < values.count; i++) {
        if (strcmp(values.items[i].param->code, code) != 0)
            continue;
        if (out.size > 0)
            buf_add_char(&out, ' ');
        write_value(&out, &values.items[i]);
    }
    return buf_text(&out);
}

struct expectation {
    const char *code, *values;
};

static void check(const char *json, const struct expectation *expected, size_t count)
{
    struct reading reading = read_json(json);

    for (size_t i = 0; i < count; i++)
        assert_string_equal(values_of(&reading, expected[i].code), expected[i].values);
    release(&reading);
}

#define CHECK(json, expected) check((json), (expected), sizeof(expected) / sizeof((expected)[0]))

static int setup(void **state)
{
    struct err err = {0};
    bool done = search_values_setup(&err);

    (void)state;
    if (!done)
        print_error("%s: %s\n", err.where, err.text);
    return done ? 0 : -1;
}

/* setup() has compiled them all: here, that there were any, and that doing it again is harmless. */
static void every_published_expression_compiles(void **state)
{
    struct err err = {0};
    unsigned expressions = 0;

    (void)state;
    assert_true(search_values_setup(&err));
    for (unsigned i = 0; i < search_param_count(); i++)
        expressions += search_param_at(i)->expression != NULL;
    assert_true(expressions > 1400);
}

static void tokens_come_from_codes_concepts_and_identifiers(void **state)
{
    static const struct expectation expected[] = {
        {"active", "true"},
        {"gender", "http://hl7.org/fhir/administrative-gender|(implied)female"},
        {"identifier", "urn:s|12345(type http://t|MR) urn:s|12345(type http://t|PI) 7 urn:x|"},
        {"language", "urn:ietf:bcp:47|de\"German\" \"Deutsch\""},
        {"phone", "555"},
        {"email", "a@b"},
        {"telecom", "555 a@b"},
        {"deceased", "true"},
        {"_tag", "http://tag|t"},
        {"_id", ""},
        {"_lastUpdated", ""},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"lastUpdated\":\"2020-01-01T00:00:"
          "00Z\",\"tag\":[{\"system\":\"http://tag\",\"code\":\"t\"}]},\"active\":true,"
          "\"gender\":\"female\",\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"http://t\","
          "\"code\":\"MR\"},{\"system\":\"http://t\",\"code\":\"PI\"}]},\"system\":\"urn:s\","
          "\"value\":\"12345\"},{\"value\":\"7\"},{\"system\":\"urn:x\"}],"
          "\"communication\":[{\"language\":{\"coding\":[{\"system\":\"urn:ietf:bcp:47\",\"code\":"
          "\"de\",\"display\":\"German\"}],\"text\":\"Deutsch\"}}],"
          "\"telecom\":[{\"system\":\"phone\",\"value\":\"555\"},{\"system\":\"email\",\"value\":"
          "\"a@b\"},{\"system\":\"url\"}],\"deceasedDateTime\":\"2020\"}",
          expected);
}

static void a_patient_of_whom_nothing_is_said_is_alive(void **state)
{
    static const struct expectation expected[] = {{"deceased", "false"}, {"name", ""}};

    (void)state;
    CHECK("{\"resourceType\":\"Patient\"}", expected);
}

static void strings_are_the_parts_of_names_and_addresses(void **state)
{
    static const struct expectation expected[] = {
        {"name", "Dr Ann B. Ann Lee Lee Jr"},
        {"family", "Lee"},
        {"given", "Ann B."},
        {"address", "1 Main St Town Shire ST 12345 US all"},
        {"address-city", "Town"},
        {"address-use", "http://hl7.org/fhir/address-use|(implied)home"},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"name\":[{\"use\":\"usual\",\"prefix\":[\"Dr\"],"
          "\"given\":[\"Ann\",\"B.\"],\"text\":\"Ann Lee\",\"family\":\"Lee\",\"suffix\":[\"Jr\"]},"
          "{\"family\":\"Lee\"}],\"address\":[{\"use\":\"home\",\"line\":[\"1 Main St\"],"
          "\"city\":\"Town\",\"district\":\"Shire\",\"state\":\"ST\",\"postalCode\":\"12345\","
          "\"country\":\"US\",\"text\":\"all\"}]}",
          expected);
}

static void dates_span_their_precision(void **state)
{
    static const struct {
        const char *effective, *values;
    } cases[] = {
        {"\"effectiveDateTime\":\"2020-02\"", "2020-02-01T00:00:00.000Z..2020-02-29T23:59:59.999Z"},
        {"\"effectiveDateTime\":\"2020-02-03T10:00:00+02:00\"",
         "2020-02-03T08:00:00.000Z..2020-02-03T08:00:00.999Z"},
        {"\"effectiveInstant\":\"2020-02-03T10:00:00.5Z\"",
         "2020-02-03T10:00:00.500Z..2020-02-03T10:00:00.599Z"},
        {"\"effectivePeriod\":{\"start\":\"2020\"}", "2020-01-01T00:00:00.000Z..open"},
        {"\"effectivePeriod\":{\"end\":\"2020-01-01\"}", "open..2020-01-01T23:59:59.999Z"},
        {"\"effectivePeriod\":{\"start\":\"2019\",\"end\":\"2020\"}",
         "2019-01-01T00:00:00.000Z..2020-12-31T23:59:59.999Z"},
        {"\"effectivePeriod\":{\"id\":\"x\"}", ""},
        {"\"effectiveDateTime\":\"soon\"", ""},
        {"\"effectiveTiming\":{\"event\":[\"2020-03-01\",\"2020-01-01\"]}",
         "2020-01-01T00:00:00.000Z..2020-03-01T23:59:59.999Z"},
        {"\"effectiveTiming\":{\"repeat\":{\"boundsPeriod\":{\"start\":\"2020-01-01\"}}}",
         "2020-01-01T00:00:00.000Z..open"},
        {"\"effectiveTiming\":{\"repeat\":{\"frequency\":1}}", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char json[300];
        struct reading reading;

        snprintf(json, sizeof(json),
                 "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},%s}",
                 cases[i].effective);
        reading = read_json(json);
        assert_string_equal(values_of(&reading, "date"), cases[i].values);
        release(&reading);
    }
}

static void quantities_have_bounds_and_units(void **state)
{
    static const struct {
        const char *value, *values;
    } cases[] = {
        {"\"valueQuantity\":{\"value\":5.40,\"unit\":\"mg\",\"system\":\"http://"
         "u\",\"code\":\"mg\"}",
         "5.4[5.395,5.405]http://u|mg\"mg\""},
        {"\"valueQuantity\":{\"value\":5,\"comparator\":\"<\"}", "5[-inf,5)~"},
        {"\"valueQuantity\":{\"value\":5,\"comparator\":\"<=\"}", "5[-inf,5]~"},
        {"\"valueQuantity\":{\"value\":5,\"comparator\":\">\"}", "5(5,inf]~"},
        {"\"valueQuantity\":{\"value\":5,\"comparator\":\">=\"}", "5[5,inf]~"},
        {"\"valueQuantity\":{\"unit\":\"mg\"}", ""},
        {"\"valueSampledData\":{\"origin\":{\"value\":1},\"period\":1,\"dimensions\":1}", ""},
        {"\"valueString\":\"5\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char json[300];
        struct reading reading;

        snprintf(json, sizeof(json),
                 "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},%s}",
                 cases[i].value);
        reading = read_json(json);
        assert_string_equal(values_of(&reading, "value-quantity"), cases[i].values);
        release(&reading);
    }
}

static void ranges_ages_and_money_are_quantities(void **state)
{
    static const struct expectation range[] = {{"onset-age", "20[20,30]~http://u|a"}};
    static const struct expectation age[] = {{"onset-age", "20[19.5,20.5]http://u|a"}};
    static const struct expectation money[] = {
        {"totalnet", "40.22[40.215,40.225]urn:iso:std:iso:4217|EUR"}};

    (void)state;
    CHECK("{\"resourceType\":\"Condition\",\"subject\":{},\"onsetRange\":{\"low\":{\"value\":20,"
          "\"system\":\"http://u\",\"code\":\"a\"},\"high\":{\"value\":30,\"system\":\"http://u\","
          "\"code\":\"a\"}}}",
          range);
    CHECK("{\"resourceType\":\"Condition\",\"subject\":{},\"onsetAge\":{\"value\":20,\"system\":"
          "\"http://u\",\"code\":\"a\"}}",
          age);
    CHECK("{\"resourceType\":\"Invoice\",\"status\":\"issued\",\"totalNet\":{\"value\":40.22,"
          "\"currency\":\"EUR\"}}",
          money);
}

static void numbers_have_the_precision_they_are_written_with(void **state)
{
    static const struct expectation decimal[] = {{"probability", "0.5[0.45,0.55]"}};
    static const struct expectation range[] = {{"probability", "0.1[0.1,inf]~"}};

    (void)state;
    CHECK("{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"subject\":{},\"prediction\":"
          "[{\"probabilityDecimal\":0.5}]}",
          decimal);
    CHECK("{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"subject\":{},\"prediction\":"
          "[{\"probabilityRange\":{\"low\":{\"value\":0.1}}}]}",
          range);
}

static void references_are_literal_logical_or_absolute(void **state)
{
    static const struct expectation expected[] = {
        {"patient", "Patient/1( Patient 1 )"},
        {"subject", "Patient/1( Patient 1 )"},
        {"performer",
         "https://h/fhir/Practitioner/2/_history/3(https://h/fhir Practitioner 2 3) urn:uuid:4 "
         "(identifier urn:s|5) (somebody)"},
        {"has-member", "(somebody)"},
    };
    static const struct expectation group[] = {{"patient", ""}, {"subject", "Group/1( Group 1 )"}};

    (void)state;
    CHECK("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},"
          "\"contained\":[{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\","
          "\"code\":{},\"subject\":{\"reference\":\"Patient/9\"}}],"
          "\"subject\":{\"reference\":\"Patient/1\"},\"performer\":[{\"reference\":"
          "\"https://h/fhir/Practitioner/2/_history/3\"},{\"reference\":\"urn:uuid:4\"},"
          "{\"type\":\"Organization\",\"identifier\":{\"system\":\"urn:s\",\"value\":\"5\"}},"
          "{\"display\":\"nobody\"}],\"hasMember\":[{\"reference\":\"#o\"}]}",
          expected);
    CHECK("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},\"subject\":"
          "{\"reference\":\"Group/1\"}}",
          group);
}

static void canonicals_and_uris_are_texts(void **state)
{
    static const struct expectation expected[] = {
        {"url", "http://x/q"},  {"version", "1"},     {"_profile", "http://p|2"},
        {"_source", "urn:src"}, {"base", "http://b"}, {"valueset", "http://v|3"},
    };

    (void)state;
    CHECK("{\"resourceType\":\"StructureDefinition\",\"meta\":{\"source\":\"urn:src\",\"profile\":["
          "\"http://p|2\"]},\"url\":\"http://x/q\",\"version\":\"1\",\"name\":\"Q\",\"status\":"
          "\"draft\",\"kind\":\"resource\",\"abstract\":false,\"type\":\"Patient\","
          "\"baseDefinition\":\"http://b\",\"snapshot\":{\"element\":[{\"path\":\"Patient\","
          "\"binding\":{\"strength\":\"required\",\"valueSet\":\"http://v|3\"}}]}}",
          expected);
}

static void composites_combine_within_one_instance(void **state)
{
    static const struct expectation expected[] = {
        {"component-code-value-quantity",
         "<http://l|sys$120[119.5,120.5]\"mm\"> <http://l|dia$80[79.5,80.5]\"mm\">"},
        {"combo-code-value-quantity",
         "<http://l|sys$120[119.5,120.5]\"mm\"> <http://l|dia$80[79.5,80.5]\"mm\">"},
        {"code-value-quantity", ""},
        {"combo-code", "http://l|bp http://s|bp http://l|sys http://l|dia"},
    };
    static const struct expectation two_codings[] = {
        {"code-value-string", "<http://l|a$x> <http://s|b$x>"}};

    (void)state;
    CHECK(
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
        "\"http://l\",\"code\":\"bp\"},{\"system\":\"http://s\",\"code\":\"bp\"}]},"
        "\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://l\",\"code\":\"sys\"}]},"
        "\"valueQuantity\":{\"value\":120,\"unit\":\"mm\"}},{\"code\":{\"coding\":[{\"system\":"
        "\"http://l\",\"code\":\"dia\"}]},\"valueQuantity\":{\"value\":80,\"unit\":\"mm\"}}]}",
        expected);
    CHECK(
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
        "\"http://l\",\"code\":\"a\"},{\"system\":\"http://s\",\"code\":\"b\"}]},\"valueString\":"
        "\"x\"}",
        two_codings);
}

static void components_may_ask_the_whole_resource(void **state)
{
    static const struct expectation expected[] = {
        {"chromosome-variant-coordinate", "<http://c|7$10[9.5,10.5]$20[19.5,20.5]>"}};

    (void)state;
    CHECK("{\"resourceType\":\"MolecularSequence\",\"coordinateSystem\":1,\"referenceSeq\":"
          "{\"chromosome\":{\"coding\":[{\"system\":\"http://c\",\"code\":\"7\"}]}},\"variant\":"
          "[{\"start\":10,\"end\":20},{\"start\":30}]}",
          expected);
}

static void a_resource_in_place_is_a_reference(void **state)
{
    static const struct expectation expected[] = {
        {"composition", "Composition/c( Composition c )"}};

    (void)state;
    CHECK("{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{\"resource\":"
          "{\"resourceType\":\"Composition\",\"id\":\"c\"}},{\"resource\":{\"resourceType\":"
          "\"Patient\",\"id\":\"p\"}}]}",
          expected);
}

static void equal_values_are_kept_once(void **state)
{
    struct arena *arena = arena_new();
    struct buf json = buf_in(arena);
    struct search_values values;
    struct reading reading;
    unsigned failed, codes = 0;

    (void)state;
    buf_add_text(&json, "{\"resourceType\":\"ValueSet\",\"status\":\"draft\",\"compose\":{"
                        "\"include\":[{\"system\":\"http://s\",\"concept\":[{\"code\":\"x\"}");
    buf_add_text(&json, "]}]},\"identifier\":[{\"value\":\"0\"}");
    for (int i = 0; i < 3000; i++)
        buf_printf(&json, ",{\"value\":\"%d\"}", i % 1000);
    buf_add_text(&json, "]}");
    reading = read_sized(buf_text(&json), json.size);
    assert_non_null(reading.root);
    search_values_extract(reading.root, arena, &values, &failed);
    assert_int_equal(failed, 0);
    for (size_t i = 0; i < values.count; i++)
        codes += strcmp(values.items[i].param->code, "identifier") == 0;
    assert_int_equal(codes, 1000);
    release(&reading);
    arena_free(arena);
}

/* With a bad hash this takes as long as a timeout. */
static void many_values_that_differ_in_their_system_alone_are_no_burden(void **state)
{
    struct arena *arena = arena_new();
    struct buf json = buf_in(arena);
    struct search_values values;
    struct reading reading;
    unsigned failed, codes = 0;

    (void)state;
    buf_add_text(&json, "{\"resourceType\":\"Patient\",\"identifier\":[{\"value\":\"1\"}");
    for (int i = 0; i < 150000; i++)
        buf_printf(&json, ",{\"system\":\"http://s/%d\",\"value\":\"1\"}", i);
    buf_add_text(&json, "]}");
    reading = read_sized(buf_text(&json), json.size);
    assert_non_null(reading.root);
    search_values_extract(reading.root, arena, &values, &failed);
    assert_int_equal(failed, 0);
    for (size_t i = 0; i < values.count; i++)
        codes += strcmp(values.items[i].param->code, "identifier") == 0;
    assert_int_equal(codes, 150001);
    release(&reading);
    arena_free(arena);
}

static void broken_resources_give_what_they_can(void **state)
{
    static const struct expectation expected[] = {{"birthdate", ""}, {"family", "A"}};

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"birthDate\":[1],\"name\":[{\"family\":\"A\"}],"
          "\"gender\":{},\"unheardOf\":1}",
          expected);
}

/* Every official example, where they are at hand: no expression may fail. */
static void the_examples_of_r4_are_extracted(void **state)
{
    const char *data = getenv("ISTHMUS_TEST_DATA");
    char folder[400], path[800];
    unsigned files = 0, wrong = 0;
    size_t found = 0;
    struct dirent *entry;
    DIR *dir;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/r4-examples", data ? data : "../shared/data");
    dir = opendir(folder);
    if (!dir) {
        print_message("skipped: there is no %s\n", folder);
        skip();
        return;
    }
    while ((entry = readdir(dir))) {
        struct buf content = {0};
        struct search_values values;
        struct reading reading;
        unsigned failed = 0;
        FILE *file;

        if (!strstr(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        file = fopen(path, "rb");
        assert_non_null(file);
        for (size_t got = 1; got > 0; content.size += got)
            got = fread(buf_reserve(&content, 1 << 16), 1, 1 << 16, file);
        fclose(file);
        reading = read_sized(content.data, content.size);
        if (reading.root)
            search_values_extract(reading.root, reading.arena, &values, &failed);
        if (!reading.root || failed > 0)
            print_error("%s: %u expressions failed\n", entry->d_name, failed);
        wrong += !reading.root || failed > 0;
        found += reading.root ? values.count : 0;
        files++;
        release(&reading);
        buf_release(&content);
    }
    closedir(dir);
    assert_int_equal(wrong, 0);
    assert_true(files > 700 && found > (size_t)10 * files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_expression_compiles),
        cmocka_unit_test(tokens_come_from_codes_concepts_and_identifiers),
        cmocka_unit_test(a_patient_of_whom_nothing_is_said_is_alive),
        cmocka_unit_test(strings_are_the_parts_of_names_and_addresses),
        cmocka_unit_test(dates_span_their_precision),
        cmocka_unit_test(quantities_have_bounds_and_units),
        cmocka_unit_test(ranges_ages_and_money_are_quantities),
        cmocka_unit_test(numbers_have_the_precision_they_are_written_with),
        cmocka_unit_test(references_are_literal_logical_or_absolute),
        cmocka_unit_test(canonicals_and_uris_are_texts),
        cmocka_unit_test(composites_combine_within_one_instance),
        cmocka_unit_test(components_may_ask_the_whole_resource),
        cmocka_unit_test(a_resource_in_place_is_a_reference),
        cmocka_unit_test(equal_values_are_kept_once),
        cmocka_unit_test(many_values_that_differ_in_their_system_alone_are_no_burden),
        cmocka_unit_test(broken_resources_give_what_they_can),
        cmocka_unit_test(the_examples_of_r4_are_extracted),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
