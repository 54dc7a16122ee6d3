#include "fhir/fhirpath_regex.h"

#include "base/count.h"
#include "tests/unit/fhir/reading.h"

/* "start-end" of the match and of each group that took part, "" for none, "!" when refused. */
static const char *search(struct arena *arena, const char *pattern, const char *text, bool whole)
{
    struct buf out = buf_in(arena);
    struct regex_match match;
    unsigned budget = 1000000;
    const char *reason;
    struct regex *regex = regex_compile(arena, text_of(pattern), &reason);

    if (!regex)
        return "!";
    if (!regex_search(regex, text_of(text), 0, whole, &budget, &match))
        return budget ? "" : "budget";
    for (int i = 0; i < REGEX_GROUPS; i++) {
        if (match.start[i] >= 0)
            buf_printf(&out, "%s%ld-%ld", i ? " " : "", match.start[i], match.end[i]);
    }
    return buf_text(&out);
}

static void check(const char *pattern, const char *text, const char *expected)
{
    struct arena *arena = arena_new();

    assert_string_equal(search(arena, pattern, text, false), expected);
    arena_free(arena);
}

static void the_leftmost_match_is_found(void **state)
{
    (void)state;
    check("b+", "abbbc", "1-4");
    check("b+?", "abbbc", "1-2");
    check("a|ab", "ab", "0-1");
    check("(a|ab)(c|bcd)", "abcd", "0-4 0-1 1-4");
    check("", "abc", "0-0");
    check("x*", "aaa", "0-0");
    check("x", "abc", "");
    check("a{2,3}", "aaaa", "0-3");
    check("a{2}", "a", "");
    check("(ab){2,}", "ababab", "0-6 4-6");
}

static void classes_and_escapes_match_characters(void **state)
{
    (void)state;
    check("[a-c]+", "xxabcx", "2-5");
    check("[^a-c]+", "abxxc", "2-4");
    check("[]x]", "]", "0-1");
    check("[a-]", "-", "0-1");
    check("\\d{3}", "ab123", "2-5");
    check("[\\d.]+", "v1.2", "1-4");
    check("\\w+\\s\\w+", "ab cd", "0-5");
    check("\\W", "ab`", "2-3");
    check("a\\.b", "axb a.b", "4-7");
    check("\xC3\xA9.", "x\xC3\xA9\xC3\xA9", "1-5");
    check("[\xC3\xA0-\xC3\xBF]", "\xC3\xA9", "0-2");
}

static void anchors_match_places(void **state)
{
    (void)state;
    check("^a", "ba", "");
    check("a$", "ab", "");
    check("^ab$", "ab", "0-2");
    check("\\bcat\\b", "a cat.", "2-5");
    check("\\Bat", "cat", "1-3");
}

static void a_whole_match_spans_the_text(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_string_equal(search(arena, "a|ab", "ab", true), "0-2");
    assert_string_equal(search(arena, "b", "ab", true), "");
    assert_string_equal(search(arena, ".*b.*", "abc", true), "0-3");
    arena_free(arena);
}

static void malformed_patterns_are_refused(void **state)
{
    static const char *const wrong[] = {"(",   ")",     "(a",     "[a",      "*",
                                        "a{",  "a{2",   "a{3,2}", "a{9999}", "\\",
                                        "\\q", "[b-a]", "(?=a)",  "(?<n>a)", "[\\"};

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        check(wrong[i], "a", "!");
}

static void no_pattern_explodes(void **state)
{
    struct arena *arena = arena_new();
    struct buf text = buf_in(arena), deep = buf_in(arena);

    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_add_char(&text, 'a');
    assert_string_equal(search(arena, "(a*)*b", buf_text(&text), false), "");
    assert_string_equal(search(arena, "(a|a)*b", buf_text(&text), true), "");
    assert_string_equal(search(arena, "((((a{100}){100}){100}){100})", "a", false), "!");
    assert_string_equal(search(arena, "((((()){1000}){1000}){1000})", "a", false), "!");
    assert_string_equal(search(arena, "(a?){500}a{500}", buf_text(&text), false), "budget");
    for (int i = 0; i < 1000; i++)
        buf_add_char(&deep, '(');
    assert_string_equal(search(arena, buf_text(&deep), "a", false), "!");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leftmost_match_is_found),
        cmocka_unit_test(classes_and_escapes_match_characters),
        cmocka_unit_test(anchors_match_places),
        cmocka_unit_test(a_whole_match_spans_the_text),
        cmocka_unit_test(malformed_patterns_are_refused),
        cmocka_unit_test(no_pattern_explodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
