#include "fhir/fhirpath_moment.h"

#include "base/count.h"
#include "tests/unit/fhir/reading.h"

static struct moment moment(const char *text)
{
    struct moment read;

    assert_true(text[0] == 'T' ? moment_read_time(text_of(text + 1), &read)
                               : moment_read(text_of(text), &read));
    return read;
}

static int compare(const char *a, const char *b)
{
    struct moment x = moment(a), y = moment(b);

    return moment_compare(&x, &y);
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const same[] = {"2015",
                                       "2015-02",
                                       "2015-02-28",
                                       "2015-02-28T14",
                                       "2015-02-28T14:34",
                                       "2015-02-28T14:34:28",
                                       "2015-02-28T14:34:28.123-03:30",
                                       "2016-02-29T00:00Z"};
    static const char *const wrong[] = {"",
                                        "15",
                                        "2015-13",
                                        "2015-02-29",
                                        "2015-00-01",
                                        "0000",
                                        "2015-02T10:00",
                                        "2015-02-28T24:00",
                                        "2015-02-28T10:60",
                                        "2015-02-28T10:00+15:00",
                                        "2015-02-28 10:00",
                                        "2015-02-28T10:00:00."};
    struct arena *arena = arena_new();
    struct moment read;

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        read = moment(same[i]);
        assert_true(text_is(moment_write(arena, &read, false), same[i]));
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(moment_read(text_of(wrong[i]), &read));
    assert_true(moment_read(TEXT("2015-02T"), &read));
    assert_true(text_is(moment_write(arena, &read, true), "2015-02T"));
    assert_false(moment_read_time(TEXT("10:00Z"), &read));
    arena_free(arena);
}

static void precision_and_zones_decide_what_is_known(void **state)
{
    (void)state;
    assert_int_equal(compare("2015", "2016"), -1);
    assert_int_equal(compare("2015-02", "2015-02-01"), 2);
    assert_int_equal(compare("2015-02-01", "2015-02-01T10:00"), 2);
    assert_int_equal(compare("2015-02-01T10:00:00", "2015-02-01T10:00:00.000"), 0);
    assert_int_equal(compare("2015-02-01T10:00+02:00", "2015-02-01T08:00Z"), 0);
    assert_int_equal(compare("2015-02-01T00:30+02:00", "2015-01-31T22:30Z"), 0);
    assert_int_equal(compare("2015-02-01T10:00", "2015-02-01T08:00Z"), 2);
    assert_int_equal(compare("2015-02-03T10:00", "2015-02-01T08:00Z"), 1);
    assert_int_equal(compare("T10", "T10:30"), 2);
    assert_int_equal(compare("T09", "T10:30"), -1);
}

static void units_are_added_within_the_precision(void **state)
{
    static const struct {
        const char *in;
        int64_t amount;
        const char *unit, *out; /* NULL: refused */
    } cases[] = {
        {"2020-01-31", 1, "month", "2020-02-29"},
        {"2020-02-29", -1, "years", "2019-02-28"},
        {"2014", 25, "months", "2016"},
        {"2014-01", 45, "days", "2014-02"},
        {"2014-01-01", 36, "hours", "2014-01-02"},
        {"2014-12-31T23:59:59", 1, "second", "2015-01-01T00:00:00"},
        {"T23:00", 2, "h", "T01:00"},
        {"2014-01-01", 1, "wk", "2014-01-08"},
        {"2014-01-01", 1, "mo", NULL},
        {"2014-01-01", 1, "furlong", NULL},
        {"9999-12-31", 1, "day", NULL},
        {"0001-01-01", -1, "day", NULL},
        {"2014-01-01", INT64_MAX, "days", NULL},
        {"T10:00", 1, "month", NULL},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct moment read = moment(cases[i].in);
        bool added = moment_add(&read, cases[i].amount, text_of(cases[i].unit));

        assert_int_equal(added, cases[i].out != NULL);
        if (added)
            assert_true(text_is(moment_write(arena, &read, false),
                                cases[i].out + (cases[i].out[0] == 'T')));
    }
    arena_free(arena);
}

static void boundaries_fill_what_is_not_given(void **state)
{
    static const struct {
        const char *in;
        bool high;
        int digits;
        const char *out; /* NULL: no such precision */
    } cases[] = {
        {"2014", false, 6, "2014-01"},
        {"2014", true, 8, "2014-12-31"},
        {"2016-02", true, 8, "2016-02-29"},
        {"2014-01-01T08:05+08:00", false, 17, "2014-01-01T08:05:00.000+08:00"},
        {"2014-01-01T08:05", true, 17, "2014-01-01T08:05:59.999-12:00"},
        {"T10:30", true, 9, "10:30:59.999"},
        {"2014-01-01", true, 4, "2014"},
        {"2014", false, 5, NULL},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct moment read = moment(cases[i].in);
        bool found = moment_boundary(&read, cases[i].high, cases[i].digits);

        assert_int_equal(found, cases[i].out != NULL);
        if (found)
            assert_true(text_is(moment_write(arena, &read, false), cases[i].out));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(precision_and_zones_decide_what_is_known),
        cmocka_unit_test(units_are_added_within_the_precision),
        cmocka_unit_test(boundaries_fill_what_is_not_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
