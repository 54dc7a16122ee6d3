#include "fhir/binding.h"

#include "base/count.h"
#include "tests/unit/fhir/profiling.h"

#define VALUE_SET(name, status, include)                                                           \
    "{'resourceType':'ValueSet','url':'http://x/" name "','status':'" status                       \
    "','compose':{'include':[" include "]}}"

static const char *const sets[] = {
    "{'resourceType':'CodeSystem','url':'http://s','status':'active','content':'complete',"
    "'concept':[{'code':'a','display':'Apple','concept':[{'code':'aa','display':'Red apple'}]},{"
    "'code':'b','display':'Pear'}]}",
    VALUE_SET("some", "active", "{'system':'http://s','concept':[{'code':'a'}]}"),
    VALUE_SET("unknown", "active", "{'system':'http://nowhere'}"), NULL};

struct binding_case {
    enum binding_strength strength;
    const char *value_set, *document, *findings;
};

/* The binding is checked at the code of the Observation. */
static char *binding_findings(const struct profiling *profiling, const struct binding_case *row)
{
    const struct node *root = read_quoted(profiling->arena, row->document);
    struct issues issues;

    issues_init(&issues, profiling->arena, 10);
    binding_check(profiling->definitions, row->strength, text_of(row->value_set),
                  node_child(root, "code") ? node_child(root, "code") : root->first, &issues);
    return findings_of(&issues);
}

#define CODE(codings) "{'resourceType':'Observation','code':{'coding':[" codings "]}}"

static void the_strength_decides_how_bad_it_is(void **state)
{
    static const char in[] = CODE("{'system':'http://s','code':'a'}");
    static const char out[] = CODE("{'system':'http://s','code':'b'}");
    static const char both[] =
        CODE("{'system':'http://s','code':'b'},{'system':'http://s','code':'a'}");
    static const char text[] = "{'resourceType':'Observation','code':{'text':'x'}}";
    static const char elsewhere[] = CODE("{'system':'http://nowhere','code':'a'}");
    static const char homeless[] = CODE("{'code':'a'}");
    static const struct binding_case cases[] = {
        {BINDING_REQUIRED, "http://x/some", in, ""},
        {BINDING_REQUIRED, "http://x/some", both, ""},
        {BINDING_REQUIRED, "http://x/some", out, "error code-invalid Observation.code"},
        {BINDING_REQUIRED, "http://x/some", homeless, "error code-invalid Observation.code"},
        {BINDING_REQUIRED, "http://x/some", text, "error code-invalid Observation.code"},
        {BINDING_REQUIRED, "http://x/unknown", elsewhere, "warning not-found Observation.code"},
        {BINDING_REQUIRED, "http://x/unknown", out, "error code-invalid Observation.code"},
        {BINDING_REQUIRED, "http://x/missing", out, "warning not-found Observation.code"},
        {BINDING_EXTENSIBLE, "http://x/some", in, ""},
        {BINDING_EXTENSIBLE, "http://x/some", out, "warning code-invalid Observation.code"},
        {BINDING_EXTENSIBLE, "http://x/missing", in, "warning not-found Observation.code"},
        {BINDING_PREFERRED, "http://x/some", out, "information code-invalid Observation.code"},
        {BINDING_EXAMPLE, "http://x/some", out, ""},
        {BINDING_EXAMPLE, "http://x/missing", out, ""},
    };
    struct profiling profiling = load_definitions(sets);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(binding_findings(&profiling, &cases[i]), cases[i].findings);
    release_definitions(&profiling);
}

static void codes_need_no_system(void **state)
{
    static const struct binding_case cases[] = {
        {BINDING_REQUIRED, "http://x/some", "{'resourceType':'Observation','status':'a'}", ""},
        {BINDING_REQUIRED, "http://x/some", "{'resourceType':'Observation','status':'b'}",
         "error code-invalid Observation.status"},
        {BINDING_REQUIRED, "http://hl7.org/fhir/ValueSet/observation-status",
         "{'resourceType':'Observation','status':'final'}", ""},
        {BINDING_REQUIRED, "http://hl7.org/fhir/ValueSet/observation-status|4.0.1",
         "{'resourceType':'Observation','status':'finished'}",
         "error code-invalid Observation.status"},
        /* An extension may say why there is no code. */
        {BINDING_REQUIRED, "http://x/some", "{'resourceType':'Observation','_status':{'id':'x'}}",
         ""},
    };
    struct profiling profiling = load_definitions(sets);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(binding_findings(&profiling, &cases[i]), cases[i].findings);
    release_definitions(&profiling);
}

static void codings_are_checked_by_themselves(void **state)
{
    static const struct {
        const char *coding, *findings;
    } cases[] = {
        {"{'system':'http://s','code':'aa','display':'Red  APPLE'}", ""},
        {"{'system':'http://s','code':'c'}",
         "warning code-invalid Observation.code.coding[0].code"},
        {"{'system':'http://s','code':'b','display':'Plum'}",
         "warning invalid Observation.code.coding[0].display"},
        {"{'system':'http://nowhere','code':'b','display':'Plum'}", ""},
    };
    struct profiling profiling = load_definitions(sets);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *document = arena_printf(profiling.arena, CODE("%s"), cases[i].coding);
        const struct node *root = read_quoted(profiling.arena, document);
        struct issues issues;

        issues_init(&issues, profiling.arena, 10);
        coding_check(profiling.definitions, node_path(root, "code.coding"), ISSUE_WARNING, &issues);
        assert_string_equal(findings_of(&issues), cases[i].findings);
    }
    release_definitions(&profiling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strength_decides_how_bad_it_is),
        cmocka_unit_test(codes_need_no_system),
        cmocka_unit_test(codings_are_checked_by_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
