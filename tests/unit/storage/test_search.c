/*
 * Searches against a real PostgreSQL: a small hospital, many queries with the
 * ids they must find. Each query is answered in every way the plan could
 * choose, in pages of one, and as a count; all must agree.
 */

#include "hospital.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "fhir/query_match.h"
#include "storage/search.h"
#include "storage/search_row.h"
#include "storage/search_sort.h"

#define LOINC "http://loinc.org"
#define UCUM  "http://unitsofmeasure.org"

static void add_ids(struct buf *ids, const struct store_page *page, enum store_entry_mode mode)
{
    for (size_t i = 0; i < page->count; i++) {
        if (page->entries[i].mode != mode)
            continue;
        if (ids->size > 0)
            buf_add_char(ids, ' ');
        buf_add_text(ids, page->entries[i].version.id);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *sorted(const char *ids)
{
    const char *words[64];
    struct buf out = buf_in(arena);
    struct text rest = text_of(ids), word;
    size_t count = 0;

    while (text_split(rest, ' ', &word, &rest))
        words[count++] = text_dup(arena, word);
    words[count++] = text_dup(arena, rest);
    qsort(words, count, sizeof(words[0]), compare_texts);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s%s", i ? " " : "", words[i]);
    return buf_text(&out);
}

static void check_ids(const struct expected *wanted, const char *how, char *ids)
{
    const char *want = wanted->ids;

    if (!strstr(wanted->query, "_sort=")) {
        ids = sorted(ids);
        want = sorted(want);
    }
    if (strcmp(ids, want) == 0)
        return;
    print_error("%s?%s %s: found \"%s\" instead of \"%s\"\n", wanted->type, wanted->query, how, ids,
                want);
    wrong++;
}

static void queries_find_what_they_should(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        struct store_page page = search(expected[i].type, expected[i].query);
        struct buf ids = buf_in(arena);

        add_ids(&ids, &page, STORE_MATCH);
        check_ids(&expected[i], "", buf_text(&ids));
        assert_null(page.next);
        assert_true(page.has_total);
        assert_int_equal(page.total, page.count);
    }
    done();
}

/* The same page after page, one match on each. */
static void pages_add_up_without_gaps_or_repeats(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const char *next = NULL;
        struct buf ids = buf_in(arena);
        int pages = 0;

        do {
            char *text = arena_printf(arena, "%s&_count=1%s%s", expected[i].query,
                                      next ? "&_page=" : "", next ? next : "");
            struct store_page page = search(expected[i].type, text);

            assert_true(page.count == 1 || (page.count == 0 && pages == 0));
            add_ids(&ids, &page, STORE_MATCH);
            next = page.next;
            assert_true(++pages < 20);
        } while (next);
        check_ids(&expected[i], "in pages", buf_text(&ids));
    }
    done();
}

static void totals_agree(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        int64_t count = 0;
        struct text rest = text_of(expected[i].ids), word;

        if (rest.size > 0)
            count = 1;
        while (text_split(rest, ' ', &word, &rest))
            count++;
        struct store_page page =
            search(expected[i].type, arena_printf(arena, "%s&_summary=count", expected[i].query));
        if (page.total != count)
            fail_msg("%s?%s: counted %d", expected[i].type, expected[i].query, (int)page.total);
        assert_true(page.has_total);
        assert_int_equal(page.count, 0);
        page = search(expected[i].type,
                      arena_printf(arena, "%s&_count=1&_total=accurate", expected[i].query));
        assert_int_equal(page.total, count);
        if (page.next) {
            page =
                search(expected[i].type, arena_printf(arena, "%s&_count=1&_total=accurate&_page=%s",
                                                      expected[i].query, page.next));
            assert_int_equal(page.total, count);
        }
    }
    done();
}

/* What a plan finds, in pages of two. */
static void run_plan(struct search_plan *plan, struct buf *ids)
{
    struct search_position position = {0};
    const struct pg_result *result;
    struct err err = {0};

    do {
        struct search_sql sql = search_sql_in(arena);

        search_source_page(plan, &position, 2, &sql);
        if (!pg_query_sql(store->search, buf_text(&sql.text), &sql.params, arena, &result, &err))
            fail_msg("%s: %s", buf_text(&sql.text), err.text);
        for (int row = 0; row < pg_rows(result); row++) {
            struct store_version version;

            assert_true(search_version(plan, plan->type, result, row, &version, &err));
            if (!plan->inexact || search_holds(plan, &version))
                buf_printf(ids, "%s%s", ids->size ? " " : "", version.id);
            position.set = true;
            position.rkey = pg_int8(result, row, COLUMN_RKEY);
            for (size_t i = 0; i < plan->key_count; i++)
                position.keys[i] = search_source_key(plan, result, row, i);
        }
        assert_true(ids->size < 1000);
    } while (pg_rows(result) == 2);
}

static bool uses_second_code(const struct search_plan *plan)
{
    size_t count;
    const struct search_code *codes = search_plan_codes(plan, &count);
    struct tokens tokens = store_tokens(store, &us);
    int64_t second = token_coding(&tokens, TEXT("urn:local"), TEXT("BP"));

    for (size_t i = 0; i < count; i++)
        if (codes[i].code == second)
            return true;
    return false;
}

static void every_way_to_answer_a_query_finds_the_same(void *context)
{
    int ways = 0;

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);

        if (search_sort_is_needed(query))
            continue; /* there is one way only */
        for (int driver = 0; driver <= DRIVE_ALL; driver++) {
            for (int mode = 0; mode <= MODE_SORT; mode++) {
                for (int driving = -1; driving < (int)query->param_count; driving++) {
                    struct search_plan plan;
                    struct buf ids = buf_in(arena);

                    search_plan_init(&plan, store, &us, query, arena);
                    if (!search_plan_resume(&plan, driver, mode, driving) ||
                        uses_second_code(&plan))
                        continue;
                    run_plan(&plan, &ids);
                    check_ids(
                        &expected[i],
                        arena_printf(arena, "driver %d mode %d term %d", driver, mode, driving),
                        buf_text(&ids));
                    ways++;
                }
            }
        }
    }
    print_message("%d ways\n", ways);
    assert_true(ways > 500);
    done();
}

static bool asks_others(const struct query *query)
{
    for (size_t i = 0; i < query->param_count; i++) {
        const struct query_param *param = &query->params[i];

        if (param->subject == QUERY_CHAIN || param->subject == QUERY_HAS)
            return true;
        for (size_t k = 0; k < param->part_count; k++)
            if (asks_others(param->parts[k]))
                return true;
    }
    return false;
}

/* The matcher that rechecks hits must agree with the indexes. Of chains it cannot know. */
static void resources_agree_with_their_index(void *context)
{
    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);
        char *ids = arena_printf(arena, " %s ", expected[i].ids);

        for (size_t k = 0; k < COUNT(stored); k++) {
            struct search_values values;
            struct query_candidate candidate = {.type = stored[k].type,
                                                .id = stored[k].id,
                                                .last_updated = clock_now(),
                                                .values = &values};

            search_values_extract(parse(arena, stored[k].json), arena, &values, NULL);
            bool found = strcmp(stored[k].type, expected[i].type) == 0 &&
                         strstr(ids, arena_printf(arena, " %s ", stored[k].id));
            if (asks_others(query) ? found && !query_matches(query, &candidate, arena)
                                   : query_matches(query, &candidate, arena) != found)
                fail_msg("%s?%s and %s", expected[i].type, expected[i].query, stored[k].id);
        }
    }
    done();
}

static void what_is_referred_to_comes_along_once(void *context)
{
    static const struct {
        const char *type, *query, *matches, *includes;
    } cases[] = {
        {"Observation", "code=8867-4&_include=Observation:subject", "hr1 hr2 hr3 hr4", "anna bert"},
        {"Observation", "code=8867-4&_include=Observation:subject:Group", "hr1 hr2 hr3 hr4", ""},
        {"Observation", "_id=hr1&_include=*", "hr1", "anna e1"},
        {"Observation", "_id=hr1&_include=Observation:*", "hr1", "anna e1"},
        {"Observation", "_id=tx1&_include=Observation:focus&_include=Observation:subject", "tx1",
         "bert carl"},
        {"Encounter", "patient=anna&_include=Encounter:part-of", "e1 e2", ""},
        {"Encounter", "_id=e2&_include=Encounter:part-of", "e2", "e1"},
        {"Patient", "_id=anna&_include=Patient:organization&_include=Patient:general-practitioner",
         "anna", "d1 o1"},
        {"Patient", "_id=anna&_revinclude=Observation:patient", "anna", "bp1 hr1 hr2"},
        {"Patient", "_id=anna&_revinclude=Observation:subject", "anna", "bp1 hr1 hr2"},
        {"Patient", "_id=carl,bert&_revinclude=Observation:focus", "bert carl", "tx1"},
        {"Patient", "_id=anna&_revinclude=Provenance:target&_revinclude=Condition:*", "anna",
         "c1 p1"},
        {"Encounter", "_id=e1&_revinclude=Encounter:part-of", "e1", "e2"},
        {"Encounter", "patient=anna&_revinclude=Encounter:part-of", "e1 e2", ""},
        {"Organization", "_revinclude=Patient:organization", "o1", "anna bert"},
        {"Patient", "_id=nobody&_revinclude=Observation:patient", "", ""},
        {"Observation", "_id=hr1&_include=Observation:encounter&_include:iterate=Encounter:patient",
         "hr1", "anna e1"},
        {"Observation",
         "_id=hr1&_include=Observation:patient&_include:iterate=Patient:organization", "hr1",
         "anna o1"},
        {"Observation", "_id=hr1&_include:iterate=*", "hr1", "anna d1 e1 o1"},
        {"Encounter", "_id=e2&_include=Encounter:part-of&_revinclude:iterate=Observation:encounter",
         "e2", "e1 hr1"},
        {"Encounter", "_id=e1&_revinclude:iterate=Encounter:part-of", "e1", "e2"},
        {"Organization",
         "_revinclude=Patient:organization&_revinclude:iterate=RiskAssessment:subject", "o1",
         "anna bert r1 r2"},
        {"Organization",
         "_revinclude=Patient:organization&_include:iterate=Patient:general-practitioner", "o1",
         "anna bert d1"},
    };

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_page page = search(cases[i].type, cases[i].query);
        struct buf matches = buf_in(arena), includes = buf_in(arena);

        add_ids(&matches, &page, STORE_MATCH);
        add_ids(&includes, &page, STORE_INCLUDE);
        if (strcmp(sorted(buf_text(&matches)), cases[i].matches) != 0 ||
            strcmp(sorted(buf_text(&includes)), cases[i].includes) != 0)
            fail_msg("%s?%s: %s + %s", cases[i].type, cases[i].query, buf_text(&matches),
                     buf_text(&includes));
    }
    done();
}

static void another_tenant_sees_nothing(void *context)
{
    static const struct access them = {.tenant = 7, .client = "test"};
    static const struct {
        const char *type, *query;
    } cases[] = {
        {"Patient", ""},
        {"Patient", "_id=anna"},
        {"Patient", "family=m"},
        {"Patient", "_sort=family"},
        {"Patient", "_sort=_lastUpdated"},
        {"Patient", "birthdate=gt1900"},
        {"Patient", "_has:Observation:patient:status=final"},
        {"Observation", "patient=anna"},
        {"Observation", "patient.family=m"},
        {"Observation", "status:not=x&patient.family=m"},
        {"Observation", "code=" LOINC "|8867-4"},
        {"ValueSet", ""},
        {"Patient", "_summary=count"},
    };

    (void)context;
    fill();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_page page;
        struct err err = {0};

        assert_true(store_search(store, &them, parse_query(cases[i].type, cases[i].query), arena,
                                 &page, &err));
        assert_int_equal(page.count, 0);
        assert_int_equal(page.total, 0);
    }
    done();
}

/* Where a chain starts is theirs, but not what it leads to; and the reverse. */
static void chains_stay_within_the_tenant(void *context)
{
    static const struct access them = {.tenant = 7, .client = "test"};
    static const struct {
        const char *type, *query;
    } cases[] = {
        {"Observation", "patient.family=m"},
        {"Observation", "subject:Patient.family=m"},
        {"Observation", "_id=theirs&patient.active=true"},
        {"Patient", "_has:Observation:patient:_id=hr1"},
        {"Patient", "_id=anna&_has:Observation:patient:status=final"},
    };
    struct store_write writes[] = {
        {.action = STORE_UPDATE, .type = "Observation", .id = "theirs"},
        {.action = STORE_UPDATE, .type = "Patient", .id = "anna2"},
    };
    struct err err = {0};

    (void)context;
    fill();
    writes[0].resource = parse(
        arena, "{\"resourceType\":\"Observation\",\"status\":\"preliminary\",\"code\":{\"text\":"
               "\"x\"},\"subject\":{\"reference\":\"Patient/anna\"}}");
    writes[1].resource = parse(arena, "{\"resourceType\":\"Patient\",\"active\":true}");
    for (size_t i = 0; i < COUNT(writes); i++)
        assert_true(store_write(store, &them, &writes[i], arena, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_page page;

        assert_true(store_search(store, &them, parse_query(cases[i].type, cases[i].query), arena,
                                 &page, &err));
        assert_int_equal(page.count, 0);
    }
    done();
}

static void includes_stay_within_the_tenant(void *context)
{
    static const struct access them = {.tenant = 7, .client = "test"};
    struct store_write write = {
        .action = STORE_UPDATE,
        .type = "Observation",
        .id = "theirs",
    };
    struct store_page page;
    struct err err = {0};

    (void)context;
    fill();
    write.resource = parse(
        arena, "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
               "\"subject\":{\"reference\":\"Patient/anna\"}}");
    assert_true(store_write(store, &them, &write, arena, &err));
    assert_true(store_search(store, &them,
                             parse_query("Observation", "_include=Observation:subject"), arena,
                             &page, &err));
    assert_int_equal(page.count, 1);
    page = search("Patient", "_id=anna&_revinclude=Observation:patient");
    assert_int_equal(page.count, 4);
    done();
}

static void a_cursor_serves_only_its_own_query(void *context)
{
    static const char *const others[] = {"gender=female&_count=1",
                                         "gender=male&_sort=family&_count=1",
                                         "gender=male&gender=male&_count=1"};
    struct err err = {0};
    struct store_page page;

    (void)context;
    fill();
    const char *next = search("Patient", "gender=male&_count=1").next;
    assert_non_null(next);
    for (size_t i = 0; i < COUNT(others); i++) {
        const char *text = arena_printf(arena, "%s&_page=%s", others[i], next);

        err = (struct err){0};
        assert_false(store_search(store, &us, parse_query("Patient", text), arena, &page, &err));
        assert_int_equal(err.kind, ERR_GONE);
    }
    err = (struct err){0};
    assert_false(store_search(store, &us, parse_query("Patient", "gender=male&_page=abcdef"), arena,
                              &page, &err));
    assert_int_equal(err.kind, ERR_GONE);
    done();
}

static void pages_are_stable_while_others_write(void *context)
{
    (void)context;
    fill();
    struct store_page page = search("Patient", "_sort=family&_count=2");
    struct buf ids = buf_in(arena);

    add_ids(&ids, &page, STORE_MATCH);
    put(store, "Patient", "early",
        "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Aaron\"}]}", arena);
    page = search("Patient", arena_printf(arena, "_sort=family&_count=10&_page=%s", page.next));
    add_ids(&ids, &page, STORE_MATCH);
    assert_string_equal(buf_text(&ids), "anna bert carl nemo");
    done();
}

static void updates_and_deletions_show_at_once(void *context)
{
    (void)context;
    fill();
    put(store, "Patient", "anna",
        "{\"resourceType\":\"Patient\",\"gender\":\"other\",\"name\":[{\"family\":\"Neu\"}]}",
        arena);
    take_out(store, "Patient", "carl", arena);
    assert_int_equal(search("Patient", "gender=female").count, 0);
    assert_int_equal(search("Patient", "family=mu").count, 1);
    assert_int_equal(search("Patient", "family=ne").count, 1);
    assert_int_equal(search("Patient", "birthdate=1970").count, 0);
    assert_int_equal(search("Patient", "gender=male").count, 1);
    assert_int_equal(search("Patient", "_sort=_lastUpdated").count, 3);
    assert_string_equal(search("Patient", "_sort=-_lastUpdated").entries[0].version.id, "anna");
    done();
}

/* A code that turns up behind another one must be found from then on. */
static void a_code_in_second_place_is_found_at_once(void *context)
{
    struct store *other = NULL;

    (void)context;
    fill();
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 4);
    other = open_store();
    put(other, "Observation", "twin",
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
        "\"urn:local\",\"code\":\"HR\"},{\"system\":\"" LOINC "\",\"code\":\"8867-4\"}]}}",
        arena);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 5);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4").count, 5);
    assert_int_equal(search("Observation", "code=" LOINC "|8867-4&_summary=count").total, 5);
    store_close(other);
    done();
}

static void a_search_within_a_transaction_sees_its_writes(void *context)
{
    struct store_version found[2];
    size_t count;
    struct err err = {0};

    (void)context;
    fill();
    struct pg *pg = pool_acquire(store->transactions, &err);
    const struct pg_result *result;
    assert_non_null(pg);
    pg_begin(pg);
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=urn:mrn|A1"), 2,
                            arena, found, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, "anna");
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=A1"), 2, arena,
                            found, &count, &err));
    assert_int_equal(count, 2);
    assert_true(
        pg_query_sql(pg, "delete from f_patient where id = 'anna'", NULL, arena, &result, &err));
    assert_true(search_find(store, pg, &us, parse_query("Patient", "identifier=urn:mrn|A1"), 2,
                            arena, found, &count, &err));
    assert_int_equal(count, 0);
    pg_rollback(pg);
    pool_release(store->transactions, pg);
    assert_int_equal(search("Patient", "identifier=urn:mrn|A1").count, 1);
    done();
}

/* A row that an index wrongly names must not decide a write. */
static void a_hit_by_a_wrong_hash_is_not_believed(void *context)
{
    struct store_version found[2];
    size_t count;
    struct err err = {0};

    (void)context;
    fill();
    postgres_sql("update f_patient set toks = toks || (select toks from f_patient p "
                 "where p.id = chr(97) || chr(110) || chr(110) || chr(97)) "
                 "where id = chr(110) || chr(101) || chr(109) || chr(111)");
    assert_int_equal(search("Patient", "identifier=urn:mrn|A1").count, 2);
    assert_true(search_find(store, store->search, &us,
                            parse_query("Patient", "identifier=urn:mrn|A1"), 2, arena, found,
                            &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(found[0].id, "anna");
    done();
}

static void long_strings_are_looked_at_themselves(void *context)
{
    char name[400], json[600];

    (void)context;
    fill();
    memset(name, 'x', sizeof(name));
    name[399] = '\0';
    name[300] = 'y';
    snprintf(json, sizeof(json), "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"%s\"}]}",
             name);
    put(store, "Patient", "long", json, arena);
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s", name)).count, 1);
    name[350] = 'z';
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s", name)).count, 0);
    assert_int_equal(search("Patient", arena_printf(arena, "family=%s&_summary=count", name)).total,
                     0);
    done();
}

static void too_many_ranges_for_one_statement_are_refused(void *context)
{
    struct buf text = buf_in(arena);
    struct store_page page;
    struct err err = {0};

    (void)context;
    fill();
    text = buf_in(arena);
    buf_add_text(&text, "birthdate=");
    for (int i = 0; i < 400; i++)
        buf_printf(&text, "%s%d", i ? "," : "", 1600 + i);
    assert_false(
        store_search(store, &us, parse_query("Patient", buf_text(&text)), arena, &page, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    done();
}

/* As long as somebody else holds the table. */
static void a_timeout_names_the_criterion(void *context)
{
    static const struct {
        const char *query, *where, *text;
    } cases[] = {
        {"family=m", "family", "\"family\""},
        {"", "", "all Patient"},
    };
    struct err err = {0};
    const struct pg_result *result;
    struct store_page page;

    (void)context;
    fill();
    struct pg *pg = pool_acquire(store->transactions, &err);
    assert_non_null(pg);
    pg_begin(pg);
    assert_true(pg_query_sql(pg, "lock table f_patient in access exclusive mode", NULL, arena,
                             &result, &err));
    assert_true(
        pg_query_sql(store->search, "set statement_timeout = 2000", NULL, arena, &result, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        err = (struct err){0};
        assert_false(
            store_search(store, &us, parse_query("Patient", cases[i].query), arena, &page, &err));
        assert_int_equal(err.kind, ERR_TIMEOUT);
        assert_string_equal(err.where, cases[i].where);
        assert_non_null(strstr(err.text, cases[i].text));
    }
    pg_rollback(pg);
    pool_release(store->transactions, pg);
    done();
}

IN_DATABASE(test_queries, queries_find_what_they_should)
IN_DATABASE(test_pages, pages_add_up_without_gaps_or_repeats)
IN_DATABASE(test_totals, totals_agree)
IN_DATABASE(test_ways, every_way_to_answer_a_query_finds_the_same)
IN_DATABASE(test_matcher, resources_agree_with_their_index)
IN_DATABASE(test_includes, what_is_referred_to_comes_along_once)
IN_DATABASE(test_tenant, another_tenant_sees_nothing)
IN_DATABASE(test_tenant_chains, chains_stay_within_the_tenant)
IN_DATABASE(test_tenant_includes, includes_stay_within_the_tenant)
IN_DATABASE(test_cursor, a_cursor_serves_only_its_own_query)
IN_DATABASE(test_stable, pages_are_stable_while_others_write)
IN_DATABASE(test_changes, updates_and_deletions_show_at_once)
IN_DATABASE(test_second_codes, a_code_in_second_place_is_found_at_once)
IN_DATABASE(test_find, a_search_within_a_transaction_sees_its_writes)
IN_DATABASE(test_recheck, a_hit_by_a_wrong_hash_is_not_believed)
IN_DATABASE(test_long, long_strings_are_looked_at_themselves)
IN_DATABASE(test_many, too_many_ranges_for_one_statement_are_refused)
IN_DATABASE(test_timeout, a_timeout_names_the_criterion)

int main(void)
{
#define TEST(function, sentence)                                                                   \
    {                                                                                              \
#sentence, function, NULL, NULL, NULL                                                      \
    }
    const struct CMUnitTest tests[] = {
        TEST(test_queries, queries_find_what_they_should),
        TEST(test_pages, pages_add_up_without_gaps_or_repeats),
        TEST(test_totals, totals_agree),
        TEST(test_ways, every_way_to_answer_a_query_finds_the_same),
        TEST(test_matcher, resources_agree_with_their_index),
        TEST(test_includes, what_is_referred_to_comes_along_once),
        TEST(test_tenant, another_tenant_sees_nothing),
        TEST(test_tenant_chains, chains_stay_within_the_tenant),
        TEST(test_tenant_includes, includes_stay_within_the_tenant),
        TEST(test_cursor, a_cursor_serves_only_its_own_query),
        TEST(test_stable, pages_are_stable_while_others_write),
        TEST(test_changes, updates_and_deletions_show_at_once),
        TEST(test_second_codes, a_code_in_second_place_is_found_at_once),
        TEST(test_find, a_search_within_a_transaction_sees_its_writes),
        TEST(test_recheck, a_hit_by_a_wrong_hash_is_not_believed),
        TEST(test_long, long_strings_are_looked_at_themselves),
        TEST(test_many, too_many_ranges_for_one_statement_are_refused),
        TEST(test_timeout, a_timeout_names_the_criterion),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
