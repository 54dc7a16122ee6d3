#include "fhir/fhirpath_lex.h"

#include "tests/unit/fhir/reading.h"

/* The kind and text of every token, "kind text|kind text|", or "!". */
static const char *tokens(struct arena *arena, const char *text)
{
    static const char *const kinds[] = {"end",     "name",     "delimited", "string",
                                        "number",  "date",     "dateTime",  "time",
                                        "special", "variable", "symbol"};
    struct lexer lexer = {.arena = arena, .input = text_of(text)};
    struct buf out = buf_in(arena);
    struct err err = {0};

    do {
        if (!lexer_next(&lexer, &err)) {
            assert_int_equal(err.kind, ERR_INVALID);
            return "!";
        }
        if (lexer.token.kind != TOKEN_END)
            buf_printf(&out, "%s %.*s|", kinds[lexer.token.kind], TEXT_ARGS(lexer.token.text));
    } while (lexer.token.kind != TOKEN_END);
    return buf_text(&out);
}

static void check(const char *text, const char *expected)
{
    struct arena *arena = arena_new();

    assert_string_equal(tokens(arena, text), expected);
    arena_free(arena);
}

static void names_numbers_and_symbols_are_told_apart(void **state)
{
    (void)state;
    check("Patient.name[0] <= 12.50", "name Patient|symbol .|name name|symbol [|number 0|symbol ]|"
                                      "symbol <=|number 12.50|");
    check("1.toString()", "number 1|symbol .|name toString|symbol (|symbol )|");
    check("a!~b !=c~d", "name a|symbol !~|name b|symbol !=|name c|symbol ~|name d|");
    check("$this %resource %`vs-x` %vs-a-b",
          "special this|variable resource|variable vs-x|variable vs-a-b|");
}

static void comments_are_blanks(void **state)
{
    (void)state;
    check("1 // one\n+ /* two\n * */ 3", "number 1|symbol +|number 3|");
    check("1 /* open", "!");
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    check("'it\\'s \\u00e9\\n'", "string it's \xC3\xA9\n|");
    check("`div`", "delimited div|");
    check("'open", "!");
    check("'\\x'", "!");
    check("'\\ud800'", "!");
    check("'\\u12'", "!");
}

static void dates_have_their_own_notation(void **state)
{
    (void)state;
    check("@2015", "date 2015|");
    check("@2015-02-04", "date 2015-02-04|");
    check("@2015T", "dateTime 2015T|");
    check("@2015-02-04T14:34:28.123+10:00", "dateTime 2015-02-04T14:34:28.123+10:00|");
    check("@T14:34", "time 14:34|");
    check("@T14:34Z", "!");
    check("@15", "!");
    check("@2015-02-04.is(Date)", "date 2015-02-04|symbol .|name is|symbol (|name Date|symbol )|");
}

static void what_is_no_token_is_refused_with_its_place(void **state)
{
    struct arena *arena = arena_new();
    struct lexer lexer = {.arena = arena, .input = TEXT("a\n  #")};
    struct err err = {0};

    (void)state;
    assert_true(lexer_next(&lexer, &err));
    assert_false(lexer_next(&lexer, &err));
    assert_non_null(strstr(err.text, "line 2, column 3"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_numbers_and_symbols_are_told_apart),
        cmocka_unit_test(comments_are_blanks),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(dates_have_their_own_notation),
        cmocka_unit_test(what_is_no_token_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
