#include "storage/lane.h"

#include "base/arena.h"
#include "postgres.h"

enum { TIMEOUT_MS = 3000 };

static const struct pg_statement insert = {
    "insert into w (n, note) values ($1::int8, $2::text) on conflict do nothing returning n"};
static const struct pg_statement insert_strictly = {
    "insert into w (n, note) values ($1::int8, $2::text) returning n"};
static const struct pg_statement insert_other = {"insert into v (n) values ($1::int8)"};
static const struct pg_statement nonsense = {"insert into no_such_table values ($1::int8)"};
static const struct pg_statement insert_slowly = {
    "insert into w (n, note) select $1::int8, pg_sleep(2)::text returning n"};

static void make_tables(void)
{
    postgres_database();
    postgres_sql("create table w (n int8 primary key, note text, check (n <> 13));"
                 "create table v (n int8 primary key deferrable initially deferred)");
}

struct writer {
    struct lane *lane;
    unsigned *left;
    struct waiter *done;
    const struct pg_statement *statement;
    int64_t number;
    int64_t other; /* also insert_other, unless 0 */
    bool ok;
    struct err err;
    char sqlstate[6];
};

static void write_one(void *context)
{
    struct writer *writer = context;
    struct arena *arena = arena_new();
    struct pg_params first = pg_params_in(arena), second = pg_params_in(arena);
    struct lane_call calls[] = {
        {.statement = writer->statement, .params = &first},
        {.statement = &insert_other, .params = &second},
    };

    pg_add_int8(&first, writer->number);
    if (writer->statement == &insert || writer->statement == &insert_strictly)
        pg_add_text(&first, TEXT("note"));
    pg_add_int8(&second, writer->other);
    writer->ok = lane_write(writer->lane, calls, writer->other ? 2 : 1, arena, writer->sqlstate,
                            &writer->err);
    if (writer->ok)
        assert_int_equal(pg_int8(calls[0].result, 0, 0), writer->number);
    if (--*writer->left == 0)
        fiber_wake(writer->done);
    arena_free(arena);
}

static struct lane *open_lane(void)
{
    struct lane *lane = lane_new(fiber_loop(), postgres_conninfo(), TIMEOUT_MS, NULL);
    struct err err = {0};

    if (!lane_connect(lane, &err))
        fail_msg("%s", err.text);
    return lane;
}

/* Runs them all at once and waits. */
static void run_writers(struct lane *lane, struct writer *writers, unsigned count)
{
    unsigned left = count;
    struct waiter done = {0};
    struct err err = {0};

    for (unsigned i = 0; i < count; i++) {
        writers[i].lane = lane;
        writers[i].left = &left;
        writers[i].done = &done;
        if (!writers[i].statement)
            writers[i].statement = &insert;
        if (!writers[i].number)
            writers[i].number = 1000 + i;
        fiber_spawn(fiber_loop(), write_one, &writers[i]);
    }
    while (left)
        assert_true(fiber_wait(&done, 60000, &err));
}

static void share_commits(void *context)
{
    struct writer writers[100] = {0};
    struct lane *lane = open_lane();
    struct lane_counters counters;
    struct pg_counters connection;

    (void)context;
    run_writers(lane, writers, 100);
    for (int i = 0; i < 100; i++)
        assert_true(writers[i].ok);
    lane_count(lane, &counters, &connection);
    assert_int_equal(counters.writes, 100);
    assert_true(counters.batches <= 3);
    assert_int_equal(counters.alone, 0);
    lane_free(lane);
}

static void writes_of_one_moment_share_a_commit(void **state)
{
    (void)state;
    make_tables();
    postgres_run(share_commits, NULL);
    assert_string_equal(postgres_sql("select count(*) from w"), "100");
}

static void fail_among_others(void *context)
{
    struct writer writers[40] = {0};
    struct lane *lane = open_lane();

    (void)context;
    writers[7].number = 13;            /* against the check */
    writers[20].statement = &nonsense; /* cannot even be prepared */
    writers[30].statement = &insert_strictly;
    writers[30].number = 1000; /* a duplicate of the first */
    writers[33].other = 5;
    writers[34].other = 5; /* fails at the commit only: the constraint is deferred */
    run_writers(lane, writers, 40);

    assert_string_equal(writers[7].sqlstate, "23514");
    assert_string_equal(writers[20].sqlstate, "42P01");
    assert_string_equal(writers[30].sqlstate, "23505");
    assert_int_equal(writers[7].err.kind, ERR_CONFLICT);
    assert_int_equal(writers[20].err.kind, ERR_INTERNAL);
    assert_true(writers[33].ok != writers[34].ok);
    assert_null(strstr(writers[7].err.text, "note"));
    for (int i = 0; i < 40; i++)
        assert_true(writers[i].ok || i == 7 || i == 20 || i == 30 || i == 33 || i == 34);
    lane_free(lane);
}

static void writes_that_share_a_commit_with_one_that_fails_succeed_once(void **state)
{
    (void)state;
    make_tables();
    postgres_run(fail_among_others, NULL);
    assert_string_equal(postgres_sql("select count(*), count(distinct n) from w"), "36|36");
    assert_string_equal(postgres_sql("select count(*) from v"), "1");
}

static void write_twice(void *context)
{
    struct writer writers[2] = {{.number = 1}, {.number = 2}};
    struct lane *lane = open_lane();

    (void)context;
    run_writers(lane, writers, 2);
    writers[0] = (struct writer){.number = 13};
    writers[1] = (struct writer){.number = 3};
    run_writers(lane, writers, 2);
    assert_false(writers[0].ok);
    assert_true(writers[1].ok);
    lane_free(lane);
}

static void a_lane_goes_on_after_a_failure(void **state)
{
    (void)state;
    make_tables();
    postgres_run(write_twice, NULL);
    assert_string_equal(postgres_sql("select count(*) from w"), "3");
}

static void kill_writers(void *context)
{
    struct lane *lane = context;

    (void)lane;
    /* However slow the machine: not before the statement runs. */
    postgres_until("select count(*) > 0 from pg_stat_activity where application_name like "
                   "'isthmus/write%' and wait_event = 'PgSleep'",
                   "t");
    postgres_sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like "
        "'isthmus/write%'");
}

static void be_killed(void *context)
{
    struct writer writers[5] = {{.statement = &insert_slowly}};
    struct lane *lane = open_lane();
    struct lane_counters counters;
    struct pg_counters connection;

    (void)context;
    fiber_spawn(fiber_loop(), kill_writers, lane);
    run_writers(lane, writers, 5);
    for (int i = 0; i < 5; i++) {
        assert_false(writers[i].ok);
        assert_int_equal(writers[i].err.kind, ERR_UNKNOWN);
    }
    /* The lane is there again. */
    memset(writers, 0, sizeof(writers));
    run_writers(lane, writers, 5);
    for (int i = 0; i < 5; i++)
        assert_true(writers[i].ok);
    lane_count(lane, &counters, &connection);
    assert_int_equal(counters.unknown, 1);
    assert_int_equal(connection.connects, 2);
    lane_free(lane);
}

static void a_commit_whose_answer_is_lost_is_unknown(void **state)
{
    (void)state;
    make_tables();
    postgres_run(be_killed, NULL);
    assert_string_equal(postgres_sql("select count(*) from w"), "5");
}

static void without_server(void *context)
{
    struct writer writers[3] = {0};
    struct lane *lane = open_lane();
    struct err err = {0};

    (void)context;
    postgres_kill(SIGINT);
    fiber_sleep(20);
    run_writers(lane, writers, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(writers[i].err.kind, ERR_BUSY);

    postgres_spawn();
    for (int i = 0; i < 1200 && !lane_connect(lane, &err); i++)
        fiber_sleep(50);
    memset(writers, 0, sizeof(writers));
    run_writers(lane, writers, 3);
    for (int i = 0; i < 3; i++)
        assert_true(writers[i].ok);
    lane_free(lane);
}

static void without_a_server_nothing_is_written_and_it_says_busy(void **state)
{
    (void)state;
    make_tables();
    postgres_run(without_server, NULL);
    assert_string_equal(postgres_sql("select count(*) from w"), "3");
}

/* Two lanes that take the same two rows in opposite order. */

static const struct pg_statement update = {
    "update w set note = note || 'x' where n = $1::int8 returning n"};
static const struct pg_statement update_slowly = {
    "update w set note = note || 'x' where n = $1::int8 and pg_sleep(0.1) is not null returning n"};

static void deadlock(void *context)
{
    struct lane *lanes[] = {open_lane(), open_lane()};
    struct writer first[2] = {{.number = 1}, {.number = 2}};
    struct writer pair[4] = {
        {.lane = lanes[0], .number = 1, .statement = &update_slowly},
        {.lane = lanes[0], .number = 2, .statement = &update_slowly},
        {.lane = lanes[1], .number = 2, .statement = &update_slowly},
        {.lane = lanes[1], .number = 1, .statement = &update},
    };
    unsigned left = 4;
    struct waiter done = {0};
    struct err err = {0};

    (void)context;
    run_writers(lanes[0], first, 2);
    for (int i = 0; i < 4; i++) {
        pair[i].left = &left;
        pair[i].done = &done;
        fiber_spawn(fiber_loop(), write_one, &pair[i]);
    }
    while (left)
        assert_true(fiber_wait(&done, 60000, &err));
    for (int i = 0; i < 4; i++)
        if (!pair[i].ok)
            fail_msg("%d: %s", i, pair[i].err.text);
    lane_free(lanes[0]);
    lane_free(lanes[1]);
}

static void a_deadlock_between_two_lanes_is_resolved(void **state)
{
    (void)state;
    make_tables();
    postgres_run(deadlock, NULL);
    assert_string_equal(postgres_sql("select string_agg(note, ',' order by n) from w"),
                        "notexx,notexx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_of_one_moment_share_a_commit),
        cmocka_unit_test(writes_that_share_a_commit_with_one_that_fails_succeed_once),
        cmocka_unit_test(a_lane_goes_on_after_a_failure),
        cmocka_unit_test(a_commit_whose_answer_is_lost_is_unknown),
        cmocka_unit_test(without_a_server_nothing_is_written_and_it_says_busy),
        cmocka_unit_test(a_deadlock_between_two_lanes_is_resolved),
    };

    return cmocka_run_group_tests(tests, postgres_start, postgres_stop);
}
