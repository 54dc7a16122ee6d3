#include "tests/unit/fhir/profiling.h"

#include "base/count.h"

#define SLICING(type, path, rules)                                                                 \
    "'slicing':{'discriminator':[{'type':'" type "','path':'" path "'}]," rules "}"

#define CODED(system, code) "{'coding':[{'system':'" system "','code':'" code "'}]}"

static void check_one(const char *profile, const struct profile_case *cases, size_t count)
{
    const char *const profiles[] = {profile, NULL};
    struct profiling profiling = load_definitions(profiles);

    check_profile_cases(&profiling, "http://x/p", cases, count);
    release_definitions(&profiling);
}

#define CHECK_ONE(profile, cases) check_one((profile), (cases), COUNT(cases))

static void slices_are_told_apart_by_values(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','identifier':[{'system':'http://a','value':'1'},{'system':"
         "'http://other'}]}",
         ""},
        {"{'resourceType':'Patient'}", "error required Patient"},
        {"{'resourceType':'Patient','identifier':[{'system':'http://b','value':'1'}]}",
         "error required Patient"},
        {"{'resourceType':'Patient','identifier':[{'system':'http://a'}]}",
         "error required Patient.identifier[0]"},
        {"{'resourceType':'Patient','identifier':[{'system':'http://a','value':'1'},{'system':"
         "'http://a','value':'2'}]}",
         "error structure Patient"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE("p", "Patient",
                "{'id':'Patient.identifier','path':'Patient.identifier'," SLICING(
                    "value", "system", "'rules':'open'") "},"
                                                         "{'id':'Patient.identifier:a','path':'"
                                                         "Patient.identifier','sliceName':'a',"
                                                         "'min':1,'max':'1'},"
                                                         "{'id':'Patient.identifier:a.system','"
                                                         "path':'Patient.identifier.system',"
                                                         "'min':1,'fixedUri':'http://a'},"
                                                         "{'id':'Patient.identifier:a.value','path'"
                                                         ":'Patient.identifier.value',"
                                                         "'min':1},"
                                                         "{'id':'Patient.identifier:b','path':'"
                                                         "Patient.identifier','sliceName':'b'},"
                                                         "{'id':'Patient.identifier:b.system','"
                                                         "path':'Patient.identifier.system',"
                                                         "'min':1,'fixedUri':'http://b'}"),
        cases);
}

#define CATEGORIES(rules)                                                                          \
    PROFILE(                                                                                       \
        "p", "Condition",                                                                          \
        "{'id':'Condition.category','path':'Condition.category'," SLICING(                         \
            "pattern", "$this",                                                                    \
            rules) "},"                                                                            \
                   "{'id':'Condition.category:one','path':'Condition.category','sliceName':'one'," \
                   "'min':1,'patternCodeableConcept':" CODED(                                      \
                       "http://s", "1") "},"                                                       \
                                        "{'id':'Condition.category:two','path':'Condition."        \
                                        "category','sliceName':'two',"                             \
                                        "'patternCodeableConcept':" CODED("http://s", "2") "}")

#define CATEGORY(list) "{'resourceType':'Condition','category':[" list "]}"
#define ONE            CODED("http://s", "1")
#define TWO            CODED("http://s", "2")
#define OTHER          CODED("http://s", "3")

static void patterns_and_rules_of_slicing(void **state)
{
    static const struct profile_case open[] = {
        {CATEGORY(TWO "," OTHER "," ONE), ""},
        {CATEGORY(OTHER), "error required Condition"},
    };
    static const struct profile_case closed[] = {
        {CATEGORY(TWO "," ONE), ""},
        {CATEGORY(ONE "," OTHER), "error structure Condition.category[1]"},
    };
    static const struct profile_case open_at_end[] = {
        {CATEGORY(TWO "," ONE "," OTHER), ""},
        {CATEGORY(ONE "," OTHER "," TWO), "error structure Condition.category[2]"},
    };
    static const struct profile_case ordered[] = {
        {CATEGORY(OTHER "," ONE "," TWO), ""},
        {CATEGORY(TWO "," ONE), "error structure Condition.category[1]"},
    };
    static const struct profile_case ambiguous[] = {
        {CATEGORY("{'coding':[{'system':'http://s','code':'1'},{'system':'http://s','code':'2'}]}"),
         "error structure Condition.category[0]"},
    };

    (void)state;
    CHECK_ONE(CATEGORIES("'rules':'open'"), open);
    CHECK_ONE(CATEGORIES("'rules':'closed'"), closed);
    CHECK_ONE(CATEGORIES("'rules':'openAtEnd'"), open_at_end);
    CHECK_ONE(CATEGORIES("'ordered':true,'rules':'open'"), ordered);
    CHECK_ONE(CATEGORIES("'rules':'open'"), ambiguous);
}

static void the_default_slice_takes_the_rest(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','telecom':[{'system':'phone'},{'system':'fax','value':'1'}]}",
         ""},
        {"{'resourceType':'Patient','telecom':[{'system':'phone'},{'system':'fax'}]}",
         "error required Patient.telecom[1]"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE("p", "Patient",
                "{'id':'Patient.telecom','path':'Patient.telecom'," SLICING(
                    "value", "system", "'rules':'closed'") "},"
                                                           "{'id':'Patient.telecom:phone','path':'"
                                                           "Patient.telecom','sliceName':'phone'},"
                                                           "{'id':'Patient.telecom:phone.system','"
                                                           "path':'Patient.telecom.system',"
                                                           "'fixedCode':'phone'},"
                                                           "{'id':'Patient.telecom:@default','path'"
                                                           ":'Patient.telecom','sliceName':"
                                                           "'@default'},"
                                                           "{'id':'Patient.telecom:@default.value',"
                                                           "'path':'Patient.telecom.value',"
                                                           "'min':1}"),
        cases);
}

static void slices_are_told_apart_by_existence(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','name':[{'family':'a','use':'usual'},{'text':'b','period':{"
         "'end':'2000'}}]}",
         ""},
        {"{'resourceType':'Patient','name':[{'family':'a'}]}", "error required Patient.name[0]"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE(
            "p", "Patient",
            "{'id':'Patient.name','path':'Patient.name'," SLICING(
                "exists", "period",
                "'rules':'open'") "},"
                                  "{'id':'Patient.name:now','path':'Patient.name','sliceName':'now'"
                                  "},"
                                  "{'id':'Patient.name:now.use','path':'Patient.name.use','min':1},"
                                  "{'id':'Patient.name:now.period','path':'Patient.name.period','"
                                  "max':'0'},"
                                  "{'id':'Patient.name:then','path':'Patient.name','sliceName':'"
                                  "then'},"
                                  "{'id':'Patient.name:then.text','path':'Patient.name.text','min':"
                                  "1},"
                                  "{'id':'Patient.name:then.period','path':'Patient.name.period','"
                                  "min':1}"),
        cases);
}

static void choices_are_sliced_by_type(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Observation','valueQuantity':{'value':1,'unit':'x'}}", ""},
        {"{'resourceType':'Observation','valueString':'x'}", ""},
        {"{'resourceType':'Observation','valueQuantity':{'value':1}}",
         "error required Observation.value"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE("p", "Observation",
                "{'id':'Observation.value[x]','path':'Observation.value[x]'," SLICING(
                    "type", "$this",
                    "'rules':'open'") "},"
                                      "{'id':'Observation.value[x]:valueQuantity','path':'"
                                      "Observation.value[x]',"
                                      "'sliceName':'valueQuantity','type':[{'code':'Quantity'}]},"
                                      "{'id':'Observation.value[x]:valueQuantity.unit',"
                                      "'path':'Observation.value[x].unit','min':1}"),
        cases);
}

static void references_are_told_apart_by_the_type_they_lead_to(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Observation','performer':[{'reference':'Practitioner/1'}]}", ""},
        {"{'resourceType':'Observation','performer':[{'reference':'Organization/1','display':'x'}]"
         "}",
         "error required Observation"},
        {"{'resourceType':'Observation','performer':[{'reference':'Practitioner/1'},{'reference':"
         "'Organization/1'}]}",
         "error required Observation.performer[1]"},
        /* Who knows what is meant: nothing is missing for certain. */
        {"{'resourceType':'Observation','performer':[{'reference':'urn:uuid:x'}]}",
         "information informational Observation.performer[0]"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE("p", "Observation",
                "{'id':'Observation.performer','path':'Observation.performer'," SLICING(
                    "type", "resolve()",
                    "'rules':'open'") "},"
                                      "{'id':'Observation.performer:who','path':'Observation."
                                      "performer','sliceName':"
                                      "'who','min':1,'type':[{'code':'Reference','targetProfile':["
                                      "'http://hl7.org/fhir/StructureDefinition/Practitioner']}]},"
                                      "{'id':'Observation.performer:where','path':'Observation."
                                      "performer','sliceName':"
                                      "'where','type':[{'code':'Reference','targetProfile':["
                                      "'http://hl7.org/fhir/StructureDefinition/Organization']}]},"
                                      "{'id':'Observation.performer:where.display',"
                                      "'path':'Observation.performer.display','min':1}"),
        cases);
}

static void entries_are_told_apart_by_profile(void **state)
{
    static const char *const profiles[] = {
        PROFILE("named", "Patient", "{'id':'Patient.name','path':'Patient.name','min':1}"),
        PROFILE(
            "p", "Bundle",
            "{'id':'Bundle.entry','path':'Bundle.entry'," SLICING(
                "profile", "resource",
                "'rules':'closed'") "},"
                                    "{'id':'Bundle.entry:named','path':'Bundle.entry','sliceName':'"
                                    "named','min':1},"
                                    "{'id':'Bundle.entry:named.resource','path':'Bundle.entry."
                                    "resource','min':1,"
                                    "'type':[{'code':'Patient','profile':['http://x/named']}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Bundle','entry':[{'resource':{'resourceType':'Patient','name':[{'text':"
         "'a'}]}}]}",
         ""},
        {"{'resourceType':'Bundle','entry':[{'resource':{'resourceType':'Patient'}}]}",
         "error structure Bundle.entry[0], error required Bundle"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", cases);
    release_definitions(&profiling);
}

static void extensions_are_told_apart_by_url(void **state)
{
    static const char *const profiles[] = {
        "{'resourceType':'StructureDefinition','url':'http://x/colour','name':'colour','status':"
        "'active','kind':'complex-type','abstract':false,'type':'Extension','baseDefinition':"
        "'http://hl7.org/fhir/StructureDefinition/Extension','derivation':'constraint','context':[{"
        "'type':'element','expression':'Patient'}],'differential':{'element':["
        "{'id':'Extension.url','path':'Extension.url','fixedUri':'http://x/colour'},"
        "{'id':'Extension.value[x]','path':'Extension.value[x]','min':1,'type':[{'code':'string'}]}"
        "]}}",
        PROFILE("p", "Patient",
                "{'id':'Patient.extension:colour','path':'Patient.extension','sliceName':'colour',"
                "'min':1,'max':'1','type':[{'code':'Extension','profile':['http://x/colour']}]}"),
        NULL};
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','extension':[{'url':'http://x/other','valueCode':'a'},{'url':"
         "'http://x/colour','valueString':'a'}]}",
         ""},
        {"{'resourceType':'Patient','extension':[{'url':'http://x/other','valueCode':'a'}]}",
         "error required Patient"},
        {"{'resourceType':'Patient','extension':[{'url':'http://x/colour','valueCode':'a'}]}",
         "error structure Patient.extension[0].value"},
    };
    struct profiling profiling = load_definitions(profiles);

    (void)state;
    CHECK_PROFILE(&profiling, "http://x/p", cases);
    release_definitions(&profiling);
}

static void slices_may_be_sliced_again(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','telecom':[{'system':'phone','use':'home'}]}", ""},
        {"{'resourceType':'Patient','telecom':[{'system':'email','use':'home'}]}",
         "error required Patient"},
        {"{'resourceType':'Patient','telecom':[{'system':'phone','use':'work'},{'system':'phone',"
         "'use':'home'},{'system':'phone','use':'home'}]}",
         "error structure Patient"},
    };

    (void)state;
    CHECK_ONE(
        PROFILE(
            "p", "Patient",
            "{'id':'Patient.telecom','path':'Patient.telecom'," SLICING(
                "value", "system",
                "'rules':'open'") "},"
                                  "{'id':'Patient.telecom:phone','path':'Patient.telecom','"
                                  "sliceName':'phone'," SLICING(
                                      "value", "use",
                                      "'rules':'open'") "},"
                                                        "{'id':'Patient.telecom:phone.system','"
                                                        "path':'Patient.telecom.system',"
                                                        "'fixedCode':'phone'},"
                                                        "{'id':'Patient.telecom:phone/"
                                                        "home','path':'Patient.telecom','sliceName'"
                                                        ":"
                                                        "'phone/home','min':1,'max':'1'},"
                                                        "{'id':'Patient.telecom:phone/"
                                                        "home.system','path':'Patient.telecom."
                                                        "system',"
                                                        "'fixedCode':'phone'},"
                                                        "{'id':'Patient.telecom:phone/"
                                                        "home.use','path':'Patient.telecom.use',"
                                                        "'fixedCode':'home'}"),
        cases);
}

static void several_discriminators_must_all_fit(void **state)
{
    static const struct profile_case cases[] = {
        {"{'resourceType':'Patient','telecom':[{'system':'phone','use':'home'}]}", ""},
        {"{'resourceType':'Patient','telecom':[{'system':'phone','use':'work'},{'system':'email',"
         "'use':'home'}]}",
         "error required Patient"},
    };

    (void)state;
    CHECK_ONE(PROFILE("p", "Patient",
                      "{'id':'Patient.telecom','path':'Patient.telecom','slicing':{'discriminator':"
                      "[{'type':'value','path':'system'},{'type':'value','path':'use'}],'rules':"
                      "'open'}},"
                      "{'id':'Patient.telecom:a','path':'Patient.telecom','sliceName':'a','min':1},"
                      "{'id':'Patient.telecom:a.system','path':'Patient.telecom.system',"
                      "'fixedCode':'phone'},"
                      "{'id':'Patient.telecom:a.use','path':'Patient.telecom.use','fixedCode':"
                      "'home'}"),
              cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_told_apart_by_values),
        cmocka_unit_test(patterns_and_rules_of_slicing),
        cmocka_unit_test(the_default_slice_takes_the_rest),
        cmocka_unit_test(slices_are_told_apart_by_existence),
        cmocka_unit_test(choices_are_sliced_by_type),
        cmocka_unit_test(references_are_told_apart_by_the_type_they_lead_to),
        cmocka_unit_test(entries_are_told_apart_by_profile),
        cmocka_unit_test(extensions_are_told_apart_by_url),
        cmocka_unit_test(slices_may_be_sliced_again),
        cmocka_unit_test(several_discriminators_must_all_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
