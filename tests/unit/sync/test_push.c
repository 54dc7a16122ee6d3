/* Push: what each answer of a partner means for the ledger, and what is asked before anything is
 * sent again. */

#include "talking.h"

#include "sync/echo.h"
#include "sync/push.h"

#define NO_ANSWER (-1)
#define LOCATION  "Location: http://x/Patient/77/_history/1\r\n"
#define NOTHING   "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"}"

/* What the partner does, and what it was asked: M metadata, ? search, + create, = update. */
static struct {
    int creates[4], update; /* statuses; 0: 201 and 200 */
    const char *headers;    /* of those */
    char found[2048];       /* by a search */
    unsigned created;
    char asked[64];
    char sent[8]; /* states in the ledger when a create or an update arrived */
} partner;

static const char *answer(int status, int good, const char *headers)
{
    if (status == NO_ANSWER)
        return NULL;
    return say(status ? status : good, status ? partner.headers : headers, "");
}

static const char *reply(const char *request)
{
    size_t size = strlen(partner.asked);
    bool metadata = asks(request, "GET /metadata"), search = asks(request, "GET /Patient?");
    bool create = asks(request, "POST /Patient ") && strstr(request, "If-None-Exist: identifier=");
    bool update = asks(request, "PUT /Patient/77 ") && strstr(request, "\"id\":\"77\"");

    partner.asked[size < 60 ? size : 60] = metadata ? 'M' : search ? '?' : create ? '+' : '=';
    if (metadata)
        return say(200, NULL, "{\"resourceType\":\"CapabilityStatement\"}");
    if (search)
        return say(200, NULL, partner.found);
    snprintf(partner.sent, sizeof(partner.sent), "%.7s", postgres_sql("select state from f_push"));
    if (create)
        return answer(partner.creates[partner.created++ % 4], 201, LOCATION);
    return update ? answer(partner.update, 200, NULL) : say(400, NULL, "");
}

static struct talking *begin(void)
{
    memset(&partner, 0, sizeof(partner));
    snprintf(partner.found, sizeof(partner.found), NOTHING);
    return talking_begin(reply, "{\"push\":{\"types\":[\"Patient\"]}}");
}

/* When the pauses are over that it has given itself; these are long. */
static struct push_counts run(struct talking *talking)
{
    struct push push = {.store = talking->store,
                        .talk = talking->talk,
                        .partner = &talking->partner,
                        .number = talking->landed.number,
                        .access = us,
                        .own_base = TEXT("https://ours.example/fhir")};
    struct err err = {0};
    int64_t next;

    memset(partner.asked, 0, sizeof(partner.asked));
    postgres_sql("update f_push set not_before = null");
    if (!push_run(&push, &next, &err))
        fail_msg("%s", err.text);
    return push.counts;
}

static struct push_counts change(struct talking *talking, const char *rest)
{
    put(talking->store, "Patient", "own",
        arena_printf(talking->arena, "{\"resourceType\":\"Patient\",\"id\":\"own\"%s}", rest),
        talking->arena);
    return run(talking);
}

/* What was asked since, and what the ledger says now: state, id of the copy, class. */
static void expect(const char *asked, const char *ledger)
{
    assert_string_equal(partner.asked, asked);
    assert_string_equal(
        postgres_sql("select state::text || ' ' || coalesce(remote_id, '-') || ' ' ||"
                     " coalesce(substring(reason from '^[a-z_0-9]+:'), '-')"
                     " from f_push"),
        ledger);
}

/* A search finds the copy, and `more`. */
static void show(const struct talking *talking, const char *rest, const char *more)
{
    struct text system = echo_system(talking->store, talking->arena);

    snprintf(partner.found, sizeof(partner.found),
             "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{\"resource\":"
             "{\"resourceType\":\"Patient\",\"id\":\"77\"%s,\"identifier\":[{\"system\":\"%.*s\","
             "\"value\":\"Patient/own\"}]}}%s]}",
             rest, TEXT_ARGS(system), more);
}

static void check_good(void *context)
{
    struct talking *talking = begin();

    (void)context;
    assert_int_equal(change(talking, "").created, 1);
    expect("M+", "C 77 -");
    assert_string_equal(partner.sent, "S"); /* for who comes after a crash */
    memset(partner.sent, 0, sizeof(partner.sent));
    assert_int_equal(change(talking, ",\"active\":true").updated, 1);
    expect("M=", "C 77 -");
    assert_string_equal(partner.sent, "S");
    partner.update = 404; /* it was removed there: nobody makes another one */
    assert_int_equal(change(talking, ",\"active\":false").failed, 1);
    expect("M=", "F 77 remote_4xx:");
    talking_end(talking);
}
IN_DATABASE(a_copy_is_made_once_and_then_updated, check_good)

/* The first had no effect, the second had it. */
static void check_unknown(int first, int second)
{
    struct talking *talking = begin();

    partner.creates[0] = first;
    partner.creates[1] = second;
    assert_int_equal(change(talking, "").unknown, 1);
    expect("M+", "U - -");
    assert_int_equal(run(talking).unknown, 1);
    expect("M?+", "U - -");
    show(talking, "", "");
    assert_int_equal(run(talking).resolved, 1);
    expect("M?", "C 77 -");
    talking_end(talking);
}

static void check_lost(void *context)
{
    (void)context;
    check_unknown(NO_ANSWER, 503);
}
IN_DATABASE(what_was_not_answered_is_asked_about_before_it_is_sent_again, check_lost)

/* Of a process that died while it was sending. */
static void check_sent(void *context)
{
    struct talking *talking = begin();

    (void)context;
    partner.creates[0] = 500;
    change(talking, "");
    postgres_sql("update f_push set state = 'S', not_before = null");
    show(talking, ",\"active\":true", "");
    assert_int_equal(run(talking).updated, 1); /* it is there, and says something else */
    expect("M?=", "C 77 -");
    talking_end(talking);
}
IN_DATABASE(what_was_being_sent_is_asked_about, check_sent)

/* A partner that passes over what it does not know answers with others: that is no answer. */
static void check_strangers(void *context)
{
    struct talking *talking = begin();

    (void)context;
    partner.creates[0] = NO_ANSWER;
    change(talking, "");
    snprintf(partner.found, sizeof(partner.found),
             "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{\"resource\":"
             "{\"resourceType\":\"Patient\",\"id\":\"1\"}}]}");
    assert_int_equal(run(talking).unknown, 1);
    expect("M?", "U - -");
    /* And of several copies none is chosen. */
    show(talking, "",
         arena_printf(talking->arena,
                      ",{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"78\","
                      "\"identifier\":[{\"system\":\"%.*s\",\"value\":"
                      "\"Patient/own\"}]}}",
                      TEXT_ARGS(echo_system(talking->store, talking->arena))));
    assert_int_equal(run(talking).failed, 1);
    expect("M?", "F - remote_412:");
    talking_end(talking);
}
IN_DATABASE(what_is_found_is_ours_only_when_it_says_so, check_strangers)

/* There already, and somebody else keeps it up to date: he is not written over, now and later. */
static void check_held(void *context)
{
    struct talking *talking = begin();

    (void)context;
    partner.creates[0] = 200;
    partner.headers = LOCATION;
    show(talking, ",\"meta\":{\"tag\":[{\"system\":\"urn:isthmus:feeder\",\"code\":\"else\"}]}",
         "");
    assert_int_equal(change(talking, ",\"active\":true").held, 1);
    expect("M+?", "C 77 held:");
    assert_int_equal(change(talking, ",\"active\":false").held, 1);
    expect("M", "C 77 held:");
    talking_end(talking);
}
IN_DATABASE(a_copy_that_somebody_else_feeds_is_left_alone, check_held)

/* What had no effect is sent again without a question, what is refused for good is not. */
static void check_refused(void *context)
{
    struct talking *talking = begin();

    (void)context;
    partner.creates[0] = 409;
    partner.creates[2] = 412;
    change(talking, "");
    expect("M+", "P - -");
    assert_int_equal(run(talking).created, 1);
    expect("M+", "C 77 -");
    postgres_sql("update f_push set remote_id = null");
    assert_int_equal(change(talking, ",\"active\":true").failed, 1);
    expect("M+", "F - remote_412:");
    talking_end(talking);
}
IN_DATABASE(a_conflict_is_repeated_and_a_refusal_is_not, check_refused)

/* Not the next one either, and not by who comes after a restart. */
static void check_asked_to_wait(void *context)
{
    struct talking *talking = begin();

    (void)context;
    partner.creates[0] = 429;
    partner.headers = "Retry-After: 3000\r\n";
    put(talking->store, "Patient", "two", "{\"resourceType\":\"Patient\",\"id\":\"two\"}",
        talking->arena);
    change(talking, "");
    assert_string_equal(partner.asked, "M+");
    assert_string_equal(postgres_sql("select string_agg(state::text, '') from f_push"), "PP");
    talking_again(talking);
    assert_true(talk_not_before(talking->talk) > clock_now() + INT64_C(2000) * 1000000);
    talking_end(talking);
}
IN_DATABASE(nothing_is_sent_to_who_asked_to_wait, check_asked_to_wait)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_made_once_and_then_updated),
        cmocka_unit_test(what_was_not_answered_is_asked_about_before_it_is_sent_again),
        cmocka_unit_test(what_was_being_sent_is_asked_about),
        cmocka_unit_test(what_is_found_is_ours_only_when_it_says_so),
        cmocka_unit_test(a_copy_that_somebody_else_feeds_is_left_alone),
        cmocka_unit_test(a_conflict_is_repeated_and_a_refusal_is_not),
        cmocka_unit_test(nothing_is_sent_to_who_asked_to_wait),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
