/* Words: what is asked for as PostgreSQL reads it, and what a resource's row has of them. */

#include "storage/words.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/count.h"
#include "base/err.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/node.h"
#include "fhir/query.h"
#include "fhir/search_values.h"
#include "fhir/search_words.h"
#include "storage/row.h"
#include "storage/row_set.h"
#include "storage/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena *arena;
static struct query_options options;

/* _content of Patient, chosen and whole. */
static int setup(void **state)
{
    struct search_extension extension = {.version = 7, .configuration = "simple"};
    struct search_addition addition = {.extension = &extension};
    struct err err = {0};
    size_t count;

    (void)state;
    if (!search_values_setup(&err))
        return -1;
    addition.param = *search_param_find_published("Patient", TEXT("_content"));
    addition.param.expression = "$this";
    const struct search_params *set = search_params_make(&addition, 1);
    if (!search_values_prepare(set, &err))
        return -1;
    atomic_store(&search_extension_of(search_params_added(set, &count)[0])->whole, true);
    search_params_use(set);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new();
    options = query_options_default();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct query *parse(const char *value, struct err *err)
{
    const char *text = arena_printf(arena, "_content=%s", value);
    struct issues issues;

    issues_init(&issues, arena, 10);
    return query_parse(arena, "Patient", text_of(text), &options, &issues, err);
}

static void words_become_a_text_search_of_postgresql(void **state)
{
    static const struct {
        const char *value, *asked;
    } cases[] = {
        {"Bone", "('bone')"},
        {"bone pain", "(('bone') & ('pain'))"},
        {"bone AND pain", "(('bone') & ('pain'))"},
        {"bone,pain or ache", "(('bone') | ('pain') | ('ache'))"},
        {"bone and (pain or ache)", "(('bone') & (('pain') | ('ache')))"},
        {"\"bone pain\"", "('bone' <-> 'pain')"},
        {"x-ray", "('x' <-> 'ray')"},
        {"diab*", "('diab':*)"},
        {"\"heart fail*\"", "('heart' <-> 'fail':*)"},
        {"a*b", "('a' <-> 'b')"},
        {"bone not pain", "(('bone') & !('pain'))"},
        {"(bone or not pain) ache", "((('bone') | !('pain')) & ('ache'))"},
        {"not pain", "!('pain')"},
        {"bone or not pain", "(('bone') | !('pain'))"},
        {"not (bone or not pain) ", "!(('bone') | !('pain'))"},
        {"it's 'b' \\%26c!", "(('it' <-> 's') & ('b') & ('c'))"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        const struct query *query = parse(cases[i].value, &err);

        assert_string_equal(err.text, "");
        const struct query_param *param = &query->params[0];
        const char *asked = words_asked(param->values[0].words, arena).data;
        if (strcmp(asked, cases[i].asked) != 0)
            fail_msg("%s: %s", cases[i].value, asked);
    }
}

static const char *many(const char *word, unsigned count)
{
    struct buf out = buf_in(arena);

    for (unsigned i = 0; i < count; i++)
        buf_add_text(&out, word);
    return buf_text(&out);
}

static void what_is_no_text_of_words_is_refused(void **state)
{
    const char *const wrong[] = {
        "*",
        "-",
        "(bone",
        "bone)",
        "\"bone",
        "not",
        "bone or",
        "bone and",
        "(",
        "()",
        "\"\"",
        many("(", 30),
        many("w ", 600),
        many("x", SEARCH_WORD_MAX + 1),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct err err = {0};

        if (parse(wrong[i], &err) || err.kind != ERR_INVALID || strlen(err.text) == 0)
            fail_msg("%.40s is taken", wrong[i]);
    }
}

static void what_decides_about_resources_by_themselves_takes_no_words(void **state)
{
    struct err err = {0};

    (void)state;
    options.rechecked = true;
    assert_null(parse("bone", &err));
    assert_int_equal(err.kind, ERR_INVALID);
}

static const struct row *row_of(const char *json)
{
    const struct tokens tokens = {.key = {1, 2}, .tenant = 3};
    struct search_values values;
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    const struct node *node =
        json_read(arena, json, strlen(json), &json_default_limits, &issues, &err);
    assert_non_null(node);
    search_values_extract(node, arena, &values, NULL);
    return row_make(&tokens, node->type, TEXT("x"), &values, arena);
}

static void a_row_has_the_words_of_all_texts(void **state)
{
    const struct row *row = row_of(
        "{\"resourceType\":\"Patient\",\"id\":\"x-1\",\"text\":{\"status\":\"generated\",\"div\":"
        "\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">B&#246;<b>ne</b> &amp; more</div>\"},"
        "\"active\":true,\"name\":[{\"family\":\"M\xc3\xbcller\"}],"
        "\"photo\":[{\"data\":\"QUJD\",\"title\":\"Me\"}]}");

    (void)state;
    assert_int_equal(row->words_count, 1);
    assert_string_equal(row->words[0].configuration, "simple");
    assert_string_equal(row->words[0].words.data, "x 1\ngenerated\nbo ne more\ntrue\nmuller\nme\n");
}

static void a_row_says_that_there_are_none(void **state)
{
    const struct row *row = row_of("{\"resourceType\":\"Patient\",\"id\":\"-\"}");

    (void)state;
    assert_int_equal(row->words_count, 1);
    assert_int_equal(row->words[0].words.size, 0);
}

static void a_new_version_alone_changes_no_words(void **state)
{
    const struct row *first =
        row_of("{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"1\","
               "\"lastUpdated\":\"2020-01-01T00:00:00Z\"},\"gender\":\"male\"}");
    const struct row *second =
        row_of("{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"2\","
               "\"lastUpdated\":\"2021-01-01T00:00:00Z\"},\"gender\":\"male\"}");
    const struct row *other = row_of("{\"resourceType\":\"Patient\",\"gender\":\"male\","
                                     "\"maritalStatus\":{\"text\":\"single\"}}");
    struct row come;

    (void)state;
    assert_true(row_equals(first, second));
    assert_false(row_equals(first, other));
    row_difference(other, first, arena, &come);
    assert_int_equal(come.words_count, 1);
    assert_int_equal(come.string_count, 0);
}

static void what_no_index_can_hold_is_left_out(void **state)
{
    const char *json = arena_printf(
        arena, "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"a %s b\"},{\"text\":\"%s\"}]}",
        many("x", SEARCH_WORD_MAX + 1), many("word ", SEARCH_WORDS_MAX / 4));
    const struct row *row = row_of(json);

    (void)state;
    assert_int_equal(row->words_count, 1);
    assert_memory_equal(row->words[0].words.data, "a\nb\nword word", 13);
    assert_in_range(row->words[0].words.size, SEARCH_WORDS_MAX - 10, SEARCH_WORDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_become_a_text_search_of_postgresql, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_text_of_words_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(what_decides_about_resources_by_themselves_takes_no_words,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_row_has_the_words_of_all_texts, begin, end),
        cmocka_unit_test_setup_teardown(a_row_says_that_there_are_none, begin, end),
        cmocka_unit_test_setup_teardown(a_new_version_alone_changes_no_words, begin, end),
        cmocka_unit_test_setup_teardown(what_no_index_can_hold_is_left_out, begin, end),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
