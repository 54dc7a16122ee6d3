#include "tests/unit/fhir/reading.h"

#include "base/count.h"
#include "fhir/primitive.h"

#include <dirent.h>

#define DAY ((int64_t)24 * 3600 * 1000000)

/* R4 datatypes.html#primitive. */
static const struct {
    enum primitive primitive;
    const char *valid[5], *invalid[12];
} formats[] = {
    {PRIMITIVE_BASE64BINARY,
     {"QQ==", "QUI=", "QUJD\r\n QUJD\n", "+/+/"},
     {"", "QQ=", "QQ", "Q===", "====", "QQ==QQ==", "QQ_-", "Q Q=="}},
    {PRIMITIVE_BOOLEAN, {"true", "false"}, {"True"}},
    {PRIMITIVE_CANONICAL, {"http://x|1.0"}, {"http://x y"}},
    {PRIMITIVE_CODE, {"a", "a b c"}, {"", " a", "a ", "a  b", "a\tb"}},
    {PRIMITIVE_DATE,
     {"0001", "2020-02-29", "2000-02-29"},
     {"0000", "20", "2020-", "2020-1-1", "2020-13", "2020-00", "1900-02-29", "2020-04-31",
      "2020-04-00", "2020-04-30T10:00:00Z"}},
    {PRIMITIVE_DATETIME,
     {"2020", "2020-04-30T10:00:00Z", "2016-12-31T23:59:60Z",
      "2020-04-30T10:00:00.123456789+14:00"},
     {"2020-04-30T10:00:00", "2020-04-30T10:00Z", "2020-04-30T24:00:00Z", "2020-04-30T10:60:00Z",
      "2020-04-30T10:00:61Z", "2020-04-30T10:00:00.Z", "2020-04-30T10:00:00+14:01",
      "2020-04-30T10:00:00+1:00", "2020-04-30T10:00:00Zx", "2020-04-30 10:00:00Z",
      "2020-04T10:00:00Z"}},
    {PRIMITIVE_DECIMAL,
     {"0", "-0.00", "1.0E-10", "1e+2"},
     {"01", "+1", ".5", "5.", "1e", "-", "", "0x1"}},
    {PRIMITIVE_ID,
     {"A-z.0", "1234567890123456789012345678901234567890123456789012345678901234"},
     {"12345678901234567890123456789012345678901234567890123456789012345", "", "a_b", "\xc3\xa9"}},
    {PRIMITIVE_INSTANT, {"2020-04-30T10:00:00-05:00"}, {"2020-04-30"}},
    {PRIMITIVE_INTEGER,
     {"-2147483648", "2147483647", "0"},
     {"2147483648", "-2147483649", "99999999999999999999", "01", "1.0", "1e1", "-"}},
    {PRIMITIVE_MARKDOWN, {"# a\n\tb"}, {""}},
    {PRIMITIVE_OID,
     {"urn:oid:1.2.0.40"},
     {"urn:oid:3.1", "urn:oid:1", "urn:oid:1.", "urn:oid:1.02", "urn:oid:1..2", "1.2.3"}},
    {PRIMITIVE_POSITIVEINT, {"1", "2147483647"}, {"0", "-1", "2147483648"}},
    {PRIMITIVE_STRING,
     {" ", "a\r\n\tb \xf0\x9f\x98\x80"},
     {"", "a\x01", "a long text of some words and then \x0b"}},
    {PRIMITIVE_TIME, {"23:59:60", "00:00:00.5"}, {"24:00:00", "10:00", "10:00:00Z"}},
    {PRIMITIVE_UNSIGNEDINT, {"0"}, {"-0"}},
    {PRIMITIVE_URI, {"urn:x", "\xc3\xa9"}, {"a b", ""}},
    {PRIMITIVE_URL, {}, {"a\nb"}},
    {PRIMITIVE_UUID,
     {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
     {"urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "urn:uuid:c757873dec9a4326a141556f43239520",
      "urn:uuid:c757873d-ec9a-4326-a141-556f4323952g"}},
    {PRIMITIVE_XHTML, {"<div/>"}, {}},
    {PRIMITIVE_NONE, {}, {"x"}},
};

static void check_all(enum primitive primitive, const char *const *texts, size_t room, bool valid)
{
    for (size_t i = 0; i < room && texts[i]; i++)
        if (primitive_is_valid(primitive, text_of(texts[i])) != valid)
            fail_msg("primitive %d: '%s' should be %s", primitive, texts[i],
                     valid ? "valid" : "invalid");
}

static void formats_are_those_of_r4(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        check_all(formats[i].primitive, formats[i].valid, COUNT(formats[i].valid), true);
        check_all(formats[i].primitive, formats[i].invalid, COUNT(formats[i].invalid), false);
    }
    assert_false(primitive_is_valid(PRIMITIVE_STRING, (struct text){0}));
}

static void a_string_has_at_most_a_megabyte_of_characters(void **state)
{
    size_t limit = (size_t)1024 * 1024;
    char *text = malloc(2 * limit + 2);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < limit + 1; i++) {
        text[2 * i] = '\xc3'; /* e with an acute accent */
        text[2 * i + 1] = '\xa9';
    }
    assert_true(primitive_is_valid(PRIMITIVE_STRING, (struct text){text, 2 * limit}));
    assert_false(primitive_is_valid(PRIMITIVE_STRING, (struct text){text, 2 * limit + 2}));
    /* A narrative is no string. */
    assert_true(primitive_is_valid(PRIMITIVE_XHTML, (struct text){text, 2 * limit + 2}));
    free(text);
}

static void assert_span(const char *text, int zone, int64_t low, int64_t high)
{
    struct date_value value;
    int64_t found_low, found_high;

    assert_true(date_parse(text_of(text), &value));
    date_span(&value, zone, &found_low, &found_high);
    assert_int_equal(found_low, low);
    assert_int_equal(found_high, high);
}

static void a_date_stands_for_a_span_of_time(void **state)
{
    (void)state;
    assert_span("1970", 0, 0, 365 * DAY - 1);
    assert_span("1972", 0, 730 * DAY, 1096 * DAY - 1);
    assert_span("1970-12", 0, 334 * DAY, 365 * DAY - 1);
    assert_span("1970-01-02", 0, DAY, 2 * DAY - 1);
    assert_span("1970-01-01", 60, -3600000000, DAY - 3600000000 - 1);
    assert_span("1970-01-01T00:01", 0, 60000000, 119999999);
    assert_span("1970-01-01T00:00:01Z", 60, 1000000, 1999999);
    assert_span("1970-01-01T00:00:01.5Z", 0, 1500000, 1599999);
    assert_span("1970-01-01T00:00:01.123456Z", 0, 1123456, 1123456);
    assert_span("1970-01-01T00:00:01.123456789Z", 0, 1123456, 1123456);
    assert_span("1970-01-01T01:00:00+01:00", 0, 0, 999999);
    assert_span("1969-12-31T19:00:00-05:00", 0, 0, 999999);
    assert_span("1969-12-31T23:59:59Z", 0, -1000000, -1);
}

static void a_date_keeps_how_it_was_written(void **state)
{
    struct date_value value;

    (void)state;
    assert_true(date_parse(TEXT("2020-05-06T07:08:09.120-03:30"), &value));
    assert_int_equal(value.precision, DATE_FRACTION);
    assert_int_equal(value.fraction_digits, 3);
    assert_int_equal(value.microsecond, 120000);
    assert_int_equal(value.zone_minutes, -210);
    assert_int_equal(value.day, 6);
    assert_true(date_parse(TEXT("2020-05-06T07:08"), &value));
    assert_int_equal(value.precision, DATE_MINUTE);
    assert_false(value.has_zone);
    assert_true(date_parse(TEXT("2020"), &value));
    assert_int_equal(value.month, 1);
    assert_false(date_parse(TEXT("2020-05-06T07"), &value));
    assert_false(date_parse(TEXT(""), &value));
}

/* R4 search.html#number. */
static void a_decimal_stands_for_a_range(void **state)
{
    static const struct {
        const char *text;
        double value, low, high;
    } cases[] = {
        {"100", 100, 99.5, 100.5},
        {"100.00", 100, 99.995, 100.005},
        {"1e2", 100, 95, 105},
        {"1.0e2", 100, 95, 105},
        {"1.00e2", 100, 99.5, 100.5},
        {"5.4", 5.4, 5.35, 5.45},
        {"0", 0, -0.5, 0.5},
        {"0.0", 0, -0.05, 0.05},
        {"0.001", 0.001, 0.0005, 0.0015},
        {"-100", -100, -100.5, -99.5},
        {"-0.1", -0.1, -0.15, -0.05},
        {"1000", 1000, 999.5, 1000.5},
        {"123456789012345678901234567890123456789012345", 1.2345678901234567e44,
         1.2345678901234567e44, 1.2345678901234567e44},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decimal_value value;

        assert_true(decimal_parse(text_of(cases[i].text), &value));
        if (value.value != cases[i].value || value.low != cases[i].low ||
            value.high != cases[i].high)
            fail_msg("%s: %.17g [%.17g, %.17g]", cases[i].text, value.value, value.low, value.high);
    }
    assert_false(decimal_parse(TEXT("1,5"), &(struct decimal_value){0}));
}

/* How a value of each file of the suite is put into a resource. */
static const struct {
    const char *file, *before, *after;
} suites[] = {
#define PARAMETER(type)                                                                            \
    "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"x\",\"value" type "\":", "}]}"
    {"base64_binary", PARAMETER("Base64Binary")},
    {"boolean", PARAMETER("Boolean")},
    {"canonical", PARAMETER("Canonical")},
    {"code", PARAMETER("Code")},
    {"date", PARAMETER("Date")},
    {"date_time", PARAMETER("DateTime")},
    {"decimal", PARAMETER("Decimal")},
    {"id", PARAMETER("Id")},
    {"instant", PARAMETER("Instant")},
    {"integer", PARAMETER("Integer")},
    {"markdown", PARAMETER("Markdown")},
    {"oid", PARAMETER("Oid")},
    {"positive_int", PARAMETER("PositiveInt")},
    {"reference", PARAMETER("Reference")},
    {"string", PARAMETER("String")},
    {"time", PARAMETER("Time")},
    {"unsigned_int", PARAMETER("UnsignedInt")},
    {"uri", PARAMETER("Uri")},
    {"url", PARAMETER("Url")},
    {"uuid", PARAMETER("Uuid")},
    {"xhtml", "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":", "}}"},
};

static bool suite_value_is_valid(size_t suite, const char *value)
{
    struct buf json = {0};
    struct reading r;
    bool valid;

    buf_printf(&json, "%s%s%s", suites[suite].before, value, suites[suite].after);
    r = check_json(buf_text(&json));
    valid = r.root && r.issues.errors == 0;
    release(&r);
    buf_release(&json);
    return valid;
}

/* Returns how many values the file has. */
static unsigned run_suite_file(const char *folder, size_t suite, const char *verdict)
{
    char path[512], line[4096];
    unsigned count = 0;
    bool expected = strcmp(verdict, "valid") == 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.%s.ndjson", folder, suites[suite].file, verdict);
    file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing", path);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = 0;
        /* null in a list of valid values says that there need not be one. */
        if (!*line || (expected && strcmp(line, "null") == 0))
            continue;
        if (suite_value_is_valid(suite, line) != expected)
            fail_msg("%s: %s", path, line);
        count++;
    }
    fclose(file);
    return count;
}

static void the_published_suite_passes(void **state)
{
    const char *data = getenv("ISTHMUS_TEST_DATA");
    char folder[256];
    DIR *there;
    unsigned count = 0;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/suites/primitives", data ? data : "../shared/data");
    there = opendir(folder);
    if (!there) {
        print_message("skipped: no suite of primitive values in %s\n", folder);
        skip();
    } else {
        closedir(there);
    }
    for (size_t i = 0; i < COUNT(suites); i++)
        count += run_suite_file(folder, i, "valid") + run_suite_file(folder, i, "invalid");
    print_message("%u values of the suite\n", count);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_those_of_r4),
        cmocka_unit_test(a_string_has_at_most_a_megabyte_of_characters),
        cmocka_unit_test(a_date_stands_for_a_span_of_time),
        cmocka_unit_test(a_date_keeps_how_it_was_written),
        cmocka_unit_test(a_decimal_stands_for_a_range),
        cmocka_unit_test(the_published_suite_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
