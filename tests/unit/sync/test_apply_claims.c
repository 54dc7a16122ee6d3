/* Apply, when a hub says that something belongs to another partner: what is believed, of whom, and
 * what holds when both are at work. */

#include "forwarding.h"

/* Without a word of the operator a claim is none. */
static void check_default(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    n.h.other_count = 0;
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    apply_all(n.store, &n.a);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "2");
    /* And what was a record of its own stays one. */
    n.h.other_count = 1;
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub later"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "2");
    assert_string_equal(standing(), "a1P h9P");
    close_network(&n);
}
IN_DATABASE(without_forwards_both_are_there, check_default)

static void check_withdrawn(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    apply_all(n.store, &n.h);
    n.h.other_count = 0;
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub later"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Hub", 1);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_one(&n, "Owner", 2);
    close_network(&n);
}
IN_DATABASE(whom_the_operator_trusts_no_more_changes_nothing_any_more, check_withdrawn)

/* Another partner, another type, another server, the hub's own, ours. */
static void check_claims(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    apply_all(n.store, &n.a);
    LAND(n.store, &n.h, PATIENT("5", "1", FROM(B_BASE "/Patient/1"), "Of K"),
         PATIENT("6", "1", FROM(A_BASE "/Person/1"), "Other type"),
         PATIENT("7", "1", FROM("https://elsewhere.example/Patient/1"), "Elsewhere"),
         PATIENT("8", "1", FROM(H_BASE "/Patient/1"), "Its own"),
         PATIENT("9", "1", FROM(A_BASE "/Patient/%00"), "Odd"));
    assert_counts(apply_all(n.store, &n.h), 5, 0, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "6");
    assert_string_equal(postgres_sql("select count(linked) from f_identity"), "0");
    assert_has(ours(n.store, &n.a, "Patient", "1", n.arena), "Owner");
    close_network(&n);
}
IN_DATABASE(only_what_says_to_be_of_the_partner_that_is_passed_on_is_his, check_claims)

/* An alias, a version, an id that stands encoded in an address. */
static void check_forms(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h,
         PATIENT("9", "1", FROM("http://a.internal:8080/fhir/Patient/1/_history/3"), "Hub"),
         PATIENT("8", "1", FROM_A("x%20%2B+y"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 2, 0, 0, 0);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"), PATIENT("x ++y", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 2, 0, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "2");
    close_network(&n);
}
IN_DATABASE(its_address_may_have_any_form, check_forms)

/* What the hub tells apart are two, though both say the same of where they are from. */
static void check_apart(void *context)
{
    struct network n;
    const unsigned *batch = context;

    open_network(&n);
    LAND(n.store, &n.h, PATIENT("8", "1", FROM_A("1"), "First"),
         PATIENT("9", "1", FROM_A("1"), "Second"));
    apply_by(n.store, &n.h, *batch);
    assert_has(ours(n.store, &n.a, "Patient", "1", n.arena), "First");
    assert_has(ours(n.store, &n.h, "Patient", "9", n.arena), "Second");
    assert_string_equal(standing(), "a1Fh h8P=a1 h9P");
    /* One that has gone is in nobody's way. */
    land_deletion(&n, &n.h, "8", "2");
    apply_by(n.store, &n.h, *batch);
    LAND(n.store, &n.h, PATIENT("7", "1", FROM_A("1"), "Third"));
    apply_by(n.store, &n.h, *batch);
    assert_has(ours(n.store, &n.a, "Patient", "1", n.arena), "Third");
    assert_string_equal(standing(), "a1Fh h7P=a1 h8D=a1 h9P");
    /* And back again, both at once: one of them is taken. */
    LAND(n.store, &n.h, PATIENT("7", "2", FROM_A("1"), "Third"),
         PATIENT("8", "3", FROM_A("1"), "Back"));
    apply_by(n.store, &n.h, *batch);
    assert_string_equal(standing(), "a1Fh h7P=a1 h8P=a1 h9P");
    close_network(&n);
}
static void apart_at_once(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(check_apart, &(unsigned){0});
}
static void apart_one_by_one(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(check_apart, &(unsigned){1});
}

/* A claim is not stronger than what is certain: it is ours, and came back. */
static void check_own(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    put(n.store, "Patient", "own", "{\"resourceType\":\"Patient\",\"id\":\"own\"}", n.arena);
    LAND(n.store, &n.a, PATIENT("1", "1", FROM(OURS "/Patient/own"), "Ours"));
    assert_counts(apply_all(n.store, &n.a), 0, 1, 0, 0);
    LAND(n.store, &n.h, PATIENT("8", "1", FROM(OURS "/Patient/own"), "Ours"),
         PATIENT("9", "1", FROM_A("1"), "Ours"));
    assert_counts(apply_all(n.store, &n.h), 0, 2, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "1");
    assert_string_equal(postgres_sql("select string_agg(linked, ' ') from f_identity"),
                        "own own own");
    close_network(&n);
}
IN_DATABASE(what_is_ours_stays_ours_by_way_of_both, check_own)

/* A row that cannot be applied claims nothing, and the owner's takes its place all the same. */
static void check_dead(void *context)
{
    static const char *const broken =
        "{\"resourceType\":\"Patient\",\"id\":\"9\",\"meta\":{\"source\":\"" A_BASE
        "/Patient/1\"},\"gender\":\"nonsense and more\",\"nonsense\":1}";
    struct network n;
    struct landing_apply again = {.access = us};
    struct landing_dead_filter filter;
    struct landing_result result;
    struct err err = {0};

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, broken);
    assert_counts(apply_all(n.store, &n.h), 0, 0, 0, 1);
    assert_string_equal(postgres_sql("select count(*) from f_identity"), "0");
    filter = (struct landing_dead_filter){.partner = n.h.partner.number};
    n.h.level = VALIDATION_OFF;
    assert_true(apply_dead(n.store, &n.h, &again, &filter, false, NULL, NULL, &result, &err));
    assert_int_equal(result.counts.applied, 1);
    assert_string_equal(standing(), "a1Fh h9P=a1");
    check_balance();
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_one(&n, "Owner", 2);
    close_network(&n);
}
IN_DATABASE(a_dead_letter_is_linked_when_it_is_replayed, check_dead)

/* As it happens while both are applied at the same time: the hub has looked, the owner writes, and
 * only then the hub does. A trigger is the owner. */
static void check_race(void *context)
{
    struct network n;
    struct store_version const *found;
    struct err err = {0};

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "1", FROM_A("1"), "Hub"));
    apply_all(n.store, &n.h);
    postgres_sql("create function owner() returns trigger language plpgsql as 'begin"
                 " update f_identity set presence = ''P'', via = null where presence = ''F'';"
                 " return new; end'");
    postgres_sql("create trigger owner before update on f_partner for each row execute function"
                 " owner()");
    LAND(n.store, &n.h, PATIENT("9", "2", FROM_A("1"), "Hub later"));
    struct landing_apply apply = {.access = us};
    struct landing_result result;
    assert_false(apply_landed(n.store, &n.h, &apply, &result, &err)); /* again and again */
    postgres_sql("drop trigger owner on f_partner");
    assert_true(store_read(n.store, &us, "Patient", local_id(n.store, &n.a, "Patient", "1"),
                           n.arena, &found, &err));
    assert_int_equal(found->number, 1);
    assert_has(found->json, "Hub\"");
    postgres_sql("update f_identity set presence = 'P', via = null where presence = 'F'");
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Hub\"", 1);
    close_network(&n);
}
IN_DATABASE(what_the_owner_brings_meanwhile_is_not_overwritten, check_race)

/* Held by PostgreSQL before it is written, until the gate is open. */
#define HELD(id, source, family)                                                                   \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"meta\":{\"versionId\":\"1\"" source         \
    "},\"birthDate\":\"" GATE_DAY "\",\"name\":[{\"family\":\"" family "\"}]}"

struct beside {
    struct network *network;
    const struct apply_config *config;
    struct landing_result result;
    struct err err;
    bool good, ended;
};

static void run_beside(void *context)
{
    struct beside *beside = context;
    struct landing_apply apply = {.access = us};

    beside->good =
        apply_landed(beside->network->store, beside->config, &apply, &beside->result, &beside->err);
    beside->ended = true;
}

/* `one` has looked and is about to write when `other` is applied from its beginning to its end. */
static struct landing_result run_both(struct network *n, const struct apply_config *one,
                                      const struct apply_config *other)
{
    struct beside beside = {.network = n, .config = one};

    gate_close();
    fiber_spawn(fiber_loop(), run_beside, &beside);
    gate_await_held();
    assert_counts(apply_all(n->store, other), 1, 0, 0, 0);
    gate_open();
    while (!beside.ended)
        fiber_sleep(5);
    if (!beside.good)
        fail_msg("%s", beside.err.text);
    check_balance();
    return beside.result;
}

static void check_owner_between(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, HELD("9", FROM_A("1"), "Hub"));
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(run_both(&n, &n.h, &n.a), 0, 1, 0, 0);
    assert_one(&n, "Owner", 1);
    assert_string_equal(standing(), "a1P h9P=a1");
    close_network(&n);
}
IN_DATABASE(a_hub_that_has_looked_finds_the_owner_s, check_owner_between)

static void check_hub_between(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.a, HELD("1", "", "Owner"));
    LAND(n.store, &n.h, PATIENT("9", "5", FROM_A("1"), "Hub"));
    assert_counts(run_both(&n, &n.a, &n.h), 1, 0, 0, 0);
    assert_one(&n, "Owner", 2);
    assert_string_equal(standing(), "a1P h9P=a1");
    close_network(&n);
}
IN_DATABASE(an_owner_who_has_looked_finds_the_hub_s, check_hub_between)

static void check_hubs_between(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, HELD("9", FROM_A("1"), "Hub"));
    LAND(n.store, &n.k, PATIENT("8", "1", FROM_A("1"), "Other hub"));
    assert_counts(run_both(&n, &n.h, &n.k), 0, 1, 0, 0);
    assert_one(&n, "Other hub", 1);
    assert_string_equal(standing(), "a1Fk h9P=a1 k8P=a1");
    close_network(&n);
}
IN_DATABASE(a_hub_that_has_looked_finds_another_one_s, check_hubs_between)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_forwards_both_are_there),
        cmocka_unit_test(whom_the_operator_trusts_no_more_changes_nothing_any_more),
        cmocka_unit_test(only_what_says_to_be_of_the_partner_that_is_passed_on_is_his),
        cmocka_unit_test(its_address_may_have_any_form),
        cmocka_unit_test(apart_at_once),
        cmocka_unit_test(apart_one_by_one),
        cmocka_unit_test(what_is_ours_stays_ours_by_way_of_both),
        cmocka_unit_test(a_dead_letter_is_linked_when_it_is_replayed),
        cmocka_unit_test(what_the_owner_brings_meanwhile_is_not_overwritten),
        cmocka_unit_test(a_hub_that_has_looked_finds_the_owner_s),
        cmocka_unit_test(an_owner_who_has_looked_finds_the_hub_s),
        cmocka_unit_test(a_hub_that_has_looked_finds_another_one_s),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
