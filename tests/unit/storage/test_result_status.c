#include "storage/result_status.h"

#include "writing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena *arena;

static const char *result(const char *type, const char *status, const char *issued)
{
    return arena_printf(arena, "{\"resourceType\":\"%s\",\"status\":\"%s\",\"issued\":\"%s\"}",
                        type, status, issued);
}

#define NOON "2026-11-20T12:00:00Z"

static bool allowed(const char *stored, const char *sent)
{
    struct err err = {0};
    bool good = result_status_check(text_of(stored), parse(arena, sent), &err);

    assert_true(good || err.kind == ERR_UNPROCESSABLE);
    return good;
}

/* 'x' where the change from the row's to the column's status is refused. */
static void every_change_of_status(void **state)
{
    static const char *const names[] = {"registered",       "preliminary", "partial",  "final",
                                        "amended",          "corrected",   "appended", "cancelled",
                                        "entered-in-error", "unknown"};
    static const char *const table[] = {
        "..........", /* registered */
        "..........", /* preliminary */
        "..........", /* partial */
        "xxx.......", /* final */
        "xxxx......", /* amended */
        "xxxx......", /* corrected */
        "xxxx......", /* appended */
        "..........", /* cancelled */
        "xxxx......", /* entered-in-error */
        "..........", /* unknown */
    };

    (void)state;
    for (size_t from = 0; from < 10; from++)
        for (size_t to = 0; to < 10; to++) {
            const char *stored = result("DiagnosticReport", names[from], NOON);
            const char *sent = result("DiagnosticReport", names[to], NOON);
            if (allowed(stored, sent) != (table[from][to] == '.'))
                fail_msg("%s to %s", names[from], names[to]);
        }
}

static void an_older_result_does_not_replace_a_newer_one(void **state)
{
    const char *stored = result("Observation", "final", NOON);

    (void)state;
    assert_false(allowed(stored, result("Observation", "final", "2026-11-20T11:59:59Z")));
    assert_false(allowed(stored, result("Observation", "corrected", "2026-11-20T12:30:00+01:00")));
    assert_true(allowed(stored, result("Observation", "final", "2026-11-20T13:00:00+01:00")));
    assert_true(allowed(stored, result("Observation", "final", "2026-11-20T12:00:01Z")));
    assert_true(allowed(stored, result("Observation", "entered-in-error", "2026-11-20T10:00:00Z")));
    assert_true(allowed(stored, "{\"resourceType\":\"Observation\",\"status\":\"final\"}"));
}

static void other_types_pass(void **state)
{
    (void)state;
    assert_true(allowed("{\"resourceType\":\"Immunization\",\"status\":\"completed\"}",
                        "{\"resourceType\":\"Immunization\",\"status\":\"not-done\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_of_status),
        cmocka_unit_test(an_older_result_does_not_replace_a_newer_one),
        cmocka_unit_test(other_types_pass),
    };

    arena = arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
