#include "fhir/canonical.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_canonical_has_a_url_and_perhaps_a_version(void **state)
{
    struct canonical split = canonical_split(TEXT("http://x/p|1.2#part"));

    (void)state;
    assert_true(text_is(split.url, "http://x/p"));
    assert_true(text_is(split.version, "1.2"));
    split = canonical_split(TEXT("http://x/p"));
    assert_true(text_is(split.url, "http://x/p"));
    assert_null(split.version.data);
    assert_null(canonical_split(TEXT("http://x/p|")).version.data);
    assert_null(canonical_split((struct text){0}).url.data);
}

static void versions_stand_in_order(void **state)
{
    static const char *const rising[] = {
        NULL, "0.9", "1.2", "1.2.0-ballot", "1.2.0", "1.2.9", "1.2.10", "1.10", "2", "4.0.1",
    };

    (void)state;
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) {
            int order = canonical_compare_versions(text_of(rising[i]), text_of(rising[j]));

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(canonical_compare_versions(TEXT("01.2"), TEXT("1.02")), 0);
}

static void fewer_parts_mean_all_that_begin_so(void **state)
{
    (void)state;
    assert_true(canonical_version_fits(TEXT("4.0"), TEXT("4.0.1")));
    assert_true(canonical_version_fits(TEXT("4.0.1"), TEXT("4.0.1")));
    assert_true(canonical_version_fits((struct text){0}, (struct text){0}));
    assert_false(canonical_version_fits(TEXT("4.0"), TEXT("4.01")));
    assert_false(canonical_version_fits(TEXT("4.0.1"), TEXT("4.0")));
    assert_false(canonical_version_fits(TEXT("4"), (struct text){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_canonical_has_a_url_and_perhaps_a_version),
        cmocka_unit_test(versions_stand_in_order),
        cmocka_unit_test(fewer_parts_mean_all_that_begin_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
