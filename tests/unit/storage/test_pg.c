#include "storage/pg.h"

#include "base/arena.h"
#include "postgres.h"
#include "storage/pool.h"

enum { LONG_MS = 60000, SHORT_MS = 1000 };

/* What a test has: a connection of its own, and the answer to what it asked last. */
static struct arena *arena;
static struct pg *pg;
static const struct pg_result *r;
static struct err err;

struct check {
    void (*run)(void);
    int timeout_ms;
};

static void connect_and_run(void *context)
{
    const struct check *check = context;
    const struct pg_config config = {.conninfo = postgres_conninfo(),
                                     .lane = "test",
                                     .timeout_ms = check->timeout_ms,
                                     .mode = PG_SHARED};

    arena = arena_new();
    pg = pg_new(fiber_loop(), &config);
    err = (struct err){0};
    if (!pg_connect(pg, &err))
        fail_msg("%s", err.text);
    check->run();
    pg_free(pg);
    arena_free(arena);
}

static void with_connection(void (*run)(void), int timeout_ms)
{
    struct check check = {.run = run, .timeout_ms = timeout_ms};

    postgres_run(connect_and_run, &check);
}

static bool ask(const char *sql)
{
    err = (struct err){0};
    return pg_query_sql(pg, sql, NULL, arena, &r, &err);
}

static bool commit(void)
{
    err = (struct err){0};
    return pg_commit(pg, &err);
}

static void acquire(struct pool *pool)
{
    err = (struct err){0};
    pg = pool_acquire(pool, &err);
    assert_non_null(pg);
    pg_begin(pg);
}

static struct pg_counters counters(void)
{
    struct pg_counters found;

    pg_count(pg, &found);
    return found;
}

static const char all_types[] =
    "select $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::\"char\", $7::timestamptz,"
    " $8::text, $9::bytea, $10::int8[], $11::text, $12::int8[], $13::timestamptz, $14::text[],"
    " array_length($15::float8[], 1), ($16::timestamptz[])[1], ($17::int2[])[2], ($18::int4[])[1],"
    " ($19::bytea[])[1], ($20::int8[])[2], 'infinity'::timestamptz, '2026-11-22 13:48:05.123+00'::"
    "timestamptz";

static void send_all_types(void)
{
    struct pg_params p = pg_params_in(arena);
    const int64_t numbers[] = {1, INT64_MIN, 3};
    const bool nulls[] = {false, false, true};
    const struct text texts[] = {TEXT("a"), {0}, TEXT("")};
    const double floats[] = {0.5, 1.5};
    const int64_t times[] = {1};
    const int16_t shorts[] = {-1, -2};
    const int32_t ints[] = {-70000};

    pg_add_bool(&p, true);
    pg_add_int2(&p, -2);
    pg_add_int4(&p, -70000);
    pg_add_int8(&p, INT64_MIN);
    pg_add_float8(&p, -0.25);
    pg_add_char(&p, 'C');
    pg_add_timestamp(&p, 1764000000123456);
    pg_add_text(&p, TEXT("gr\xc3\xbc\xc3\x9f"));
    pg_add_bytea(&p, "\0\1\xff", 3);
    pg_add_int8_array(&p, numbers, nulls, 3);
    pg_add_null(&p);
    pg_add_int8_array(&p, NULL, NULL, 0);
    pg_add_timestamp(&p, INT64_MIN);
    pg_add_text_array(&p, texts, 3);
    pg_add_float8_array(&p, floats, NULL, 2);
    pg_add_timestamp_array(&p, times, NULL, 1);
    pg_add_int2_array(&p, shorts, 2);
    pg_add_int4_array(&p, ints, 1);
    pg_add_bytea_array(&p, texts, 1);
    pg_add_int8_array(&p, numbers, NULL, 3);
    if (!pg_query_sql(pg, all_types, &p, arena, &r, &err))
        fail_msg("%s", err.text);
}

static void check_all_types(void)
{
    size_t count;

    send_all_types();
    assert_int_equal(pg_rows(r), 1);
    assert_true(pg_bool(r, 0, 0));
    assert_int_equal(pg_int2(r, 0, 1), -2);
    assert_int_equal(pg_int4(r, 0, 2), -70000);
    assert_true(pg_int8(r, 0, 3) == INT64_MIN);
    assert_true(pg_float8(r, 0, 4) == -0.25);
    assert_int_equal(pg_char(r, 0, 5), 'C');
    assert_true(pg_timestamp(r, 0, 6) == 1764000000123456);
    assert_string_equal(pg_text(r, 0, 7).data, "gr\xc3\xbc\xc3\x9f");
    assert_int_equal(pg_bytea(r, 0, 8).size, 3);
    assert_memory_equal(pg_bytea(r, 0, 8).data, "\0\1\xff", 3);
    int64_t *back = pg_int8_array(r, 0, 9, arena, &count);
    assert_int_equal(count, 3);
    assert_true(back[0] == 1 && back[1] == INT64_MIN && back[2] == 0);
    assert_true(pg_is_null(r, 0, 10));
    assert_null(pg_int8_array(r, 0, 11, arena, &count));
    assert_int_equal(count, 0);
    assert_true(pg_timestamp(r, 0, 12) == INT64_MIN);
    assert_int_equal(pg_int4(r, 0, 14), 2);
    assert_true(pg_timestamp(r, 0, 15) == 1);
    assert_int_equal(pg_int2(r, 0, 16), -2);
    assert_int_equal(pg_int4(r, 0, 17), -70000);
    assert_int_equal(pg_bytea(r, 0, 18).size, 1);
    assert_true(pg_int8(r, 0, 19) == INT64_MIN);
    assert_true(pg_timestamp(r, 0, 20) == INT64_MAX);
    assert_true(pg_timestamp(r, 0, 21) == 1795355285123000);
}

static void values_of_all_types_go_and_come_back(void **state)
{
    (void)state;
    postgres_database();
    with_connection(check_all_types, LONG_MS);
}

/* Many fibers on one connection. */

struct reader {
    unsigned *left;
    int64_t number;
    struct waiter *done;
};

static const struct pg_statement divide = {"select 100 / $1::int8"};

static void read_one(void *context)
{
    struct reader *reader = context;
    struct arena *own = arena_new();
    struct err refused = {0};

    for (int i = 0; i < 20; i++) {
        struct pg_params p = pg_params_in(own);
        const struct pg_result *answer;

        pg_add_int8(&p, reader->number);
        bool ok = pg_query(pg, &divide, &p, own, &answer, &refused);
        assert_true(ok == (reader->number != 0));
        if (reader->number != 0)
            assert_int_equal(pg_int8(answer, 0, 0), 100 / reader->number);
        else
            assert_non_null(strstr(refused.text, "22012"));
    }
    if (--*reader->left == 0)
        fiber_wake(reader->done);
    arena_free(own);
}

static void run_readers(unsigned count, bool with_zero)
{
    struct reader readers[64];
    unsigned left = count;
    struct waiter done = {0};

    for (unsigned i = 0; i < count; i++) {
        readers[i] = (struct reader){.left = &left, .number = i, .done = &done};
        if (i == 0 && !with_zero)
            readers[i].number = 7;
        fiber_spawn(fiber_loop(), read_one, &readers[i]);
    }
    while (left)
        assert_true(fiber_wait(&done, LONG_MS, &err));
}

static void share_syncs(void)
{
    run_readers(64, false);
    assert_int_equal(counters().statements, 64 * 20);
    assert_true(counters().syncs < 64 * 20 / 4);
    assert_int_equal(counters().under_way, 0);
}

static void reads_of_a_turn_share_a_sync(void **state)
{
    (void)state;
    with_connection(share_syncs, LONG_MS);
}

static void divide_by_zero(void)
{
    run_readers(64, true);
    assert_true(counters().again > 0);
    assert_int_equal(counters().failures, 20);
}

static void a_failing_read_does_not_fail_its_neighbours(void **state)
{
    (void)state;
    with_connection(divide_by_zero, LONG_MS);
}

static void misspell(void)
{
    struct pg_reply bad = {0}, good = {0};

    pg_send_sql(pg, "selekt 'secret'", NULL, arena, &bad);
    pg_send_sql(pg, "select 5", NULL, arena, &good);
    assert_false(pg_wait(&bad, &r, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
    assert_string_equal(bad.sqlstate, "42601");
    assert_null(strstr(err.text, "secret"));
    assert_true(pg_wait(&good, &r, &err));
    assert_int_equal(pg_int4(r, 0, 0), 5);
    assert_true(ask("select 5"));
}

static void a_statement_that_cannot_be_prepared_is_refused_alone(void **state)
{
    (void)state;
    with_connection(misspell, LONG_MS);
}

static void make_many(void)
{
    for (int i = 0; i < 1200; i++) {
        char sql[64];

        snprintf(sql, sizeof(sql), "select %d", i % 600);
        assert_true(ask(sql));
        assert_int_equal(pg_int4(r, 0, 0), i % 600);
    }
    assert_true(ask("select count(*) from pg_prepared_statements"));
    assert_in_range(pg_int8(r, 0, 0), 200, 260);
}

static void statements_made_at_run_time_are_kept_within_bounds(void **state)
{
    (void)state;
    with_connection(make_many, LONG_MS);
}

/* Time */

/* With little time, on a machine that may be busy. */
static void ask_until_answered(const char *sql)
{
    for (int i = 0; i < 100; i++)
        if (ask(sql))
            return;
    fail_msg("%s", err.text);
}

static void sleep_too_long(void)
{
    assert_false(ask("select pg_sleep(30)::text"));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    ask_until_answered("select 1");
}

static void a_statement_that_takes_too_long_times_out(void **state)
{
    (void)state;
    with_connection(sleep_too_long, SHORT_MS);
}

/* A backend that stands still cannot even report its own timeout. */
static void stand_still(void)
{
    ask_until_answered("select pg_backend_pid()");
    pid_t backend = pg_int4(r, 0, 0);
    assert_int_equal(kill(backend, SIGSTOP), 0);
    assert_false(ask("select 1"));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    ask_until_answered("select 2"); /* on a new connection */
    assert_int_equal(pg_int4(r, 0, 0), 2);
    assert_true(counters().connects >= 2);
    assert_int_equal(kill(backend, SIGCONT), 0);
}

static void a_connection_that_stands_still_is_replaced(void **state)
{
    (void)state;
    with_connection(stand_still, SHORT_MS);
}

static void drop_replies(void)
{
    struct arena *gone = arena_new();
    struct pg_reply reply = {0};

    for (int i = 0; i < 10; i++) {
        pg_send_sql(pg, "select generate_series(1, 1000)", NULL, gone, &reply);
        pg_drop(&reply);
    }
    arena_free(gone);
    assert_true(ask("select 7"));
    assert_int_equal(pg_int4(r, 0, 0), 7);
}

static void an_answer_nobody_waits_for_is_thrown_away(void **state)
{
    (void)state;
    with_connection(drop_replies, LONG_MS);
}

/* Loss */

static const char *terminate = "select pg_terminate_backend(pid) from pg_stat_activity "
                               "where application_name like 'isthmus/%'";

/* Sequences remember the first time, also when it is lost. */
static const char *sleep_once = "select pg_backend_pid(), "
                                "case when nextval('turns') = 1 then pg_sleep(60) end::text";

static void be_terminated(void)
{
    struct pg_reply reply = {0};

    pg_send_sql(pg, "select pg_backend_pid()", NULL, arena, &reply);
    assert_true(pg_wait(&reply, &r, &err));
    int32_t before = pg_int4(r, 0, 0);
    postgres_sql("create sequence turns");
    pg_send_sql(pg, sleep_once, NULL, arena, &reply);
    postgres_until("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", "1");
    postgres_sql(terminate);
    if (!pg_wait(&reply, &r, &err))
        fail_msg("%s", err.text);
    assert_int_not_equal(pg_int4(r, 0, 0), before);
    assert_int_equal(counters().connects, 2);
}

static void a_read_survives_the_loss_of_its_connection(void **state)
{
    (void)state;
    with_connection(be_terminated, LONG_MS);
}

static void lose_the_server(void)
{
    assert_true(ask("select 1"));
    postgres_kill(SIGINT);
    for (int i = 0; i < 3; i++) {
        assert_false(ask("select 1"));
        assert_int_equal(err.kind, ERR_BUSY);
    }
    postgres_spawn();
    for (int i = 0; i < 1200 && !pg_connect(pg, &err); i++)
        fiber_sleep(50);
    assert_true(ask("select 1"));
}

static void without_a_server_it_is_busy_and_comes_back_with_it(void **state)
{
    (void)state;
    with_connection(lose_the_server, LONG_MS);
}

/* Transactions */

struct pooled {
    void (*run)(struct pool *pool);
    unsigned connections;
};

static void run_pooled(void *context)
{
    const struct pooled *pooled = context;
    struct pool *pool = pool_new(fiber_loop(), postgres_conninfo(), "transaction",
                                 pooled->connections, 1, LONG_MS, NULL);

    arena = arena_new();
    pooled->run(pool);
    pool_free(pool);
    arena_free(arena);
}

static void with_pool(void (*run)(struct pool *pool), unsigned connections)
{
    struct pooled pooled = {run, connections};

    postgres_database();
    postgres_run(run_pooled, &pooled);
}

static void transact(struct pool *pool)
{
    acquire(pool);
    assert_true(ask("create table t (n int4 unique)"));
    assert_true(ask("insert into t values (1)"));
    assert_int_equal(pg_affected(r), 1);
    assert_true(commit());

    pg_begin(pg);
    assert_true(ask("insert into t values (2)"));
    pool_release(pool, pg); /* never committed */

    acquire(pool);
    assert_false(ask("insert into t values (1)"));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_false(commit());
    assert_int_equal(err.kind, ERR_CONFLICT);
    pool_release(pool, pg);

    acquire(pool);
    assert_true(ask("select count(*) from t"));
    assert_int_equal(pg_int8(r, 0, 0), 1);
    pool_release(pool, pg);
}

static void a_transaction_writes_all_or_nothing(void **state)
{
    (void)state;
    with_pool(transact, 2);
}

static void lose_a_transaction(struct pool *pool)
{
    acquire(pool);
    assert_true(ask("create table t (n int4)"));
    postgres_sql(terminate);
    fiber_sleep(50);
    assert_false(ask("insert into t values (2)"));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_false(commit());
    assert_int_equal(err.kind, ERR_BUSY);
    pool_release(pool, pg);

    acquire(pool);
    assert_true(ask("create table t (n int4)"));
    assert_true(commit());
    pool_release(pool, pg);
}

static void a_lost_transaction_does_not_go_on_elsewhere(void **state)
{
    (void)state;
    with_pool(lose_a_transaction, 1);
}

struct line {
    struct pool *pool;
    unsigned got, refused, left;
    struct waiter done;
};

static void stand_in_line(void *context)
{
    struct line *line = context;
    struct err refused = {0};
    struct pg *own = pool_acquire(line->pool, &refused);

    if (own) {
        line->got++;
        fiber_sleep(20);
        pool_release(line->pool, own);
    } else {
        assert_int_equal(refused.kind, ERR_BUSY);
        line->refused++;
    }
    if (--line->left == 0)
        fiber_wake(&line->done);
}

static void queue_up(void *context)
{
    struct line line = {.left = 10};

    (void)context;
    err = (struct err){0};
    line.pool = pool_new(fiber_loop(), postgres_conninfo(), "transaction", 2, 5, LONG_MS, NULL);
    for (int i = 0; i < 10; i++)
        fiber_spawn(fiber_loop(), stand_in_line, &line);
    assert_true(fiber_wait(&line.done, LONG_MS, &err));
    assert_int_equal(line.got, 7);
    assert_int_equal(line.refused, 3);
    pool_free(line.pool);
}

static void more_than_the_queue_holds_are_refused(void **state)
{
    (void)state;
    postgres_run(queue_up, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_types_go_and_come_back),
        cmocka_unit_test(reads_of_a_turn_share_a_sync),
        cmocka_unit_test(a_failing_read_does_not_fail_its_neighbours),
        cmocka_unit_test(a_statement_that_cannot_be_prepared_is_refused_alone),
        cmocka_unit_test(statements_made_at_run_time_are_kept_within_bounds),
        cmocka_unit_test(a_statement_that_takes_too_long_times_out),
        cmocka_unit_test(a_connection_that_stands_still_is_replaced),
        cmocka_unit_test(an_answer_nobody_waits_for_is_thrown_away),
        cmocka_unit_test(a_read_survives_the_loss_of_its_connection),
        cmocka_unit_test(without_a_server_it_is_busy_and_comes_back_with_it),
        cmocka_unit_test(a_transaction_writes_all_or_nothing),
        cmocka_unit_test(a_lost_transaction_does_not_go_on_elsewhere),
        cmocka_unit_test(more_than_the_queue_holds_are_refused),
    };

    return cmocka_run_group_tests(tests, postgres_start, postgres_stop);
}
