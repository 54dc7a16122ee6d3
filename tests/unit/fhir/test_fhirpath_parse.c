#include "fhir/fhirpath_expr.h"

#include "base/count.h"
#include "tests/unit/fhir/evaluating.h"

static void operators_bind_as_the_grammar_says(void **state)
{
    static const struct evaluation_case cases[] = {
        {"1 + 2 * 3", "integer:7"},
        {"(1 + 2) * 3", "integer:9"},
        {"7 - 2 - 1", "integer:4"},
        {"-1.abs()", "integer:-1"},
        {"(-1).abs()", "integer:1"},
        {"1 | 2 = 1 | 2", "boolean:true"},
        {"1 < 2 and 3 > 2", "boolean:true"},
        {"true or false and false", "boolean:true"},
        {"false implies false or false", "boolean:true"},
        {"1 is Integer = true", "boolean:true"},
        {"(1 | 1 is Integer).count()", "integer:2"},
        {"1 in 1 | 2 and true", "boolean:true"},
        {"'a' & 'b' + 'c'", "string:abc"},
        {"(1 | 2 | 3)[1]", "integer:2"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void malformed_expressions_are_refused(void **state)
{
    static const struct evaluation_case cases[] = {
        {"", "!syntax"},
        {"1 +", "!syntax"},
        {"(1", "!syntax"},
        {"1)", "!syntax"},
        {"name.", "!syntax"},
        {"name given", "!syntax"},
        {"name[0", "!syntax"},
        {"{1}", "!syntax"},
        {"$that", "!syntax"},
        {"name.$this", "!syntax"},
        {"and true", "!syntax"},
        {"name.where(", "!syntax"},
        {"99999999999999999999", "!syntax"},
        {"'\xFF'", "!syntax"},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void names_that_do_not_exist_are_refused(void **state)
{
    static const struct evaluation_case cases[] = {
        {"nobodyHasThis", "!semantic"},
        {"name.nobody()", "!semantic"},
        {"name.where()", "!semantic"},
        {"name.first(1)", "!semantic"},
        {"name is Nothing", "!semantic"},
        {"name.ofType(System.Patient)", "!semantic"},
        {"%nothing", "!semantic"},
        {"Observation.valueQuantity", "!semantic"},
        {"Patient.name.prefixes", "!semantic"},
        {"Patient.contact.name.family", ""},
        {"Observation.value.unit", ""},
    };

    (void)state;
    CHECK(NULL, cases);
}

static void keywords_may_be_names(void **state)
{
    static const struct evaluation_case cases[] = {
        {"`contains`", ""},
        {"ValueSet.expansion.contains", ""},
        {"as", "!semantic"}, /* a name, but of no element */
    };

    (void)state;
    CHECK(NULL, cases);
}

static void nesting_is_bounded(void **state)
{
    struct arena *arena = arena_new();
    struct buf brackets = buf_in(arena), chain = buf_in(arena), wide = buf_in(arena);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&brackets, '(');
        buf_add_text(&chain, i ? ".first()" : "name");
    }
    for (int i = 0; i < 40; i++)
        buf_add_text(&wide, i ? " | 1" : "1");
    assert_string_equal(evaluated(arena, NULL, buf_text(&brackets), false), "!syntax");
    assert_string_equal(evaluated(arena, NULL, buf_text(&chain), false), "!limit");
    assert_string_equal(evaluated(arena, NULL, buf_text(&wide), false), "integer:1");
    for (int i = 0; i < 4; i++)
        buf_add(&brackets, brackets.data, brackets.size);
    assert_string_equal(evaluated(arena, NULL, buf_text(&brackets), false), "!limit");
    arena_free(arena);
}

static void heads_say_what_an_expression_begins_with(void **state)
{
    static const struct {
        const char *expression;
        const char *heads; /* NULL: unknown */
    } cases[] = {
        {"Patient.name.given", "name"},
        {"(Observation.value as Quantity)", "value"},
        {"Observation.value | Observation.code", "value code"},
        {"Observation.subject.where(resolve() is Patient)", "subject"},
        {"Patient.telecom.where(system = 'phone')", "telecom"},
        {"Bundle.entry[0].resource", "entry"},
        {"Patient.deceased.exists() and Patient.deceased != false", NULL},
        {"Patient.name.exists()", NULL},
        {"Observation", NULL},
        {"%resource.name", NULL},
        {"1 | Patient.name", NULL},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        const struct fhirpath *compiled =
            fhirpath_compile(arena, text_of(cases[i].expression), &err);
        uint64_t expected = cases[i].heads ? 0 : UINT64_MAX;
        struct text rest = text_of(cases[i].heads), name;

        while (cases[i].heads && text_split(rest, ' ', &name, &rest))
            expected |= fhirpath_head_bit(name_find(name));
        if (cases[i].heads)
            expected |= fhirpath_head_bit(name_find(rest));
        assert_non_null(compiled);
        assert_true(fhirpath_heads(compiled) == expected);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_the_grammar_says),
        cmocka_unit_test(malformed_expressions_are_refused),
        cmocka_unit_test(names_that_do_not_exist_are_refused),
        cmocka_unit_test(keywords_may_be_names),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(heads_say_what_an_expression_begins_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
