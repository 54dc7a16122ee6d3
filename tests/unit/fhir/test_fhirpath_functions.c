#include "fhir/fhirpath_functions.h"

#include "tests/unit/fhir/evaluating.h"

static void functions_are_found_by_name(void **state)
{
    static const char *const names[] = {"abs",   "where",  "is", "iif",  "toString",
                                        "today", "today2", "",   "wher", "zz"};

    (void)state;
    for (int i = 0; i < 10; i++) {
        const struct function *function = function_find(text_of(names[i]));

        assert_int_equal(function != NULL, i < 6);
        if (function)
            assert_string_equal(function->name, names[i]);
    }
}

static void strings_are_counted_in_characters(void **state)
{
    static const struct evaluation_case cases[] = {
        {"'h\xC3\xA9llo'.length()", "integer:5"},
        {"'h\xC3\xA9llo'.substring(2)", "string:llo"},
        {"'h\xC3\xA9llo'.substring(1, 1)", "string:\xC3\xA9"},
        {"'h\xC3\xA9llo'.indexOf('l')", "integer:2"},
        {"'h\xC3\xA9llo'.lastIndexOf('l')", "integer:3"},
        {"'abc'.substring(3)", ""},
        {"'abc'.substring(0, 0)", "string:"},
        {"'h\xC3\xA9'.toChars()", "string:h string:\xC3\xA9"},
        {"'abc'.replace('', '-')", "string:-a-b-c-"},
        {"'a,b,,c'.split(',')", "string:a string:b string: string:c"},
        {"('a' | 'b').join(';')", "string:a;b"},
        {"' a '.trim() & '|'", "string:a|"},
        {"'aB'.upper() & 'aB'.lower()", "string:ABab"},
        {"'abc'.endsWith('bc') and 'abc'.contains('b') and 'abc'.startsWith('a')", "boolean:true"},
        {"1.length()", "!execution"},
        {"('a' | 'b').length()", "!execution"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void encodings_go_both_ways(void **state)
{
    static const struct evaluation_case cases[] = {
        {"'subjects?_d'.encode('base64')", "string:c3ViamVjdHM/X2Q="},
        {"'subjects?_d'.encode('urlbase64').decode('urlbase64')", "string:subjects?_d"},
        {"'te'.encode('hex')", "string:7465"},
        {"'7465'.decode('hex')", "string:te"},
        {"'746'.decode('hex')", ""},
        {"'ff'.decode('hex')", ""}, /* no UTF-8 */
        {"'a'.encode('rot13')", ""},
        {"'<a & \"b\">'.escape('html').unescape('html')", "string:<a & \"b\">"},
        {"'\"1<2\"'.escape('json')", "string:\\\"1<2\\\""},
        {"'a\\\\nb'.unescape('json').length()", "integer:3"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void collections_are_cut_and_combined(void **state)
{
    static const struct evaluation_case cases[] = {
        {"(1 | 2 | 3).tail()", "integer:2 integer:3"},
        {"(1 | 2 | 3).skip(2)", "integer:3"},
        {"(1 | 2 | 3).take(2)", "integer:1 integer:2"},
        {"(1 | 2 | 3).last()", "integer:3"},
        {"(1 | 2).single()", "!execution"},
        {"(1 | 2).combine(2)", "integer:1 integer:2 integer:2"},
        {"(1 | 2).union(2 | 3).count()", "integer:3"},
        {"(1 | 2).combine(2).distinct()", "integer:1 integer:2"},
        {"(1 | 2).combine(2).isDistinct()", "boolean:false"},
        {"(1 | 2 | 3).exclude(2)", "integer:1 integer:3"},
        {"(1 | 2 | 3).intersect(3 | 2)", "integer:2 integer:3"},
        {"(1 | 2).subsetOf(1 | 2 | 3)", "boolean:true"},
        {"(1 | 2).supersetOf(3)", "boolean:false"},
        {"(true | false).allTrue()", "boolean:false"},
        {"(true | false).anyTrue()", "boolean:true"},
        {"(true | 1).allTrue()", "!execution"},
        {"{}.allTrue() and {}.empty()", "boolean:true"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void conversions_succeed_or_are_empty(void **state)
{
    static const struct evaluation_case cases[] = {
        {"'12'.toInteger()", "integer:12"},
        {"'1.0'.toInteger()", ""},
        {"'2147483648'.toInteger()", ""},
        {"'+1.50'.toDecimal() = 1.5", "boolean:true"},
        {"'1e3'.toDecimal()", ""},
        {"'Yes'.toBoolean()", "boolean:true"},
        {"2.toBoolean()", ""},
        {"'2015-02'.toDate()", "date:@2015-02"},
        {"'2015-13'.convertsToDate()", "boolean:false"},
        {"@2015-02-04T10:00:00Z.toDate()", "date:@2015-02-04"},
        {"'10:30'.toTime()", "time:@T10:30"},
        {"'1 day'.toQuantity()", "Quantity:1 day"},
        {"'1 \\'wk\\''.toQuantity()", "Quantity:1 'wk'"},
        {"'1 wk'.toQuantity()", ""},
        {"4 'g'.toQuantity('mg')", "Quantity:4000 'mg'"},
        {"'4'.toQuantity('1')", "Quantity:4 '1'"},
        {"4 'g'.toQuantity('m')", ""},
        {"4 'g'.convertsToQuantity('kg')", "boolean:true"},
        {"4 'g'.convertsToQuantity('m')", "boolean:false"},
        {"1.0.toString()", "string:1.0"},
        {"{}.toInteger()", ""},
        {"{}.convertsToInteger()", ""},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void mathematics_keeps_types_and_digits(void **state)
{
    static const struct evaluation_case cases[] = {
        {"(-5).abs()", "integer:5"},
        {"1.1.ceiling()", "integer:2"},
        {"(-2.1).floor()", "integer:-3"},
        {"3.14159.round(3)", "decimal:3.142"},
        {"2.power(10)", "integer:1024"},
        {"2.5.power(2)", "decimal:6.25"},
        {"(-1).power(0.5)", ""},
        {"16.log(2)", "decimal:4"},
        {"(-1).sqrt()", ""},
        {"81.sqrt()", "decimal:9"},
        {"(-1.56).truncate()", "integer:-1"},
        {"'a'.abs()", "!execution"},
        {"1.587.lowBoundary()", "decimal:1.58650000"},
        {"1.587.highBoundary(2)", "decimal:1.59"},
        {"@2014.highBoundary(6)", "date:@2014-12"},
        {"@T10:30.lowBoundary(9)", "time:@T10:30:00.000"},
        {"1.58700.precision()", "integer:5"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void integers_have_32_bits(void **state)
{
    static const struct evaluation_case cases[] = {
        {"2147483646 + 1", "integer:2147483647"},
        {"2147483647 + 1", ""},
        {"-2147483647 - 1", "integer:-2147483648"},
        {"-2147483647 - 2", ""},
        {"65536 * 65536", ""},
        {"2.power(31)", ""},
        {"2147483647.5.floor()", "integer:2147483647"},
        {"2147483648.5.floor()", ""},
        {"2147483647.0 + 1", "decimal:2147483648.0"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void elements_tell_how_they_are_defined(void **state)
{
    static const struct evaluation_case cases[] = {
        {"name.elementDefinition().path", "string:Patient.name"},
        {"name.given.elementDefinition().max", "string:*"},
        {"name.elementDefinition().min", "unsignedInt:0"},
        {"deceased.elementDefinition().path", "string:Patient.deceased[x]"},
        {"deceased.elementDefinition().type.code", "uri:boolean uri:dateTime"},
        {"gender.elementDefinition().binding.strength", "code:required"},
        {"contact.elementDefinition().type.code", "uri:BackboneElement"},
        {"deceased.elementDefinition().isModifier", "boolean:true"},
        {"elementDefinition().path", "string:Patient"},
        {"photo.elementDefinition()", ""},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\"]}],\"gender\":\"male\","
          "\"deceasedBoolean\":true,\"contact\":[{\"gender\":\"male\"}]}",
          cases);
}

static void modifiers_must_be_named(void **state)
{
    static const struct evaluation_case cases[] = {
        {"contact.checkModifiers('http://x/a').gender", "code:male"},
        {"contact.checkModifiers('http://x/b', 'http://x/a').gender", "code:male"},
        {"contact.checkModifiers()", "!execution"},
        {"contact.checkModifiers('http://x/b')", "!execution"},
        {"checkModifiers().gender", "code:female"},
        {"photo.checkModifiers()", ""},
    };

    (void)state;
    CHECK(
        "{\"resourceType\":\"Patient\",\"gender\":\"female\",\"contact\":[{\"modifierExtension\":["
        "{\"url\":\"http://x/a\",\"valueCode\":\"x\"}],\"gender\":\"male\"}]}",
        cases);
}

static void primitives_without_a_value_are_not_strings(void **state)
{
    static const struct evaluation_case cases[] = {
        {"name.given.select(hasValue())", "boolean:false boolean:true"},
        {"name.given.getValue()", "!execution"},
        {"name.given[1].getValue()", "string:James"},
        {"name.given[0].length()", ""},
        {"name.given.first().extension('http://x').value", "string:five"},
        {"name.given.first().hasExtension('http://x')", "boolean:true"},
        {"name.given.last().hasExtension('http://x')", "boolean:false"},
        {"name.children().count()", "integer:3"},
        {"name.descendants().count()", "integer:6"},
    };

    (void)state;
    CHECK("{\"resourceType\":\"Patient\",\"name\":[{\"use\":\"maiden\",\"given\":[null,\"James\"],"
          "\"_given\":[{\"extension\":[{\"url\":\"http://x\",\"valueString\":\"five\"}]},null]}]}",
          cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_found_by_name),
        cmocka_unit_test(strings_are_counted_in_characters),
        cmocka_unit_test(encodings_go_both_ways),
        cmocka_unit_test(collections_are_cut_and_combined),
        cmocka_unit_test(conversions_succeed_or_are_empty),
        cmocka_unit_test(mathematics_keeps_types_and_digits),
        cmocka_unit_test(integers_have_32_bits),
        cmocka_unit_test(elements_tell_how_they_are_defined),
        cmocka_unit_test(modifiers_must_be_named),
        cmocka_unit_test(primitives_without_a_value_are_not_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
