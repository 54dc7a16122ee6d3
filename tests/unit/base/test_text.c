#include "base/text.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void absent_differs_from_empty(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_null(text_of(NULL).data);
    assert_null(text_dup(arena, text_of(NULL)));
    assert_string_equal(text_dup(arena, TEXT("")), "");
    assert_null(text_fold(arena, text_of(NULL)).data);
    assert_non_null(text_fold(arena, TEXT("")).data);
    arena_free(arena);
}

static void texts_are_compared_by_bytes(void **state)
{
    (void)state;
    assert_true(text_equals(TEXT("ab"), TEXT("ab")));
    assert_false(text_equals(TEXT("ab"), TEXT("abc")));
    assert_true(text_is(TEXT("ab"), "ab"));
    assert_true(text_starts_with(TEXT("Patient/1"), TEXT("Patient/")));
    assert_true(text_starts_with(TEXT("a"), TEXT("")));
    assert_false(text_starts_with(TEXT("Pat"), TEXT("Patient/")));
    assert_true(text_ends_with(TEXT("Patient/_search"), TEXT("/_search")));
    assert_true(text_ends_with(text_of(NULL), TEXT("")));
    assert_false(text_ends_with(TEXT("search"), TEXT("/_search")));
}

static void splitting_takes_the_first_separator(void **state)
{
    struct text head = TEXT("untouched"), rest = TEXT("untouched");

    (void)state;
    assert_false(text_split(TEXT("abc"), '|', &head, &rest));
    assert_false(text_split(text_of(NULL), '|', &head, &rest));
    assert_true(text_is(head, "untouched") && text_is(rest, "untouched"));
    assert_true(text_split(TEXT("a|b|c"), '|', &head, &rest));
    assert_true(text_is(head, "a") && text_is(rest, "b|c"));
    assert_true(text_split(rest, '|', &rest, &head)); /* into the text itself */
    assert_true(text_is(rest, "b") && text_is(head, "c"));
    assert_true(text_split(TEXT("|"), '|', &head, &rest));
    assert_true(head.size == 0 && rest.size == 0 && head.data && rest.data);
}

static void a_list_is_taken_apart_item_by_item(void **state)
{
    static const struct {
        const char *list;
        size_t count;
        const char *items[4];
    } cases[] = {
        {NULL, 0, {0}},
        {"", 1, {""}},
        {"one", 1, {"one"}},
        {"a,b,c", 3, {"a", "b", "c"}},
        {",a,", 3, {"", "a", ""}},
        {",", 2, {"", ""}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text rest = text_of(cases[i].list), item;
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_true(text_next(&rest, ',', &item));
            assert_true(item.data && text_is(item, cases[i].items[k]));
        }
        assert_false(text_next(&rest, ',', &item));
    }
}

static void trimming_leaves_white_space_inside_alone(void **state)
{
    (void)state;
    assert_true(text_is(text_trim(TEXT(" \t a b\r\n")), "a b"));
    assert_true(text_is(text_trim(TEXT("a")), "a"));
    assert_int_equal(text_trim(TEXT(" \t ")).size, 0);
    assert_null(text_trim(text_of(NULL)).data);
}

static void letter_case_counts_only_where_it_is_asked_for(void **state)
{
    (void)state;
    assert_true(text_equals_nocase(TEXT("gZip"), TEXT("GzIP")));
    assert_true(text_equals_nocase(text_of(NULL), TEXT("")));
    assert_false(text_equals_nocase(TEXT("gzip"), TEXT("gzi")));
    assert_false(text_equals_nocase(TEXT("gzip"), TEXT("gzi ")));
    assert_false(text_equals(TEXT("gZip"), TEXT("gzip")));
}

static void hexadecimal_digits_have_values_and_others_none(void **state)
{
    static const char digits[] = "0123456789abcdef";

    (void)state;
    for (int i = 0; i < 16; i++)
        assert_int_equal(text_hex_digit(digits[i]), i);
    assert_int_equal(text_hex_digit('A'), 10);
    assert_int_equal(text_hex_digit('F'), 15);
    for (const char *none = "/:@G`g -"; *none; none++)
        assert_int_equal(text_hex_digit(*none), -1);
    assert_int_equal(text_hex_digit('\0'), -1);
}

static void integers_are_the_whole_text_and_in_range(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        bool valid;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, true, 0},
        {"-0", 0, 10, true, 0},
        {"10", 0, 10, true, 10},
        {"11", 0, 10, false, 0},
        {"-1", 0, 10, false, 0},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"", 0, 10, false, 0},
        {"-", -1, 10, false, 0},
        {"+1", 0, 10, false, 0},
        {" 1", 0, 10, false, 0},
        {"1 ", 0, 10, false, 0},
        {"0x1", 0, 10, false, 0},
        {"1.0", 0, 10, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 0;
        bool valid = text_to_int64(text_of(cases[i].text), cases[i].min, cases[i].max, &value);
        if (valid != cases[i].valid || value != cases[i].value)
            fail_msg("\"%s\" gave %d, %lld", cases[i].text, valid, (long long)value);
    }
}

static void utf8_is_told_from_what_resembles_it(void **state)
{
    static const char *const valid[] = {
        "",
        "plain",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "eight by\xC3\xA9tes and more",
    };
    static const char *const invalid[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "\xC2",
        "\xC2\x20",
        "\xE2\x82",
        "\xE2\x82\x20",
        "\xF0\x9F\x98",
        "\xF0\x9F\x98\x20",
        "a long run of ascii \xE9",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++)
        if (!text_is_utf8(text_of(valid[i])))
            fail_msg("valid case %zu was refused", i);
    for (size_t i = 0; i < COUNT(invalid); i++)
        if (text_is_utf8(text_of(invalid[i])))
            fail_msg("invalid case %zu was accepted", i);
}

static void folding_makes_equal_what_search_takes_for_equal(void **state)
{
    static const struct {
        const char *text, *folded;
    } cases[] = {
        {"Peter James", "peter james"},
        {"  O'Brien-Smith,\tJr. ", "o brien smith jr"},
        {"...", ""},
        {"José MÜLLER", "jose muller"},
        {"Jose\xCC\x81", "jose"},
        {"Straße STRAẞE", "strasse strasse"},
        {"Æsop Øre Łódź Đorđe Þór Œuvre", "aesop ore lodz dorde thor oeuvre"},
        {"Nguyễn Thị Ơn", "nguyen thi on"},
        {"İstanbul ığdır", "istanbul igdir"},
        {"Ἀθῆναι ΟΔΥΣΣΕΎΣ", "αθηναι οδυσσευσ"},
        {"Ёлка Йод КИЇВ", "елка иод киів"},
        {"ǅungla ſtraŋ", "dzungla stran"},
        {"a\u2013b\u00A0c\u3000d\u2019e", "a b c d e"},
        {"zero\u200Bwidth soft\u00ADhyphen", "zerowidth softhyphen"},
        {"東京 太郎", "東京 太郎"},
        {"\U0001F600 x", "\U0001F600 x"},
        {"x2 \xC2\xB5g 37\xC2\xB0", "x2 μg 37"},
        {"of\uFB01ce \uFB03 \uFB06op", "office ffi stop"},
        {"\uFF21\uFF42\uFF0D\uFF11", "ab 1"},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text folded = text_fold(arena, text_of(cases[i].text));
        if (!text_is(folded, cases[i].folded))
            fail_msg("\"%s\" became \"%.*s\"", cases[i].text, TEXT_ARGS(folded));
    }
    arena_free(arena);
}

static void punctuation_parts_words_or_is_nothing(void **state)
{
    static const struct {
        const char *text, *forms;
    } cases[] = {
        {"", ""},
        {"'-'", ""},
        {"O'Brien", "o brien,obrien"},
        {"O\u2019Brien", "o brien,obrien"},
        {"OBrien", "obrien"},
        {"Smith-Jones", "smith jones,smithjones"},
        {"O'Brien-Smith", "o brien smith,obriensmith,obrien smith"},
        {"St. John", "st john"},
        {"St.John", "st john,stjohn"},
        {"'Smith - Jones'", "smith jones"},
        {"J.R.R. O' Tolkien", "j r r o tolkien,jrr o tolkien"},
        {"a-'b", "a b,ab"},
        {"Ann  Smith, ", "ann smith"},
        {"a\u00A0'b", "a b"},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text forms[TEXT_FORMS_MAX];
        size_t count = text_fold_forms(arena, text_of(cases[i].text), forms);
        const char *all = "";
        for (size_t k = 0; k < count; k++)
            all = arena_printf(arena, "%s%s%.*s", all, k ? "," : "", TEXT_ARGS(forms[k]));
        if (strcmp(all, cases[i].forms) != 0)
            fail_msg("\"%s\" became \"%s\"", cases[i].text, all);
    }
    arena_free(arena);
}

static void folding_twice_changes_nothing_more(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    for (uint32_t code = 0x80; code < 0x10000; code++) {
        char bytes[4] = {0};
        size_t size = code < 0x800 ? 2 : 3;
        if (size == 2) {
            bytes[0] = (char)(0xC0 | code >> 6);
            bytes[1] = (char)(0x80 | (code & 0x3F));
        } else {
            bytes[0] = (char)(0xE0 | code >> 12);
            bytes[1] = (char)(0x80 | (code >> 6 & 0x3F));
            bytes[2] = (char)(0x80 | (code & 0x3F));
        }
        struct text once = text_fold(arena, (struct text){bytes, size});
        struct text twice = text_fold(arena, once);
        if (!text_equals(once, twice))
            fail_msg("U+%04X changes when folded again", code);
        assert_true(once.size <= size);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void articles_follow_the_sound(void **state)
{
    (void)state;
    assert_string_equal(text_article("Observation"), "an");
    assert_string_equal(text_article("integer"), "an");
    assert_string_equal(text_article("unsignedInt"), "an");
    assert_string_equal(text_article("uri"), "a");
    assert_string_equal(text_article("Patient"), "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_differs_from_empty),
        cmocka_unit_test(texts_are_compared_by_bytes),
        cmocka_unit_test(splitting_takes_the_first_separator),
        cmocka_unit_test(a_list_is_taken_apart_item_by_item),
        cmocka_unit_test(trimming_leaves_white_space_inside_alone),
        cmocka_unit_test(letter_case_counts_only_where_it_is_asked_for),
        cmocka_unit_test(hexadecimal_digits_have_values_and_others_none),
        cmocka_unit_test(integers_are_the_whole_text_and_in_range),
        cmocka_unit_test(utf8_is_told_from_what_resembles_it),
        cmocka_unit_test(folding_makes_equal_what_search_takes_for_equal),
        cmocka_unit_test(punctuation_parts_words_or_is_nothing),
        cmocka_unit_test(folding_twice_changes_nothing_more),
        cmocka_unit_test(articles_follow_the_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
