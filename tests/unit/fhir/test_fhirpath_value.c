#include "fhir/fhirpath_value.h"

#include "tests/unit/fhir/evaluating.h"

static void equality_knows_precision_and_absence(void **state)
{
    static const struct evaluation_case cases[] = {
        {"1.10 = 1.1", "boolean:true"},
        {"1 = 1.0", "boolean:true"},
        {"'a' = 'A'", "boolean:false"},
        {"1 = 'a'", "boolean:false"},
        {"{} = 1", ""},
        {"(1 | 2) = (2 | 1)", "boolean:false"},
        {"(1 | 2) = 1", "boolean:false"},
        {"@2012-04-15 = @2012-04-15T10:00:00", ""},
        {"@2012 = @2013-01", "boolean:false"},
        {"@2012-04-15T15:30:31 = @2012-04-15T15:30:31.0", "boolean:true"},
        {"@2012-04-15T15:00:00+02:00 = @2012-04-15T16:00:00+03:00", "boolean:true"},
        {"@2012-04-15T15:00:00Z = @2012-04-15T10:00:00", ""},
        {"@2012-04-15T15:00:00Z = @2012-04-20T10:00:00", "boolean:false"},
        {"@2012-04-15 = @T10:00", "boolean:false"},
        {"4.0000 'g' = 4000.0 'mg'", "boolean:true"},
        {"1 'mo' = 1 month", ""},
        {"7 days = 1 'wk'", "boolean:true"},
        {"1 'g' = 1 'm'", "boolean:false"},
        {"1 'thing' = 1 'thing'", "boolean:true"},
        {"1 'thing' = 2 'stuff'", ""},
        {"1 = 1 '1'", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void equivalence_is_lenient(void **state)
{
    static const struct evaluation_case cases[] = {
        {"'a  B' ~ 'A b'", "boolean:true"},
        {"{} ~ {}", "boolean:true"},
        {"1 ~ {}", "boolean:false"},
        {"(1 | 2) ~ (2 | 1)", "boolean:true"},
        {"1.23 ~ 1.2", "boolean:true"},
        {"1.26 ~ 1.2", "boolean:false"},
        {"@2012-04-15 ~ @2012-04-15T10:00:00", "boolean:false"},
        {"1 year ~ 1 'a'", "boolean:true"},
        {"1 !~ 2", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void order_needs_two_of_a_kind(void **state)
{
    static const struct evaluation_case cases[] = {
        {"1 < 1.5", "boolean:true"},
        {"'A' < 'a'", "boolean:true"},
        {"@2018-03 < @2018-03-01", ""},
        {"@2018-02 < @2018-03-01", "boolean:true"},
        {"@T10:30 >= @T10:30", "boolean:true"},
        {"@T10:30 > @T10:30:00", ""},
        {"6 days < 1 week", "boolean:true"},
        {"1 'cm' < 1 's'", ""},
        {"{} < 1", ""},
        {"1 < 'a'", "!execution"},
        {"true < false", "!execution"},
        {"@2018 < @T10", "!execution"},
        {"(1 | 2) < 3", "!execution"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void arithmetic_is_exact(void **state)
{
    static const struct evaluation_case cases[] = {
        {"0.1 + 0.2", "decimal:0.3"},
        {"1.20 + 1.80", "decimal:3.00"},
        {"1.2 / 1.8", "decimal:0.6666666666666667"},
        {"4 / 2", "decimal:2"},
        {"5 div 2", "integer:2"},
        {"-5 mod 2", "integer:-1"},
        {"2.2 mod 1.8", "decimal:0.4"},
        {"1 / 0", ""},
        {"1 div 0", ""},
        {"'a' + 'b'", "string:ab"},
        {"'a' + {}", ""},
        {"'a' & {}", "string:a"},
        {"'a' - 'b'", "!execution"},
        {"2.0 'cm' * 2.0 'm' = 0.040 'm2'", "boolean:true"},
        {"4.0 'g' / 2.0 'm'", "Quantity:2 'g/m'"},
        {"3 'mg' + 2 'mg'", "Quantity:5 'mg'"},
        {"3 'g' + 2 'mg'", "Quantity:3.002 'g'"},
        {"3 'mg' + 2 's'", ""},
        {"2 'mg' * 3", "Quantity:6 'mg'"},
        {"9999999999999999999999999999 * 10", "!syntax"},
        {"9999999999999999999999999.0 * 10000.0", ""},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void dates_move_by_whole_units(void **state)
{
    static const struct evaluation_case cases[] = {
        {"@1973-12-25 + 7.7 days", "date:@1974-01-01"},
        {"@2020-01-31 + 1 month", "date:@2020-02-29"},
        {"@2020-02-29 - 1 year", "date:@2019-02-28"},
        {"@2014 + 24 months", "date:@2016"},
        {"@1973-12-25T00:00:00.000+10:00 + 1 second", "dateTime:@1973-12-25T00:00:01.000+10:00"},
        {"@T23:30 + 45 minutes", "time:@T00:15"},
        {"@2020-01-01 + 1 'mo'", "!execution"},
        {"@2020-01-01 + 1", "!execution"},
        {"@9999-12-31 + 1 day", "!execution"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void elements_compare_by_content(void **state)
{
    static const struct evaluation_case cases[] = {
        {"name[0] = name[1]", "boolean:true"},
        {"name[0] = name[2]", "boolean:false"},
        {"name.distinct().count()", "integer:2"},
        {"name[0].given = name[2].given", "boolean:false"},
        {"name[0] ~ name[2]", "boolean:true"}, /* the order of given does not count */
        {"(name | name).count()", "integer:2"},
        {"name.contains('x')", "!execution"},
        {"name contains name[1]", "boolean:true"},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"A\",\"given\":[\"B\",\"C\"]},"
          "{\"given\":[\"B\",\"C\"],\"family\":\"A\"},{\"family\":\"A\",\"given\":[\"C\",\"B\"]}]}",
          cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_knows_precision_and_absence),
        cmocka_unit_test(equivalence_is_lenient),
        cmocka_unit_test(order_needs_two_of_a_kind),
        cmocka_unit_test(arithmetic_is_exact),
        cmocka_unit_test(dates_move_by_whole_units),
        cmocka_unit_test(elements_compare_by_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
