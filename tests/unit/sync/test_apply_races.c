/* Apply, when somebody else is at work on the same: another worker, a replay, a push, a
 * transaction. A gate in PostgreSQL holds one of them where the other is to come in. */

#include "applying.h"

#include "fhir/query.h"
#include "storage/pool.h"
#include "sync/echo.h"

#define HELD              ",\"birthDate\":\"" GATE_DAY "\""
#define PATIENT(id, rest) "{\"resourceType\":\"Patient\",\"id\":\"" id "\"" rest "}"
#define VERSION(number)   ",\"meta\":{\"versionId\":\"" number "\"}"
#define CHANGED           VERSION("2") ",\"active\":true"
#define OBSERVATION                                                                                \
    "{\"resourceType\":\"Observation\",\"id\":\"1\",\"status\":\"final\",\"code\":{\"text\":"      \
    "\"x\"},"                                                                                      \
    "\"subject\":{\"reference\":\"Patient/9\"}}"
#define WRONG ",\"gender\":\"non  sense\""

/* One who applies beside the test. */
struct beside {
    struct store *store;
    const struct apply_config *config;
    struct landing_apply apply;
    const struct landing_dead_filter *dead; /* NULL: what landed */
    struct landing_result result;
    struct err err;
    bool good, ended;
};

static void run_beside(void *context)
{
    struct beside *beside = context;

    beside->apply.access = us;
    beside->good = beside->dead
                       ? apply_dead(beside->store, beside->config, &beside->apply, beside->dead,
                                    false, NULL, NULL, &beside->result, &beside->err)
                       : apply_landed(beside->store, beside->config, &beside->apply,
                                      &beside->result, &beside->err);
    beside->ended = true;
}

/* Until the gate holds it. */
static void begin_held(struct beside *beside)
{
    fiber_spawn(fiber_loop(), run_beside, beside);
    gate_await_held();
}

static void end(struct beside *beside)
{
    while (!beside->ended)
        fiber_sleep(5);
    if (!beside->good)
        fail_msg("%s", beside->err.text);
    check_balance();
}

/* Somebody waits for the lock of the partner, or did not and is through. */
static void await_lock(const char *through)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2"
             " and not granted) or (%s)",
             through);
    postgres_until(sql, "t");
}

/* Another worker has read what this one has in the air: that waits for it, and finds it done. */
struct rivals {
    struct beside other;
    unsigned calls;
};

static bool let_other_begin(void *context)
{
    struct rivals *rivals = context;

    switch (++rivals->calls) {
    case 3: /* the first batch is committed */
        begin_held(&rivals->other);
        break;
    case 4: /* the second is under way */
        await_lock("select unchanged > 0 from f_sync_window where waiting > 0");
        gate_open();
        break;
    default:
        break;
    }
    return false;
}

static void check_lock(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct rivals rivals = {.other = {.store = second, .config = &a, .apply = {.batch = 2}}};
    struct beside one = {
        .store = store,
        .config = &a,
        .apply = {.batch = 1, .stop = let_other_begin, .stop_context = &rivals},
    };

    (void)context;
    gate_close();
    LAND(store, &a, PATIENT("known", VERSION("1")));
    apply_all(store, &a);
    LAND(store, &a, PATIENT("0", ""), PATIENT("known", VERSION("1")), PATIENT("1", HELD),
         PATIENT("2", ""));
    run_beside(&one);
    end(&one);
    end(&rivals.other);
    assert_string_equal(postgres_sql("select applied || ' ' || unchanged from f_sync_window"
                                     " order by number desc limit 1"),
                        "3 1");
    store_close(second);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_another_worker_has_read_waits_for_it, check_lock)

/* Two replay the same dead letter: it was applied by somebody already, as it is. */
static void check_replays(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE), lenient = a;
    const struct landing_dead_filter all = {.partner = a.partner.number};
    struct landing_dead_filter last = all;
    struct beside one = {.store = store, .config = &lenient, .dead = &all};
    struct beside two = {.store = second, .config = &lenient, .dead = &last};

    (void)context;
    lenient.level = VALIDATION_OFF;
    gate_close();
    LAND(store, &a, PATIENT("known", WRONG));
    apply_all(store, &lenient);
    LAND(store, &a, PATIENT("1", WRONG HELD), PATIENT("known", WRONG));
    assert_counts(apply_all(store, &a), 0, 0, 0, 2);
    last.number = atoll_of(postgres_sql("select max(number) from f_dead"));
    begin_held(&one);
    fiber_spawn(fiber_loop(), run_beside, &two);
    await_lock("select decided is not null from f_dead order by number desc limit 1");
    gate_open();
    end(&one);
    end(&two);
    assert_counts(one.result, 1, 1, 0, 0);
    assert_counts(two.result, 0, 0, 0, 0);
    store_close(second);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(two_who_replay_a_dead_letter_do_it_once, check_replays)

/* A transaction of somebody's has what the first of two batches needs, and wants what the second
 * one has. PostgreSQL sees it, because the second waits in PostgreSQL for the first. */
struct transaction_beside {
    struct store *store;
    const char *first, *second; /* ids of ours */
    unsigned calls;
    bool holds, ended;
    struct err err;
};

static bool lock_patient(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_statement statement = {
        "select from f_patient where id = $1::text for update"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(id));
    bool good = pg_query(pg, &statement, &params, arena, &result, err);
    arena_free(arena);
    return good;
}

static void run_transaction(void *context)
{
    struct transaction_beside *beside = context;
    struct pg *pg = pool_acquire(beside->store->transactions, &beside->err);
    char sql[200];

    if (!pg)
        fail_msg("%s", beside->err.text);
    pg_begin(pg);
    beside->holds = lock_patient(pg, beside->first, &beside->err);
    snprintf(sql, sizeof(sql),
             "select count(*) from (select from f_patient where id = '%s'"
             " for update skip locked) x",
             beside->second);
    postgres_until(sql, "0");
    (void)!lock_patient(pg, beside->second, &beside->err);
    pool_release(beside->store->transactions, pg);
    beside->ended = true;
}

static bool let_transaction_begin(void *context)
{
    struct transaction_beside *beside = context;

    if (++beside->calls != 3) /* the first batch is committed */
        return false;
    fiber_spawn(fiber_loop(), run_transaction, beside);
    while (!beside->holds)
        fiber_sleep(5);
    return false;
}

static void check_deadlock(void *context)
{
    postgres_sql("do 'begin execute format(''alter database %I set deadlock_timeout = 20'',"
                 " current_database()); end'");
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct transaction_beside beside = {
        .store = second,
        .first = local_id(store, &a, "Patient", "1"),
        .second = local_id(store, &a, "Patient", "2"),
    };
    struct beside one = {
        .store = store,
        .config = &a,
        .apply = {.batch = 1, .stop = let_transaction_begin, .stop_context = &beside},
    };

    (void)context;
    LAND(store, &a, PATIENT("1", VERSION("1")), PATIENT("2", VERSION("1")));
    apply_all(store, &a);
    LAND(store, &a, PATIENT("0", ""), PATIENT("1", CHANGED), PATIENT("2", CHANGED));
    run_beside(&one);
    end(&one);
    while (!beside.ended)
        fiber_sleep(5);
    assert_int_not_equal(beside.err.kind, ERR_TIMEOUT);
    assert_counts(one.result, 3, 0, 0, 0);
    store_close(second);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(who_waits_in_a_circle_with_two_batches_is_found, check_deadlock)

/* Of a commit nobody knows, a row is not a dead letter. */
static void check_unknown(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    LAND(store, &a, PATIENT("1", ""), PATIENT("2", ""));
    postgres_sql("create sequence deaths;"
                 "create function die() returns trigger language plpgsql as 'begin if"
                 " nextval(''deaths'') = 1 then perform pg_terminate_backend(pg_backend_pid());"
                 " end if; return null; end';"
                 "create constraint trigger die after insert on f_patient deferrable"
                 " initially deferred for each row execute function die()");
    assert_counts(apply_by(store, &a, 1), 2, 0, 0, 0);
    assert_int_equal(store->counters.transaction_retries, 1);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_row_does_not_die_of_a_commit_that_was_not_answered, check_unknown)

/* What PostgreSQL refuses here is applied by another worker before it is alone: the next row does
 * not die in its place. */
static void check_innocent(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct beside one = {.store = store, .config = &a, .apply = {.batch = 1}};
    struct beside two = {.store = second, .config = &a, .apply = {.most = 1}};

    (void)context;
    gate_close();
    postgres_sql("create sequence refusals;"
                 "create function refuse() returns trigger language plpgsql as 'begin if"
                 " nextval(''refusals'') = 1 then raise exception ''no''; end if;"
                 " return new; end';"
                 "create trigger refuse before insert on f_patient for each row"
                 " execute function refuse()");
    LAND(store, &a, PATIENT("1", HELD), PATIENT("2", ""));
    begin_held(&one);
    fiber_spawn(fiber_loop(), run_beside, &two);
    await_lock("select false");
    gate_open();
    end(&one);
    end(&two);
    assert_string_equal(postgres_sql("select applied || ' ' || dead from f_sync_window"), "2 0");
    store_close(second);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(a_row_does_not_die_in_place_of_another, check_innocent)

/* The answer to a push comes while its copy is being applied: then it is known whose it is. */
static void confirm_push(struct store *store, int32_t partner)
{
    struct landing_push push = {
        .type = "Patient", .id = "own", .version = 1, .partner = partner, .state = LANDING_SENT};
    const struct store_feed_position zero = {0}, first = {1, 10, 5};
    struct err err = {0};
    bool moved;

    assert_true(landing_push_plan(store, partner, &push, 1, &zero, &first, &moved, &err));
    assert_true(landing_push_mark(store, &push, 1, &err));
    push.state = LANDING_CONFIRMED;
    push.remote_id = "9";
    assert_true(landing_push_mark(store, &push, 1, &err));
}

static void check_confirmed(bool mentioned)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct beside one = {.store = store, .config = &a, .apply = {.batch = 1}};

    put(store, "Patient", "own", PATIENT("own", ""), arena);
    if (mentioned) {
        LAND(store, &a, OBSERVATION);
        apply_all(store, &a);
    }
    gate_close();
    LAND(store, &a, PATIENT("9", VERSION("1") HELD));
    begin_held(&one);
    confirm_push(second, a.partner.number);
    gate_open();
    end(&one);
    if (mentioned)
        assert_has(ours(store, &a, "Observation", "1", arena), "\"Patient/own\"");
    assert_string_equal(postgres_sql("select string_agg(id, ' ') from f_patient"), "own");
    assert_string_equal(postgres_sql("select linked from f_identity where id = '9'"), "own");
    store_close(second);
    store_close(store);
    arena_free(arena);
}

static void check_confirmed_new(void *context)
{
    (void)context;
    check_confirmed(false);
}
IN_DATABASE(a_push_confirmed_while_its_copy_is_applied_makes_no_second_one, check_confirmed_new)

static void check_confirmed_mentioned(void *context)
{
    (void)context;
    check_confirmed(true);
}
IN_DATABASE(also_when_the_copy_had_been_mentioned, check_confirmed_mentioned)

/* Also long after it was mentioned: by then it led to what had not come. */
static void check_confirmed_later(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    put(store, "Patient", "own", PATIENT("own", ""), arena);
    LAND(store, &a, OBSERVATION);
    apply_all(store, &a);
    confirm_push(store, a.partner.number);
    assert_string_equal(postgres_sql("select presence from f_identity where id = '9'"), "M");
    LAND(store, &a, PATIENT("9", VERSION("1")));
    apply_all(store, &a);
    assert_has(ours(store, &a, "Observation", "1", arena), "\"Patient/own\"");
    assert_int_equal(version_of(store, &a, "Observation", "1", arena), 2);
    assert_string_equal(postgres_sql("select string_agg(id, ' ') from f_patient"), "own");
    assert_string_equal(postgres_sql("select presence from f_identity where id = '9'"), "P");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_referred_to_a_copy_leads_to_ours_when_it_comes, check_confirmed_later)

/* What is pulled from one is pushed by another at the same moment: there is one copy of it. */
#define ELSEWHERE "https://c.example/fhir/Patient/7"
#define COPY(id, rest)                                                                             \
    "{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"meta\":{\"source\":\"" ELSEWHERE "\"}" rest \
    "}"

static const struct query *by_source(struct arena *arena, const char *source)
{
    const struct query_options options = query_options_default();
    struct issues issues;
    struct err err = {0};

    issues_init(&issues, arena, 1);
    const struct query *query =
        query_parse(arena, "Patient", text_of(arena_printf(arena, "_source=%s", source)), &options,
                    &issues, &err);
    if (!query)
        fail_msg("%s", err.text);
    return query;
}

static void check_pushed_here(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store(), *second = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);
    struct beside one = {.store = store, .config = &a, .apply = {.batch = 1}};
    struct store_write pushed = {
        .action = STORE_CREATE,
        .type = "Patient",
        .resource = parse(arena, COPY("x", "")),
        .criteria = by_source(arena, ELSEWHERE),
    };

    (void)context;
    a.content = echo_content;
    gate_close();
    LAND(store, &a, COPY("9", HELD));
    begin_held(&one);
    do_write(second, pushed, arena);
    gate_open();
    end(&one);
    assert_counts(one.result, 0, 1, 0, 0);
    assert_string_equal(postgres_sql("select count(*) from f_patient"), "1");
    assert_string_equal(
        postgres_sql("select (select linked from f_identity) = (select id from f_patient)"), "t");
    store_close(second);
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_is_pushed_here_while_it_is_pulled_is_there_once, check_pushed_here)

/* Somebody has written it under the id that it gets here: it is no copy of itself. */
static void check_itself(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct apply_config a = config_of(store, "a", A_BASE);

    (void)context;
    a.content = echo_content;
    put(store, "Patient", local_id(store, &a, "Patient", "9"), COPY("9", ""), arena);
    LAND(store, &a, COPY("9", ",\"active\":true"));
    assert_counts(apply_all(store, &a), 1, 0, 0, 0);
    assert_has(ours(store, &a, "Patient", "9", arena), "active");
    assert_string_equal(postgres_sql("select linked is null from f_identity"), "t");
    store_close(store);
    arena_free(arena);
}
IN_DATABASE(what_is_here_under_its_own_id_is_no_copy_of_itself, check_itself)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_worker_has_read_waits_for_it),
        cmocka_unit_test(two_who_replay_a_dead_letter_do_it_once),
        cmocka_unit_test(who_waits_in_a_circle_with_two_batches_is_found),
        cmocka_unit_test(a_row_does_not_die_of_a_commit_that_was_not_answered),
        cmocka_unit_test(a_row_does_not_die_in_place_of_another),
        cmocka_unit_test(a_push_confirmed_while_its_copy_is_applied_makes_no_second_one),
        cmocka_unit_test(also_when_the_copy_had_been_mentioned),
        cmocka_unit_test(what_referred_to_a_copy_leads_to_ours_when_it_comes),
        cmocka_unit_test(what_is_pushed_here_while_it_is_pulled_is_there_once),
        cmocka_unit_test(what_is_here_under_its_own_id_is_no_copy_of_itself),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
