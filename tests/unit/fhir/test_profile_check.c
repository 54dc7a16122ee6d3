#include "tests/unit/fhir/profiling.h"

static void cardinalities_are_checked(void **state)
{
    static const char *const profiles[] = {
        PROFILE("p", "Patient",
                "{'id':'Patient.name','path':'Patient.name','min':1,'max':'2'},"
                "{'id':'Patient.name.family','path':'Patient.name.family','min':1},"
                "{'id':'Patient.photo','path':'Patient.photo','max':'0'},"
                "{'id':'Patient.deceased[x]','path':'Patient.deceased[x]','min':1}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','name':[{'family':'a'}],'deceasedBoolean':true}", ""},
        {"{'resourceType':'Patient','name':[{'family':'a'}],'deceasedDateTime':'2000'}", ""},
        {"{'resourceType':'Patient','deceasedBoolean':true}", "error required Patient"},
        {"{'resourceType':'Patient','name':[{'family':'a'}]}", "error required Patient"},
        {"{'resourceType':'Patient','name':[{'family':'a'},{'family':'b'},{'family':'c'}],"
         "'deceasedBoolean':true}",
         "error structure Patient.name[0]"},
        {"{'resourceType':'Patient','name':[{'family':'a'},{'text':'b'}],'deceasedBoolean':true}",
         "error required Patient.name[1]"},
        {"{'resourceType':'Patient','name':[{'family':'a'}],'deceasedBoolean':true,"
         "'photo':[{'title':'x'}]}",
         "error structure Patient.photo[0]"},
        {"{'resourceType':'Device'}", "error structure Device"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", cases);
    release_definitions(&profiling);
}

static void types_of_choices_are_checked(void **state)
{
    static const char *const profiles[] = {
        PROFILE("o", "Observation",
                "{'id':'Observation.value[x]','path':'Observation.value[x]',"
                "'type':[{'code':'Quantity'},{'code':'string'}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Observation','valueQuantity':{'value':1}}", ""},
        {"{'resourceType':'Observation','valueString':'x'}", ""},
        {"{'resourceType':'Observation','valueBoolean':true}", "error structure Observation.value"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/o", cases);
    release_definitions(&profiling);
}

static void values_are_fixed_exactly_and_patterns_in_part(void **state)
{
    static const char *const profiles[] = {
        PROFILE("o", "Observation",
                "{'id':'Observation.status','path':'Observation.status','fixedCode':'final'},"
                "{'id':'Observation.code','path':'Observation.code','patternCodeableConcept':{"
                "'coding':[{'system':'http://s','code':'1'},{'system':'http://s','code':'2'}]}},"
                "{'id':'Observation.valueQuantity','path':'Observation.valueQuantity',"
                "'fixedQuantity':{'value':1.50,'unit':'g'}}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'http://s',"
         "'code':'3'},{'system':'http://s','code':'2','display':'two'},{'code':'1','system':"
         "'http://s'}],'text':'x'}}",
         ""},
        {"{'resourceType':'Observation','status':'amended'}", "error value Observation.status"},
        {"{'resourceType':'Observation','code':{'coding':[{'system':'http://s','code':'1'}]}}",
         "error value Observation.code"},
        {"{'resourceType':'Observation','code':{'coding':[{'system':'http://s','code':'1'},"
         "{'system':'http://other','code':'2'}]}}",
         "error value Observation.code"},
        {"{'resourceType':'Observation','valueQuantity':{'unit':'g','value':1.5}}", ""},
        {"{'resourceType':'Observation','valueQuantity':{'unit':'g','value':1.5,'code':'g'}}",
         "error value Observation.value"},
        {"{'resourceType':'Observation','valueQuantity':{'value':1.5}}",
         "error value Observation.value"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/o", cases);
    release_definitions(&profiling);
}

static void ranges_and_lengths_are_checked(void **state)
{
    static const char *const profiles[] = {
        PROFILE("p", "Patient",
                "{'id':'Patient.birthDate','path':'Patient.birthDate','minValueDate':'1900-01-01',"
                "'maxValueDate':'2000-12-31'},"
                "{'id':'Patient.name.family','path':'Patient.name.family','maxLength':3},"
                "{'id':'Patient.multipleBirth[x]','path':'Patient.multipleBirth[x]',"
                "'type':[{'code':'integer'}],'maxValueInteger':9}"),
        PROFILE("o", "Observation",
                "{'id':'Observation.value[x]','path':'Observation.value[x]',"
                "'type':[{'code':'Quantity'}],'minValueQuantity':{'value':10,"
                "'system':'http://unitsofmeasure.org','code':'mg'}}"),
        NULL};
    static const struct profile_case patients[] = {
        {"{'resourceType':'Patient','birthDate':'1950-02-03','multipleBirthInteger':9}", ""},
        {"{'resourceType':'Patient','birthDate':'1899-12-31'}", "error value Patient.birthDate"},
        {"{'resourceType':'Patient','birthDate':'2001'}", "error value Patient.birthDate"},
        {"{'resourceType':'Patient','birthDate':'1900'}", ""},
        {"{'resourceType':'Patient','multipleBirthInteger':10}",
         "error value Patient.multipleBirth"},
        {"{'resourceType':'Patient','name':[{'family':'\xC3\xA4\xC3\xB6\xC3\xBC'}]}", ""},
        {"{'resourceType':'Patient','name':[{'family':'abcd'}]}",
         "error too-long Patient.name[0].family"},
    };
    static const struct profile_case quantities[] = {
        {"{'resourceType':'Observation','valueQuantity':{'value':1,'system':"
         "'http://unitsofmeasure.org','code':'g'}}",
         ""},
        {"{'resourceType':'Observation','valueQuantity':{'value':9.9,'system':"
         "'http://unitsofmeasure.org','code':'mg'}}",
         "error value Observation.value"},
        {"{'resourceType':'Observation','valueQuantity':{'value':9.9,'system':"
         "'http://unitsofmeasure.org','code':'s'}}",
         ""}, /* cannot be compared */
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", patients);
    CHECK_PROFILE(&profiling, "http://x/o", quantities);
    release_definitions(&profiling);
}

static void constraints_see_their_resource(void **state)
{
    static const char *const profiles[] = {
        PROFILE("p", "Patient",
                "{'id':'Patient.contact','path':'Patient.contact','constraint':[{'key':'c-1',"
                "'severity':'error','human':'x','expression':"
                "'name.family = %resource.name.family'},"
                "{'key':'c-2','severity':'warning','human':'x','expression':"
                "'gender.exists()'},"
                "{'key':'c-3','severity':'error','human':'x','expression':"
                "'gender.empty() or gender.memberOf(`http://nowhere`)'}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','name':[{'family':'a'}],'contact':[{'gender':'male','name':{"
         "'family':'a'}}]}",
         "warning not-supported Patient.contact[0]"},
        {"{'resourceType':'Patient','name':[{'family':'a'}],'contact':[{'name':{'family':'b'}}]}",
         "error invariant Patient.contact[0], warning invariant Patient.contact[0]"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", cases);
    release_definitions(&profiling);
}

static void profiles_of_types_hold_one_of_several(void **state)
{
    static const char *const profiles[] = {
        PROFILE("family", "HumanName",
                "{'id':'HumanName.family','path':'HumanName.family','min':1}"),
        PROFILE("text", "HumanName", "{'id':'HumanName.text','path':'HumanName.text','min':1}"),
        PROFILE("p", "Patient",
                "{'id':'Patient.name','path':'Patient.name','type':[{'code':'HumanName','profile':["
                "'http://x/family']}]}"),
        PROFILE("q", "Patient",
                "{'id':'Patient.name','path':'Patient.name','type':[{'code':'HumanName','profile':["
                "'http://x/family','http://x/text']}]}"),
        PROFILE("r", "Patient",
                "{'id':'Patient.name','path':'Patient.name','type':[{'code':'HumanName','profile':["
                "'http://x/missing']}]}"),
        NULL};
    static const struct profile_case one[] = {
        {"{'resourceType':'Patient','name':[{'family':'a'}]}", ""},
        {"{'resourceType':'Patient','name':[{'text':'a'}]}", "error required Patient.name[0]"},
    };
    static const struct profile_case several[] = {
        {"{'resourceType':'Patient','name':[{'family':'a'},{'text':'a'}]}", ""},
        {"{'resourceType':'Patient','name':[{'use':'old'}]}",
         "error structure Patient.name[0], error required Patient.name[0]"},
    };
    static const struct profile_case missing[] = {
        {"{'resourceType':'Patient','name':[{'family':'a'}]}", "warning not-found Patient.name[0]"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", one);
    CHECK_PROFILE(&profiling, "http://x/q", several);
    CHECK_PROFILE(&profiling, "http://x/r", missing);
    release_definitions(&profiling);
}

static void references_lead_to_what_is_allowed(void **state)
{
    static const char *const profiles[] = {
        PROFILE("named", "Patient", "{'id':'Patient.name','path':'Patient.name','min':1}"),
        PROFILE("o", "Observation",
                "{'id':'Observation.subject','path':'Observation.subject','type':[{'code':"
                "'Reference','targetProfile':['http://x/named']}]}"),
        PROFILE("c", "Observation",
                "{'id':'Observation.subject','path':'Observation.subject','type':[{'code':"
                "'Reference','aggregation':['contained']}]}"),
        NULL};
    static const struct profile_case targets[] = {
        {"{'resourceType':'Observation','subject':{'reference':'Patient/1'}}", ""},
        {"{'resourceType':'Observation','subject':{'display':'x'}}", ""},
        {"{'resourceType':'Observation','subject':{'reference':'Group/1'}}",
         "error structure Observation.subject"},
        {"{'resourceType':'Observation','subject':{'type':'Device','display':'x'}}",
         "error structure Observation.subject"},
        {"{'resourceType':'Observation','contained':[{'resourceType':'Patient','id':'a','name':[{"
         "'text':'x'}]}],'subject':{'reference':'#a'}}",
         ""},
        {"{'resourceType':'Observation','contained':[{'resourceType':'Patient','id':'a'}],"
         "'subject':{'reference':'#a'}}",
         "error structure Observation.subject"},
    };
    static const struct profile_case places[] = {
        {"{'resourceType':'Observation','subject':{'reference':'Patient/1'}}",
         "error structure Observation.subject"},
        {"{'resourceType':'Observation','contained':[{'resourceType':'Patient','id':'a'}],"
         "'subject':{'reference':'#a'}}",
         ""},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/o", targets);
    CHECK_PROFILE(&profiling, "http://x/c", places);
    release_definitions(&profiling);
}

static void references_are_followed_within_a_bundle(void **state)
{
    static const char *const profiles[] = {
        PROFILE("named", "Patient", "{'id':'Patient.name','path':'Patient.name','min':1}"),
        PROFILE("o", "Observation",
                "{'id':'Observation.subject','path':'Observation.subject','type':[{'code':"
                "'Reference','targetProfile':['http://x/named']}]}"),
        PROFILE("b", "Bundle",
                "{'id':'Bundle.entry','path':'Bundle.entry','slicing':{'discriminator':[{'type':"
                "'type','path':'resource'}],'rules':'open'}},"
                "{'id':'Bundle.entry:o','path':'Bundle.entry','sliceName':'o'},"
                "{'id':'Bundle.entry:o.resource','path':'Bundle.entry.resource','min':1,"
                "'type':[{'code':'Observation','profile':['http://x/o']}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://h/Patient/1',"
         "'resource':{'resourceType':'Patient','id':'1'}},{'fullUrl':'http://h/Observation/1',"
         "'resource':{'resourceType':'Observation','id':'1','subject':{'reference':'Patient/1'}}}]"
         "}",
         "error structure Bundle.entry[1].resource.subject"},
        {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:uuid:1',"
         "'resource':{'resourceType':'Patient','name':[{'text':'a'}]}},{'fullUrl':'urn:uuid:2',"
         "'resource':{'resourceType':'Observation','subject':{'reference':'urn:uuid:1'}}}]}",
         ""},
        /* Without a RESTful fullUrl beside it, a relative reference leads out of the Bundle. */
        {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://h/Patient/1',"
         "'resource':{'resourceType':'Patient','id':'1'}},{'fullUrl':'urn:uuid:2',"
         "'resource':{'resourceType':'Observation','subject':{'reference':'Patient/1'}}}]}",
         ""},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/b", cases);
    release_definitions(&profiling);
}

static void rings_of_references_come_to_an_end(void **state)
{
    static const char *const profiles[] = {
        PROFILE("o", "Observation",
                "{'id':'Observation.status','path':'Observation.status','fixedCode':'final'},"
                "{'id':'Observation.hasMember','path':'Observation.hasMember','type':[{'code':"
                "'Reference','targetProfile':['http://x/o']}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Observation','status':'final','contained':[{'resourceType':"
         "'Observation','id':'a','status':'final','hasMember':[{'reference':'#b'}]},{"
         "'resourceType':'Observation','id':'b','status':'final','hasMember':[{'reference':'#a'}]"
         "}],'hasMember':[{'reference':'#a'},{'reference':'#b'}]}",
         ""},
        {"{'resourceType':'Observation','status':'final','contained':[{'resourceType':"
         "'Observation','id':'a','status':'final','hasMember':[{'reference':'#b'}]},{"
         "'resourceType':'Observation','id':'b','status':'amended','hasMember':[{'reference':'#a'}]"
         "}],'hasMember':[{'reference':'#a'}]}",
         "error structure Observation.hasMember[0]"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/o", cases);
    release_definitions(&profiling);
}

/* Each element asks for all elements. */
static void work_is_bounded(void **state)
{
    static const char *const profiles[] = {
        PROFILE(
            "p", "Patient",
            "{'id':'Patient','path':'Patient','constraint':[{'key':'c-1','severity':'error',"
            "'human':'x','expression':'descendants().select(%resource.descendants()).exists()'}]}"),
        NULL};
    struct profiling profiling = load_definitions(profiles);
    const struct profile *profile = definitions_profile(profiling.definitions, TEXT("http://x/p"));
    const struct validation validation = {.definitions = profiling.definitions};
    struct buf document = buf_in(profiling.arena);
    struct issues issues;

    (void)state;
    buf_add_text(&document, "{'resourceType':'Patient','name':[{'family':'a'}");
    for (int i = 0; i < 2000; i++)
        buf_add_text(&document, ",{'family':'a','given':['b','c','d']}");
    buf_add_text(&document, "]}");
    issues_init(&issues, profiling.arena, 50);
    profile_check_node(profile, read_quoted(profiling.arena, buf_text(&document)), &validation, 0,
                       &issues);
    assert_string_equal(findings_of(&issues), "error too-costly Patient");
    release_definitions(&profiling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cardinalities_are_checked),
        cmocka_unit_test(types_of_choices_are_checked),
        cmocka_unit_test(values_are_fixed_exactly_and_patterns_in_part),
        cmocka_unit_test(ranges_and_lengths_are_checked),
        cmocka_unit_test(constraints_see_their_resource),
        cmocka_unit_test(profiles_of_types_hold_one_of_several),
        cmocka_unit_test(references_lead_to_what_is_allowed),
        cmocka_unit_test(references_are_followed_within_a_bundle),
        cmocka_unit_test(rings_of_references_come_to_an_end),
        cmocka_unit_test(work_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
