/* Apply. */

#include "applying.h"

#define PATIENT(id, family)                                                                        \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"name\":[{\"family\":\"" family "\"}]}"
#define PATIENT_V(id, family, version)                                                             \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"meta\":{\"versionId\":\"" version           \
    "\"},\"name\":[{\"family\":\"" family "\"}]}"
#define OBSERVATION(id, subject)                                                                   \
    "{\"resourceType\":\"Observation\",\"id\":\"" id                                               \
    "\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"" subject      \
    "\"}}"

static void check_two_partners(struct store *store, struct arena *arena, unsigned order)
{
    struct apply_config a = config_of(store, arena_printf(arena, "a%u", order), A_BASE);
    struct apply_config b = config_of(store, arena_printf(arena, "b%u", order), B_BASE);
    long all = 4 * (long)(order + 1);
    const char *const rows[] = {PATIENT("123", "Ann"), PATIENT("123", "Bob"),
                                OBSERVATION("1", "Patient/123"),
                                OBSERVATION("1", B_BASE "/Patient/123/_history/4")};
    struct apply_config *const whose[] = {&a, &b, &a, &b};

    for (unsigned left = 4, i = 0; left > 0; left--, i++) { /* the order as a number */
        static unsigned places[4];

        if (i == 0)
            for (unsigned k = 0; k < 4; k++)
                places[k] = k;
        unsigned at = order % left;
        order /= left;
        LAND(store, whose[places[at]], rows[places[at]]);
        if (i % 2)
            apply_all(store, whose[places[at]]);
        memmove(places + at, places + at + 1, (left - at - 1) * sizeof(*places));
    }
    apply_all(store, &a);
    apply_all(store, &b);

    assert_has(ours(store, &a, "Patient", "123", arena), "Ann");
    assert_has(ours(store, &b, "Patient", "123", arena), "Bob");
    assert_has(ours(store, &a, "Observation", "1", arena),
               arena_printf(arena, "\"Patient/%s\"", local_id(store, &a, "Patient", "123")));
    assert_has(ours(store, &b, "Observation", "1", arena),
               arena_printf(arena, "\"Patient/%s\"", local_id(store, &b, "Patient", "123")));
    assert_string_not_equal(local_id(store, &a, "Patient", "123"),
                            local_id(store, &b, "Patient", "123"));
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_log")), all);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_identity where presence = 'P'")),
                     all);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_identity")), all);
}

static void check_orders(void *context)
{
    struct store *store = open_store();

    (void)context;
    for (unsigned order = 0; order < 24; order++) {
        struct arena *arena = arena_new();

        check_two_partners(store, arena, order);
        arena_free(arena);
    }
    store_close(store);
}
IN_DATABASE(two_partners_with_the_same_ids_stay_apart_in_any_order, check_orders)

static void check_again(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    LAND(store, &a, PATIENT("1", "Ann"), OBSERVATION("1", "Patient/1"), PATIENT("2", "Bob"));
    assert_counts(apply_all(store, &a), 3, 0, 0, 0);
    LAND(store, &a, PATIENT("1", "Ann"), OBSERVATION("1", "Patient/1"), PATIENT("2", "Bert"));
    postgres_sql("create table before as select xmin as x from f_identity");
    assert_counts(apply_all(store, &a), 1, 2, 0, 0);
    assert_int_equal(version_of(store, &a, "Patient", "1", arena), 1);
    assert_int_equal(version_of(store, &a, "Patient", "2", arena), 2);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "4");
    assert_string_equal(
        postgres_sql("select count(*) from f_identity where xmin not in (select x from before)"),
        "1");

    /* Another version of the same content: no version of ours. */
    LAND(store, &a, PATIENT_V("1", "Ann", "7"));
    assert_counts(apply_all(store, &a), 0, 1, 0, 0);
    LAND(store, &a, PATIENT_V("1", "Old", "6"));
    assert_counts(apply_all(store, &a), 0, 0, 1, 0);
    assert_has(ours(store, &a, "Patient", "1", arena), "Ann");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_did_not_change_writes_nothing, check_again)

static void wait_for_backends_to_end(void)
{
    const char *others = "select count(*) from pg_stat_activity"
                         " where datname = current_database() and pid <> pg_backend_pid()"
                         " and backend_type = 'client backend'";

    for (int i = 0; i < 1200 && strcmp(postgres_sql(others), "0") != 0; i++)
        usleep(50000);
}

/* Then it seems cheapest to read all of them. */
static void check_planned_when_empty(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    postgres_sql("vacuum analyze");
    postgres_sql("create table before as select relid, seq_scan from pg_stat_user_tables");
    for (int i = 0; i < 3; i++) {
        LAND(store, &a, PATIENT("1", "Ann"), OBSERVATION("1", "Patient/1"));
        apply_all(store, &a);
        LAND(store, &a, PATIENT("1", "Bob"), OBSERVATION("1", "Patient/2"));
        apply_all(store, &a);
    }
    assert_has(ours(store, &a, "Patient", "1", arena), "Bob");
    store_close(store);
    arena_free(arena);
    wait_for_backends_to_end(); /* they tell then what they read */
    assert_string_equal(postgres_sql("select coalesce(string_agg(t.relname, ' '), '')"
                                     " from pg_stat_user_tables t join before b using (relid)"
                                     " where t.seq_scan > b.seq_scan and t.relname in"
                                     " ('f_identity', 'f_patient', 'f_observation', 'f_log',"
                                     " 'f_hist', 'f_key', 'f_push')"),
                        "");
}
IN_DATABASE(tables_that_were_empty_when_analyzed_are_read_by_index, check_planned_when_empty)

/* W-45: what is written must not depend on which rows happened to come together. */
static void check_duplicates(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    for (unsigned batch = 1; batch < 10; batch++) {
        struct apply_config a = config_of(store, arena_printf(arena, "a%u", batch), A_BASE);
        struct landing_apply apply = {.access = us, .batch = batch};
        struct landing_result result;
        struct err err = {0};

        LAND(store, &a, PATIENT_V("1", "Two", "2"), PATIENT_V("1", "Ten", "10"),
             PATIENT_V("1", "Nine", "9"), PATIENT_V("1", "Ten", "10"), PATIENT("2", "First"),
             PATIENT("2", "Second"),
             "{\"resourceType\":\"Patient\",\"id\":\"3\",\"meta\":{\"lastUpdated\":\"2021-01-01T00:"
             "00:00Z\"},\"gender\":\"male\"}",
             "{\"resourceType\":\"Patient\",\"id\":\"3\",\"meta\":{\"lastUpdated\":\"2020-01-01T00:"
             "00:00Z\"},\"gender\":\"female\"}");
        assert_true(apply_landed(store, &a, &apply, &result, &err));
        assert_counts(result, 5, 1, 2, 0);
        check_balance();
        assert_has(ours(store, &a, "Patient", "1", arena), "Ten");
        assert_has(ours(store, &a, "Patient", "2", arena), "Second");
        assert_has(ours(store, &a, "Patient", "3", arena), "\"male\"");
        assert_int_equal(version_of(store, &a, "Patient", "1", arena), 2);
        assert_int_equal(version_of(store, &a, "Patient", "2", arena), 2);
        assert_int_equal(version_of(store, &a, "Patient", "3", arena), 1);
    }
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(of_several_versions_the_newest_wins_however_they_are_batched, check_duplicates)

static void check_refused(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    char *long_id = arena_alloc(arena, 1100);
    struct landing_dead_class *classes;
    size_t count;
    struct err err = {0};

    (void)context;
    memset(long_id, 'x', 1025);
    LAND(
        store, &a, "{\"resourceType\":\"Patient\"", "<html></html>",
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"\xff\"}", "{}", "[1]",
        "{\"resourceType\":\"Nothing\",\"id\":\"1\"}", "{\"resourceType\":\"Patient\"}",
        "{\"resourceType\":\"Patient\",\"id\":5}",
        arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"%s\"}", long_id),
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":{\"a\":1}}",
        "{\"resourceType\":\"Observation\",\"id\":\"1\"}",
        "{\"resourceType\":\"OperationOutcome\",\"id\":\"1\",\"issue\":[{\"code\":\"x\"}]}",
        "{\"resourceType\":\"Patient\",\"id\":\"2\",\"meta\":{\"tag\":[{\"code\":\"SUBSETTED\"}]}}",
        PATIENT("9", "Good"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 13);
    assert_has(ours(store, &a, "Patient", "9", arena), "Good");
    assert_true(landing_dead_classes(store, a.partner.number, arena, &classes, &count, &err));
    assert_string_equal(
        postgres_sql("select string_agg(class || n, ' ' order by class) from (select class, "
                     "count(*) as n from f_dead group by class) c"),
        "no_id2 not_fhir2 parse3 structural3 subsetted1 utf81 wrong_type1");
    assert_int_equal(count, 10); /* by rule, too */
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_cannot_be_applied_dies_alone, check_refused)

static void check_references(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    const char *p1 = arena_strdup(arena, local_id(store, &a, "Patient", "p.1"));
    const char *json;

    (void)context;
    LAND(store, &a,
         "{\"resourceType\":\"Observation\",\"id\":\"o\",\"contained\":[{\"resourceType\":"
         "\"Patient\",\"id\":\"c\",\"link\":[{\"other\":{\"reference\":\"Patient/p.1\"},\"type\":"
         "\"seealso\"}]}],\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"" A_BASE
         "/CodeSystem/x\",\"code\":\"y\"}]},"
         "\"subject\":{\"reference\":\"" A_BASE "/Patient/p.1/_history/3\"},"
         "\"encounter\":{\"reference\":\"http://a.internal:8080/fhir/Encounter/e\"},"
         "\"focus\":[{\"reference\":\"#c\"},{\"reference\":\"urn:uuid:0a0a0a0a-0000-0000-0000-"
         "000000000000\"},{\"reference\":\"https://elsewhere/fhir/Patient/p.1\"},{\"identifier\":"
         "{\"system\":\"s\",\"value\":\"Patient/p.1\"}},{\"reference\":\"" OURS
         "/Patient/of-ours\"}],\"derivedFrom\":[{\"reference\":\"Observation/o\"}]}");
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    json = ours(store, &a, "Observation", "o", arena);
    assert_has(json, arena_printf(arena, "\"other\":{\"reference\":\"Patient/%s\"}", p1));
    assert_has(json, arena_printf(arena, "\"subject\":{\"reference\":\"Patient/%s\"}", p1));
    assert_has(json, arena_printf(arena, "\"encounter\":{\"reference\":\"Encounter/%s\"}",
                                  local_id(store, &a, "Encounter", "e")));
    assert_has(json, "\"system\":\"" A_BASE "/CodeSystem/x\"");
    assert_has(json, "{\"reference\":\"#c\"}");
    assert_has(json, "{\"reference\":\"urn:uuid:0a0a0a0a-");
    assert_has(json, "{\"reference\":\"https://elsewhere/fhir/Patient/p.1\"}");
    assert_has(json, "\"value\":\"Patient/p.1\"");
    assert_has(json, "{\"reference\":\"Patient/of-ours\"}");
    assert_has(json, arena_printf(arena, "\"derivedFrom\":[{\"reference\":\"Observation/%s\"}]",
                                  local_id(store, &a, "Observation", "o")));
    assert_has(json, "\"source\":\"" A_BASE "/Observation/o\"");
    assert_string_equal(postgres_sql("select count(*) from f_identity where presence = 'M'"), "2");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(references_become_ours, check_references)

static void check_long_ids(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    char *letters = arena_alloc(arena, 993);

    (void)context;
    memset(letters, 'A', 992);
    const char *id = arena_printf(arena, "odd id_+%s", letters);
    LAND(store, &a, arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"%s\"}", id),
         arena_printf(arena, OBSERVATION("1", "Patient/%s"), id));
    assert_counts(apply_all(store, &a), 2, 0, 0, 0);
    assert_non_null(ours(store, &a, "Patient", id, arena));
    assert_has(ours(store, &a, "Observation", "1", arena), local_id(store, &a, "Patient", id));
    assert_string_equal(postgres_sql("select count(*) from f_identity where presence = 'M'"), "0");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(ids_of_any_form_are_taken, check_long_ids)

static void land_deletion(struct store *store, const struct apply_config *config, const char *id,
                          const char *version)
{
    const struct landing_row row = {.type = TEXT("Patient"),
                                    .id = text_of(id),
                                    .version = text_of(version),
                                    .updated = INT64_MIN};

    land_rows(store, config->partner.number, false, &row, 1);
}

static void check_deletions(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_result result;

    (void)context;
    LAND(store, &a, PATIENT_V("1", "Ann", "1"));
    apply_all(store, &a);
    land_deletion(store, &a, "1", "2");
    land_deletion(store, &a, "never", "1");
    result = apply_all(store, &a);
    assert_counts(result, 1, 1, 0, 0);
    assert_int_equal(result.deleted, 1);
    assert_null(ours(store, &a, "Patient", "1", arena));
    assert_int_equal(version_of(store, &a, "Patient", "1", arena), 2);
    assert_string_equal(postgres_sql("select count(*) from f_identity where presence = 'D'"), "2");

    LAND(store, &a, PATIENT_V("1", "Ann", "1")); /* a stale page */
    assert_counts(apply_all(store, &a), 0, 0, 1, 0);
    LAND(store, &a, PATIENT_V("1", "Ann", "3"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_int_equal(version_of(store, &a, "Patient", "1", arena), 3);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(deletions_are_ours_too_and_can_be_undone, check_deletions)

/* A lower version that is newer by its time: a backup was restored there. */
static void check_regression(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply apply = {.access = us};
    struct landing_dead_filter filter = {.partner = a.partner.number};
    struct landing_result result;
    struct err err = {0};

    (void)context;
#define VERSION(version, updated, family)                                                          \
    "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"" version                \
    "\",\"lastUpdated\":\"2024-01-0" updated "T00:00:00Z\"},\"name\":[{\"family\":\"" family       \
    "\"}]}"
    LAND(store, &a, VERSION("5", "1", "Fifth"));
    apply_all(store, &a);
    LAND(store, &a, VERSION("3", "2", "Third"));
    assert_counts(apply_all(store, &a), 0, 0, 0, 1);
    assert_has(ours(store, &a, "Patient", "1", arena), "Fifth");
    assert_string_equal(postgres_sql("select class from f_dead"), "version_regression");

    assert_true(apply_dead(store, &a, &apply, &filter, false, NULL, NULL, &result, &err));
    assert_counts(result, 1, 0, 0, 0);
    assert_has(ours(store, &a, "Patient", "1", arena), "Third");
    LAND(store, &a, VERSION("4", "3", "Fourth"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    store_close(store);
    arena_free(arena);
}

IN_DATABASE(a_version_that_goes_back_waits_for_a_decision, check_regression)

static void check_persons(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply apply = {.access = us};
    struct landing_dead_filter filter = {.partner = a.partner.number};
    struct landing_result result;
    struct err err = {0};

    (void)context;
#define PERSON(family, birth)                                                                      \
    "{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"family\":\"" family                   \
    "\"}],\"birthDate\":\"" birth "\"}"
    LAND(store, &a, PERSON("Ann", "1970-01-01"));
    apply_all(store, &a);
    LAND(store, &a, PERSON("Ann-Smith", "1970-01-01"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    LAND(store, &a, PERSON("Jones", "1999-01-01"));
    assert_counts(apply_all(store, &a), 0, 0, 0, 1);
    assert_has(ours(store, &a, "Patient", "1", arena), "Ann-Smith");
    assert_string_equal(postgres_sql("select class from f_dead"), "identity_conflict");

    /* The same again is nothing new, however often. */
    LAND(store, &a, PERSON("Jones", "1999-01-01"), PERSON("Jones", "1999-01-01"));
    assert_counts(apply_all(store, &a), 0, 2, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_dead"), "1");

    assert_true(apply_dead(store, &a, &apply, &filter, false, NULL, NULL, &result, &err));
    assert_counts(result, 1, 0, 0, 0);
    check_balance();
    assert_has(ours(store, &a, "Patient", "1", arena), "Jones");
    LAND(store, &a, PERSON("Jones", "1999-01-01"));
    assert_counts(apply_all(store, &a), 0, 1, 0, 0);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(an_id_given_to_somebody_else_is_held_until_somebody_decides, check_persons)

static struct landing_replayed last_replayed;

static void note_replayed(void *context, const struct landing_replayed *replayed)
{
    struct arena *arena = context;

    last_replayed = *replayed;
    last_replayed.before.data = text_dup(arena, replayed->before);
    last_replayed.after.data = text_dup(arena, replayed->after);
}

static void check_replay(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply apply = {.access = us};
    struct landing_dead_filter filter = {.partner = a.partner.number, .class = "structural"};
    struct landing_result result;
    struct err err = {0};
    struct landing_dead *dead;
    struct text body;
    size_t count;
    int64_t discarded;

    (void)context;
    LAND(store, &a, PATIENT("1", "Ann"));
    apply_all(store, &a);
    LAND(store, &a, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"non  sense\"}",
         "{\"resourceType\":\"Patient\",\"id\":\"2\",\"unknown\":true}", "nothing");
    assert_counts(apply_all(store, &a), 0, 0, 0, 3);
    a.level = VALIDATION_OFF;
    assert_true(apply_dead(store, &a, &apply, &filter, true, note_replayed, arena, &result, &err));
    assert_counts(result, 2, 0, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_dead where decided is null"), "3");
    assert_string_equal(postgres_sql("select count(*) from f_log"), "1");

    filter.class = NULL;
    assert_true(landing_dead_list(store, &filter, 10, arena, &dead, &count, &err));
    assert_int_equal(count, 3);
    filter.number = dead[0].number;
    assert_true(apply_dead(store, &a, &apply, &filter, true, note_replayed, arena, &result, &err));
    assert_int_equal(last_replayed.outcome, 'a');
    assert_has(last_replayed.before.data, "Ann");
    assert_has(last_replayed.after.data, "non  sense");
    assert_true(landing_dead_body(store, a.partner.number, dead[2].number, arena, &body, &err));
    assert_true(text_is(body, "nothing"));

    filter.number = 0;
    assert_true(apply_dead(store, &a, &apply, &filter, false, NULL, NULL, &result, &err));
    assert_counts(result, 2, 0, 0, 1);
    check_balance();
    assert_has(ours(store, &a, "Patient", "1", arena), "non  sense");
    assert_true(landing_dead_discard(store, &filter, "operator", "no use", &discarded, &err));
    assert_int_equal(discarded, 1);
    check_balance();
    assert_string_equal(postgres_sql("select sum(dead) from f_sync_window"), "1");
    assert_string_equal(postgres_sql("select string_agg(state::text, '') from f_sync_window"),
                        "CC");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(dead_letters_are_tried_again_or_discarded, check_replay)

static void check_bisecting(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_row rows[100];

    (void)context;
    for (int i = 0; i < 100; i++)
        rows[i] = (struct landing_row){
            .body = text_of(arena_printf(arena, PATIENT("%d", "Ann"), i)), .updated = INT64_MIN};
    land_rows(store, a.partner.number, false, rows, 100);
    for (int i = 0; i < 3; i++) {
        static const char *const bad[] = {"17", "18", "99"};

        postgres_sql(arena_printf(arena,
                                  "alter table f_patient add constraint no%d check (id <> '%s')", i,
                                  local_id(store, &a, "Patient", bad[i])));
    }
    assert_counts(apply_all(store, &a), 97, 0, 0, 3);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "97");
    assert_string_equal(postgres_sql("select string_agg(class || line, ' ' order by line) from "
                                     "f_dead"),
                        "storage17 storage18 storage99");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_row_that_the_database_refuses_is_found, check_bisecting)

static void check_interrupted(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply apply = {.access = us, .batch = 2};
    struct landing_result result;
    struct err err = {0};

    (void)context;
    LAND(store, &a, PATIENT("1", "Ann"), OBSERVATION("1", "Patient/1"), PATIENT("2", "Bob"),
         "nothing", PATIENT("3", "Carl"));
    apply.most = 2;
    assert_true(apply_landed(store, &a, &apply, &result, &err));
    assert_counts(result, 2, 0, 0, 0);
    assert_int_equal(result.counts.waiting, 3);
    check_balance();
    /* The last statement of a batch fails, and so does all of it. */
    postgres_sql("alter table f_sync_window add constraint not_more check (waiting >= 3)");
    apply.most = 0;
    assert_false(apply_landed(store, &a, &apply, &result, &err));
    check_balance();
    assert_string_equal(postgres_sql("select count(*) from f_log"), "2");
    postgres_sql("alter table f_sync_window drop constraint not_more");
    apply_all(store, &a);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "4");
    assert_string_equal(
        postgres_sql("select applied || ' ' || dead || state::text from f_sync_window"), "4 1C");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_was_interrupted_is_done_once, check_interrupted)

/* Batches of 7 across units of 20: three versions of each, which must come in their order. */
static void land_versions(struct store *store, const struct apply_config *config,
                          struct arena *arena)
{
    for (int version = 1; version <= 3; version++) {
        struct landing_row rows[20];

        for (int i = 0; i < 20; i++)
            rows[i] = (struct landing_row){
                .body = text_of(arena_printf(
                    arena,
                    "{\"resourceType\":\"Patient\",\"id\":\"%d\",\"meta\":{\"versionId\":\"%d\"},"
                    "\"gender\":\"female\",\"birthDate\":\"200%d\"}",
                    i, version, version)),
                .updated = INT64_MIN};
        land_rows(store, config->partner.number, false, rows, 20);
    }
}

static void check_batches(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_apply apply = {.access = us, .batch = 7};
    struct landing_result result;
    struct err err = {0};

    (void)context;
    land_versions(store, &a, arena);
    assert_true(apply_landed(store, &a, &apply, &result, &err));
    assert_counts(result, 60, 0, 0, 0);
    check_balance();
    assert_int_equal(version_of(store, &a, "Patient", "0", arena), 3);
    assert_int_equal(version_of(store, &a, "Patient", "19", arena), 3);
    assert_has(ours(store, &a, "Patient", "13", arena), "2003");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(batches_that_are_under_way_at_once_keep_the_order, check_batches)

/* Between two batches another worker was there. */
static bool meddle(void *context)
{
    int *calls = context;

    if (++*calls != 2)
        return false;
    postgres_sql("with u as (update f_sync_unit set states = set_byte(states, 9, ascii('u')),"
                 " waiting = waiting - 1 where number = (select min(number) from f_sync_unit)"
                 " returning window_number)"
                 " update f_sync_window set unchanged = unchanged + 1, waiting = waiting - 1"
                 " where number = (select window_number from u)");
    return false;
}

static void check_meddling(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    int calls = 0;
    struct landing_apply apply = {.access = us, .batch = 7, .stop = meddle, .stop_context = &calls};
    struct landing_result result;
    struct err err = {0};

    (void)context;
    land_versions(store, &a, arena);
    assert_true(apply_landed(store, &a, &apply, &result, &err));
    assert_counts(result, 59, 0, 0, 0);
    check_balance();
    assert_int_equal(version_of(store, &a, "Patient", "9", arena), 2);
    assert_int_equal(version_of(store, &a, "Patient", "10", arena), 3);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_batch_that_somebody_else_began_is_read_anew, check_meddling)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_partners_with_the_same_ids_stay_apart_in_any_order),
        cmocka_unit_test(what_did_not_change_writes_nothing),
        cmocka_unit_test(tables_that_were_empty_when_analyzed_are_read_by_index),
        cmocka_unit_test(of_several_versions_the_newest_wins_however_they_are_batched),
        cmocka_unit_test(what_cannot_be_applied_dies_alone),
        cmocka_unit_test(references_become_ours),
        cmocka_unit_test(ids_of_any_form_are_taken),
        cmocka_unit_test(deletions_are_ours_too_and_can_be_undone),
        cmocka_unit_test(an_id_given_to_somebody_else_is_held_until_somebody_decides),
        cmocka_unit_test(a_version_that_goes_back_waits_for_a_decision),
        cmocka_unit_test(dead_letters_are_tried_again_or_discarded),
        cmocka_unit_test(a_row_that_the_database_refuses_is_found),
        cmocka_unit_test(what_was_interrupted_is_done_once),
        cmocka_unit_test(batches_that_are_under_way_at_once_keep_the_order),
        cmocka_unit_test(a_batch_that_somebody_else_began_is_read_anew),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
