/* Transaction. */

#include "writing.h"

#include "fhir/query.h"

static const struct query *query(struct arena *arena, const char *type, const char *text)
{
    struct query_options options = query_options_default();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 10);
    const struct query *parsed = query_parse(arena, type, text_of(text), &options, &issues, &err);
    if (!parsed)
        fail_msg("%s", err.text);
    return parsed;
}

/* A POST of `json` as full url `url` (NULL: none). */
static struct store_write posting(struct arena *arena, const char *json, const char *url)
{
    struct node *resource = parse(arena, json);

    return (struct store_write){.action = STORE_CREATE,
                                .type = resource->type->name,
                                .resource = resource,
                                .full_url = text_of(url)};
}

static struct store_write putting(struct arena *arena, const char *id, const char *json)
{
    struct node *resource = parse(arena, json);

    return (struct store_write){
        .action = STORE_UPDATE, .type = resource->type->name, .id = id, .resource = resource};
}

static void run(struct store *store, struct store_write *writes, size_t count, struct arena *arena)
{
    struct err err = {0};

    if (!store_transaction(store, &us, writes, count, NULL, 0, arena, &err))
        fail_msg("%s", err.text);
}

static enum err_kind refuse(struct store *store, struct store_write *writes, size_t count,
                            const struct store_condition *conditions, size_t condition_count,
                            struct arena *arena)
{
    static struct err err;

    err = (struct err){0};
    assert_false(
        store_transaction(store, &us, writes, count, conditions, condition_count, arena, &err));
    return err.kind;
}

#define PATIENT "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Ann\"}]}"
#define OBSERVATION(subject)                                                                       \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"            \
    "\"subject\":{\"reference\":\"" subject "\"}}"
#define IDENTIFIED(value)                                                                          \
    "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:s\",\"value\":\"" value "\"}" \
    "]}"

static void check_links(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write writes[] = {
        posting(arena, OBSERVATION("urn:uuid:0"), "urn:uuid:1"), /* before what it refers to */
        posting(arena, PATIENT, "urn:uuid:0"),
        posting(arena, OBSERVATION("Patient/77"), "http://there/fhir/Observation/78"),
        posting(arena, PATIENT, "http://there/fhir/Patient/77"),
        putting(arena, "put", PATIENT),
        posting(arena, OBSERVATION("Patient/elsewhere"), NULL),
    };

    (void)context;
    writes[4].full_url = TEXT("urn:uuid:2");
    run(store, writes, 6, arena);

    for (int i = 0; i < 6; i++)
        assert_int_equal(writes[i].outcome, STORE_CREATED);
    assert_non_null(strstr(writes[0].version.json,
                           arena_printf(arena, "\"reference\":\"Patient/%s\"", writes[1].id)));
    assert_non_null(strstr(writes[2].version.json,
                           arena_printf(arena, "\"reference\":\"Patient/%s\"", writes[3].id)));
    assert_non_null(strstr(writes[5].version.json, "\"Patient/elsewhere\""));
    assert_string_equal(writes[4].version.id, "put");
    assert_string_equal(postgres_sql("select count(*) from f_observation o join f_patient p on "
                                     "p.rkey = o.patient"),
                        "2");
    assert_string_equal(
        postgres_sql("select count(*), count(distinct xact), count(distinct seq) from f_log"),
        "6|1|6");
    store_close(store);
    arena_free(arena);
}

static void check_mixture(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    put(store, "Patient", "changes", PATIENT, arena);
    put(store, "Patient", "stays", PATIENT, arena);
    put(store, "Patient", "goes", PATIENT, arena);
    put(store, "Patient", "comes-back", PATIENT, arena);
    take_out(store, "Patient", "comes-back", arena);

    struct store_write writes[] = {
        putting(arena, "changes", "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"B\"}]}"),
        putting(arena, "stays", PATIENT),
        {.action = STORE_REMOVE, .type = "Patient", .id = "goes"},
        {.action = STORE_REMOVE, .type = "Patient", .id = "never-was"},
        putting(arena, "comes-back", PATIENT),
        putting(arena, "is-new", PATIENT),
        putting(arena, "is-new", OBSERVATION("Patient/stays")), /* another type */
    };
    run(store, writes, 7, arena);

    static const struct {
        enum store_outcome outcome;
        int64_t number;
    } expected[] = {
        {STORE_UPDATED, 2}, {STORE_UNCHANGED, 1}, {STORE_REMOVED, 2}, {STORE_NOTHING_TO_REMOVE, 0},
        {STORE_CREATED, 3}, {STORE_CREATED, 1},   {STORE_CREATED, 1}};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(writes[i].outcome, expected[i].outcome);
        assert_int_equal(writes[i].version.number, expected[i].number);
    }
    assert_non_null(strstr(writes[1].version.json, "\"Ann\""));
    assert_string_equal(postgres_sql("select string_agg(concat(id, ver, op), ',' order by id) "
                                     "from f_patient"),
                        "changes2U,comes-back3U,is-new1U,stays1U");
    assert_string_equal(postgres_sql("select string_agg(concat(id, ver, op), ',' order by id, ver) "
                                     "from f_hist"),
                        "changes1U,comes-back1U,comes-back2D,goes1U,goes2D");
    assert_string_equal(
        postgres_sql("select string_agg(distinct norm, ',' order by norm) from f_str"), "ann,b");
    store_close(store);
    arena_free(arena);
}

/* Enough of everything for several chunks and every bulk statement. */
static void check_large(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    enum { COUNT = 1000 };
    struct store_write *writes = arena_many(arena, struct store_write, COUNT);
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    for (int i = 0; i < COUNT; i++) {
        const char *json =
            i % 2 ? arena_printf(
                        arena,
                        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":"
                        "{\"coding\":[{\"system\":\"s\",\"code\":\"a%d\"},{\"system\":\"s\","
                        "\"code\":\"second\"}]},\"subject\":{\"reference\":\"urn:uuid:%d\"},"
                        "\"component\":[{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}]},"
                        "\"valueQuantity\":{\"value\":%d}}]}",
                        i, i - 1, i)
                  : arena_printf(arena,
                                 "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"F%d\"}],"
                                 "\"deceasedDateTime\":\"2020-01-01\"}",
                                 i);
        writes[i] = posting(arena, json, arena_printf(arena, "urn:uuid:%d", i));
    }
    run(store, writes, COUNT, arena);

    assert_string_equal(postgres_sql("select count(*), count(patient) from f_observation"),
                        "500|500");
    assert_string_equal(postgres_sql("select count(*) from f_observation o join f_patient p on "
                                     "o.patient = p.rkey"),
                        "500");
    assert_string_equal(postgres_sql("select count(*), count(distinct rkey) from f_str"),
                        "1500|500"); /* name, family, phonetic */
    assert_string_equal(postgres_sql("select count(*), count(distinct rkey) from f_date"),
                        "500|500");
    assert_string_equal(postgres_sql("select count(distinct rkey) from f_qty"), "500");
    assert_string_equal(postgres_sql("select count(*) from f_code"), "1");
    assert_string_equal(postgres_sql("select count(*), count(distinct seq) from f_log"),
                        "1000|1000");
    assert_string_equal(
        postgres_sql("select count(*) from f_log l join (select ctid, * from f_patient union all "
                     "select ctid, * from f_observation) t on t.ctid = l.place and "
                     "t.rkey = l.rkey and t.id = l.id and t.made = t.updated and l.made and "
                     "l.patients = array[t.patient]"),
        "1000");
    for (int i = 0; i < COUNT; i += 99) {
        assert_true(store_read(store, &us, writes[i].type, writes[i].id, arena, &found, &err));
        assert_string_equal(found->json, writes[i].version.json);
    }

    /* Row by row and in bulk, the same is written. */
    struct node *same = parse(arena, writes[1].version.json);
    struct store_write single = {.action = STORE_CREATE, .type = "Observation", .resource = same};
    single = do_write(store, single, arena);
    assert_string_equal(
        postgres_sql(arena_printf(arena,
                                  "select count(distinct (patient, code, d, dhi, vq, vqu, "
                                  "tenant, rtype, op, ver, toks)) from f_observation where id in "
                                  "('%s', '%s')",
                                  writes[1].id, single.id)),
        "1");
    store_close(store);
    arena_free(arena);
}

static void check_overlap(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write same_id[] = {putting(arena, "p", PATIENT),
                                    putting(arena, "q", PATIENT),
                                    {.action = STORE_REMOVE, .type = "Patient", .id = "p"}};
    struct store_write same_url[] = {posting(arena, PATIENT, "urn:uuid:1"),
                                     posting(arena, PATIENT, "urn:uuid:1")};

    (void)context;
    assert_int_equal(refuse(store, same_id, 3, NULL, 0, arena), ERR_INVALID);
    assert_int_equal(refuse(store, same_url, 2, NULL, 0, arena), ERR_INVALID);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "0");
    store_close(store);
    arena_free(arena);
}

static void check_all_or_none(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};

    (void)context;
    put(store, "Patient", "p", PATIENT, arena);
    struct store_write writes[] = {posting(arena, PATIENT, NULL),
                                   posting(arena, OBSERVATION("Patient/p"), NULL),
                                   putting(arena, "p", IDENTIFIED("x"))};
    writes[2].if_match = 7;
    writes[2].where = "Bundle.entry[2]";

    assert_false(store_transaction(store, &us, writes, 3, NULL, 0, arena, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_string_equal(err.where, "Bundle.entry[2]");
    assert_string_equal(postgres_sql("select count(*) from f_log"), "1");
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "1");

    /* A failure of PostgreSQL in the last statement of all. */
    writes[2].if_match = 1;
    postgres_sql("create function no() returns trigger language plpgsql as 'begin raise exception "
                 "''no''; end'; create constraint trigger t after insert on f_log deferrable "
                 "initially deferred for each row execute function no()");
    assert_int_equal(refuse(store, writes, 3, NULL, 0, arena), ERR_INTERNAL);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "1");
    postgres_sql("drop trigger t on f_log");
    run(store, writes, 3, arena);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "4");
    store_close(store);
    arena_free(arena);
}

static void check_if_none_exist(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write writes[] = {posting(arena, IDENTIFIED("1"), "urn:uuid:1"),
                                   posting(arena, OBSERVATION("urn:uuid:1"), NULL)};

    (void)context;
    writes[0].criteria = query(arena, "Patient", "identifier=urn:s|1");
    run(store, writes, 2, arena);
    assert_int_equal(writes[0].outcome, STORE_CREATED);

    struct store_write again[] = {posting(arena, IDENTIFIED("1"), "urn:uuid:1"),
                                  posting(arena, OBSERVATION("urn:uuid:1"), NULL)};
    again[0].criteria = writes[0].criteria;
    run(store, again, 2, arena);
    assert_int_equal(again[0].outcome, STORE_EXISTS);
    assert_string_equal(again[0].version.id, writes[0].version.id);
    assert_string_equal(again[0].version.json, writes[0].version.json);
    assert_non_null(strstr(again[1].version.json, writes[0].version.id));

    /* What the same transaction removes is not there any more. */
    struct store_write replaced[] = {
        {.action = STORE_REMOVE, .type = "Patient", .id = writes[0].version.id},
        posting(arena, IDENTIFIED("1"), NULL)};
    replaced[1].criteria = writes[0].criteria;
    run(store, replaced, 2, arena);
    assert_int_equal(replaced[1].outcome, STORE_CREATED);

    post(store, "Patient", IDENTIFIED("1"), arena);
    assert_int_equal(refuse(store, &again[0], 1, NULL, 0, arena), ERR_PRECONDITION);
    store_close(store);
    arena_free(arena);
}

static void check_conditions(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_condition condition = {.reference = TEXT("Patient?identifier=urn:s|1"),
                                        .query = query(arena, "Patient", "identifier=urn:s|1"),
                                        .where = "Bundle.entry[0].resource.subject"};
    struct store_write writes[] = {
        posting(arena, OBSERVATION("Patient?identifier=urn:s|1"), NULL),
        posting(arena, IDENTIFIED("1"), NULL), /* only with all but the first call */
    };
    struct err err = {0};

    (void)context;
    assert_int_equal(refuse(store, writes, 1, &condition, 1, arena), ERR_PRECONDITION);

    /* One that comes into being with the transaction itself counts. */
    assert_true(store_transaction(store, &us, writes, 2, &condition, 1, arena, &err));
    assert_non_null(
        strstr(writes[0].version.json, arena_printf(arena, "\"Patient/%s\"", writes[1].id)));

    struct store_write another = posting(arena, OBSERVATION("Patient?identifier=urn:s|1"), NULL);
    assert_true(store_transaction(store, &us, &another, 1, &condition, 1, arena, &err));
    assert_non_null(
        strstr(another.version.json, arena_printf(arena, "\"Patient/%s\"", writes[1].id)));

    /* Two: what is there, and what would come. */
    struct store_write two[] = {posting(arena, OBSERVATION("Patient?identifier=urn:s|1"), NULL),
                                posting(arena, IDENTIFIED("1"), NULL)};
    assert_int_equal(refuse(store, two, 2, &condition, 1, arena), ERR_PRECONDITION);

    /* What is there gets another identifier, what comes has it: one. */
    struct store_write moved[] = {posting(arena, OBSERVATION("Patient?identifier=urn:s|1"), NULL),
                                  posting(arena, IDENTIFIED("1"), NULL),
                                  putting(arena, writes[1].id, IDENTIFIED("2"))};
    assert_true(store_transaction(store, &us, moved, 3, &condition, 1, arena, &err));
    assert_non_null(
        strstr(moved[0].version.json, arena_printf(arena, "\"Patient/%s\"", moved[1].id)));
    store_close(store);
    arena_free(arena);
}

struct crowd {
    struct store *store;
    unsigned started, finished, created, existed, updated, failed;
    struct waiter done;
};

static void wait_for(struct crowd *crowd, unsigned count)
{
    struct err err = {0};

    while (crowd->finished < count)
        assert_true(fiber_wait(&crowd->done, 30000, &err));
}

static void create_if_none(void *context)
{
    struct crowd *crowd = context;
    struct arena *arena = arena_new();
    struct store_write write = posting(arena, IDENTIFIED("1"), NULL);
    struct err err = {0};

    write.criteria = query(arena, "Patient", "identifier=urn:s|1");
    if (!store_transaction(crowd->store, &us, &write, 1, NULL, 0, arena, &err))
        crowd->failed++;
    else if (write.outcome == STORE_CREATED)
        crowd->created++;
    else if (write.outcome == STORE_EXISTS)
        crowd->existed++;
    arena_free(arena);
    crowd->finished++;
    fiber_wake(&crowd->done);
}

static void check_race(void *context)
{
    struct crowd crowd = {.store = open_store()};

    (void)context;
    for (int i = 0; i < 60; i++)
        fiber_spawn(fiber_loop(), create_if_none, &crowd);
    wait_for(&crowd, 60);
    assert_int_equal(crowd.created, 1);
    assert_int_equal(crowd.existed, 59);
    store_close(crowd.store);
}

/* Half of them go through the same resources the other way round. */
static void update_many(void *context)
{
    struct crowd *crowd = context;
    struct arena *arena = arena_new();
    unsigned number = crowd->started++;
    struct store_write writes[10];
    struct err err = {0};

    for (unsigned i = 0; i < 10; i++)
        writes[i] = putting(arena, arena_printf(arena, "p%u", number % 2 ? i : 9 - i),
                            arena_printf(arena,
                                         "{\"resourceType\":\"Patient\",\"name\":[{\"family\":"
                                         "\"N%u\"}]}",
                                         number));
    if (store_transaction(crowd->store, &us, writes, 10, NULL, 0, arena, &err))
        crowd->updated++;
    else
        crowd->failed++;
    arena_free(arena);
    crowd->finished++;
    fiber_wake(&crowd->done);
}

static void check_rivals(void *context)
{
    struct crowd crowd = {.store = open_store()};

    (void)context;
    for (int i = 0; i < 16; i++)
        fiber_spawn(fiber_loop(), update_many, &crowd);
    wait_for(&crowd, 16);
    assert_int_equal(crowd.updated, 16);
    assert_string_equal(postgres_sql("select min(ver), max(ver), count(*) from f_patient"),
                        "16|16|10");
    assert_string_equal(postgres_sql("select count(*), count(distinct (rkey, ver)) from f_log"),
                        "160|160");
    /* The feed's order is (xact, seq). */
    assert_string_equal(
        postgres_sql("select count(*) from f_log a join f_log b on a.rkey = b.rkey and a.ver < "
                     "b.ver where (b.xact, b.seq) < (a.xact, a.seq)"),
        "0");
    store_close(crowd.store);
}

/* A transaction that is the victim of a deadlock, as any may be, is run again. */
static void check_deadlock(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write writes[] = {posting(arena, PATIENT, "urn:uuid:1"),
                                   posting(arena, OBSERVATION("urn:uuid:1"), NULL)};

    (void)context;
    postgres_sql("create sequence tries; create function fail_twice() returns trigger language "
                 "plpgsql as 'begin if nextval(''tries'') <= 2 then raise exception ''no'' using "
                 "errcode = ''40P01''; end if; return new; end'; create trigger t before insert "
                 "on f_observation for each row execute function fail_twice()");
    run(store, writes, 2, arena);
    assert_int_equal(store->counters.transaction_retries, 2);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "2");
    assert_string_equal(postgres_sql("select count(*) from f_patient p join f_observation o on "
                                     "o.patient = p.rkey"),
                        "1");
    store_close(store);
    arena_free(arena);
}

static void check_disk_full(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write write = posting(arena, PATIENT, NULL);

    (void)context;
    postgres_sql("create function full() returns trigger language plpgsql as 'begin raise "
                 "exception ''no'' using errcode = ''53100''; end'; create trigger t before insert "
                 "on f_log for each row execute function full()");
    assert_int_equal(refuse(store, &write, 1, NULL, 0, arena), ERR_BUSY);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "0");
    store_close(store);
    arena_free(arena);
}

static void check_killed(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write writes[] = {posting(arena, PATIENT, NULL),
                                   posting(arena, OBSERVATION("Patient/1"), NULL)};

    (void)context;
    postgres_sql("create function die() returns trigger language plpgsql as 'begin perform "
                 "pg_terminate_backend(pg_backend_pid()); return new; end'; create trigger t "
                 "before insert on f_observation for each row execute function die()");
    assert_int_equal(refuse(store, writes, 2, NULL, 0, arena), ERR_BUSY);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "0");
    postgres_sql("drop trigger t on f_observation");
    run(store, writes, 2, arena);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "2");
    store_close(store);
    arena_free(arena);
}

/* The connection breaks in the commit itself: PostgreSQL is asked what became of it. */
static void check_killed_in_commit(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    postgres_sql("create sequence tries; create function die_once() returns trigger language "
                 "plpgsql as 'begin if nextval(''tries'') = 1 then perform "
                 "pg_terminate_backend(pg_backend_pid()); end if; return new; end'; create "
                 "constraint trigger t after insert on f_observation deferrable initially "
                 "deferred for each row execute function die_once()");
    struct store_write writes[] = {posting(arena, PATIENT, NULL),
                                   posting(arena, OBSERVATION("Patient/1"), NULL)};
    run(store, writes, 2, arena);
    assert_int_equal(store->counters.unknown_resolved, 1);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "2");
    store_close(store);
    arena_free(arena);
}

IN_DATABASE(links_between_entries_become_links_between_resources, check_links)
IN_DATABASE(each_entry_has_its_own_outcome, check_mixture)
IN_DATABASE(a_large_transaction_writes_every_row, check_large)
IN_DATABASE(identities_that_overlap_are_refused, check_overlap)
IN_DATABASE(a_transaction_that_fails_leaves_nothing, check_all_or_none)
IN_DATABASE(a_conditional_create_makes_one, check_if_none_exist)
IN_DATABASE(a_conditional_reference_is_resolved_behind_the_writes, check_conditions)
IN_DATABASE(sixty_conditional_creates_at_once_make_one, check_race)
IN_DATABASE(rivals_for_the_same_resources_all_get_through, check_rivals)
IN_DATABASE(the_victim_of_a_deadlock_runs_again, check_deadlock)
IN_DATABASE(a_full_disk_is_a_reason_to_try_later, check_disk_full)
IN_DATABASE(a_connection_lost_midway_leaves_nothing, check_killed)
IN_DATABASE(a_connection_lost_in_the_commit_is_looked_into, check_killed_in_commit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_between_entries_become_links_between_resources),
        cmocka_unit_test(each_entry_has_its_own_outcome),
        cmocka_unit_test(a_large_transaction_writes_every_row),
        cmocka_unit_test(identities_that_overlap_are_refused),
        cmocka_unit_test(a_transaction_that_fails_leaves_nothing),
        cmocka_unit_test(a_conditional_create_makes_one),
        cmocka_unit_test(a_conditional_reference_is_resolved_behind_the_writes),
        cmocka_unit_test(sixty_conditional_creates_at_once_make_one),
        cmocka_unit_test(rivals_for_the_same_resources_all_get_through),
        cmocka_unit_test(the_victim_of_a_deadlock_runs_again),
        cmocka_unit_test(a_full_disk_is_a_reason_to_try_later),
        cmocka_unit_test(a_connection_lost_midway_leaves_nothing),
        cmocka_unit_test(a_connection_lost_in_the_commit_is_looked_into),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
