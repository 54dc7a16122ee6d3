/* Apply, when a hub passes on what belongs to another partner: one resource, whoever brings it
 * first, whose content is the owner's as soon as he has brought it. */

#include "forwarding.h"

static void check_owner_first(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Owner", 1);
    assert_string_equal(standing(), "a1P h9P=a1");
    /* Whatever version it has there. */
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub again"), PATIENT("9", "9", "", "Hub"));
    assert_counts(apply_all(n.store, &n.h), 0, 2, 0, 0);
    assert_one(&n, "Owner", 1);
    LAND(n.store, &n.a, PATIENT("1", "2", "", "Owner later"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_one(&n, "Owner later", 2);
    close_network(&n);
}
IN_DATABASE(what_the_owner_has_brought_a_hub_does_not_change, check_owner_first)

static void check_hub_first(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_one(&n, "Hub", 1);
    assert_string_equal(standing(), "a1Fh h9P=a1");
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub later"),
         PATIENT("9", "6", FROM_A("1"), "Hub before"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 1, 0);
    assert_one(&n, "Hub later", 2);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_one(&n, "Owner", 3);
    assert_string_equal(standing(), "a1P h9P=a1");
    LAND(n.store, &n.h, PATIENT("9", "9", FROM_A("1"), "Hub last"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Owner", 3);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 0, 1, 0, 0);
    close_network(&n);
}
IN_DATABASE(what_a_hub_has_brought_is_replaced_by_the_owner_s_whatever_its_version, check_hub_first)

static void check_equal(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Same"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    LAND(n.store, &n.a, PATIENT("1", "2", "", "Same"));
    assert_counts(apply_all(n.store, &n.a), 0, 1, 0, 0);
    assert_one(&n, "Same", 1);
    assert_string_equal(standing(), "a1P h9P=a1");
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Same", 1);
    close_network(&n);
}
IN_DATABASE(what_the_owner_says_as_the_hub_did_is_his_without_a_version, check_equal)

/* Mentioned, in between and by both. */
static void check_mentioned(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.a, OBSERVATION("o", "1", "", "1"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_one(&n, "Hub", 1);
    assert_string_equal(standing(), "a1Fh h9P=a1");
    LAND(n.store, &n.a, OBSERVATION("p", "1", "", "1"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_string_equal(standing(), "a1Fh h9P=a1");
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_one(&n, "Owner", 2);
    close_network(&n);
}
IN_DATABASE(what_the_owner_only_mentions_a_hub_may_bring, check_mentioned)

/* The subject of the hub's Observation is A's Patient, whose id there is 1. */
static void assert_refers(struct network *n, const struct apply_config *config, const char *id)
{
    assert_has(ours(n->store, config, "Observation", id, n->arena),
               local_id(n->store, &n->a, "Patient", "1"));
}

static void check_references(void *context)
{
    struct network n;
    const unsigned *batch = context;

    open_network(&n);
    LAND(n.store, &n.h, OBSERVATION("0", "1", "", "9"));
    apply_by(n.store, &n.h, *batch);
    LAND(n.store, &n.h, OBSERVATION("1", "1", "", "9"), PATIENT("9", "7", FROM_A("1"), "Hub"),
         OBSERVATION("2", "1", "", "9"));
    apply_by(n.store, &n.h, *batch);
    LAND(n.store, &n.h, OBSERVATION("3", "1", "", "9"));
    apply_by(n.store, &n.h, *batch);
    for (const char *id = "0123"; *id; id++)
        assert_refers(&n, &n.h, (const char[]){*id, 0});
    /* The owner's own, and those of his that the hub passes on. */
    LAND(n.store, &n.a, OBSERVATION("4", "1", "", "1"));
    apply_by(n.store, &n.a, *batch);
    LAND(n.store, &n.h, OBSERVATION("5", "1", FROM(A_BASE "/Observation/o"), "9"));
    apply_by(n.store, &n.h, *batch);
    assert_refers(&n, &n.a, "4");
    assert_refers(&n, &n.a, "o");
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    apply_by(n.store, &n.a, *batch);
    assert_one(&n, "Owner", 2);
    assert_string_equal(postgres_sql("select count(*) from f_observation"), "6");
    close_network(&n);
}
static void references_at_once(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(check_references, &(unsigned){0});
}
static void references_one_by_one(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(check_references, &(unsigned){1});
}

/* Also when the owner was first, and when nothing was there before what refers to it. */
static void check_references_later(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, OBSERVATION("0", "1", "", "9"));
    apply_all(n.store, &n.h);
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    apply_all(n.store, &n.a);
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub"));
    apply_all(n.store, &n.h);
    assert_refers(&n, &n.h, "0");
    assert_int_equal(version_of(n.store, &n.h, "Observation", "0", n.arena), 2);
    assert_one(&n, "Owner", 1);
    close_network(&n);
}
IN_DATABASE(what_referred_to_it_before_is_applied_again, check_references_later)

static void check_deletions(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "1", FROM_A("1"), "Hub"));
    apply_all(n.store, &n.h);
    /* Of what only the hub has brought. */
    land_deletion(&n, &n.h, "9", "2");
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_null(ours(n.store, &n.a, "Patient", "1", n.arena));
    assert_string_equal(standing(), "a1F h9D=a1");
    land_deletion(&n, &n.h, "9", "2");
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    LAND(n.store, &n.h, PATIENT("9", "3", FROM_A("1"), "Hub again"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_string_equal(standing(), "a1Fh h9P=a1");
    /* And of what is the owner's. */
    LAND(n.store, &n.a, PATIENT("1", "1", "", "Owner"));
    apply_all(n.store, &n.a);
    land_deletion(&n, &n.h, "9", "4");
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_has(ours(n.store, &n.a, "Patient", "1", n.arena), "Owner");
    assert_string_equal(standing(), "a1P h9D=a1");
    /* Who deletes what is his has the last word, too. */
    land_deletion(&n, &n.a, "1", "2");
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    LAND(n.store, &n.h, PATIENT("9", "5", FROM_A("1"), "Hub at last"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_null(ours(n.store, &n.a, "Patient", "1", n.arena));
    assert_string_equal(standing(), "a1D h9P=a1");
    close_network(&n);
}
IN_DATABASE(a_hub_deletes_only_what_the_owner_has_not_brought, check_deletions)

/* The owner's history may begin with the deletion. */
static void check_owner_deletes(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "1", FROM_A("1"), "Hub"));
    apply_all(n.store, &n.h);
    land_deletion(&n, &n.a, "1", "2");
    assert_counts(apply_all(n.store, &n.a), 1, 0, 0, 0);
    assert_null(ours(n.store, &n.a, "Patient", "1", n.arena));
    LAND(n.store, &n.h, PATIENT("9", "2", FROM_A("1"), "Hub later"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_null(ours(n.store, &n.a, "Patient", "1", n.arena));
    close_network(&n);
}
IN_DATABASE(the_owner_deletes_what_only_a_hub_has_brought, check_owner_deletes)

static void check_two_hubs(void *context)
{
    struct network n;

    (void)context;
    open_network(&n);
    LAND(n.store, &n.h, PATIENT("9", "5", FROM_A("1"), "Hub"));
    LAND(n.store, &n.k, PATIENT("8", "9", FROM_A("1"), "Other hub"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_counts(apply_all(n.store, &n.k), 0, 1, 0, 0);
    assert_one(&n, "Hub", 1);
    assert_string_equal(standing(), "a1Fh h9P=a1 k8P=a1");
    land_deletion(&n, &n.k, "8", "10");
    assert_counts(apply_all(n.store, &n.k), 0, 1, 0, 0);
    assert_one(&n, "Hub", 1);
    LAND(n.store, &n.k, PATIENT("8", "11", FROM_A("1"), "Other hub"));
    assert_counts(apply_all(n.store, &n.k), 0, 1, 0, 0);
    /* Who fed it has it no more: the next one may. */
    land_deletion(&n, &n.h, "9", "6");
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    LAND(n.store, &n.k, PATIENT("8", "12", FROM_A("1"), "Other hub later"));
    assert_counts(apply_all(n.store, &n.k), 1, 0, 0, 0);
    assert_one(&n, "Other hub later", 3);
    assert_string_equal(standing(), "a1Fk h9D=a1 k8P=a1");
    LAND(n.store, &n.h, PATIENT("9", "7", FROM_A("1"), "Hub again"));
    assert_counts(apply_all(n.store, &n.h), 0, 1, 0, 0);
    assert_one(&n, "Other hub later", 3);
    /* Nor has one who does not show it any more. */
    postgres_sql("update f_identity set presence = 'G' where id = '8'");
    LAND(n.store, &n.h, PATIENT("9", "8", FROM_A("1"), "Hub at last"));
    assert_counts(apply_all(n.store, &n.h), 1, 0, 0, 0);
    assert_one(&n, "Hub at last", 4);
    LAND(n.store, &n.k, PATIENT("8", "13", FROM_A("1"), "Other hub again"));
    assert_counts(apply_all(n.store, &n.k), 0, 1, 0, 0);
    assert_one(&n, "Hub at last", 4);
    assert_string_equal(standing(), "a1Fh h9P=a1 k8P=a1");
    close_network(&n);
}
IN_DATABASE(of_two_hubs_one_feeds_it, check_two_hubs)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_owner_has_brought_a_hub_does_not_change),
        cmocka_unit_test(what_a_hub_has_brought_is_replaced_by_the_owner_s_whatever_its_version),
        cmocka_unit_test(what_the_owner_says_as_the_hub_did_is_his_without_a_version),
        cmocka_unit_test(what_the_owner_only_mentions_a_hub_may_bring),
        cmocka_unit_test(references_at_once),
        cmocka_unit_test(references_one_by_one),
        cmocka_unit_test(what_referred_to_it_before_is_applied_again),
        cmocka_unit_test(a_hub_deletes_only_what_the_owner_has_not_brought),
        cmocka_unit_test(the_owner_deletes_what_only_a_hub_has_brought),
        cmocka_unit_test(of_two_hubs_one_feeds_it),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
