#include "fhir/fhirpath_expr.h"

#include "base/count.h"
#include "fhir/search_param.h"
#include "tests/unit/fhir/reading.h"

#define PATIENT "Patient"

/* Whether the expression fits the type; it must be one that can be compiled. */
static bool fits(const char *expression, const char *type)
{
    struct arena *arena = arena_new();
    struct err err = {0}, misfit = {0};
    struct fhirpath *compiled = fhirpath_compile(arena, text_of(expression), &err);
    bool answer = compiled && fhirpath_fits(compiled, type_find(text_of(type)), &misfit);

    if (!compiled)
        print_error("%s: %s\n", expression, err.text);
    assert_non_null(compiled);
    assert_int_equal(misfit.kind, answer ? ERR_NONE : ERR_UNPROCESSABLE);
    arena_free(arena);
    return answer;
}

static void check_all(const char *const *expressions, size_t count, bool expected)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        if (fits(expressions[i], PATIENT) == expected)
            continue;
        print_error("%s\n", expressions[i]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

#define CHECK_ALL(expressions, expected) check_all(expressions, COUNT(expressions), expected)

static void names_that_no_type_there_has_are_refused(void **state)
{
    static const char *const expressions[] = {
        "status",
        "gender.family",
        "name.given.use",
        "contact.given",
        "name.where(status = 1)",
        "name.single().status",
        "name[0].status",
        "(name | contact.name).status",
        "name.select(given).status",
        "name.exists(status)",
        "name.all(status = 'a')",
        "%context.status",
        "%resource.status",
        "$this.status",
        "deceased.status",
        "name.ofType(Period).status",
        "(name as HumanName).status",
        "repeat(contact | name).status",
        "iif(active, name, contact.name).status",
        "extension('http://x.y').given",
        "name.given.trace('x', use)",
        "name.aggregate($this.status)",
        "name.given.hasValue().status",
        "today().value",
    };

    (void)state;
    CHECK_ALL(expressions, false);
}

static void whatever_may_be_there_is_allowed(void **state)
{
    static const char *const expressions[] = {
        "name.family.extension.url",
        "name.family.id",
        "birthDate.value",
        "deceased.value",
        "Observation.status", /* of another type: empty, as in search parameters of several */
        "(name | contact).telecom",
        "iif(active, name, contact).telecom",
        "repeat(contact).name",
        "managingOrganization.resolve().status",
        "contained.status",
        "descendants().status",
        "children().code",
        "extension('http://x.y').value.given",
        "(4 'mg').value",
        "name.type().name",
        "Resource.id",
        "DomainResource.text.div",
        "%rootResource.status",
        "name.aggregate($total.status)",
        "communication.language.coding.where(system = %resource.language).code",
        "{}.status",
    };

    (void)state;
    CHECK_ALL(expressions, true);
}

static void functions_and_operators_want_what_they_can_use(void **state)
{
    static const char *const refused[] = {"identifier.startsWith('a')",
                                          "name.upper()",
                                          "birthDate + 7",
                                          "@2012-05-03 - 'a'",
                                          "iif('a', 1, 2)",
                                          "iif(name, 1, 2)",
                                          "name.where(period.matches('2012'))"};
    static const char *const allowed[] = {"identifier.value.startsWith('a')",
                                          "birthDate + 7 days",
                                          "iif(active, 1, 2)",
                                          "deceased + 1 'a'",
                                          "iif({}, 1, 2)",
                                          "identifier.value.upper()"};

    (void)state;
    CHECK_ALL(refused, false);
    CHECK_ALL(allowed, true);
}

/* Published expressions are right, and none of them may be refused. */
static void every_search_parameter_fits_its_type(void **state)
{
    unsigned wrong = 0, seen = 0;

    (void)state;
    for (unsigned i = 0; i < search_param_count(); i++) {
        const struct search_param *param = search_param_at(i);

        if (!param->expression)
            continue;
        seen++;
        if (!fits(param->expression, param->type)) {
            print_error("%s: %s\n", param->type, param->expression);
            wrong++;
        }
    }
    assert_true(seen > 1000);
    assert_int_equal(wrong, 0);
}

static void what_repeats_within_repeats_is_bounded(void **state)
{
    char expression[2000] = "";
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 40; i++)
        size += (size_t)snprintf(expression + size, sizeof(expression) - size, "repeat(");
    size += (size_t)snprintf(expression + size, sizeof(expression) - size, "contact|name|link");
    for (int i = 0; i < 40; i++)
        size += (size_t)snprintf(expression + size, sizeof(expression) - size, ")");
    assert_true(fits(expression, PATIENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_no_type_there_has_are_refused),
        cmocka_unit_test(whatever_may_be_there_is_allowed),
        cmocka_unit_test(functions_and_operators_want_what_they_can_use),
        cmocka_unit_test(every_search_parameter_fits_its_type),
        cmocka_unit_test(what_repeats_within_repeats_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
