/* Comments go, strings and lines stay. */

#include "base/count.h"
#include "fhir/json.h"
#include "tests/unit/fhir/reading.h"

static void comments_become_blanks(void **state)
{
    static const struct {
        const char *with, *without;
    } cases[] = {
        {"{} // x", "{}     "},
        {"{//\n}", "{  \n}"},
        {"{/*\n*/}", "{  \n  }"},
        {"\"// /* \\\" //\" /**/", "\"// /* \\\" //\"     "},
        {"/", "/"},
        {"/*", "  "},
        {"/*/ x", "     "},
        {"\"x\\", "\"x\\"},
        {"1/2", "1/2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = strdup(cases[i].with);

        json_blank_comments(text, strlen(text));
        assert_string_equal(text, cases[i].without);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_become_blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
