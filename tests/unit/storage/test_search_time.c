#include "writing.h"

#include "base/buf.h"
#include "fhir/issue.h"
#include "fhir/query.h"

/* Rows that were made, updated in place and elsewhere, deleted, brought back, moved, and written by
 * an earlier version of the program, in the order of their last update. */

enum { PATIENTS = 60 };

static struct store *store;
static struct arena *arena;

static void put_patient(int n, const char *gender, int version)
{
    put(store, "Patient", arena_printf(arena, "p%d", n),
        arena_printf(arena,
                     "{\"resourceType\":\"Patient\",\"gender\":\"%s\",\"maritalStatus\":{\"text\":"
                     "\"%d\"}}",
                     gender, version),
        arena);
}

static void fill(void)
{
    store = open_store();
    arena = arena_new();
    for (int n = 0; n < PATIENTS; n++)
        put_patient(n, "male", 1);
    for (int n = 0; n < PATIENTS; n += 3)
        put_patient(n, "male", 2);
    for (int n = 0; n < PATIENTS; n += 4)
        put_patient(n, "female", 3);
    for (int n = 0; n < PATIENTS; n += 7)
        take_out(store, "Patient", arena_printf(arena, "p%d", n), arena);
    for (int n = 0; n < PATIENTS; n += 14)
        put_patient(n, "male", 4);
    postgres_sql("update f_patient set toks = toks where id like '%5'");
    postgres_sql("with t as (update f_patient set made = null where id like '%6' or id like '%8' "
                 "returning rkey) update f_log l set made = null, place = null from t "
                 "where t.rkey = l.rkey");
    /* Several at the same time, some of them by their lines. */
    postgres_sql(
        "update f_patient set updated = '2020-02-02Z', made = case when made = updated "
        "then timestamptz '2020-02-02Z' else made end where id like 'p1%' or id like 'p4%'");
    postgres_sql("update f_log l set updated = t.updated from f_patient t "
                 "where t.rkey = l.rkey and t.ver = l.ver");
}

static void done(void)
{
    store_close(store);
    arena_free(arena);
}

static struct store_page search_type(const char *type, const char *text)
{
    struct query_options options = query_options_default();
    struct store_page page;
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    const struct query *query = query_parse(arena, type, text_of(text), &options, &issues, &err);
    if (!query || !store_search(store, &us, query, arena, &page, &err))
        fail_msg("%s: %s", text, err.text);
    return page;
}

static struct store_page search(const char *text)
{
    return search_type("Patient", text);
}

/* Page by page. */
static const char *walk_type(const char *type, const char *query)
{
    struct buf ids = buf_in(arena);
    struct store_page page = search_type(type, query);

    for (;;) {
        for (size_t i = 0; i < page.count; i++)
            buf_printf(&ids, "%s%s", ids.size ? " " : "", page.entries[i].version.id);
        if (!page.next)
            return buf_text(&ids);
        page = search_type(type, arena_printf(arena, "%s&_page=%s", query, page.next));
    }
}

static const char *walk(const char *query)
{
    return walk_type("Patient", query);
}

static const char *truth(const char *condition, const char *order)
{
    return arena_printf(arena, "%s",
                        postgres_sql(arena_printf(
                            arena, "select string_agg(id, ' ' order by %s) from f_patient where %s",
                            order, condition)));
}

static void in_order(void *context)
{
    (void)context;
    fill();
    assert_string_equal(walk("_sort=_lastUpdated&_count=7"), truth("true", "updated, rkey"));
    assert_string_equal(walk("_sort=-_lastUpdated&_count=7"),
                        truth("true", "updated desc, rkey desc"));
    assert_string_equal(walk("_sort=_lastUpdated&_count=1"), truth("true", "updated, rkey"));
    assert_string_equal(walk("_sort=_lastUpdated&_count=5&_lastUpdated=gt2020-02-03"),
                        truth("updated > '2020-02-03Z'", "updated, rkey"));
    assert_string_equal(walk("_sort=-_lastUpdated&_count=5&_lastUpdated=2020-02"),
                        truth("updated < '2020-03-01Z'", "updated desc, rkey desc"));
    assert_string_equal(
        walk("_sort=-_lastUpdated&_count=3&gender=female"),
        truth("substr(id, 2)::int % 4 = 0 and substr(id, 2)::int % 7 <> 0", "updated desc, rkey"));
    done();
}

static void totals(void *context)
{
    (void)context;
    fill();
    assert_int_equal(search("_lastUpdated=ge2020&_summary=count").total,
                     atoll_of(postgres_sql("select count(*) from f_patient")));
    assert_int_equal(
        search("_lastUpdated=lt2020-03&_summary=count").total,
        atoll_of(postgres_sql("select count(*) from f_patient where updated < '2020-03-01Z'")));
    assert_int_equal(
        search("_lastUpdated=gt2020-03&_sort=gender&_total=accurate&_count=2").total,
        atoll_of(postgres_sql("select count(*) from f_patient where updated > '2020-03-01Z'")));
    done();
}

/* Types that share times are merged, page by page, in both directions. */
static void merged(void *context)
{
    static const char *const both = "with b as (select 2 as n, id, updated, rkey from f_patient "
                                    "union all select 1, id, updated, rkey from f_organization) "
                                    "select string_agg(id, ' ' order by %s) from b where %s";

    (void)context;
    fill();
    for (int n = 0; n < PATIENTS / 3; n++)
        put(store, "Organization", arena_printf(arena, "o%d", n),
            "{\"resourceType\":\"Organization\",\"name\":\"Insel\"}", arena);
    postgres_sql("update f_organization set updated = '2020-02-02Z', made = '2020-02-02Z' "
                 "where id like 'o1%'");
    for (int count = 1; count < 12; count += 5) {
        const char *types = arena_printf(arena, "_type=Patient,Organization&_count=%d", count);

        assert_string_equal(
            walk_type(NULL, arena_printf(arena, "%s&_sort=_lastUpdated", types)),
            arena_printf(arena, "%s",
                         postgres_sql(arena_printf(arena, both, "updated, n, rkey", "true"))));
        assert_string_equal(walk_type(NULL, arena_printf(arena, "%s&_sort=-_lastUpdated", types)),
                            arena_printf(arena, "%s",
                                         postgres_sql(arena_printf(
                                             arena, both, "updated desc, n, rkey desc", "true"))));
        assert_string_equal(
            walk_type(NULL,
                      arena_printf(arena, "%s&_sort=_lastUpdated&_lastUpdated=gt2020-03", types)),
            arena_printf(arena, "%s",
                         postgres_sql(arena_printf(arena, both, "updated, n, rkey",
                                                   "updated > '2020-04-01Z'"))));
    }
    assert_int_equal(search_type(NULL, "_type=Patient,Organization&_sort=_lastUpdated&_count=3"
                                       "&_total=accurate")
                         .total,
                     atoll_of(postgres_sql("select (select count(*) from f_patient) + "
                                           "(select count(*) from f_organization)")));
    done();
}

static void put_observation(struct store *into, const char *id, const char *codings)
{
    put(into, "Observation", id,
        arena_printf(arena,
                     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":"
                     "{\"coding\":[%s{\"system\":\"urn:a\",\"code\":\"A\"}]}}",
                     codings),
        arena);
}

/* Pages that look for a code in its column go on without, when it comes to stand second. */
static void second_code(void *context)
{
    struct store *other;

    (void)context;
    store = open_store();
    arena = arena_new();
    for (int n = 0; n < 5; n++)
        put_observation(store, arena_printf(arena, "o%d", n), "");
    const char *query = arena_printf(
        arena, "code=urn:a|A&_sort=_lastUpdated&_count=2&_lastUpdated=ge%s",
        postgres_sql("select to_char(u, 'YYYY-MM-DD') || 'T' || to_char(u, 'HH24:MI:SS.MS') || 'Z' "
                     "from (select min(updated) at time zone 'UTC' as u from f_observation) t"));
    struct store_page page = search_type("Observation", query);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.entries[1].version.id, "o1");

    other = open_store();
    put_observation(other, "twin", "{\"system\":\"urn:b\",\"code\":\"B\"},");
    store_close(other);
    const char *next = arena_printf(arena, "%s&_page=%s", query, page.next);
    page = search_type("Observation", next);
    assert_string_equal(page.entries[1].version.id, "o3");
    page = search_type("Observation", arena_printf(arena, "%s&_page=%s", query, page.next));
    assert_int_equal(page.count, 2);
    assert_string_equal(page.entries[1].version.id, "twin");
    assert_string_equal(walk_type("Observation", query), "o0 o1 o2 o3 o4 twin");
    done();
}

/* Each line of the log says where its row is, as long as nobody moved it. */
static void places(void *context)
{
    (void)context;
    store = open_store();
    arena = arena_new();
    for (int n = 0; n < PATIENTS; n++)
        put_patient(n, "male", 1);
    for (int n = 0; n < PATIENTS; n += 2)
        put_patient(n, n % 4 ? "male" : "female", 2);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_log l join f_patient t on "
                                           "t.ctid = l.place and t.rkey = l.rkey and "
                                           "t.ver = l.ver")),
                     PATIENTS);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_patient where made = updated")),
                     PATIENTS / 2);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_log where made")), PATIENTS);
    done();
}

/* With one of these in an index no update would stay inside its page. */
static void no_index(void *context)
{
    (void)context;
    store = open_store();
    arena = arena_new();
    assert_string_equal(
        postgres_sql("select coalesce(string_agg(i.indexrelid::regclass::text, ' '), '') "
                     "from pg_index i join pg_attribute a on a.attrelid = i.indrelid "
                     "join pg_attribute d on d.attrelid = i.indrelid and d.attname = 'dhi' "
                     "where a.attname in ('updated', 'ver', 'op', 'body') and "
                     "(a.attnum = any(i.indkey) or "
                     "pg_get_indexdef(i.indexrelid) ~ ('\\m' || a.attname || '\\M'))"),
        "");
    done();
}

IN_DATABASE(test_order, in_order)
IN_DATABASE(test_totals, totals)
IN_DATABASE(test_merged, merged)
IN_DATABASE(test_second_code, second_code)
IN_DATABASE(test_places, places)
IN_DATABASE(test_no_index, no_index)

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"by the last update every row comes once and in order", test_order, NULL, NULL, NULL},
        {"by the last update rows are counted once", test_totals, NULL, NULL, NULL},
        {"several types are merged by the last update", test_merged, NULL, NULL, NULL},
        {"a code that comes to stand second is found by the next page", test_second_code, NULL,
         NULL, NULL},
        {"a line of the log says where its row is", test_places, NULL, NULL, NULL},
        {"no index holds what every update changes", test_no_index, NULL, NULL, NULL},
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
