/*
 * The verdicts of json_read() on JSON's grammar, case by case next to
 * jansson's: the same, or the reason stands here. What both accept must come
 * back with the same values.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"
#include "base/text.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum verdict { REFUSED, ACCEPTED };

/* `jansson` differs from `ours` only for a reason. */
struct verdict_case {
    struct text json;
    enum verdict ours, jansson;
    const char *reason;
};

#define YES(json)                                                                                  \
    {                                                                                              \
        TEXT(json), ACCEPTED, ACCEPTED, NULL                                                       \
    }
#define NO(json)                                                                                   \
    {                                                                                              \
        TEXT(json), REFUSED, REFUSED, NULL                                                         \
    }
#define OURS_ONLY(json, reason)                                                                    \
    {                                                                                              \
        TEXT(json), ACCEPTED, REFUSED, reason                                                      \
    }
#define THEIRS_ONLY(json, reason)                                                                  \
    {                                                                                              \
        TEXT(json), REFUSED, ACCEPTED, reason                                                      \
    }

/* Values: each is tried in every place of `places`. */
static const struct verdict_case values[] = {
    /* words */
    YES("true"),
    YES("false"),
    YES("null"),
    NO("True"),
    NO("tru"),
    NO("truee"),
    NO("nul"),
    NO("NULL"),
    NO("nan"),
    NO("NaN"),
    NO("Infinity"),
    NO("undefined"),
    NO("\xef\xbc\x91"),
    NO(""),
    /* numbers */
    YES("0"),
    YES("-0"),
    YES("1"),
    YES("-1"),
    YES("123456789"),
    YES("9223372036854775807"),
    YES("-9223372036854775808"),
    YES("0.0"),
    YES("-0.0"),
    YES("1.5"),
    YES("1.50"),
    YES("0.1e1"),
    YES("1e5"),
    YES("1E5"),
    YES("1e+5"),
    YES("1E-5"),
    YES("1.5e10"),
    YES("0e0"),
    YES("0e+1"),
    YES("123.456e-7"),
    YES("20e1"),
    YES("1e-400"),
    OURS_ONLY("9223372036854775808", "jansson has 64 bits for integers; we keep the text"),
    OURS_ONLY("-123123123123123123123123123123", "jansson has 64 bits for integers"),
    OURS_ONLY("1e400", "jansson has a double for decimals; we keep the text"),
    OURS_ONLY("-1e+9999", "jansson has a double for decimals"),
    OURS_ONLY("0.4e00669999999999999999999999999999999999999999", "jansson has a double"),
    NO("-"),
    NO("+1"),
    NO("--1"),
    NO("01"),
    NO("-01"),
    NO("00"),
    NO("-012"),
    NO("1."),
    NO("-1."),
    NO(".5"),
    NO("-.5"),
    NO("1.e1"),
    NO("1..2"),
    NO("1.2.3"),
    NO("1e"),
    NO("1e+"),
    NO("1E-"),
    NO("1eE2"),
    NO("1e1.5"),
    NO("0e"),
    NO("0E+"),
    NO("1.0e"),
    NO("1 000"),
    NO("1,5"),
    NO("0x10"),
    NO("1a"),
    NO("1_000"),
    NO("1+2"),
    NO("-Infinity"),
    NO("1\xe9"),
    /* strings */
    YES("\"\""),
    YES("\"a\""),
    YES("\" \""),
    YES("\"a longer text than sixteen bytes, to be sure\""),
    YES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    YES("\"\\u0061\""),
    YES("\"\\u00e9\""),
    YES("\"\\u00E9\""),
    YES("\"\\u20ac\""),
    YES("\"\\uD83D\\uDE00\""),
    YES("\"\\ud83d\\ude00\\ud83d\\ude00\""),
    YES("\"\\u0001\\u001f\""),
    YES("\"\\u007f\""),
    YES("\"\\u0080\""),
    YES("\"\\u07ff\\u0800\""),
    YES("\"\\ufffe\\uffff\""),
    YES("\"\\uDBFF\\uDFFF\""),
    YES("\"\\u2028\\u2029\""),
    YES("\"\x7f\""),
    YES("\"/\""),
    YES("\"\xc2\x80\""),
    YES("\"\xdf\xbf\""),
    YES("\"\xe0\xa0\x80\""),
    YES("\"\xed\x9f\xbf\""),
    YES("\"\xee\x80\x80\""),
    YES("\"\xef\xbf\xbf\""),
    YES("\"\xf0\x90\x80\x80\""),
    YES("\"\xf4\x8f\xbf\xbf\""),
    YES("\"\xe2\x82\xac and \xf0\x9f\x98\x80 among letters\""),
    YES("\"\xef\xbb\xbf\""),
    YES("\"\\\\u0000\""),
    YES("\"[{,:}]\""),
    NO("\""),
    NO("\"a"),
    NO("\"\\\""),
    NO("\"\\\\\\\""),
    NO("'a'"),
    NO("a"),
    NO("\"a\"b"),
    NO("\"a\" \"b\""),
    NO("\"\\a\""),
    NO("\"\\x41\""),
    NO("\"\\0\""),
    NO("\"\\'\""),
    NO("\"\\U0061\""),
    NO("\"\\u\""),
    NO("\"\\u00\""),
    NO("\"\\u00g0\""),
    NO("\"\\u 061\""),
    NO("\"\\u-061\""),
    NO("\"\\u0000\""),
    NO("\"a\\u0000b\""),
    NO("\"\\ud800\""),
    NO("\"\\udc00\""),
    NO("\"\\udbff\\u0061\""),
    NO("\"\\ud800a\""),
    NO("\"\\ud800\\n\""),
    NO("\"\\ud800\\ud800\""),
    NO("\"\\ud800\\u\""),
    NO("\"\\ud83d\\\""),
    NO("\"\\ude00\\ud83d\""),
    NO("\"a\nb\""),
    NO("\"a\tb\""),
    NO("\"a\x01\""),
    NO("\"a\x1f\""),
    NO("\"a\0b\""),
    NO("\"\x80\""),
    NO("\"\xbf\""),
    NO("\"\xc3\""),
    NO("\"\xc3(\""),
    NO("\"\xc0\x80\""),
    NO("\"\xc1\xbf\""),
    NO("\"\xe0\x80\x80\""),
    NO("\"\xe0\x9f\xbf\""),
    NO("\"\xe2\x82\""),
    NO("\"\xe2(\xa1\""),
    NO("\"\xed\xa0\x80\""),
    NO("\"\xed\xbf\xbf\""),
    NO("\"\xf0\x80\x80\x80\""),
    NO("\"\xf0\x8f\xbf\xbf\""),
    NO("\"\xf0\x9f\x98\""),
    NO("\"\xf4\x90\x80\x80\""),
    NO("\"\xf5\x80\x80\x80\""),
    NO("\"\xff\""),
    NO("\"\xfe\xff\""),
    NO("\"\\\xc3\xa9\""),
    NO("\"\\n\xc3\""),
    NO("\"\\n\x01\""),
    /* arrays */
    YES("[]"),
    YES("[ ]"),
    YES("[1]"),
    YES("[1,2]"),
    YES("[ 1 , 2 ]"),
    YES("[null]"),
    YES("[\"a\",null]"),
    YES("[1,\"a\",true,null,{},[]]"),
    YES("[[[[]]]]"),
    YES("[{}]"),
    NO("["),
    NO("]"),
    NO("[1"),
    NO("[1,"),
    NO("[1,]"),
    NO("[,1]"),
    NO("[,]"),
    NO("[1,,2]"),
    NO("[1 2]"),
    NO("[1;2]"),
    NO("[1}"),
    NO("[1]]"),
    NO("[\"a\""),
    NO("[a]"),
    NO("[1:2]"),
    NO("[-]"),
    NO("[\"\\u00\"]"),
    NO("[\x0b]"),
    /* objects */
    YES("{}"),
    YES("{ }"),
    YES("{\"a\":1}"),
    YES("{ \"a\" : 1 , \"b\" : [ ] }"),
    YES("{\"\":0}"),
    YES("{\"a\":{\"a\":{\"a\":null}}}"),
    YES("{\"\\u0061\":1}"),
    YES("{\"a b\\n\":\"c\"}"),
    NO("{"),
    NO("}"),
    NO("{\"a\"}"),
    NO("{\"a\":}"),
    NO("{\"a\":1"),
    NO("{\"a\":1,"),
    NO("{\"a\":1,}"),
    NO("{,\"a\":1}"),
    NO("{\"a\":1,,\"b\":2}"),
    NO("{\"a\":1 \"b\":2}"),
    NO("{\"a\" 1}"),
    NO("{\"a\"::1}"),
    NO("{\"a\":1:2}"),
    NO("{a:1}"),
    NO("{'a':1}"),
    NO("{1:1}"),
    NO("{null:1}"),
    NO("{\"a\":1]"),
    NO("{\"a\",1}"),
    NO("{\"a\":1}}"),
    NO("{\"a\":\"b}"),
    NO("{\"a\":1,\"a\":2}"),
    NO("{\"a\":1,\"\\u0061\":2}"),
    NO("{\"a\\u0000\":1}"),
    NO("{\"a\xc3\":1}"),
    NO("{\"a\":1 // comment\n}"),
    NO("{\"a\":/* comment */1}"),
    NO("{\"a\":1,#\n\"b\":2}"),
    NO("{[]:1}"),
    /* white space */
    YES(" \t\r\n1\t \n"),
    YES("[\n1\r,\t2 ]"),
    NO("\x0c"),
    NO("[1\x0c]"),
    NO("\xc2\xa0[]"),
    NO("\xe2\x80\x83[]"),
    NO("[1,\0]"),
    NO("\xef\xbb\xbf[]"),
};

static const struct {
    const char *name, *before, *after;
} places[] = {
    {"an unknown element", "{\"resourceType\":\"Basic\",\"x\":", "}"},
    {"a string", "{\"resourceType\":\"Basic\",\"language\":", ",\"id\":\"1\"}"},
    {"a decimal", "{\"resourceType\":\"Basic\",\"extension\":[{\"valueDecimal\":", "}]}"},
    {"an object", "{\"resourceType\":\"Basic\",\"code\":", "}"},
    {"after an unknown resource type", "{\"x\":", ",\"resourceType\":\"Basic\"}"},
};

static const struct verdict_case documents[] = {
    YES("{\"resourceType\":\"Basic\"}"),
    YES(" \n{ \"resourceType\" : \"Basic\" } \r\n\t"),
    YES("{\"resource\\u0054ype\":\"Basic\"}"),
    NO(""),
    NO(" "),
    NO("{"),
    NO("{\"resourceType\":\"Basic\""),
    NO("{\"resourceType\":\"Basic\"}x"),
    NO("{\"resourceType\":\"Basic\"},"),
    NO("{\"resourceType\":\"Basic\"}{}"),
    NO("{\"resourceType\":\"Basic\"}}"),
    NO("{\"resourceType\":\"Basic\"}\0"),
    NO("{\"resourceType\":\"Basic\",\"resourceType\":\"Basic\"}"),
    NO("{\"resourceType\":\"Basic\"}\xc3"),
    NO("\xff\xfe{\0}\0"),
    NO("*"),
    NO("<Basic xmlns=\"http://hl7.org/fhir\"/>"),
    THEIRS_ONLY("[]", "a resource is an object"),
    THEIRS_ONLY("{}", "a resource has a resourceType"),
    THEIRS_ONLY("{\"resourceType\":\"Nobody\"}", "R4 has no such resource type"),
    THEIRS_ONLY("[{\"resourceType\":\"Basic\"}]", "a resource is an object"),
};

/* The verdict of json_read(); the canonical form goes to `out`. */
static enum verdict ask_us(const struct buf *json, struct buf *out)
{
    struct arena *arena = arena_new();
    struct err err = {0};
    struct issues issues;
    struct node *root;

    issues_init(&issues, arena, 10);
    root = json_read(arena, json->data, json->size, &json_default_limits, &issues, &err);
    if (root)
        json_write(root, out);
    else
        assert_int_equal(err.kind, ERR_INVALID);
    arena_free(arena);
    return root ? ACCEPTED : REFUSED;
}

static void compare(const struct verdict_case *verdict, const struct buf *json, const char *place)
{
    struct buf out = {0};
    json_t *theirs, *again;
    enum verdict ours = ask_us(json, &out);

    theirs = json_loadb(json->data, json->size, JSON_REJECT_DUPLICATES, NULL);
    if (ours != verdict->ours || (theirs ? ACCEPTED : REFUSED) != verdict->jansson)
        fail_msg("as %s: %.*s: we %s it, jansson %s it", place, TEXT_ARGS(verdict->json),
                 ours ? "accept" : "refuse", theirs ? "accepts" : "refuses");
    if (ours && theirs) {
        again = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
        if (!again || !json_equal(theirs, again))
            fail_msg("as %s: %.*s: became %.*s", place, TEXT_ARGS(verdict->json), (int)out.size,
                     out.data);
        json_decref(again);
    }
    json_decref(theirs);
    buf_release(&out);
}

static void values_are_judged_as_by_jansson(void **state)
{
    unsigned count = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        for (size_t k = 0; k < COUNT(places); k++) {
            struct buf json = {0};

            buf_add_text(&json, places[k].before);
            buf_add(&json, values[i].json.data, values[i].json.size);
            buf_add_text(&json, places[k].after);
            compare(&values[i], &json, places[k].name);
            buf_release(&json);
            count++;
        }
        assert_true(values[i].ours == values[i].jansson || values[i].reason);
    }
    print_message("%u documents\n", count);
}

static void documents_are_judged_as_by_jansson(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct buf json = {0};

        buf_reserve(&json, 1);
        buf_add(&json, documents[i].json.data, documents[i].json.size);
        compare(&documents[i], &json, "a document");
        buf_release(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_judged_as_by_jansson),
        cmocka_unit_test(documents_are_judged_as_by_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
