#include "base/count.h"
#include "sync/partner.h"
#include "sync/secret.h"

#include "tests/unit/sync/in_arena.h"

static struct partner partner;
static struct err err;

static bool parse(const char *document)
{
    err = (struct err){0};
    return partner_parse(text_of(document), arena, &partner, &err);
}

#define LEAST "\"id\":\"a\",\"base\":\"http://a.example/fhir\""

static void the_least_that_is_needed_has_defaults(void **state)
{
    (void)state;
    assert_true(parse("{" LEAST ",\"modes\":{}}"));
    assert_string_equal(partner.name, "a");
    assert_true(partner.enabled);
    assert_int_equal(partner.validation, VALIDATION_STRUCTURE);
    assert_int_equal(partner.limits.concurrency, 2);
    assert_int_equal(partner.network_count, 0);
    assert_false(partner.search.on);
    assert_null(partner.headers[0].name);
}

static void everything_is_read(void **state)
{
    (void)state;
    assert_true(parse(
        "{\"id\":\"mercy-epic\",\"name\":\"Mercy\",\"enabled\":false,"
        "\"base\":\"https://fhir.mercy.example/R4/\",\"aliases\":[\"https://int.mercy.example/"
        "R4\"],"
        "\"linkRewrite\":true,\"networks\":[\"10.0.0.0/8\"],\"headers\":{\"Epic-Client-ID\":\"x\"},"
        "\"validation\":\"off\",\"vendor\":\"epic\","
        "\"limits\":{\"rps\":0.5,\"concurrency\":3,\"window\":\"22:00-05:30\",\"dailyRequests\":"
        "50000},"
        "\"retry\":{\"first\":\"PT0.05S\",\"tries\":3},"
        "\"modes\":{\"search\":{\"every\":\"PT5M\",\"overlap\":\"PT15M\",\"queries\":["
        "{\"type\":\"Observation\",\"q\":\"category=laboratory\",\"clock\":\"_lastUpdated\"},"
        "{\"type\":\"Procedure\",\"clock\":\"date\",\"lookback\":\"P30D\"}]},"
        "\"history\":{\"types\":[\"Patient\"]},"
        "\"snapshot\":{\"every\":\"P7D\",\"queries\":[{\"type\":\"Patient\"}]}},"
        "\"hydrate\":{\"depth\":2,\"number\":100},"
        "\"tls\":{\"caRef\":\"file:/run/ca.pem\",\"clientCertRef\":null},"
        "\"reconcile\":{\"guard\":{\"maxDisappearPct\":5,\"maxDisappear\":10}}}"));
    assert_string_equal(partner.base, "https://fhir.mercy.example/R4");
    assert_string_equal(partner.aliases[0], "https://int.mercy.example/R4");
    assert_string_equal(partner.headers[0].name, "Epic-Client-ID");
    assert_string_equal(partner.headers[0].value, "x");
    assert_int_equal(partner.network_count, 1);
    assert_int_equal(partner.retry.first, 50);
    assert_int_equal(partner.limits.window_from, 22 * 60);
    assert_int_equal(partner.search.every, 300000);
    assert_int_equal(partner.search.overlap, 900000);
    assert_int_equal(partner.search.count, 2);
    assert_string_equal(partner.search.queries[0].q, "category=laboratory");
    assert_int_equal(partner.search.queries[1].clock, PARTNER_CLINICAL);
    assert_string_equal(partner.search.queries[1].parameter, "date");
    assert_int_equal(partner.search.queries[1].lookback_days, 30);
    assert_true(partner.history.on && !partner.history.system);
    assert_true(partner.snapshot.on && partner.snapshot.reconcile);
    assert_int_equal(partner.hydrate_number, 100);
    assert_int_equal(partner.guard_percent, 5);
    assert_string_equal(partner.tls.ca_file, "/run/ca.pem");
    assert_null(partner.tls.client_file);
}

/* A document, the key that the error names, and a word of the sentence. */
static void what_is_wrong_is_named(void **state)
{
    static const char *const cases[][3] = {
        {"{" LEAST "}", "modes", "missing"},
        {"[]", "", "object"},
        {"{\"id\":1", "", "JSON"},
        {"{" LEAST ",\"modes\":{},\"limts\":{}}", "limts", "did you mean limits?"},
        {"{" LEAST ",\"modes\":{\"serch\":{}}}", "modes.serch", "did you mean search?"},
        {"{" LEAST ",\"modes\":{\"bulk\":{}}}", "modes.bulk", "not offered yet"},
        {"{" LEAST ",\"modes\":{},\"auth\":{}}", "auth", "not offered yet"},
        {"{" LEAST ",\"modes\":{},\"tls\":{\"caRef\":\"ca.pem\"}}", "tls.caRef", "absolute path"},
        {"{" LEAST ",\"modes\":{},\"tls\":{\"insecure\":true}}", "tls.insecure", "no key"},
        {"{" LEAST ",\"modes\":{},\"limits\":{\"rps\":0}}", "limits.rps", "from 0.001"},
        {"{" LEAST ",\"modes\":{},\"limits\":{\"window\":\"1-2\"}}", "limits.window", "UTC"},
        {"{" LEAST ",\"modes\":{},\"networks\":[\"lan\"]}", "networks", "10.0.0.0/8"},
        {"{" LEAST ",\"modes\":{},\"headers\":{\"Host\":\"x\"}}", "headers", "header names"},
        {"{" LEAST ",\"modes\":{},\"headers\":{\"X\":\"a\\nb\"}}", "headers.X", "one line"},
        {"{" LEAST ",\"modes\":{},\"headers\":{\"X\":\"***\"}}", "headers.X", "stands for it"},
        {"{" LEAST ",\"modes\":{},\"headers\":{\"X\":{\"ref\":\"/a\"}}}", "headers.X", "env:NAME"},
        {"{" LEAST ",\"modes\":{},\"headers\":{\"X\":{\"file\":\"/a\"}}}", "headers.X", "ref"},
        {"{" LEAST ",\"modes\":{\"search\":{\"queries\":[{\"type\":\"Patiant\"}]}}}",
         "modes.search.queries[0].type", "R4"},
        {"{" LEAST
         ",\"modes\":{\"search\":{\"queries\":[{\"type\":\"Patient\",\"clock\":\"date\"}]}}}",
         "modes.search.queries[0].lookback", "P30D"},
        {"{" LEAST
         ",\"modes\":{\"search\":{\"queries\":[{\"type\":\"Patient\"},{\"type\":\"Group\"},"
         "{\"type\":\"Patient\"}]}}}",
         "modes.search.queries[2]", "another than those before"},
        {"{" LEAST ",\"modes\":{\"history\":{\"types\":[\"Patient\",\"Patient\"]}}}",
         "modes.history.types", "another than those before"},
        {"{" LEAST ",\"modes\":{\"search\":{\"every\":\"5m\",\"queries\":[]}}}",
         "modes.search.every", "ISO duration"},
        {"{" LEAST
         ",\"modes\":{\"snapshot\":{\"queries\":[{\"type\":\"Patient\",\"q\":\"a=b\"}]}}}",
         "modes.snapshot.queries", "narrowed"},
        {"{\"id\":\"A b\",\"base\":\"http://a.example\",\"modes\":{}}", "id", "lower case"},
        {"{\"id\":\"a\",\"base\":\"ftp://a.example\",\"modes\":{}}", "base", "http"},
        {"{\"id\":\"a\",\"base\":\"http://u@a.example\",\"modes\":{}}", "base", "http"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(parse(cases[i][0]));
        assert_int_equal(err.kind, ERR_INVALID);
        assert_string_equal(err.where, cases[i][1]);
        if (!strstr(err.text, cases[i][2]))
            fail_msg("%s: %s", cases[i][0], err.text);
    }
}

static void durations_are_iso(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"PT5M", 300000},     {"P1D", 86400000},     {"PT0.25S", 250},
                {"P1DT2H", 93600000}, {"P2W", 1209600000LL}, {"PT1H30M", 5400000}};
    static const char *const bad[] = {"",   "P",    "PT",  "5M",     "PT5",
                                      "P5", "PT5D", "P1M", "PT5M3H", "PT.5S"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(partner_duration(text_of(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (partner_duration(text_of(bad[i]), &ms))
            fail_msg("%s is a duration of %ld ms", bad[i], (long)ms);
}

static void hours_may_go_past_midnight(void **state)
{
    const int64_t hour = INT64_C(3600000000);
    int64_t opens;

    (void)state;
    assert_true(parse("{" LEAST ",\"modes\":{},\"limits\":{\"window\":\"22:00-05:00\"}}"));
    assert_true(partner_window_is_open(&partner, 23 * hour, &opens));
    assert_true(partner_window_is_open(&partner, 4 * hour, &opens));
    assert_false(partner_window_is_open(&partner, 12 * hour, &opens));
    assert_int_equal(opens, 22 * hour);
    assert_false(partner_window_is_open(&partner, 5 * hour, &opens));
}

static void patience_follows_from_rhythm_and_hours(void **state)
{
    const int64_t minute = INT64_C(60000000);

    (void)state;
    assert_true(parse("{" LEAST ",\"modes\":{}}"));
    assert_int_equal(partner_patience(&partner, 300000), 16 * minute);
    assert_int_equal(partner_patience(&partner, INT64_C(604800000)),
                     (3 * 7 * 24 * 60 + 1) * minute);
    assert_true(parse("{" LEAST ",\"modes\":{},\"limits\":{\"window\":\"22:00-05:00\"}}"));
    assert_int_equal(partner_patience(&partner, 300000), (24 * 60 + 16) * minute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_that_is_needed_has_defaults),
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(durations_are_iso),
        cmocka_unit_test(hours_may_go_past_midnight),
        cmocka_unit_test(patience_follows_from_rhythm_and_hours),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
