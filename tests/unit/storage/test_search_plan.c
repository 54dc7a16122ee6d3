/*
 * Search plans over a hospital that is not small: 12,000 more rows in every
 * table that matters. PostgreSQL must use the index the plan means, whatever
 * its statistics make it believe: no scan of a whole table, for any query.
 */

#include "hospital.h"

#include "base/buf.h"
#include "fhir/search_values.h"
#include "storage/search_contains.h"
#include "storage/search_ids.h"
#include "storage/search_link.h"
#include "storage/search_sort.h"
#include "storage/search_source.h"
#include "storage/search_stats.h"

#define MANY "generate_series(1, 12000) i"

/* Rows like those that are there, so that their tokens are frequent ones. */
static const char *const filling[] = {
    "create function f_filling(name text, like_id text) returns void language plpgsql as $$ begin "
    "execute format('insert into %I (rkey, patient, code, d, dhi, updated, vq, vqu, tenant, ver, "
    "rtype, op, id, toks, body) select hashint8extended(i, t.rkey), case when t.patient = t.rkey "
    "then hashint8extended(i, t.rkey) else hashint8extended(mod(i, 3000), 1) end, "
    "case when mod(i, 10) = 0 then t.code else hashint8extended(mod(i, 200), 2) end, x.d, x.d, "
    "now() - i * interval ''1 minute'', mod(i, 500), t.vqu, 0, 1, t.rtype, ''C'', "
    "''f'' || i || t.id, t.toks || hashint8extended(i, 3), t.body from " MANY ", %I t, "
    "lateral (select ''2016-01-01''::timestamptz + (mod(i, 3600)) * interval ''1 day'' as d) x "
    "where t.id = %L', name, name, like_id); end $$",
    "select f_filling('f_patient', 'anna')",
    "select f_filling('f_observation', 'hr1')",
    "select f_filling('f_encounter', 'e1')",
    "select f_filling('f_other', 'r1')",
    "select f_filling('f_other', 'v1')",
    "insert into f_str select s.h, md5((t.rkey # s.h)::text), t.rkey from f_patient t, "
    "(select distinct h from f_str where rkey = (select rkey from f_patient where id = 'anna')) s",
    "insert into f_date select s.h, t.d, t.d + interval '3 days', t.rkey from f_encounter t, "
    "(select distinct h from f_date where rkey = (select rkey from f_encounter where id = 'e1')) s",
    "insert into f_qty select s.h, i, i, s.unit, t.rkey from f_observation t, "
    "lateral (select random() * 300 as i) i, (select distinct h, unit from f_qty) s",
    "insert into f_log (rkey, updated, write_id, tenant, ver, rtype, op, patients, id) "
    "select rkey, updated, 0, tenant, ver, rtype, op, '{}'::int8[], id from f_observation where id "
    "^@ 'f' "
    "union all select rkey, updated, 0, tenant, ver, rtype, op, '{}'::int8[], id from f_patient "
    "where id ^@ 'f'",
    "analyze",
};

static struct pg *pg;

static void run(const char *sql, struct buf *out)
{
    const struct pg_result *result;
    struct err err = {0};

    if (!pg_query_sql(pg, sql, NULL, arena, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    for (int row = 0; out && row < pg_rows(result); row++)
        buf_printf(out, "%.*s\n", TEXT_ARGS(pg_text(result, row, 0)));
}

static void fill_much(void)
{
    struct pg_config config = {.conninfo = postgres_conninfo(),
                               .lane = "filling",
                               .timeout_ms = 300 * 1000,
                               .mode = PG_EXCLUSIVE};
    struct err err = {0};

    fill();
    pg = pg_new(fiber_loop(), &config);
    if (!pg_connect(pg, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT(filling); i++)
        run(filling[i], NULL);
    store_close(store);
    store = open_store();
    search_stats_refresh(store);
}

/* The plan that is made without looking at the parameters, as all of ours are. */
static char *explain(const struct search_sql *sql)
{
    struct buf execute = buf_in(arena), out = buf_in(arena);
    char *text = arena_strndup(arena, sql->text.data, sql->text.size);

    run(arena_printf(arena, "prepare asked as %s", text), NULL);
    buf_add_text(&execute, "explain (costs off) execute asked");
    for (int i = 0; i < sql->params.count; i++)
        buf_add_text(&execute, i ? ", null" : "(null");
    if (sql->params.count > 0)
        buf_add_text(&execute, ")");
    run(buf_text(&execute), &out);
    run("deallocate asked", NULL);
    return buf_text(&out);
}

static bool is_large(const char *table)
{
    static const char *const large[] = {"f_observation", "f_patient", "f_encounter", "f_other",
                                        "f_str",         "f_date",    "f_qty",       "f_log"};

    for (size_t i = 0; i < COUNT(large); i++)
        if (strncmp(table, large[i], strlen(large[i])) == 0)
            return true;
    return false;
}

/* An index that is read from end to end, for its order only. */
static bool reads_whole_index(const char *plan)
{
    for (const char *scan = plan; (scan = strstr(scan, " using f_"));) {
        const char *line = strchr(scan, '\n');
        const char *end = line ? strchr(line + 1, '\n') : NULL;
        const char *condition = line ? strstr(line, "Index Cond") : NULL;

        if (is_large(scan + strlen(" using ")) && (!condition || !end || condition > end))
            return true;
        scan += strlen(" using f_");
    }
    return false;
}

/* The other end of a link is to be read in full: it selects next to nothing. */
static bool walks_links(const struct search_plan *plan)
{
    bool walks = false;

    for (size_t i = 0; i < plan->term_count; i++)
        for (size_t k = 0; k < plan->terms[i].link_count; k++)
            walks |= plan->terms[i].links[k].plan->driver == DRIVE_ALL ||
                     walks_links(plan->terms[i].links[k].plan);
    return walks;
}

static void check(const struct expected *query, const char *what, const struct search_plan *made,
                  const struct search_sql *sql)
{
    bool walks = made->driver == DRIVE_ALL || made->driver == DRIVE_DATE ||
                 made->driver == DRIVE_UPDATED || (made->driver == DRIVE_SIDE && made->driving < 0);
    char *plan = explain(sql);
    bool bad = !walks && reads_whole_index(plan);

    for (char *scan = plan; (scan = strstr(scan, "Seq Scan on "));) {
        scan += strlen("Seq Scan on ");
        bad |= is_large(scan);
    }
    if (!bad)
        return;
    fprintf(stderr, "%s?%s %s\n%.*s\n%s\n", query->type, query->query, what, (int)sql->text.size,
            sql->text.data, plan);
    wrong++;
}

/* By the patients that a chain finds. */
static bool drives_by_link(const struct search_plan *plan)
{
    return (plan->driver == DRIVE_PATIENT || plan->driver == DRIVE_PATIENT_CODE) &&
           plan->terms[plan->patients].link_count > 0;
}

/* Whatever statistics may one day make the program choose. */
static void check_every_driver(void)
{
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);

        if (search_sort_is_needed(query))
            continue;

        for (int driver = 0; driver < DRIVE_ALL; driver++) {
            for (int mode = 0; mode <= MODE_SORT; mode++) {
                struct search_position position = {0};
                struct search_sql sql = search_sql_in(arena);
                struct search_plan plan;
                bool can = false;

                search_plan_init(&plan, store, &us, query, arena);
                for (int driving = -1; !can && driving < (int)plan.term_count; driving++)
                    can = search_plan_resume(&plan, driver, mode, driving);
                bool partly =
                    driver == DRIVE_DATE || driver == DRIVE_UPDATED || driver == DRIVE_SIDE;
                bool links = walks_links(&plan) && (mode != MODE_INDEX || drives_by_link(&plan));
                if (!can || links || (partly && mode != MODE_INDEX))
                    continue; /* all rows in a range, which may be most of them */
                search_source_page(&plan, &position, 21, &sql);
                check(&expected[i], arena_printf(arena, "driver %d mode %d", driver, mode), &plan,
                      &sql);
            }
        }
    }
}

/* What is frequent must not drive, what is rare must. */
static void check_choices(void)
{
    static const struct {
        const char *type, *query;
        enum search_driver driver;
        enum search_mode mode;
    } cases[] = {
        {"Patient", "gender=female", DRIVE_DATE, MODE_INDEX},
        {"Patient", "gender=female&identifier=urn:mrn|B2", DRIVE_TOKENS, MODE_KEY},
        {"Patient", "gender=female&_sort=family", DRIVE_SIDE, MODE_INDEX},
        {"Patient", "gender=female&_sort=-birthdate", DRIVE_DATE, MODE_INDEX},
        {"Patient", "gender=female&_sort=_lastUpdated", DRIVE_UPDATED, MODE_INDEX},
        {"Patient", "identifier=urn:mrn|B2&_sort=family", DRIVE_TOKENS, MODE_SORT},
        {"Patient", "birthdate=2016-05-05&gender=female", DRIVE_DATE, MODE_INDEX},
        {"Observation", "status=final&patient=anna", DRIVE_PATIENT, MODE_INDEX},
        {"Observation", "code=" LOINC "|8867-4&patient=anna", DRIVE_PATIENT_CODE, MODE_INDEX},
        {"Observation", "identifier=urn:new|1&patient=anna", DRIVE_PATIENT, MODE_INDEX},
        {"Observation", "code=" LOINC "|8867-4&status=final", DRIVE_CODE, MODE_INDEX},
        {"Observation", "code=" LOINC "|8867-4&_sort=-_lastUpdated", DRIVE_UPDATED, MODE_INDEX},
        {"Observation", "_id=hr1&patient=anna&code=" LOINC "|8867-4", DRIVE_KEYS, MODE_KEY},
        {"Observation", "patient.family=mull", DRIVE_PATIENT, MODE_INDEX},
        {"Observation", "patient.family=mull&code=" LOINC "|8867-4", DRIVE_PATIENT_CODE,
         MODE_INDEX},
        {"Observation", "patient=anna,bert", DRIVE_PATIENT, MODE_INDEX},
        {"Observation", "patient.gender=female&status=final", DRIVE_DATE, MODE_INDEX},
        {"Observation", "value-quantity=gt1000000", DRIVE_QUANTITY, MODE_KEY},
        {"Observation", "value-quantity=gt100&status=final", DRIVE_DATE, MODE_INDEX},
        {"Patient", "_has:Observation:patient:_id=hr1", DRIVE_LINK, MODE_KEY},
        {"Patient", "_has:Observation:patient:status=final", DRIVE_DATE, MODE_INDEX},
        {"Patient", "_has:Observation:focus:_id=tx1&gender=male", DRIVE_LINK, MODE_KEY},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct search_plan plan;

        search_plan_init(&plan, store, &us, parse_query(cases[i].type, cases[i].query), arena);
        assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
        if (plan.driver == cases[i].driver && plan.mode == cases[i].mode)
            continue;
        fprintf(stderr, "%s?%s: driver %d mode %d\n", cases[i].type, cases[i].query, plan.driver,
                plan.mode);
        wrong++;
    }
}

/* More than can be sorted: in the order of an index, or refused with advice. */
static void check_sorting_many(void)
{
    struct store_page page = search("Patient", "active=true&_sort=family&_count=5");
    struct err err = {0};

    assert_int_equal(page.count, 5);
    assert_non_null(page.next);
    assert_false(store_search(store, &us, parse_query("Patient", "active=true&_sort=_id"), arena,
                              &page, &err));
    assert_int_equal(err.kind, ERR_UNPROCESSABLE);
    assert_non_null(strstr(err.text, "10000"));
    assert_int_equal(search("Patient", "active=true&_summary=count").total, 12002);
}

static void wait_for_making(void)
{
    while (store->making_index)
        fiber_sleep(10);
}

/* Where somebody else makes one, not every search tries it again, with a connection of its own. */
static void check_without_in_vain(void)
{
    run("select pg_advisory_lock(x'69737468'::int4, 2)", NULL);
    search("Observation", "status:not=final");
    wait_for_making();
    const int64_t not_before = store->index_not_before;
    assert_true(not_before > 0);
    search("Observation", "status:not=final");
    wait_for_making();
    assert_int_equal(store->index_not_before, not_before);
    run("select pg_advisory_unlock(x'69737468'::int4, 2)", NULL);
    store->index_not_before = 0;
}

/* What nearly all rows have: those that lack it get an index when they are asked for. */
static void check_without(void)
{
    const char *const asked[] = {"status:not=final", "code:missing=true"};

    for (size_t i = 0; i < COUNT(asked); i++) {
        const struct query *query = parse_query("Observation", asked[i]);
        struct search_plan plan;
        int64_t before =
            search("Observation", arena_printf(arena, "%s&_summary=count", asked[i])).total;

        for (int wait = 0; wait < 6000; wait++) {
            search("Observation", asked[i]);
            search_plan_init(&plan, store, &us, query, arena);
            assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
            if (plan.driver == DRIVE_WITHOUT)
                break;
            fiber_sleep(100);
        }
        assert_int_equal(plan.driver, DRIVE_WITHOUT);

        struct search_position position = {.set = true, .rkey = INT64_MIN};
        struct search_sql sql = search_sql_in(arena);
        search_source_page(&plan, &position, 21, &sql);
        check(&(struct expected){.type = "Observation", .query = asked[i]}, "without", &plan, &sql);
        struct store_page page =
            search("Observation", arena_printf(arena, "%s&_count=1000", asked[i]));
        assert_int_equal(page.count, before);
        page = search("Observation", arena_printf(arena, "%s&_count=1000&_sort=-date", asked[i]));
        assert_int_equal(page.count, before);
        assert_int_equal(
            search("Observation", arena_printf(arena, "%s&_summary=count", asked[i])).total,
            before);
    }
}

/* Any part of a string, by trigrams where they are kept; also of one that is longer than what an
 * index keeps of it. */
static void check_contains(void)
{
    static const char *const asked[] = {"family:contains=ulle", "family:contains=ulle,abc1",
                                        "name:contains=ulle&gender=female", "given:contains=nn"};
    const struct pg_config config = {.conninfo = postgres_conninfo(),
                                     .lane = "index",
                                     .timeout_ms = 300 * 1000,
                                     .mode = PG_SHARED};
    struct pg *beside = pg_new(fiber_loop(), &config);
    struct err err = {0};
    int64_t before[COUNT(asked)];

    assert_true(pg_connect(beside, &err));

    run("insert into f_str select h, repeat('x', 255), rkey from f_str where rkey in "
        "(select rkey from f_patient where id = 'bert')",
        NULL);
    for (size_t i = 0; i < COUNT(asked); i++)
        before[i] = search("Patient", arena_printf(arena, "%s&_summary=count", asked[i])).total;
    assert_true(before[0] > 0);
    if (!search_contains_make(beside, true, &err))
        fail_msg("%s", err.text);
    search_stats_forget();
    search_stats_refresh(store);
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct search_position position = {0};
        struct search_sql sql = search_sql_in(arena);
        struct search_plan plan;
        bool is_short = i + 1 == COUNT(asked);

        search_plan_init(&plan, store, &us, parse_query("Patient", asked[i]), arena);
        assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
        assert_int_equal(plan.driver == DRIVE_SIDE, !is_short);
        search_source_page(&plan, &position, 21, &sql);
        check(&(struct expected){.type = "Patient", .query = asked[i]}, "trigrams", &plan, &sql);
        assert_int_equal(strstr(explain(&sql), "f_str_trigrams") != NULL, !is_short);
        assert_int_equal(
            search("Patient", arena_printf(arena, "%s&_summary=count", asked[i])).total, before[i]);
    }
    assert_true(search_contains_make(beside, false, &err));
    pg_free(beside);
    search_stats_forget();
    assert_int_equal(search("Patient", "family:contains=ulle&_summary=count").total, before[0]);
}

/* Pages follow each other in the order of ids, without one left out or repeated. */
static int64_t walk_ids(const char *type, const char *asked, bool descending)
{
    struct store_page page = search(type, asked);
    const char *last = NULL;
    int64_t count = 0;

    for (;;) {
        for (size_t i = 0; i < page.count; i++, count++) {
            const char *id = page.entries[i].version.id;

            assert_true(!last || (descending ? strcmp(id, last) < 0 : strcmp(id, last) > 0));
            last = id;
        }
        if (!page.next)
            return count;
        page = search(type, arena_printf(arena, "%s&_page=%s", asked, page.next));
    }
}

/* By an index where one was chosen, however many match. */
static void check_ids(void)
{
    static const struct {
        const char *type, *asked;
    } cases[] = {
        {"Patient", "_sort=_id"},
        {"Patient", "active=true&_sort=-_id"},
        {"Patient", "active=true&gender=female&_sort=_id,family"},
        {"RiskAssessment", "_sort=_id"},
        {"RiskAssessment", "_sort=-_id"},
    };
    const struct pg_config config = {.conninfo = postgres_conninfo(),
                                     .lane = "index",
                                     .timeout_ms = 300 * 1000,
                                     .mode = PG_SHARED};
    struct pg *beside = pg_new(fiber_loop(), &config);
    struct store_page page;
    struct err err = {0};

    assert_true(pg_connect(beside, &err));
    if (!search_ids_make(beside, TEXT("RiskAssessment,Patient"), &err))
        fail_msg("%s", err.text);
    search_stats_forget();
    search_stats_refresh(store);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *type = cases[i].type;
        struct search_position position = {.set = true, .keys = {{.text = TEXT("f11")}}};
        struct search_sql sql = search_sql_in(arena);
        struct search_plan plan;

        search_plan_init(&plan, store, &us, parse_query(type, cases[i].asked), arena);
        assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
        assert_int_equal(plan.driver, DRIVE_IDS);
        search_source_page(&plan, &position, 21, &sql);
        check(&(struct expected){.type = type, .query = cases[i].asked}, "ids", &plan, &sql);
        assert_non_null(strstr(explain(&sql), "_ids on f_"));
        int64_t all = search(type, arena_printf(arena, "%s&_summary=count", cases[i].asked)).total;
        assert_true(all > 10000);
        assert_int_equal(walk_ids(type, arena_printf(arena, "%s&_count=1000", cases[i].asked),
                                  strchr(cases[i].asked, '-') != NULL),
                         all);
    }

    /* What few have is sorted, and without the index no more can be. */
    struct search_plan plan;
    search_plan_init(&plan, store, &us, parse_query("Patient", "identifier=urn:mrn|B2&_sort=_id"),
                     arena);
    assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
    assert_int_equal(plan.mode, MODE_SORT);
    assert_true(search_ids_make(beside, TEXT("none"), &err));
    pg_free(beside);
    search_stats_forget();
    assert_false(store_search(store, &us, parse_query("Patient", "_sort=_id"), arena, &page, &err));
    assert_non_null(strstr(err.text, "isthmus index ids=Patient"));
}

/* _content of a type as if it had been chosen; nobody else knows it. */
static void choose_words(struct search_addition *addition, const char *type)
{
    static struct search_extension extension = {.version = 9, .configuration = "simple"};

    addition->param = *search_param_find_published(type, TEXT("_content"));
    addition->param.expression = "$this";
    addition->extension = &extension;
}

/* All have one word, a third another, and each one of its own. */
static void write_words(const struct search_param *param, const char *table)
{
    const struct tokens tokens = store_tokens(store, &us);
    int64_t h = token_param(&tokens, param);

    run(arena_printf(arena,
                     "insert into %s_words (h, rkey, words) select %lld, t.rkey, f_words('simple', "
                     "%lld, 'common ' || case when mod(n, 3) = 0 then 'third ' else '' end || 'w' "
                     "|| n) from (select rkey, row_number() over (order by rkey) n from %s) t",
                     table, (long long)h, (long long)h, table),
        NULL);
    run(arena_printf(arena, "analyze %s_words", table), NULL);
    atomic_store(&search_extension_of(param)->whole, true);
}

/* What few have drives; of what many have no more is read than a page takes. */
static void check_words(void)
{
    static const struct {
        const char *type, *query;
        enum search_driver driver;
        enum search_mode mode;
        const char *index;
    } cases[] = {
        {"Patient", "_content=w77", DRIVE_SIDE, MODE_KEY, "f_patient_words_words"},
        {"Patient", "_content=w77 or w78 not third", DRIVE_SIDE, MODE_KEY, "f_patient_words_words"},
        {"Patient", "_content=\"w77 w78\"", DRIVE_SIDE, MODE_KEY, "f_patient_words_words"},
        {"Patient", "_content=common", DRIVE_DATE, MODE_INDEX, "f_patient_words_h_rkey"},
        {"Patient", "_content=third common", DRIVE_DATE, MODE_INDEX, "f_patient_words_h_rkey"},
        {"Patient", "_content=comm*", DRIVE_DATE, MODE_INDEX, "f_patient_words_h_rkey"},
        {"Patient", "_content=not common", DRIVE_SIDE, MODE_KEY, "f_patient_words_words"},
        {"Patient", "_content=not third", DRIVE_DATE, MODE_INDEX, "f_patient_words_h_rkey"},
        {"Patient", "_content=w77&_sort=-_lastUpdated", DRIVE_SIDE, MODE_SORT,
         "f_patient_words_words"},
        {"Observation", "_content=third&_sort=-_lastUpdated", DRIVE_UPDATED, MODE_INDEX,
         "f_observation_words_h_rkey"},
        {"Observation", "_content=third&patient=anna", DRIVE_PATIENT, MODE_INDEX,
         "f_observation_words_h_rkey"},
        {"Observation", "_content=w77&patient=anna", DRIVE_SIDE, MODE_KEY,
         "f_observation_words_words"},
        {"Observation", "patient._content=w77", DRIVE_PATIENT, MODE_INDEX, "f_patient_words_words"},
    };
    struct search_addition additions[2] = {0};
    size_t count;
    struct err err = {0};

    choose_words(&additions[0], "Observation");
    choose_words(&additions[1], "Patient");
    const struct search_params *set = search_params_make(additions, 2);
    const struct search_param *const *params = search_params_added(set, &count);
    assert_true(search_values_prepare(set, &err));
    search_params_use(set);
    write_words(params[0], "f_observation");
    write_words(params[1], "f_patient");
    search_stats_forget();
    search_stats_refresh(store);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct search_position position = {0};
        struct search_sql sql = search_sql_in(arena);
        struct search_plan plan;

        search_plan_init(&plan, store, &us, parse_query(cases[i].type, cases[i].query), arena);
        assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
        search_source_page(&plan, &position, 21, &sql);
        check(&(struct expected){.type = cases[i].type, .query = cases[i].query}, "words", &plan,
              &sql);
        if (plan.driver == cases[i].driver && plan.mode == cases[i].mode &&
            strstr(explain(&sql), cases[i].index))
            continue;
        fprintf(stderr, "%s?%s: driver %d mode %d\n%s\n", cases[i].type, cases[i].query,
                plan.driver, plan.mode, explain(&sql));
        wrong++;
    }
    assert_int_equal(search("Patient", "_content=w77").count, 1);
    assert_int_equal(search("Patient", "_content=third&_summary=count").total, 4001);
    assert_int_equal(search("Patient", "_content=not third&_summary=count").total, 8003);
}

static void no_search_scans_a_whole_table(void *context)
{
    (void)context;
    fill_much();
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct query *query = parse_query(expected[i].type, expected[i].query);

        if (search_sort_is_needed(query))
            continue;
        struct search_position position = {0};
        struct search_sql page = search_sql_in(arena), next = search_sql_in(arena);
        struct search_plan plan;

        search_plan_init(&plan, store, &us, query, arena);
        assert_true(search_plan_choose(&plan, SEARCH_PAGE, 21));
        if (plan.mode == MODE_SORT && plan.driver == DRIVE_ALL)
            continue; /* reads 10,001 rows, then gives up */
        search_source_page(&plan, &position, 21, &page);
        check(&expected[i], "first page", &plan, &page);
        position.set = true;
        search_source_page(&plan, &position, 21, &next);
        check(&expected[i], "next page", &plan, &next);
    }
    check_every_driver();
    check_choices();
    check_sorting_many();
    check_without_in_vain();
    check_without();
    check_contains();
    check_ids();
    check_words();
    pg_free(pg);
    done();
}

IN_DATABASE(test_chosen, no_search_scans_a_whole_table)

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"no_search_scans_a_whole_table", test_chosen, NULL, NULL, NULL},
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
