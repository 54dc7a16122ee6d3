#include "base/count.h"
#include "fhir/xml.h"
#include "reading.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define NS   " xmlns=\"http://hl7.org/fhir\""

static void assert_xml(const char *json, const char *xml)
{
    struct reading reading = read_json(json);
    struct buf out = buf_in(reading.arena);

    assert_non_null(reading.root);
    xml_write(reading.root, &out);
    assert_string_equal(buf_text(&out), xml);
    release(&reading);
}

static void a_resource_is_one_line_with_its_namespace_once(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Patient\"}", HEAD "<Patient" NS "/>");
    assert_xml("{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":"
               "\"Patient\",\"active\":true}}]}",
               HEAD "<Bundle" NS "><entry><resource><Patient><active value=\"true\"/></Patient>"
                    "</resource></entry></Bundle>");
}

static void numbers_keep_their_digits(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":1.50e-2}}",
               HEAD "<Observation" NS "><valueQuantity><value value=\"1.50e-2\"/></valueQuantity>"
                    "</Observation>");
}

static void ids_and_urls_are_attributes(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Patient\",\"id\":\"p\",\"extension\":[{\"id\":\"e\","
               "\"url\":\"u\",\"valueCode\":\"c\"}],\"_active\":{\"id\":\"a\"}}",
               HEAD "<Patient" NS "><id value=\"p\"/><extension id=\"e\" url=\"u\"><valueCode "
                    "value=\"c\"/></extension><active id=\"a\"/></Patient>");
    assert_xml("{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null,\"B\"],\"_given\":["
               "{\"extension\":[{\"url\":\"u\"}]},null]}]}",
               HEAD "<Patient" NS "><name><given><extension url=\"u\"/></given><given "
                    "value=\"B\"/></name></Patient>");
}

static void elements_come_in_the_order_of_the_definition(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Patient\",\"gender\":\"male\",\"name\":[{\"given\":[\"A\"],"
               "\"family\":\"F\"},{\"text\":\"2\"}],\"id\":\"p\"}",
               HEAD "<Patient" NS "><id value=\"p\"/><name><family value=\"F\"/><given "
                    "value=\"A\"/></name><name><text value=\"2\"/></name><gender value=\"male\"/>"
                    "</Patient>");
}

static void values_are_escaped_so_that_they_come_back(void **state)
{
    (void)state;
    assert_xml(
        "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"a\\nb\\r\\t<&>\\\"' \xc3\xa4\"}]}",
        HEAD "<Patient" NS "><name><text value=\"a&#xA;b&#xD;&#x9;&lt;&amp;&gt;&quot;' "
             "\xc3\xa4\"/></name></Patient>");
    /* What XML cannot hold. */
    assert_xml("{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"\\u0001\xef\xbf\xbe\xef\xbf\xbf"
               "\xef\xbf\xbd\"}]}",
               HEAD "<Patient" NS "><name><text value=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                    "\xef\xbf\xbd\"/></name></Patient>");
}

static void a_narrative_is_written_as_it_is(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div xmlns=\\\""
               "http://www.w3.org/1999/xhtml\\\"><p class='a'>5 &lt; 6<br/>\\n</p></div>\"}}",
               HEAD "<Patient" NS "><text><div xmlns=\"http://www.w3.org/1999/xhtml\"><p "
                    "class='a'>5 &lt; 6<br/>\n</p></div></text></Patient>");
    assert_xml("{\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div>a</div>\"}}",
               HEAD "<Patient" NS "><text><div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"
                    "</text></Patient>");
}

static void a_narrative_that_is_no_xml_cannot_spoil_the_document(void **state)
{
    static const char *const narratives[] = {
        "<div><p></div>",
        "</div></text>",
        "<div>&nbsp;</div>",
        "",
        "plain",
        "<div></div></div>",
        "]]>",
        "<!DOCTYPE a><div/>",
        "<div xmlns=''><p/></div>",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(narratives); i++) {
        struct reading reading = read_json("{\"resourceType\":\"Patient\"}");
        struct buf out = buf_in(reading.arena);
        struct node *text = node_add(reading.arena, reading.root, "text");
        node_add_value(reading.arena, text, "div", text_of(narratives[i]));
        xml_write(reading.root, &out);
        assert_non_null(xml_read(reading.arena, out.data, out.size, &json_default_limits,
                                 &reading.issues, &reading.err));
        release(&reading);
    }
}

static void what_is_only_json_is_left_out(void **state)
{
    (void)state;
    assert_xml("{\"resourceType\":\"Patient\",\"nonsense\":{\"a\":1},\"active\":{},\"contained\":["
               "{\"resourceType\":\"Nonsense\"}],\"gender\":\"male\"}",
               HEAD "<Patient" NS "><active/><gender value=\"male\"/>"
                    "</Patient>");
}

static void pretty_has_two_spaces_a_level(void **state)
{
    struct reading reading =
        read_json("{\"resourceType\":\"Bundle\",\"entry\":[{\"fullUrl\":\"u\",\"resource\":{"
                  "\"resourceType\":\"Patient\",\"text\":{\"div\":\"<div xmlns=\\\""
                  "http://www.w3.org/1999/xhtml\\\"><p>a</p>\\n</div>\"}}}]}");
    struct buf out = buf_in(reading.arena);

    (void)state;
    xml_write_pretty(reading.root, &out);
    assert_string_equal(buf_text(&out),
                        HEAD "\n<Bundle" NS ">\n"
                             "  <entry>\n"
                             "    <fullUrl value=\"u\"/>\n"
                             "    <resource>\n"
                             "      <Patient>\n"
                             "        <text>\n"
                             "          <div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a</p>\n"
                             "</div>\n"
                             "        </text>\n"
                             "      </Patient>\n"
                             "    </resource>\n"
                             "  </entry>\n"
                             "</Bundle>\n");
    release(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resource_is_one_line_with_its_namespace_once),
        cmocka_unit_test(numbers_keep_their_digits),
        cmocka_unit_test(ids_and_urls_are_attributes),
        cmocka_unit_test(elements_come_in_the_order_of_the_definition),
        cmocka_unit_test(values_are_escaped_so_that_they_come_back),
        cmocka_unit_test(a_narrative_is_written_as_it_is),
        cmocka_unit_test(a_narrative_that_is_no_xml_cannot_spoil_the_document),
        cmocka_unit_test(what_is_only_json_is_left_out),
        cmocka_unit_test(pretty_has_two_spaces_a_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
