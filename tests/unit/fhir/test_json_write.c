#include "tests/unit/fhir/reading.h"

#include "base/count.h"
#include "fhir/json_bytes.h"

static void strings_are_escaped_as_little_as_json_allows(void **state)
{
    static const struct {
        struct text text;
        const char *json;
    } cases[] = {
        {TEXT(""), "\"\""},
        {TEXT("plain"), "\"plain\""},
        {TEXT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\""},
        {TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {TEXT("\x01\x1f\0z\x7f"), "\"\\u0001\\u001f\\u0000z\x7f\""},
        {TEXT("\xc3\xa9 in a text longer than sixteen bytes\n"),
         "\"\xc3\xa9 in a text longer than sixteen bytes\\n\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = {0};

        json_write_string(&out, cases[i].text.data, cases[i].text.size);
        assert_string_equal(buf_text(&out), cases[i].json);
        buf_release(&out);
    }
}

static void a_companion_without_content_is_written_as_it_came(void **state)
{
    static const char *const json = "{\"resourceType\":\"Patient\",\"_birthDate\":{}}";
    struct reading r = read_json(json);
    struct buf out = buf_in(r.arena);

    (void)state;
    json_write(r.root, &out);
    assert_string_equal(buf_text(&out), json);
    release(&r);
}

static void the_pretty_form_is_indented_by_two_spaces(void **state)
{
    struct reading r = read_json(
        "{\"resourceType\":\"Patient\",\"active\":true,\"name\":[{\"given\":[\"A\",\"B\"],"
        "\"_given\":[null,{\"id\":\"x\"}]},{}]}");
    struct buf out = buf_in(r.arena);

    (void)state;
    json_write_pretty(r.root, &out);
    assert_string_equal(buf_text(&out), "{\n"
                                        "  \"resourceType\": \"Patient\",\n"
                                        "  \"active\": true,\n"
                                        "  \"name\": [\n"
                                        "    {\n"
                                        "      \"given\": [\n"
                                        "        \"A\",\n"
                                        "        \"B\"\n"
                                        "      ],\n"
                                        "      \"_given\": [\n"
                                        "        null,\n"
                                        "        {\n"
                                        "          \"id\": \"x\"\n"
                                        "        }\n"
                                        "      ]\n"
                                        "    },\n"
                                        "    {}\n"
                                        "  ]\n"
                                        "}");
    release(&r);
}

static void an_element_can_be_written_alone(void **state)
{
    struct reading r = read_json("{\"resourceType\":\"Patient\",\"birthDate\":\"1970\","
                                 "\"name\":[{\"family\":\"F\"}]}");
    struct buf out = buf_in(r.arena);

    (void)state;
    json_write(node_child(r.root, "name"), &out);
    json_write(node_child(r.root, "birthDate"), &out);
    assert_string_equal(buf_text(&out), "{\"family\":\"F\"}\"1970\"");
    release(&r);
}

/* Whatever the processor: the quick scans stop where the plain ones do. */
static void the_quick_scans_agree_with_the_letters(void **state)
{
    char bytes[64];
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        const char *end = bytes + round % 64, *plain, *unescaped;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (char)(random >> 29 ? 'a' + (random >> 8) % 26 : random >> 16);
        }
        plain = unescaped = bytes;
        while (plain < end && !json_is_special(*plain) && (unsigned char)*plain < 0x80)
            plain++;
        while (unescaped < end && !json_is_special(*unescaped))
            unescaped++;
        assert_ptr_equal(json_plain_end(bytes, end), plain);
        assert_ptr_equal(json_plain_end_portable(bytes, end), plain);
        assert_ptr_equal(json_unescaped_end(bytes, end), unescaped);
        assert_ptr_equal(json_unescaped_end_portable(bytes, end), unescaped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_as_little_as_json_allows),
        cmocka_unit_test(a_companion_without_content_is_written_as_it_came),
        cmocka_unit_test(the_pretty_form_is_indented_by_two_spaces),
        cmocka_unit_test(an_element_can_be_written_alone),
        cmocka_unit_test(the_quick_scans_agree_with_the_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
