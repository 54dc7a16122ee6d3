#include "base/count.h"
#include "fhir/xml.h"
#include "reading.h"

#define NS  "xmlns=\"http://hl7.org/fhir\""
#define DIV "<div xmlns=\"http://www.w3.org/1999/xhtml\">"

static struct reading read_limited(const char *xml, const struct json_limits *limits)
{
    struct reading reading = {.arena = arena_new()};

    issues_init(&reading.issues, reading.arena, 100);
    reading.root = xml_read(reading.arena, xml, strlen(xml), limits, &reading.issues, &reading.err);
    if (!reading.root)
        assert_int_not_equal(reading.err.kind, ERR_NONE);
    return reading;
}

static struct reading read_xml(const char *xml)
{
    return read_limited(xml, &json_default_limits);
}

/* Without a finding, and as JSON it is this. */
static void assert_json(const char *xml, const char *json)
{
    struct reading reading = read_xml(xml);

    assert_string_equal(reading.err.text, "");
    assert_non_null(reading.root);
    if (reading.issues.first)
        fail_msg("%s: %s", reading.issues.first->expression, reading.issues.first->text);
    assert_string_equal(written(&reading), json);
    release(&reading);
}

static void assert_finding(const char *xml, const char *expression)
{
    struct reading reading = read_xml(xml);

    assert_string_equal(reading.err.text, "");
    assert_one_issue(&reading, "structure", expression);
    release(&reading);
}

static void assert_refused(const char *xml, enum err_kind kind, const char *text)
{
    struct reading reading = read_xml(xml);

    assert_null(reading.root);
    assert_int_equal(reading.err.kind, kind);
    if (!strstr(reading.err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", reading.err.text, text);
    release(&reading);
}

static void values_have_the_kinds_of_json(void **state)
{
    (void)state;
    assert_json("<Patient " NS "><active value='true'/><multipleBirthInteger value='2'/></Patient>",
                "{\"resourceType\":\"Patient\",\"active\":true,\"multipleBirthInteger\":2}");
    assert_json("<Observation " NS "><valueQuantity><value value='1.50'/></valueQuantity>"
                "</Observation>",
                "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":1.50}}");
    /* R4's integers may have a plus sign, JSON's numbers not. */
    assert_json("<Patient " NS "><multipleBirthInteger value='+2'/></Patient>",
                "{\"resourceType\":\"Patient\",\"multipleBirthInteger\":2}");
}

static void what_is_no_number_stays_a_string_to_be_found(void **state)
{
    static const char *const values[] = {"", "abc", "1.", ".5", "0x1", "1 ", "NaN", "+1.5"};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char xml[200];
        snprintf(xml, sizeof(xml),
                 "<Observation " NS "><valueQuantity><value value=\"%s\"/></valueQuantity>"
                 "</Observation>",
                 values[i]);
        struct reading reading = read_xml(xml);
        struct node *value = node_path(reading.root, "valueQuantity.value");
        assert_int_equal(value->flags & NODE_NUMBER, 0);
        check_structure(reading.root, &reading.issues);
        assert_true(reading.issues.errors > 0);
        release(&reading);
    }
}

static void repeated_elements_are_arrays_even_of_one(void **state)
{
    (void)state;
    assert_json("<Patient " NS "><name><given value='A'/><given value='B'/></name></Patient>",
                "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"A\",\"B\"]}]}");
}

static void a_primitive_has_id_and_extensions(void **state)
{
    (void)state;
    assert_json("<Patient " NS "><birthDate id='b' value='2000-01-01'><extension url='u'>"
                "<valueCode value='c'/></extension></birthDate></Patient>",
                "{\"resourceType\":\"Patient\",\"birthDate\":\"2000-01-01\",\"_birthDate\":"
                "{\"id\":\"b\",\"extension\":[{\"url\":\"u\",\"valueCode\":\"c\"}]}}");
    assert_json("<Patient " NS "><name><given><extension url='u'><valueCode value='c'/>"
                "</extension></given><given value='B'/></name></Patient>",
                "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null,\"B\"],\"_given\":["
                "{\"extension\":[{\"url\":\"u\",\"valueCode\":\"c\"}]},null]}]}");
}

static void an_url_stands_behind_nested_extensions_as_the_definition_has_it(void **state)
{
    (void)state;
    assert_json("<Patient " NS "><extension url='outer' id='i'><extension url='inner'>"
                "<valueCode value='c'/></extension></extension></Patient>",
                "{\"resourceType\":\"Patient\",\"extension\":[{\"id\":\"i\",\"extension\":["
                "{\"url\":\"inner\",\"valueCode\":\"c\"}],\"url\":\"outer\"}]}");
}

static void resources_stand_within_resources(void **state)
{
    (void)state;
    assert_json("<Bundle " NS "><entry><resource><Patient><contained><Group><id value='g'/></Group>"
                "</contained><active value='true'/></Patient></resource></entry></Bundle>",
                "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":"
                "\"Patient\",\"contained\":[{\"resourceType\":\"Group\",\"id\":\"g\"}],"
                "\"active\":true}}]}");
    assert_finding("<Bundle " NS "><entry><resource/></entry></Bundle>",
                   "Bundle.entry[0].resource");
    assert_finding("<Bundle " NS "><entry><resource><Patient/><Group/></resource></entry></Bundle>",
                   "Bundle.entry[0].resource");
    assert_finding("<Bundle " NS "><entry><resource><Nonsense><a/></Nonsense></resource></entry>"
                   "</Bundle>",
                   "Bundle.entry[0].resource");
    assert_finding("<Bundle " NS "><entry><resource id='x'><Patient/></resource></entry></Bundle>",
                   "Bundle.entry[0].resource.id");
}

static void a_narrative_is_kept_byte_for_byte(void **state)
{
    (void)state;
    assert_json(
        "<Patient " NS "><text><status value='empty'/>" DIV
        "<p class='a'\n>5 &lt; 6&#160;&amp;<br></br><!-- c --><br/></p ></div></text></Patient>",
        "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\",\"div\":\"<div "
        "xmlns=\\\"http://www.w3.org/1999/xhtml\\\"><p class='a'\\n>5 &lt; 6&#160;&amp;"
        "<br></br><!-- c --><br/></p ></div>\"}}");
    assert_json("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<f:Patient "
                "xmlns='http://www.w3.org/1999/xhtml' xmlns:f='http://hl7.org/fhir'><f:text>"
                "<div>\xc3\xa4</div></f:text></f:Patient>",
                "{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div "
                "xmlns=\\\"http://www.w3.org/1999/xhtml\\\">\xc3\xa4</div>\"}}");
}

static void a_long_narrative_is_kept_too(void **state)
{
    struct arena *arena = arena_new();
    struct buf xml = buf_in(arena), json = buf_in(arena);

    (void)state;
    buf_add_text(&xml, "<Patient " NS "><text>" DIV);
    buf_add_text(&json, "{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div "
                        "xmlns=\\\"http://www.w3.org/1999/xhtml\\\">");
    for (int i = 0; i < 100000; i++) {
        buf_add_text(&xml, "<p>\xc3\xa4 b</p>");
        buf_add_text(&json, "<p>\xc3\xa4 b</p>");
    }
    buf_add_text(&xml, "</div></text></Patient>");
    buf_add_text(&json, "</div>\"}}");
    assert_json(buf_text(&xml), buf_text(&json));
    arena_free(arena);
}

static void a_narrative_in_another_namespace_is_found(void **state)
{
    (void)state;
    assert_finding("<Patient " NS "><text><div>x</div></text></Patient>", "Patient.text.div");
    assert_finding("<Patient " NS "><text><h:div xmlns:h='http://www.w3.org/1999/xhtml'>x</h:div>"
                   "</text></Patient>",
                   "Patient.text.div");
}

static void what_has_no_place_is_found_and_left_out(void **state)
{
    (void)state;
    assert_finding("<Patient " NS "><nonsense><a/>x</nonsense></Patient>", "Patient.nonsense");
    assert_finding("<Patient " NS " id='x'/>", "Patient.id");
    assert_finding("<Patient " NS "><active value='true' other='x'/></Patient>",
                   "Patient.active.other");
    assert_finding("<Patient " NS "><name value='x'><text value='x'/></name></Patient>",
                   "Patient.name[0].value");
    assert_finding("<Patient " NS "><name><id value='x'/><text value='x'/></name></Patient>",
                   "Patient.name[0].id");
    assert_finding("<Patient " NS ">a<active value='true'/>b</Patient>", "Patient");
    assert_finding("<Patient " NS "><active>true</active></Patient>", "Patient.active");
    assert_finding("<Patient " NS "><active xmlns='urn:x' value='true'/></Patient>",
                   "Patient.active");
    assert_finding("<Patient " NS "><active value='true' xml:lang='en'/></Patient>",
                   "Patient.active.lang");
}

static void elements_have_an_order(void **state)
{
    struct reading reading = read_xml("<Patient " NS "><name><text value='1'/></name><gender "
                                      "value='male'/><name><text value='2'/></name></Patient>");

    (void)state;
    assert_one_issue(&reading, "structure", "Patient.name[1]");
    assert_string_equal(written(&reading),
                        "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"1\"}"
                        ",{\"text\":\"2\"}],\"gender\":\"male\"}");
    release(&reading);
}

static void comments_instructions_and_schema_locations_say_nothing(void **state)
{
    (void)state;
    assert_json("<?xml version='1.0'?><!-- a --><?b c?><Patient " NS " xmlns:xsi="
                "'http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b'>"
                "<!-- d --><?e f?><active value='true'/> \n</Patient><!-- g -->\n",
                "{\"resourceType\":\"Patient\",\"active\":true}");
}

static void white_space_in_values_is_kept_when_it_is_escaped(void **state)
{
    (void)state;
    assert_json("<Patient " NS
                "><name><text value='a&#xA;b&#9;&lt;&amp;&gt;&quot;&apos;&#x1F600;'/>"
                "</name></Patient>",
                "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"a\\nb\\t<&>\\\"'"
                "\xf0\x9f\x98\x80\"}]}");
}

static void what_is_no_xml_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused("<Patient " NS ">\n <active value='true'></Patient>", ERR_INVALID, "Line 2");
    assert_refused("<Patient " NS "><active value='a' value='b'/></Patient>", ERR_INVALID, "twice");
    assert_refused("<Patient " NS "/><Patient/>", ERR_INVALID, "nothing more");
    assert_refused("<Patient " NS "><x:active/></Patient>", ERR_INVALID, "prefix");
    assert_refused("<Patient " NS "><active value='&nbsp;'/></Patient>", ERR_INVALID, "entities");
    assert_refused("<Patient " NS "><active value='&#1;'/></Patient>", ERR_INVALID, "character");
    assert_refused("<Patient " NS "><active value='a<b'/></Patient>", ERR_INVALID, "&lt;");
    assert_refused("", ERR_INVALID, "empty");
    assert_refused("{\"resourceType\":\"Patient\"}", ERR_INVALID, "expected '<'");
    assert_refused("<Patient " NS "><name>", ERR_INVALID, "Line 1");
    assert_refused("<?xml version='1.0' encoding='ISO-8859-1'?><Patient " NS "/>", ERR_INVALID,
                   "UTF-8");
    assert_refused("<Patient " NS "><id value='\xe4'/></Patient>", ERR_INVALID, "UTF-8");
    /* No value is quoted. */
    struct reading reading = read_xml("<Patient " NS "><secret value='secret'/></private>");
    assert_null(strstr(reading.err.text, "secret"));
    assert_null(strstr(reading.err.text, "private"));
    release(&reading);
}

static void what_is_no_resource_is_refused(void **state)
{
    (void)state;
    assert_refused("<Patient/>", ERR_INVALID, "namespace");
    assert_refused("<Patient xmlns='http://hl7.org/FHIR'/>", ERR_INVALID, "namespace");
    assert_refused("<Nonsense " NS "/>", ERR_INVALID, "resource type");
    assert_refused("<HumanName " NS "/>", ERR_INVALID, "resource type");
}

static void a_document_type_is_refused_whatever_it_declares(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE Patient><Patient " NS "/>", ERR_INVALID, "document type");
    assert_refused("<!DOCTYPE Patient [<!ENTITY a 'b'>]><Patient " NS
                   "><id value='&a;'/></Patient>",
                   ERR_INVALID, "document type");
    assert_refused("<!DOCTYPE Patient [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Patient " NS ">"
                   "<text>" DIV "&a;</div></text></Patient>",
                   ERR_INVALID, "document type");
    assert_refused("<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'><Patient " NS "/>", ERR_INVALID,
                   "document type");
}

static void limits_hold(void **state)
{
    const struct json_limits small = {.size = 200, .depth = 5, .nodes = 4};
    struct reading reading = read_limited("<Patient " NS "><name><given value='a'/><given value='b'"
                                          "/><given value='c'/></name></Patient>",
                                          &small);

    (void)state;
    assert_int_equal(reading.err.kind, ERR_TOO_LARGE);
    release(&reading);
    reading = read_limited("<Patient " NS "><contact><name><given value='a'/></name></contact>"
                           "</Patient>",
                           &small); /* object, array, object, object, array */
    assert_non_null(reading.root);
    release(&reading);
    reading = read_limited("<Patient " NS "><contact><name><given id='a'><extension url='x'/>"
                           "</given></name></contact></Patient>",
                           &small);
    assert_int_equal(reading.err.kind, ERR_TOO_LARGE);
    release(&reading);
}

static void nesting_counts_as_in_json(void **state)
{
    static const char *const documents[] = {
        "{\"resourceType\":\"Patient\",\"contact\":[{\"name\":{\"given\":[\"a\"]}}]}",
        "{\"resourceType\":\"Patient\",\"name\":[{\"_given\":[{\"extension\":[{\"url\":\"u\"}]}]}]"
        "}",
        "{\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":\"Group\",\"id\":\"a\"}]}",
        "{\"resourceType\":\"Patient\",\"_active\":{\"extension\":[{\"url\":\"u\"}]}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct reading json = read_json(documents[i]);
        struct buf xml = buf_in(json.arena);
        xml_write(json.root, &xml);
        for (unsigned depth = 1; depth < 10; depth++) {
            struct json_limits limits = {.size = 1000, .depth = depth, .nodes = 100};
            struct err err = {0}, xml_err = {0};
            const struct node *root = json_read(json.arena, documents[i], strlen(documents[i]),
                                                &limits, &json.issues, &err);
            const struct node *same =
                xml_read(json.arena, xml.data, xml.size, &limits, &json.issues, &xml_err);
            assert_int_equal(!root, !same);
        }
        release(&json);
    }
}

static void a_value_may_look_like_attributes(void **state)
{
    struct arena *arena = arena_new();
    struct buf xml = buf_in(arena);
    struct reading reading;

    (void)state;
    buf_add_text(&xml, "<Patient " NS "><name><text value=\"");
    for (int i = 0; i < 1000; i++)
        buf_add_text(&xml, "a='b' ");
    buf_add_text(&xml, "\"/></name></Patient>");
    reading = read_xml(buf_text(&xml));
    assert_non_null(reading.root);
    release(&reading);
    arena_free(arena);
}

/* Documents of a megabyte and more that would take libxml2 minutes. */
static void hostile_documents_end_soon(void **state)
{
    struct arena *arena = arena_new();
    struct buf attributes = buf_in(arena), namespaces = buf_in(arena), broken = buf_in(arena);

    (void)state;
    buf_add_text(&attributes, "<Patient " NS);
    for (int i = 0; i < 300000; i++)
        buf_printf(&attributes, " a%d = ''", i);
    buf_add_text(&attributes, "/>");
    assert_refused(buf_text(&attributes), ERR_TOO_LARGE, "attributes");

    buf_add_text(&namespaces, "<Patient " NS "><text>" DIV);
    for (int i = 0; i < 100000; i++)
        buf_printf(&namespaces, "<b xmlns:a%d='b'>", i);
    for (int i = 0; i < 300000; i++)
        buf_add_text(&namespaces, "<c:c/>");
    assert_refused(buf_text(&namespaces), ERR_TOO_LARGE, "namespaces");

    buf_add_text(&broken, "<Patient " NS "><b c='");
    buf_add(&broken, namespaces.data, namespaces.size);
    assert_refused(buf_text(&broken), ERR_INVALID, "&lt;");
    arena_free(arena);
}

static void narratives_may_be_nested_deeply_but_not_without_end(void **state)
{
    struct arena *arena = arena_new();
    struct buf deep = buf_in(arena);

    (void)state;
    buf_add_text(&deep, "<Patient " NS "><text>" DIV);
    for (int i = 0; i < 2000; i++)
        buf_add_text(&deep, "<b>");
    assert_refused(buf_text(&deep), ERR_TOO_LARGE, "nested");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_the_kinds_of_json),
        cmocka_unit_test(what_is_no_number_stays_a_string_to_be_found),
        cmocka_unit_test(repeated_elements_are_arrays_even_of_one),
        cmocka_unit_test(a_primitive_has_id_and_extensions),
        cmocka_unit_test(an_url_stands_behind_nested_extensions_as_the_definition_has_it),
        cmocka_unit_test(resources_stand_within_resources),
        cmocka_unit_test(a_narrative_is_kept_byte_for_byte),
        cmocka_unit_test(a_long_narrative_is_kept_too),
        cmocka_unit_test(a_narrative_in_another_namespace_is_found),
        cmocka_unit_test(what_has_no_place_is_found_and_left_out),
        cmocka_unit_test(elements_have_an_order),
        cmocka_unit_test(comments_instructions_and_schema_locations_say_nothing),
        cmocka_unit_test(white_space_in_values_is_kept_when_it_is_escaped),
        cmocka_unit_test(what_is_no_xml_is_refused_with_its_place),
        cmocka_unit_test(what_is_no_resource_is_refused),
        cmocka_unit_test(a_document_type_is_refused_whatever_it_declares),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(nesting_counts_as_in_json),
        cmocka_unit_test(a_value_may_look_like_attributes),
        cmocka_unit_test(hostile_documents_end_soon),
        cmocka_unit_test(narratives_may_be_nested_deeply_but_not_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
