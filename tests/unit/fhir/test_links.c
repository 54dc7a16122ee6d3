#include "tests/unit/fhir/reading.h"

#include "base/count.h"
#include "fhir/bundle.h"

/* Whatever begins with urn:x or is a search becomes Patient/1. */
static struct text replace(struct text link, void *context)
{
    unsigned *offered = context;

    (*offered)++;
    if (text_is(link, "urn:x") || text_is(link, "http://x?a&b") ||
        text_starts_with(link, TEXT("Patient?")))
        return TEXT("Patient/1");
    if (text_is(link, "urn:odd"))
        return TEXT("a&\"'<b");
    return (struct text){0};
}

static void assert_rewritten(const char *before, const char *after, unsigned offers)
{
    struct reading r = read_json(before);
    unsigned offered = 0;

    assert_non_null(r.root);
    bundle_rewrite_links(r.arena, r.root, replace, &offered);
    assert_string_equal(written(&r), after);
    assert_int_equal(offered, offers);
    release(&r);
}

#define BASIC(members)  "{\"resourceType\":\"Basic\"," members "}"
#define SUBJECT(link)   BASIC("\"subject\":{\"reference\":\"" link "\"}")
#define EXTENSION(last) BASIC("\"extension\":[{\"url\":\"http://u\"," last "}]")

static void references_are_replaced_and_keep_what_stands_behind(void **state)
{
    (void)state;
    assert_rewritten(SUBJECT("urn:x"), SUBJECT("Patient/1"), 1);
    assert_rewritten(SUBJECT("urn:x#part"), SUBJECT("Patient/1#part"), 1);
    assert_rewritten(SUBJECT("urn:x/_history/2"), SUBJECT("Patient/1/_history/2"), 1);
    assert_rewritten(SUBJECT("urn:xy"), SUBJECT("urn:xy"), 1);
    assert_rewritten(SUBJECT("#contained"), SUBJECT("#contained"), 0);
    assert_rewritten(SUBJECT("Patient?identifier=a|b#c"), SUBJECT("Patient/1"), 1);
    assert_rewritten(
        BASIC("\"contained\":[{\"resourceType\":\"Basic\",\"subject\":{\"reference\":\"urn:x\"}}]"),
        BASIC("\"contained\":[{\"resourceType\":\"Basic\",\"subject\":{\"reference\":"
              "\"Patient/1\"}}]"),
        1);
}

static void uri_elements_are_replaced_and_canonicals_are_not(void **state)
{
    (void)state;
    assert_rewritten(EXTENSION("\"valueUri\":\"urn:x\""), EXTENSION("\"valueUri\":\"Patient/1\""),
                     2);
    assert_rewritten(EXTENSION("\"valueUrl\":\"urn:x\""), EXTENSION("\"valueUrl\":\"Patient/1\""),
                     2);
    assert_rewritten(EXTENSION("\"valueUuid\":\"urn:x\""), EXTENSION("\"valueUuid\":\"Patient/1\""),
                     2);
    assert_rewritten(EXTENSION("\"valueOid\":\"urn:x\""), EXTENSION("\"valueOid\":\"Patient/1\""),
                     2);
    assert_rewritten(EXTENSION("\"valueAttachment\":{\"url\":\"urn:x\"}"),
                     EXTENSION("\"valueAttachment\":{\"url\":\"Patient/1\"}"), 2);
    assert_rewritten(EXTENSION("\"valueCanonical\":\"urn:x\""),
                     EXTENSION("\"valueCanonical\":\"urn:x\""), 1);
    assert_rewritten(EXTENSION("\"valueString\":\"urn:x\""), EXTENSION("\"valueString\":\"urn:x\""),
                     1);
    assert_rewritten(EXTENSION("\"valueUri\":\"Patient?a=b\""),
                     EXTENSION("\"valueUri\":\"Patient?a=b\""), 1);
    /* An extension of a primitive element has links too. */
    assert_rewritten("{\"resourceType\":\"Patient\",\"_birthDate\":{\"extension\":[{\"url\":\"u\","
                     "\"valueReference\":{\"reference\":\"urn:x\"}}]}}",
                     "{\"resourceType\":\"Patient\",\"_birthDate\":{\"extension\":[{\"url\":\"u\","
                     "\"valueReference\":{\"reference\":\"Patient/1\"}}]}}",
                     2);
}

#define TEXT_DIV(html) BASIC("\"text\":{\"div\":\"" html "\"}")

static void links_of_the_narrative_are_replaced(void **state)
{
    static const struct {
        const char *before, *after;
        unsigned offers;
    } cases[] = {
        {TEXT_DIV("<div><a href='urn:x'>x</a></div>"),
         TEXT_DIV("<div><a href='Patient/1'>x</a></div>"), 1},
        {TEXT_DIV("<a id='urn:x'\\n href = \\\"urn:x#y\\\" >x</a><img alt='' src='urn:x'/>"),
         TEXT_DIV(
             "<a id='urn:x'\\n href = \\\"Patient/1#y\\\" >x</a><img alt='' src='Patient/1'/>"),
         2},
        {TEXT_DIV("<a href='http://x?a&amp;b'/>"), TEXT_DIV("<a href='Patient/1'/>"), 1},
        {TEXT_DIV("<a href='urn:odd'/>"), TEXT_DIV("<a href='a&amp;&quot;&#39;&lt;b'/>"), 1},
        {TEXT_DIV("<b href='urn:x'/><a src='urn:x'/><img href='urn:x'/>"),
         TEXT_DIV("<b href='urn:x'/><a src='urn:x'/><img href='urn:x'/>"), 0},
        {TEXT_DIV("<!-- <a href='urn:x'/> --><![CDATA[<a href='urn:x'/>]]><?x <a href='urn:x'/>?>"),
         TEXT_DIV("<!-- <a href='urn:x'/> --><![CDATA[<a href='urn:x'/>]]><?x <a href='urn:x'/>?>"),
         0},
        {TEXT_DIV("<a href='urn:x"), TEXT_DIV("<a href='urn:x"), 0},
        {TEXT_DIV("<a href"), TEXT_DIV("<a href"), 0},
        {TEXT_DIV("<"), TEXT_DIV("<"), 0},
        {TEXT_DIV("<!--"), TEXT_DIV("<!--"), 0},
        {TEXT_DIV("urn:x a href='urn:x'"), TEXT_DIV("urn:x a href='urn:x'"), 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_rewritten(cases[i].before, cases[i].after, cases[i].offers);
}

static void count(struct node *reference, void *context)
{
    unsigned *found = context;

    assert_true(text_is(reference->name, "reference"));
    (*found)++;
}

static void every_reference_is_visited(void **state)
{
    struct reading r = read_json(
        "{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"a\",\"display\":\"x\"},"
        "\"performer\":[{\"reference\":\"b\"},{\"display\":\"c\"}],\"extension\":[{\"url\":\"u\","
        "\"valueReference\":{\"reference\":\"d\"}}],\"reference\":\"no element of this type\"}");
    unsigned found = 0;

    (void)state;
    bundle_each_reference(r.root, count, &found);
    assert_int_equal(found, 3);
    release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_replaced_and_keep_what_stands_behind),
        cmocka_unit_test(uri_elements_are_replaced_and_canonicals_are_not),
        cmocka_unit_test(links_of_the_narrative_are_replaced),
        cmocka_unit_test(every_reference_is_visited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
