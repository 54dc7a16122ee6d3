/* Critical results. */

#include "fhir/critical.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OBSERVATION "{\"resourceType\":\"Observation\",\"status\":\"final\","
#define CODE(code)                                                                                 \
    "\"interpretation\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-"     \
    "ObservationInterpretation\",\"code\":\"" code "\"}]}]"

static void check(const char *const *bodies, bool expected)
{
    for (; *bodies; bodies++)
        if (critical_result(text_of(*bodies)) != expected)
            fail_msg("%s", *bodies);
}

static void critical_codes_and_words_are_seen(void **state)
{
    static const char *const bodies[] = {
        OBSERVATION CODE("HH") "}",
        OBSERVATION CODE("LL") "}",
        OBSERVATION CODE("AA") "}",
        OBSERVATION "\"component\":[{" CODE("HH") "}]}",
        OBSERVATION "\"interpretation\":[{\"text\":\"Critically low\"}]}",
        OBSERVATION "\"interpretation\":[{\"coding\":[{\"display\":\"PANIC value\"}]}]}",
        "{ \"resourceType\" : \"Observation\" , \"interpretation\" : \"HH\" }",
        NULL,
    };

    (void)state;
    check(bodies, true);
}

static void what_is_cut_or_no_json_is_looked_at_too(void **state)
{
    static const char *const bodies[] = {
        OBSERVATION CODE("HH"),
        OBSERVATION "\"status\":\"final\",,," CODE("HH") "\"valueString\":\"\xff",
        "{\"resourceType\":\"DiagnosticReport\",\"status\":[\"final\"",
        NULL,
    };

    (void)state;
    check(bodies, true);
}

static void final_reports_are_told_and_others_not(void **state)
{
    static const char *const final[] = {
        "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\"}",
        "{\"status\":\"corrected\",\"resourceType\":\"DiagnosticReport\"}", NULL};
    static const char *const others[] = {
        "{\"resourceType\":\"DiagnosticReport\",\"status\":\"preliminary\"}",
        "{\"resourceType\":\"DiagnosticReport\",\"conclusion\":\"final\"}",
        "{\"resourceType\":\"Composition\",\"status\":\"final\",\"section\":[{\"entry\":[{\"type\":"
        "\"DiagnosticReport\"}]}]}",
        NULL};

    (void)state;
    check(final, true);
    check(others, false);
}

static void usual_results_raise_no_alarm(void **state)
{
    static const char *const bodies[] = {
        OBSERVATION CODE("H") "}",
        OBSERVATION CODE("N") ",\"note\":[{\"text\":\"a note\"}]}",
        OBSERVATION "\"valueString\":\"HH\"}",
        "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"HH\"}]}",
        "HH",
        "",
        "\"",
        "{\"resourceType\":\"Obser",
        NULL,
    };

    (void)state;
    check(bodies, false);
    assert_false(critical_result((struct text){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(critical_codes_and_words_are_seen),
        cmocka_unit_test(what_is_cut_or_no_json_is_looked_at_too),
        cmocka_unit_test(final_reports_are_told_and_others_not),
        cmocka_unit_test(usual_results_raise_no_alarm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
