/* Apply, when something comes back: copies of what is here, what refers to them, and what had been
 * missing. */

#include "applying.h"

#include "sync/echo.h"

#define PATIENT(id, meta)                                                                          \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"meta\":{" meta "},\"active\":true}"
#define SOURCE(url) "\"source\":\"" url "\""
#define OBSERVATION(id, version, subject)                                                          \
    "{\"resourceType\":\"Observation\",\"id\":\"" id "\",\"meta\":{\"versionId\":\"" version       \
    "\"},\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"" subject     \
    "\"}}"

static void put_own(struct store *store, struct arena *arena)
{
    put(store, "Patient", "own", "{\"resourceType\":\"Patient\",\"id\":\"own\"}", arena);
}

static int64_t patients(void)
{
    return atoll_of(postgres_sql("select count(*) from f_patient"));
}

/* Everything is linked, and what refers to it leads to ours. */
static void assert_refers_to_own(struct store *store, const struct apply_config *config,
                                 const char *id, struct arena *arena)
{
    assert_has(ours(store, config, "Observation", id, arena), "\"Patient/own\"");
    assert_string_equal(postgres_sql("select linked from f_identity where id = '9'"), "own");
    assert_string_equal(
        postgres_sql("select coalesce(string_agg(state::text, ''), '') from f_sync_window"
                     " where state <> 'C'"),
        "");
    assert_int_equal(patients(), 1);
}

static void check_together(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put_own(store, arena);
    LAND(store, &a, OBSERVATION("1", "1", "Patient/9"), PATIENT("9", SOURCE(OURS "/Patient/own")));
    assert_counts(apply_all(store, &a), 1, 1, 0, 0);
    assert_refers_to_own(store, &a, "1", arena);
    assert_int_equal(version_of(store, &a, "Observation", "1", arena), 1);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_refers_to_a_copy_that_comes_with_it_leads_to_ours, check_together)

/* The second version says the same, so nothing is written of it; still it is the current one. */
static void check_later(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply first = {.access = us, .most = 1};
    struct landing_result result;
    struct err err = {0};

    (void)context;
    put_own(store, arena);
    LAND(store, &a, OBSERVATION("0", "1", "Patient/0"));
    LAND(store, &a, OBSERVATION("1", "1", "Patient/9"));
    assert_counts(apply_all(store, &a), 2, 0, 0, 0);
    LAND(store, &a, OBSERVATION("2", "1", "Patient/9"), OBSERVATION("2", "2", "Patient/9"));
    assert_counts(apply_all(store, &a), 1, 1, 0, 0);
    LAND(store, &a, PATIENT("9", SOURCE(OURS "/Patient/own")));
    assert_true(apply_landed(store, &a, &first, &result, &err));
    assert_int_equal(result.counts.waiting, 5);
    assert_string_equal(postgres_sql("select string_agg(state::text, '' order by number) from"
                                     " f_sync_window"),
                        "LLLL");
    apply_all(store, &a);
    assert_refers_to_own(store, &a, "1", arena);
    assert_refers_to_own(store, &a, "2", arena);
    assert_int_equal(version_of(store, &a, "Observation", "0", arena), 1);
    assert_int_equal(version_of(store, &a, "Observation", "1", arena), 2);
    assert_int_equal(version_of(store, &a, "Observation", "2", arena), 2);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_referred_to_a_copy_before_it_came_is_applied_again, check_later)

/* In an earlier batch, and on the same page. */
static void check_page(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put_own(store, arena);
    LAND(store, &a, OBSERVATION("1", "1", "Patient/9"), OBSERVATION("2", "1", "Patient/9"),
         OBSERVATION("3", "1", "Patient/0"), PATIENT("9", SOURCE(OURS "/Patient/own")),
         OBSERVATION("4", "1", "Patient/9"));
    apply_by(store, &a, 1);
    for (const char *id = "124"; *id; id++)
        assert_refers_to_own(store, &a, (const char[]){*id, 0}, arena);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(also_when_it_came_on_the_same_page, check_page)

/* An older version of a copy says nothing new. */
static void check_older(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put_own(store, arena);
    LAND(store, &a, PATIENT("9", "\"versionId\":\"5\"," SOURCE(OURS "/Patient/own")));
    apply_all(store, &a);
    LAND(store, &a, PATIENT("9", "\"versionId\":\"3\"," SOURCE(OURS "/Patient/own")));
    assert_counts(apply_all(store, &a), 0, 1, 0, 0);
    assert_string_equal(postgres_sql("select version from f_identity"), "5");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(an_older_version_of_a_copy_is_not_noted, check_older)

/* A resource never changes its source. */
static void check_claim(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put_own(store, arena);
    LAND(store, &a, PATIENT("9", "\"versionId\":\"1\""));
    apply_all(store, &a);
    LAND(store, &a, PATIENT("9", "\"versionId\":\"2\"," SOURCE(OURS "/Patient/own")));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_int_equal(version_of(store, &a, "Patient", "9", arena), 2);
    assert_string_equal(postgres_sql("select linked is null from f_identity"), "t");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_is_its_own_does_not_become_a_copy, check_claim)

/* Who knows our identifier may have it from anybody; it counts for what was sent to somebody. */
static void check_identifier(void *context)
{
    static const char *const theirs =
        "{\"resourceType\":\"Patient\",\"id\":\"9\",\"identifier\":[{\"system\":\"urn:isthmus:me\","
        "\"value\":\"Patient/own\"}]}";
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE), b = config_of(store, "b", B_BASE);
    struct landing_push push = {.type = "Patient", .id = "own", .version = 1};
    const struct store_feed_position zero = {0}, first = {1, 10, 5};
    struct err err = {0};
    bool moved;

    (void)context;
    put_own(store, arena);
    LAND(store, &a, theirs);
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_int_equal(patients(), 2);
    assert_true(landing_push_plan(store, b.partner.number, &push, 1, &zero, &first, &moved, &err));
    LAND(store, &b, theirs);
    assert_counts(apply_all(store, &b), 0, 1, 0, 0);
    assert_int_equal(patients(), 2);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(our_identifier_counts_when_somebody_was_sent_the_resource, check_identifier)

/* What says what was sent is ours while its id there is not known; then another one is another. */
static void check_content(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_push push = {.type = "Patient", .id = "own", .version = 1};
    const struct store_feed_position zero = {0}, first = {1, 10, 5};
    struct err err = {0};
    bool moved;

    (void)context;
    put(store, "Patient", "own", PATIENT("own", "\"versionId\":\"1\""), arena);
    a.content = echo_content;
    assert_true(landing_push_plan(store, a.partner.number, &push, 1, &zero, &first, &moved, &err));
    push.partner = a.partner.number;
    push.state = LANDING_SENT;
    push.content = echo_content(parse(arena, PATIENT("own", "\"versionId\":\"1\"")), store);
    assert_true(landing_push_mark(store, &push, 1, &err));
    LAND(store, &a, PATIENT("9", "\"versionId\":\"7\""));
    assert_counts(apply_all(store, &a), 0, 1, 0, 0);
    assert_int_equal(patients(), 1);

    push.state = LANDING_CONFIRMED;
    push.remote_id = "9";
    assert_true(landing_push_mark(store, &push, 1, &err));
    LAND(store, &a, PATIENT("8", "\"versionId\":\"7\""));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_int_equal(patients(), 2);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(equal_content_is_ours_until_the_id_of_the_copy_is_known, check_content)

#define ELSEWHERE SOURCE("https://c.example/fhir/Patient/7")

/* A later version may say nothing of its source: that is known by now. */
static void check_origin(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE), b = config_of(store, "b", B_BASE);

    (void)context;
    LAND(store, &a, PATIENT("1", "\"versionId\":\"1\"," ELSEWHERE));
    apply_all(store, &a);
    LAND(store, &a, PATIENT("2", "\"versionId\":\"1\"," ELSEWHERE));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0); /* what one partner tells apart stays so */
    LAND(store, &a, PATIENT("1", "\"versionId\":\"2\""), PATIENT("2", "\"versionId\":\"2\""));
    assert_counts(apply_all(store, &a), 2, 0, 0, 0);
    LAND(store, &b, PATIENT("5", ELSEWHERE));
    assert_counts(apply_all(store, &b), 0, 1, 0, 0);
    assert_int_equal(patients(), 2);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(one_first_source_is_one_resource_of_two_partners, check_origin)

/* The owner deletes it, somebody else pushes a copy here that is older, and the owner makes it
 * anew. */
static void check_revived(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    const struct landing_row gone = {
        .type = TEXT("Patient"), .id = TEXT("9"), .version = TEXT("2"), .updated = INT64_MIN};

    (void)context;
    LAND(store, &a, PATIENT("9", "\"versionId\":\"1\""), OBSERVATION("1", "1", "Patient/9"));
    assert_counts(apply_all(store, &a), 2, 0, 0, 0);
    land_rows(store, a.partner.number, false, &gone, 1);
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    const char *pushed =
        post(store, "Patient",
             "{\"resourceType\":\"Patient\",\"meta\":{" SOURCE(
                 A_BASE
                 "/Patient/9") ","
                               "\"tag\":[{\"system\":\"urn:isthmus:feeder\",\"code\":\"b\"}]}}",
             arena)
            .version.id;
    LAND(store, &a, PATIENT("9", "\"versionId\":\"1\""));
    assert_counts(apply_all(store, &a), 0, 0, 1, 0); /* from before */
    LAND(store, &a, PATIENT("9", "\"versionId\":\"3\""));
    apply_all(store, &a);
    assert_int_equal(patients(), 1);
    assert_has(ours(store, &a, "Observation", "1", arena),
               arena_printf(arena, "\"Patient/%s\"", pushed));
    LAND(store, &a, OBSERVATION("1", "2", "Patient/9"), PATIENT("9", "\"versionId\":\"4\""));
    apply_all(store, &a);
    assert_int_equal(patients(), 1);
    assert_has(ours(store, &a, "Observation", "1", arena),
               arena_printf(arena, "\"Patient/%s\"", pushed));
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_was_deleted_and_comes_again_may_be_here_by_another_way, check_revived)

static int64_t land_snapshot(struct store *store, const struct apply_config *config,
                             const char *body)
{
    int64_t window =
        land_json(store, config->partner.number, true, (const char *const[]){body, NULL});

    apply_all(store, config);
    return window;
}

static const char *presence(void)
{
    return postgres_sql("select string_agg(presence::text, '' order by id) from f_identity");
}

/* Of snapshots: what is broken is there, too. */
static void check_presence(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_reconciled reconciled;
    struct err err = {0};
    int64_t window;

    (void)context;
    land_snapshot(store, &a, PATIENT("1", "\"versionId\":\"1\""));
    window = land_snapshot(store, &a, PATIENT("2", "\"versionId\":\"1\""));
    assert_true(landing_reconcile(store, window, 2, 500, &reconciled, &err));
    assert_string_equal(presence(), "AP");
    /* Not changed, and here again. */
    window = land_snapshot(store, &a, PATIENT("1", "\"versionId\":\"1\""));
    assert_string_equal(presence(), "PP");
    assert_true(landing_reconcile(store, window, 2, 500, &reconciled, &err));
    assert_string_equal(presence(), "PA");
    window = land_snapshot(store, &a,
                           "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"non  sense\"}");
    assert_true(landing_reconcile(store, window, 2, 500, &reconciled, &err));
    assert_string_equal(presence(), "PG");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_a_snapshot_shows_is_there_whatever_becomes_of_it, check_presence)

/* Who has discarded it is not asked again. */
static void check_discarded(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_dead_filter filter = {.partner = a.partner.number};
    struct err err = {0};
    int64_t discarded;

    (void)context;
    LAND(store, &a, "nothing");
    assert_counts(apply_all(store, &a), 0, 0, 0, 1);
    assert_true(landing_dead_discard(store, &filter, "me", "known", &discarded, &err));
    assert_int_equal(discarded, 1);
    LAND(store, &a, "nothing");
    assert_counts(apply_all(store, &a), 0, 1, 0, 0);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_was_discarded_does_not_come_back, check_discarded)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_refers_to_a_copy_that_comes_with_it_leads_to_ours),
        cmocka_unit_test(what_referred_to_a_copy_before_it_came_is_applied_again),
        cmocka_unit_test(also_when_it_came_on_the_same_page),
        cmocka_unit_test(an_older_version_of_a_copy_is_not_noted),
        cmocka_unit_test(what_is_its_own_does_not_become_a_copy),
        cmocka_unit_test(our_identifier_counts_when_somebody_was_sent_the_resource),
        cmocka_unit_test(equal_content_is_ours_until_the_id_of_the_copy_is_known),
        cmocka_unit_test(one_first_source_is_one_resource_of_two_partners),
        cmocka_unit_test(what_was_deleted_and_comes_again_may_be_here_by_another_way),
        cmocka_unit_test(what_a_snapshot_shows_is_there_whatever_becomes_of_it),
        cmocka_unit_test(what_was_discarded_does_not_come_back),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
