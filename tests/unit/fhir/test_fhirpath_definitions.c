#include "base/count.h"
#include "tests/unit/fhir/evaluating.h"
#include "tests/unit/fhir/profiling.h"

static const char *const definitions[] = {
    "{'resourceType':'CodeSystem','url':'http://s','status':'active','content':'complete',"
    "'hierarchyMeaning':'is-a','concept':[{'code':'a','concept':[{'code':'aa'}]},{'code':'b'}]}",
    "{'resourceType':'ValueSet','url':'http://x/some','status':'active','compose':{'include':[{"
    "'system':'http://s','concept':[{'code':'a'}]}]}}",
    PROFILE("named", "Patient", "{'id':'Patient.name','path':'Patient.name','min':1}"),
    PROFILE("sliced", "Patient",
            "{'id':'Patient.contact','path':'Patient.contact','slicing':{'discriminator':[{'type':"
            "'value','path':'gender'}],'rules':'open'}},{'id':'Patient.contact:male','path':"
            "'Patient.contact','sliceName':'male'},{'id':'Patient.contact:male.gender','path':"
            "'Patient.contact.gender','fixedCode':'male'}"),
    NULL};

static const char patient[] =
    "{'resourceType':'Patient','text':{'status':'generated','div':'<div xmlns=`"
    "http://www.w3.org/1999/xhtml`>x</div>'},'name':[{'family':'a'}],'maritalStatus':{'coding':[{"
    "'system':'http://s','code':'aa'},{'system':'http://s','code':'b'}]},'communication':[{"
    "'language':{'coding':[{'system':'http://s','code':'a'}]}}],'contact':[{'relationship':[{"
    "'coding':[{'system':'http://nowhere','code':'a'}]},{'coding':[{'system':'http://nowhere',"
    "'code':'b'}]}],'gender':'male'},{'gender':'female'}]}";

/* "true", "false", "" for empty, or "!" when it cannot be decided. */
static const char *decided(struct profiling *profiling, const struct node *focus,
                           const char *expression, bool informed)
{
    const struct validation validation = {.definitions = profiling->definitions};
    const struct fhirpath_context context = {
        .resource = focus, .root_resource = focus, .validation = informed ? &validation : NULL};
    struct err err = {0};
    struct fhirpath_values values;
    struct fhirpath *compiled = fhirpath_compile(profiling->arena, text_of(expression), &err);
    struct buf out = buf_in(profiling->arena);

    assert_non_null(compiled);
    if (!fhirpath_evaluate(compiled, &context, focus, profiling->arena, &values, &err)) {
        assert_int_equal(err.kind, ERR_NOT_SUPPORTED);
        return "!";
    }
    for (size_t i = 0; i < values.count; i++)
        fhirpath_write(&values.items[i], &out);
    return buf_text(&out);
}

static void what_is_loaded_is_asked(void **state)
{
    static const struct evaluation_case cases[] = {
        {"communication.language.memberOf('http://x/some')", "true"},
        {"communication.language.coding.memberOf('http://x/some')", "true"},
        {"communication.language.coding.code.memberOf('http://x/some')", "true"},
        {"'b'.memberOf('http://x/some')", "false"},
        {"maritalStatus.memberOf('http://x/some')", "false"},
        {"maritalStatus.memberOf('http://x/missing')", "!"},
        {"photo.memberOf('http://x/some')", ""},
        {"communication.language.subsumes(maritalStatus)", "true"},
        {"maritalStatus.subsumedBy(communication.language)", "true"},
        {"maritalStatus.subsumes(communication.language)", "false"},
        {"maritalStatus.coding.last().subsumedBy(communication.language.coding)", "false"},
        {"contact.relationship[0].subsumes(%resource.contact.relationship[1])", "!"},
        {"conformsTo('http://x/named')", "true"},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", "true"},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Person')", "false"},
        {"conformsTo('http://x/missing')", "!"},
        {"contact.slice('http://x/sliced', 'male').gender", "male"},
        {"contact.slice('http://x/sliced', 'male').count()", "1"},
        {"name.slice('http://x/sliced', 'male').count()", "0"},
        {"contact.slice('http://x/missing', 'male')", "!"},
        {"text.div.htmlChecks()", "true"},
    };
    struct profiling profiling = load_definitions(definitions);
    const struct node *focus = read_quoted(profiling.arena, patient);
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *result = decided(&profiling, focus, cases[i].expression, true);

        if (strcmp(result, cases[i].expected) == 0)
            continue;
        print_error("%s gives %s, not %s\n", cases[i].expression, result, cases[i].expected);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    release_definitions(&profiling);
}

static void without_definitions_nothing_is_answered(void **state)
{
    struct profiling profiling = load_definitions(definitions);
    const struct node *focus = read_quoted(profiling.arena, patient);

    (void)state;
    assert_string_equal(decided(&profiling, focus, "maritalStatus.memberOf('http://x')", false),
                        "!");
    assert_string_equal(decided(&profiling, focus, "conformsTo('http://x')", false), "!");
    release_definitions(&profiling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_asked),
        cmocka_unit_test(without_definitions_nothing_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
