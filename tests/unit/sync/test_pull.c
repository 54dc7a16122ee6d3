/* Pull: which answers move a cursor, and to where; what is gone on with; what is left out. */

#include "talking.h"

#include "sync/apply.h"
#include "sync/pull.h"

#include <inttypes.h>

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)

/* What the partner does: pages of one row each. */
static struct {
    char rows[3][256]; /* of the first page, and of those called page=1 and page=2 */
    char next[3][128]; /* the links of these; "": none */
    int status[3];     /* 0: 200 */
    const char *headers;
    char asked[64];  /* letters of pages */
    char query[512]; /* of the first page, as it was asked for last */
} partner;

static const char *reply(const char *request)
{
    static char body[2048];
    const char *page = strstr(request, "page=");
    size_t number = page ? (size_t)(page[5] - '0') % 3 : 0, size = strlen(partner.asked);

    partner.asked[size < 60 ? size : 60] = (char)('0' + number);
    if (number == 0)
        snprintf(partner.query, sizeof(partner.query), "%.400s", request);
    if (partner.status[number])
        return say(partner.status[number], partner.headers, "");
    snprintf(body, sizeof(body),
             "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{\"relation\":\"self\","
             "\"url\":\"x\"}%s%s%s],\"entry\":[{\"resource\":%s}]}",
             partner.next[number][0] ? ",{\"relation\":\"next\",\"url\":\"" : "",
             partner.next[number], partner.next[number][0] ? "\"}" : "", partner.rows[number]);
    return say(200, NULL, body);
}

static void set_row(size_t page, const char *id, const char *version, int64_t updated)
{
    char instant[CLOCK_INSTANT_SIZE];

    clock_format_instant(updated, instant);
    snprintf(partner.rows[page], sizeof(partner.rows[page]),
             "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"meta\":{\"versionId\":\"%s\","
             "\"lastUpdated\":\"%s\"}}",
             id, version, instant);
}

static void set_next(size_t page, const char *link)
{
    snprintf(partner.next[page], sizeof(partner.next[page]), "%s", link);
}

static struct talking *begin(const char *modes)
{
    memset(&partner, 0, sizeof(partner));
    return talking_begin(reply, modes);
}

#define SEARCH  "{\"search\":{\"overlap\":\"PT10M\",\"queries\":[{\"type\":\"Patient\"}]}}"
#define HISTORY "{\"history\":{\"overlap\":\"PT10M\",\"types\":[\"Patient\"]}}"

static struct pull_result run(struct talking *talking)
{
    struct pull_plan *plans;
    struct pull_result result;
    struct err err = {0};

    assert_int_equal(pull_list(&talking->partner, talking->arena, &plans), 1);
    const struct pull pull = {.store = talking->store,
                              .talk = talking->talk,
                              .partner = &talking->partner,
                              .number = talking->landed.number,
                              .mode = plans->mode,
                              .query = plans->query};
    memset(partner.asked, 0, sizeof(partner.asked));
    if (!pull_run(&pull, &result, &err))
        fail_msg("%s", err.text);
    return result;
}

/* In microseconds; INT64_MIN: there is none. */
static int64_t cursor(void)
{
    const char *value = postgres_sql("select (extract(epoch from nullif(value, '')::timestamptz)"
                                     " * 1000000)::int8 from f_sync_cursor");

    return value[0] ? atoll_of(value) : INT64_MIN;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("%s is not in %s", part, text);
}

static void assert_about(int64_t time, int64_t wanted)
{
    if (time < wanted - 60 * SECOND || time > wanted + 60 * SECOND)
        fail_msg("%" PRId64 " in place of %" PRId64, time, wanted);
}

/* What is newest moves it, unless it is newer than the partner's own clock. */
static void check_cursor(void *context)
{
    struct talking *talking = begin(SEARCH);
    int64_t now = clock_now();

    (void)context;
    set_row(0, "1", "1", now + 24 * HOUR);
    set_row(1, "2", "1", now - 2 * HOUR);
    set_next(0, "?page=1");
    assert_int_equal(run(talking).outcome, PULL_COMPLETE);
    assert_string_equal(partner.asked, "01");
    assert_about(cursor(), now - 2 * HOUR - 600 * SECOND);

    /* It never goes back: what was lagging has caught up with less. */
    set_row(1, "2", "2", now - 5 * HOUR);
    run(talking);
    assert_non_null(strstr(partner.query, "_lastUpdated=ge"));
    assert_about(cursor(), now - 2 * HOUR - 600 * SECOND);

    /* Its clock is behind by more than the overlap: the overlap is as large. */
    there_late = HOUR;
    set_row(0, "1", "3", now - HOUR);
    set_next(0, "");
    run(talking);
    assert_about(cursor(), now - 2 * HOUR);
    talking_end(talking);
}
IN_DATABASE(a_cursor_stays_behind_what_may_still_come, check_cursor)

/* A chain that does not come to its end. */
static void check_broken(const char *next, const char *asked, const char *landed,
                         const char *reason)
{
    struct talking *talking = begin(HISTORY);
    int64_t now = clock_now();

    set_row(0, "1", "1", now - HOUR);
    set_row(1, "2", "1", now - HOUR);
    set_next(0, "?page=1");
    set_next(1, next);
    partner.status[2] = 404;
    struct pull_result result = run(talking);
    assert_int_equal(result.outcome, PULL_INCOMPLETE);
    assert_has(result.reason, reason);
    assert_string_equal(partner.asked, asked);
    assert_int_equal(cursor(), INT64_MIN);
    assert_string_equal(postgres_sql("select state::text || landed from f_sync_window"), landed);
    talking_end(talking);
}

static void check_vanished(void *context)
{
    (void)context;
    check_broken("?page=2", "012012012012", "I8", "404");
}
IN_DATABASE(a_chain_that_breaks_leaves_the_cursor, check_vanished)

static void check_circle(void *context)
{
    (void)context;
    check_broken("?page=1", "01010101", "I4", "circle");
}
IN_DATABASE(a_circle_is_no_end, check_circle)

/* Nobody is asked there. */
static void check_elsewhere(void *context)
{
    (void)context;
    check_broken("http://127.0.0.2:9/?page=2", "01010101", "I4", "another host");
}
IN_DATABASE(a_link_to_somebody_else_is_not_followed, check_elsewhere)

/* Asked to wait in the middle; somebody goes on hours later, where it stood. What changed meanwhile
 * on the pages before may be missing. */
static void check_later(void *context)
{
    struct talking *talking = begin(SEARCH);
    int64_t now = clock_now();

    (void)context;
    set_row(0, "1", "1", now - 3 * HOUR);
    snprintf(partner.rows[1], sizeof(partner.rows[1]),
             "{\"resourceType\":\"Patient\",\"id\":\"2\"}");
    set_next(0, "?page=1");
    partner.status[1] = 429;
    partner.headers = "Retry-After: 7200\r\n";
    assert_int_equal(run(talking).outcome, PULL_LATER);
    assert_string_equal(partner.asked, "01");
    assert_int_equal(cursor(), INT64_MIN);
    talking_again(talking);
    assert_int_equal(run(talking).outcome, PULL_LATER);
    assert_string_equal(partner.asked, "");

    postgres_sql("update f_partner set not_before = null;"
                 "update f_sync_window set opened = opened - interval '2 hours'");
    partner.status[1] = 0;
    talking_again(talking);
    assert_int_equal(run(talking).outcome, PULL_COMPLETE);
    assert_string_equal(partner.asked, "1");
    assert_about(cursor(), now - 2 * HOUR - 600 * SECOND);
    assert_string_equal(postgres_sql("select state::text || landed from f_sync_window"), "L2");
    talking_end(talking);
}
IN_DATABASE(a_window_goes_on_where_it_stood_and_begins_when_it_began, check_later)

/* How many rows landed of what the partner shows by now. */
static int64_t land(struct talking *talking)
{
    const struct text own = TEXT("https://ours.example/fhir");
    struct apply_config config =
        partner_apply_config(&talking->partner, talking->landed.number, &own, NULL, talking->arena);
    struct landing_apply apply = {.access = us};
    struct landing_result result;
    struct err err = {0};
    int64_t rows = run(talking).rows;

    if (!apply_landed(talking->store, &config, &apply, &result, &err))
        fail_msg("%s", err.text);
    return rows;
}

static void check_known(void *context)
{
    struct talking *talking = begin(SEARCH);
    int64_t now = clock_now();

    (void)context;
    set_row(0, "1", "1", now - HOUR);
    assert_int_equal(land(talking), 1);
    assert_int_equal(land(talking), 0);
    set_row(0, "1", "1", now - HOUR / 2); /* some do not count versions */
    assert_int_equal(land(talking), 1);
    set_row(0, "1", "2", now - HOUR / 2);
    assert_int_equal(land(talking), 1);
    set_row(0, "2", "2", now - HOUR / 2);
    assert_int_equal(land(talking), 1);
    talking_end(talking);
}
IN_DATABASE(only_what_is_known_in_that_version_and_of_that_time_is_left_out, check_known)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_stays_behind_what_may_still_come),
        cmocka_unit_test(a_chain_that_breaks_leaves_the_cursor),
        cmocka_unit_test(a_circle_is_no_end),
        cmocka_unit_test(a_link_to_somebody_else_is_not_followed),
        cmocka_unit_test(a_window_goes_on_where_it_stood_and_begins_when_it_began),
        cmocka_unit_test(only_what_is_known_in_that_version_and_of_that_time_is_left_out),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
