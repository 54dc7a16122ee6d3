/* Apply, with several batches under way at once: what is there in the end is what one after the
 * other makes. */

#include "applying.h"

#include "base/buf.h"
#include "base/random.h"

enum { ROWS = 60, IDS = 5, ROUNDS = 12 };

static struct store *open_store_with(unsigned lanes)
{
    struct store_config config = {.database = postgres_conninfo(),
                                  .statement_timeout_ms = 60000,
                                  .search_timeout_ms = 60000,
                                  .transaction_timeout_ms = 60000,
                                  .transaction_lanes = lanes};
    struct err err = {0};
    struct store *store = store_open(fiber_loop(), &config, &err);

    if (!store)
        fail_msg("%s", err.text);
    return store;
}

static struct landing_row row_of(const char *body)
{
    return (struct landing_row){.body = text_of(body), .updated = INT64_MIN};
}

/* Notes whether several batches are under way (each holds a lock with a number) while one inserts;
 * each waits for another, 3 s at most. A sequence is seen before anybody commits. */
static void watch(const char *table)
{
    char sql[600];

    snprintf(sql, sizeof(sql),
             "create sequence together;"
             "create function see() returns trigger language plpgsql as "
             "'begin for i in 1..30 loop exit when (select is_called from together); "
             "if (select count(*) > 1 from pg_locks where locktype = ''advisory'' and objsubid = 1 "
             "and mode = ''ExclusiveLock'') then perform nextval(''together''); end if; "
             "perform pg_sleep(0.1); end loop; return null; end';"
             "create trigger see after insert on %s for each statement execute function see()",
             table);
    postgres_sql(sql);
}

/* And none was in the way of another. */
static void assert_at_once(const struct store *store)
{
    assert_string_equal(postgres_sql("select is_called from together"), "t");
    assert_int_equal(store->counters.transaction_retries, 0);
}

/* Observations of one patient on three pages, before the patient, who comes with the last batch. */
static void check_mentions(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_row rows[40];

    (void)context;
    watch("f_observation");
    for (int i = 0; i < 40; i++)
        rows[i] = row_of(arena_printf(
            arena,
            "{\"resourceType\":\"Observation\",\"id\":\"%d\",\"status\":\"final\",\"code\":"
            "{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/p\"},\"performer\":"
            "[{\"reference\":\"Practitioner/%d\"}]}",
            i, i / 6));
    land_rows(store, a.partner.number, false, rows, 15);
    land_rows(store, a.partner.number, false, rows + 15, 15);
    land_rows(store, a.partner.number, false, rows + 30, 10);
    assert_counts(apply_by(store, &a, 4), 40, 0, 0, 0);
    assert_at_once(store);
    assert_string_equal(postgres_sql("select string_agg(presence::text || n, ' ' order by presence)"
                                     " from (select presence, count(*) n from f_identity"
                                     " group by presence) x"),
                        "M8 P40");
    /* Its first mention is what is noted. */
    assert_string_equal(postgres_sql("select unit = (select min(number) from f_sync_unit)"
                                     " from f_identity where id = 'p'"),
                        "t");
    rows[39] = row_of("{\"resourceType\":\"Patient\",\"id\":\"p\"}");
    rows[38].body = text_of(arena_printf(arena, "%s ", rows[38].body.data));
    land_rows(store, a.partner.number, false, rows + 36, 4);
    assert_counts(apply_by(store, &a, 1), 1, 3, 0, 0);
    assert_has(ours(store, &a, "Observation", "39", arena),
               arena_printf(arena, "\"Patient/%s\"", local_id(store, &a, "Patient", "p")));
    assert_has(ours(store, &a, "Patient", "p", arena), A_BASE "/Patient/p");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_several_batches_mention_is_noted_once, check_mentions)

/* Batches of an Observation and a Patient each; it is about the one that is `away` rows on. */
static void check_subjects(int away)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_row rows[24];

    watch("f_observation");
    for (int i = 0; i < 24; i += 2) {
        rows[i] = row_of(arena_printf(
            arena,
            "{\"resourceType\":\"Observation\",\"id\":\"%d\",\"status\":\"final\",\"code\":"
            "{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/%d\"}}",
            i, i + away));
        rows[i + 1] =
            row_of(arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"%d\"}", i + 1));
    }
    land_rows(store, a.partner.number, false, rows, 24);
    assert_counts(apply_by(store, &a, 2), 24, 0, 0, 0);
    assert_at_once(store);
    assert_string_equal(postgres_sql("select count(*) filter (where presence = 'M') || ' ' ||"
                                     " count(*) filter (where presence = 'P') from f_identity"),
                        "1 24");
    assert_string_equal(postgres_sql("select count(*) from f_log"), "24");
    store_close(store);
    arena_free(arena);
}

static void check_overtaken(void *context)
{
    (void)context;
    check_subjects(3);
}
IN_DATABASE(what_one_batch_mentions_the_next_may_bring, check_overtaken)

static void check_brought(void *context)
{
    (void)context;
    check_subjects(-1);
}
IN_DATABASE(what_one_batch_brings_the_next_may_mention, check_brought)

/* While a batch finds that a resource is a copy, the one behind it mentions that. The first one is
 * slow, so that none is committed before. */
static void check_copy_mentioned(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put(store, "Patient", "own", "{\"resourceType\":\"Patient\",\"id\":\"own\"}", arena);
    watch("f_encounter");
#define ENCOUNTER(id)                                                                              \
    "{\"resourceType\":\"Encounter\",\"id\":\"" id                                                 \
    "\",\"status\":\"planned\",\"class\":{\"code\":\"AMB\"}}"
    LAND(store, &a, ENCOUNTER("0"), ENCOUNTER("1"),
         "{\"resourceType\":\"Patient\",\"id\":\"9\",\"meta\":{\"source\":\"" OURS
         "/Patient/own\"}}",
         "{\"resourceType\":\"Observation\",\"id\":\"1\",\"status\":\"final\",\"code\":"
         "{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/9\"}}");
    assert_counts(apply_by(store, &a, 1), 3, 1, 0, 0);
    assert_has(ours(store, &a, "Observation", "1", arena), "\"Patient/own\"");
    assert_int_equal(version_of(store, &a, "Observation", "1", arena), 1);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_mentions_a_copy_that_is_being_linked_leads_to_ours, check_copy_mentioned)

/* Versions of one resource, deletions among them, each in another batch. */
static void check_versions(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_row rows[30];

    (void)context;
    for (int i = 0; i < 30; i++) {
        const char *version = arena_printf(arena, "%d", i + 1);

        rows[i] = i % 5 == 4
                      ? (struct landing_row){.type = TEXT("Patient"),
                                             .id = TEXT("1"),
                                             .version = text_of(version),
                                             .updated = INT64_MIN}
                      : row_of(arena_printf(arena,
                                            "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":"
                                            "{\"versionId\":\"%s\"},\"name\":[{\"text\":\"%d\"}]}",
                                            version, i));
    }
    land_rows(store, a.partner.number, false, rows, 30);
    assert_counts(apply_by(store, &a, 3), 30, 0, 0, 0);
    assert_int_equal(store->counters.transaction_retries, 0);
    assert_null(ours(store, &a, "Patient", "1", arena));
    assert_string_equal(postgres_sql("select string_agg(op::text, '' order by ver) from f_hist"),
                        "UUUUDUUUUDUUUUDUUUUDUUUUDUUUUD");
    rows[0] = row_of("{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"31\"}}");
    land_rows(store, a.partner.number, false, rows, 1);
    assert_counts(apply_by(store, &a, 3), 1, 0, 0, 0);
    assert_int_equal(version_of(store, &a, "Patient", "1", arena), 31);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(versions_and_deletions_of_one_resource_keep_their_order, check_versions)

/* Somewhere in the middle PostgreSQL refuses one. */
static void check_refusal(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct landing_row rows[40];

    (void)context;
    postgres_sql("create function refuse() returns trigger language plpgsql as 'begin if new.d = "
                 "''2001-02-03Z'' then raise exception ''no''; end if; return new; end';"
                 "create trigger refuse before insert on f_patient for each row "
                 "execute function refuse()");
    for (int i = 0; i < 40; i++)
        rows[i] = row_of(
            i == 17 ? "{\"resourceType\":\"Patient\",\"id\":\"17\",\"birthDate\":\"2001-02-03\"}"
            : i % 10 == 9 ? "broken"
                          : arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"%d\"}", i));
    land_rows(store, a.partner.number, false, rows, 40);
    struct landing_result result = apply_by(store, &a, 4);
    assert_counts(result, 35, 3, 0, 2); /* what is broken dies once */
    assert_string_equal(
        postgres_sql("select string_agg(class || line, ' ' order by line) from f_dead"),
        "parse9 storage17");
    assert_string_equal(postgres_sql("select count(*) || ' ' || max(ver) from f_log"), "35 1");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_row_that_is_refused_among_batches_dies_alone, check_refusal)

/* Somebody else applies some while batches are under way. */
struct intruder {
    struct store *store;
    const struct apply_config *config;
    unsigned calls, at;
};

static bool intrude(void *context)
{
    struct intruder *intruder = context;
    struct landing_apply apply = {.access = us, .batch = 3, .most = 3};
    struct landing_result result;
    struct err err = {0};

    if (++intruder->calls % intruder->at == 0 &&
        !apply_landed(intruder->store, intruder->config, &apply, &result, &err))
        fail_msg("%s", err.text);
    return false;
}

static void check_intruder(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *other = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct intruder intruder = {other, &a, 0, 3};
    struct landing_apply apply = {
        .access = us, .batch = 3, .stop = intrude, .stop_context = &intruder};
    struct landing_row rows[90];
    struct landing_result result;
    struct err err = {0};

    (void)context;
    for (int i = 0; i < 90; i++)
        rows[i] = row_of(arena_printf(arena,
                                      "{\"resourceType\":\"Patient\",\"id\":\"%d\",\"meta\":"
                                      "{\"versionId\":\"%d\"},\"multipleBirthInteger\":%d}",
                                      i % 30, i / 30 + 1, i / 30));
    land_rows(store, a.partner.number, false, rows, 90);
    if (!apply_landed(store, &a, &apply, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(result.counts.waiting, 0);
    check_balance();
    assert_string_equal(postgres_sql("select applied from f_sync_window"), "90");
    assert_string_equal(postgres_sql("select count(*) || ' ' || min(ver) || ' ' || max(ver)"
                                     " from f_patient"),
                        "30 3 3");
    assert_string_equal(postgres_sql("select count(*) from f_log"), "90");
    store_close(other);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(two_that_apply_the_same_do_it_once, check_intruder)

/* Somebody else replays a dead letter, which is newer than what is under way. */
static bool replay(void *context)
{
    struct intruder *intruder = context;
    struct landing_apply apply = {.access = us};
    struct landing_dead_filter filter = {.partner = intruder->config->partner.number};
    struct apply_config lenient = *intruder->config;
    struct landing_result result;
    struct err err = {0};

    lenient.level = VALIDATION_OFF;
    if (++intruder->calls == intruder->at &&
        !apply_dead(intruder->store, &lenient, &apply, &filter, false, NULL, NULL, &result, &err))
        fail_msg("%s", err.text);
    return false;
}

static void check_replay(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *other = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct intruder intruder = {other, &a, 0, 3};
    struct landing_apply apply = {
        .access = us, .batch = 2, .stop = replay, .stop_context = &intruder};
    struct landing_row rows[12];
    struct landing_result result;
    struct err err = {0};

    (void)context;
    watch("f_observation");
    LAND(store, &a,
         "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"5\"},\"name\":"
         "[{\"family\":\"Five\"}],\"gender\":\"non  sense\"}");
    assert_counts(apply_all(store, &a), 0, 0, 0, 1);
    for (int i = 0; i < 12; i++)
        rows[i] = row_of(
            i == 3 ? "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"3\"}}"
                   : arena_printf(arena,
                                  "{\"resourceType\":\"Observation\",\"id\":\"%d\",\"status\":"
                                  "\"final\",\"code\":{\"text\":\"x\"}}",
                                  i));
    land_rows(store, a.partner.number, false, rows, 12);
    if (!apply_landed(store, &a, &apply, &result, &err))
        fail_msg("%s", err.text);
    assert_counts(result, 11, 0, 1, 0);
    check_balance();
    assert_has(ours(store, &a, "Patient", "1", arena), "Five");
    store_close(other);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_replay_beside_batches_under_way_is_not_lost, check_replay)

static bool has_decided(void)
{
    return strcmp(postgres_sql("select count(*) filter (where wait_event = 'PgSleep') > 0 and"
                               " count(*) filter (where state = 'idle in transaction' and"
                               " query like '%f_identity%') > 0 from pg_stat_activity"
                               " where datname = current_database()"),
                  "t") == 0;
}

/* Until one is held and the one behind it knows what it writes; or for some time, when it must not
 * go so far. */
static void await_decided(int looks)
{
    for (; looks > 0 && !has_decided(); looks--)
        fiber_sleep(5);
}

enum { TWO_FLY = 5 }; /* calls of `stop` */

static bool open_gate(void *context)
{
    unsigned *calls = context;

    if (++*calls == TWO_FLY) {
        await_decided(20);
        gate_open();
    }
    return false;
}

/* A row says that it is a copy of what the batch before it is writing. */
static void check_copy(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store_with(4);
    struct apply_config a = config_of(store, "a", A_BASE);
    unsigned calls = 0;
    struct landing_apply apply = {
        .access = us, .batch = 1, .stop = open_gate, .stop_context = &calls};
    struct landing_result result;
    struct err err = {0};

    (void)context;
    gate_close();
    LAND(store, &a, "{\"resourceType\":\"Patient\",\"id\":\"0\"}",
         "{\"resourceType\":\"Patient\",\"id\":\"1\",\"birthDate\":\"" GATE_DAY "\"}",
         arena_printf(arena,
                      "{\"resourceType\":\"Patient\",\"id\":\"2\",\"meta\":{\"source\":\"" OURS
                      "/Patient/%s\"}}",
                      local_id(store, &a, "Patient", "1")));
    if (!apply_landed(store, &a, &apply, &result, &err))
        fail_msg("%s", err.text);
    assert_counts(result, 2, 1, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "2");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_copy_of_what_is_being_written_is_linked, check_copy)

/* Somebody replays a dead letter while a batch has decided and waits for the one before it. */
static bool replay_between(void *context)
{
    struct intruder *intruder = context;
    bool now = intruder->calls + 1 == intruder->at;

    if (now)
        await_decided(1000);
    replay(intruder);
    if (now)
        gate_open();
    return false;
}

static void check_decided(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store_with(4), *other = open_store_with(4);
    struct apply_config a = config_of(store, "a", A_BASE);
    struct intruder intruder = {other, &a, 0, TWO_FLY};
    struct landing_apply apply = {
        .access = us, .batch = 2, .stop = replay_between, .stop_context = &intruder};
    struct landing_row rows[6];
    struct landing_result result;
    struct err err = {0};

    (void)context;
    gate_close();
#define FAMILY(version, family)                                                                    \
    "{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"" version                \
    "\"},\"name\":[{\"family\":\"" family "\"}]"
    LAND(store, &a, FAMILY("1", "One") "}");
    LAND(store, &a, FAMILY("5", "Five") ",\"gender\":\"non  sense\"}");
    assert_counts(apply_all(store, &a), 1, 0, 0, 1);
    for (int i = 0; i < 4; i++)
        rows[i] = row_of(arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"r%d\"%s}", i,
                                      i == 2 ? ",\"birthDate\":\"" GATE_DAY "\"" : ""));
    rows[4] = row_of("broken");
    rows[5] = row_of(FAMILY("3", "Three") "}");
    land_rows(store, a.partner.number, false, rows, 6);
    if (!apply_landed(store, &a, &apply, &result, &err))
        fail_msg("%s", err.text);
    check_balance();
    assert_has(ours(store, &a, "Patient", "1", arena), "Five");
    assert_string_equal(postgres_sql("select version from f_identity where id = '1'"), "5");
    store_close(other);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_was_decided_before_a_replay_is_decided_again, check_decided)

/* Anything a partner may send, for few resources. */
static struct landing_row some_row(struct arena *arena)
{
    unsigned id = (unsigned)(random_number() % IDS), other = (unsigned)(random_number() % IDS);
    unsigned version = (unsigned)(random_number() % 9);
    const char *meta =
        version ? arena_printf(arena, "\"meta\":{\"versionId\":\"%u\"},", version) : "";

    switch (random_number() % 8) {
    case 0:
        return row_of("{\"resourceType\":\"Patient\"}");
    case 1:
        return (struct landing_row){.type = TEXT("Patient"),
                                    .id = text_of(arena_printf(arena, "%u", id)),
                                    .updated = INT64_MIN};
    case 2:
    case 3:
    case 4:
        return row_of(arena_printf(arena,
                                   "{\"resourceType\":\"Patient\",\"id\":\"%u\",%s\"birthDate\":"
                                   "\"200%u-01-01\",\"name\":[{\"family\":\"F%u\"}],\"link\":"
                                   "[{\"other\":{\"reference\":\"Patient/%u\"},\"type\":"
                                   "\"seealso\"}]}",
                                   id, meta, other % 2, other % 2, other));
    default:
        return row_of(arena_printf(arena,
                                   "{\"resourceType\":\"Observation\",\"id\":\"%u\",%s\"status\":"
                                   "\"final\",\"code\":{\"text\":\"%u\"},\"subject\":"
                                   "{\"reference\":\"Patient/%u\"},\"performer\":"
                                   "[{\"reference\":\"Practitioner/%u\"}]}",
                                   id, meta, version, other, id + other));
    }
}

/* All that is known of a partner's resources, in the partner's words. */
static const char *state_of(const struct apply_config *config, struct arena *arena)
{
    const char *sql = arena_printf(
        arena,
        "select md5(string_agg(f.rtype || '/' || f.id || f.presence::text || coalesce(f.version, "
        "'-')"
        " || coalesce(f.hash, 0) || coalesce(f.person, 0) || coalesce(h.versions, '') || "
        "coalesce(c.ver, 0), ' ' order by f.rtype, f.id) || (select ' dead '"
        " || coalesce(string_agg(class || coalesce(id, ''), ' ' order by number), '') from f_dead"
        " where partner = %d)) || (select string_agg(' ' || encode(states, 'escape'), ''"
        " order by number) from f_sync_unit where partner = %d)"
        " from f_identity f cross join lateral (select (encode(local, 'hex')::uuid)::text as id)"
        " l left join lateral (select max(ver) as ver from (select ver from f_patient p"
        " where p.id = l.id union all select ver from f_observation o where o.id = l.id) v) c"
        " on true left join lateral (select string_agg(op::text || ver, '' order by ver)"
        " as versions from f_hist x where x.id = l.id) h on true where f.partner = %d",
        config->partner.number, config->partner.number, config->partner.number);

    return arena_strdup(arena, postgres_sql(sql));
}

static void check_anything(void *context)
{
    struct store *one = open_store_with(1), *many = open_store_with(4);

    (void)context;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct arena *arena = arena_new();
        struct apply_config a = config_of(one, arena_printf(arena, "a%u", round), A_BASE);
        struct apply_config b = config_of(one, arena_printf(arena, "b%u", round), A_BASE);
        struct landing_row rows[ROWS];
        struct landing_result alone, at_once;

        for (size_t i = 0; i < ROWS; i++)
            rows[i] = some_row(arena);
        for (size_t i = 0; i < ROWS; i += 12) {
            land_rows(one, a.partner.number, false, rows + i, 12);
            land_rows(one, b.partner.number, false, rows + i, 12);
        }
        alone = apply_by(one, &a, 1 + round % 4);
        at_once = apply_by(many, &b, 1 + round % 4);
        assert_string_equal(state_of(&a, arena), state_of(&b, arena));
        assert_memory_equal(&alone.counts, &at_once.counts, sizeof(alone.counts));
        arena_free(arena);
    }
    store_close(one);
    store_close(many);
}
IN_DATABASE(whatever_comes_the_state_is_that_of_one_after_the_other, check_anything)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_several_batches_mention_is_noted_once),
        cmocka_unit_test(what_one_batch_mentions_the_next_may_bring),
        cmocka_unit_test(what_one_batch_brings_the_next_may_mention),
        cmocka_unit_test(what_mentions_a_copy_that_is_being_linked_leads_to_ours),
        cmocka_unit_test(versions_and_deletions_of_one_resource_keep_their_order),
        cmocka_unit_test(a_row_that_is_refused_among_batches_dies_alone),
        cmocka_unit_test(two_that_apply_the_same_do_it_once),
        cmocka_unit_test(a_replay_beside_batches_under_way_is_not_lost),
        cmocka_unit_test(a_copy_of_what_is_being_written_is_linked),
        cmocka_unit_test(what_was_decided_before_a_replay_is_decided_again),
        cmocka_unit_test(whatever_comes_the_state_is_that_of_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
