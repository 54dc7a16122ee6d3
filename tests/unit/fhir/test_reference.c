#include "fhir/search_values.h"

#include "base/count.h"
#include "tests/unit/fhir/reading.h"

static void literal_references_are_taken_apart(void **state)
{
    static const struct {
        const char *reference, *base, *type, *id, *version; /* type NULL: refused */
    } cases[] = {
        {"Patient/1", NULL, "Patient", "1", NULL},
        {"Patient/1/_history/2", NULL, "Patient", "1", "2"},
        {"https://h.org/fhir/Patient/a.b-C", "https://h.org/fhir", "Patient", "a.b-C", NULL},
        {"http://h/Observation/1/_history/x", "http://h", "Observation", "1", "x"},
        {"#p", NULL, NULL, NULL, NULL},
        {"", NULL, NULL, NULL, NULL},
        {"1", NULL, NULL, NULL, NULL},
        {"/Patient/1", NULL, NULL, NULL, NULL},
        {"Nobody/1", NULL, NULL, NULL, NULL},
        {"HumanName/1", NULL, NULL, NULL, NULL},
        {"Patient/", NULL, NULL, NULL, NULL},
        {"Patient/a b", NULL, NULL, NULL, NULL},
        {"Patient/1/_history/", NULL, NULL, NULL, NULL},
        {"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", NULL, NULL, NULL, NULL},
        {"ftp://h/Patient/1", NULL, NULL, NULL, NULL},
        {"http://h/StructureDefinition/x|1.0", NULL, NULL, NULL, NULL},
        {"Patient?identifier=1", NULL, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text base, type, id, version;
        bool split = reference_split(text_of(cases[i].reference), &base, &type, &id, &version);

        assert_int_equal(split, cases[i].type != NULL);
        if (!split)
            continue;
        assert_true(text_equals(base, text_of(cases[i].base)));
        assert_true(text_is(type, cases[i].type) && text_is(id, cases[i].id));
        assert_true(text_equals(version, text_of(cases[i].version)));
        assert_int_equal(base.data != NULL, cases[i].base != NULL);
    }
}

static void ids_have_at_most_64_characters(void **state)
{
    char reference[8 + 65 + 1] = "Patient/";
    struct text base, type, id, version;

    (void)state;
    memset(reference + 8, 'x', 65);
    assert_false(reference_split((struct text){reference, 8 + 65}, &base, &type, &id, &version));
    assert_true(reference_split((struct text){reference, 8 + 64}, &base, &type, &id, &version));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_references_are_taken_apart),
        cmocka_unit_test(ids_have_at_most_64_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
