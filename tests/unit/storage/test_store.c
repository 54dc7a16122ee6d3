#include "storage/store_internal.h"

#include "base/arena.h"
#include "base/buf.h"
#include "postgres.h"

static struct store_config config(void)
{
    return (struct store_config){.database = postgres_conninfo(),
                                 .statement_timeout_ms = 60000,
                                 .search_timeout_ms = 60000,
                                 .transaction_timeout_ms = 60000,
                                 .transaction_lanes = 2};
}

static struct store *open_store(void)
{
    struct store_config c = config();
    struct err err = {0};
    struct store *store = store_open(fiber_loop(), &c, &err);

    if (!store)
        fail_msg("%s", err.text);
    return store;
}

static const char *count_migrations(void)
{
    return postgres_sql("select count(*), max(number) from f_migration");
}

static void open_twice(void *context)
{
    struct err err = {0};
    struct store *first = open_store();

    (void)context;
    assert_true(store_ping(first, &err));
    struct hash_key key = first->key;
    assert_int_equal(first->epoch, 1);
    store_close(first);
    char migrations[32];
    snprintf(migrations, sizeof(migrations), "%s", count_migrations());
    assert_string_not_equal(migrations, "0|0");

    struct store *second = open_store();
    assert_memory_equal(&second->key, &key, sizeof(key));
    assert_int_equal(second->epoch, 1);
    store_close(second);
    assert_string_equal(count_migrations(), migrations);
    assert_string_equal(postgres_sql("select count(*) from f_dictionary"), "1");
}

static void a_database_is_migrated_once_and_keeps_its_key(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(open_twice, NULL);
}

struct crowd {
    unsigned left;
    struct waiter done;
    struct hash_key keys[6];
};

static void open_in_crowd(void *context)
{
    struct crowd *crowd = context;
    struct store *store = open_store();

    crowd->keys[--crowd->left] = store->key;
    store_close(store);
    if (crowd->left == 0)
        fiber_wake(&crowd->done);
}

static void open_at_once(void *context)
{
    struct crowd crowd = {.left = 6};
    struct err err = {0};

    (void)context;
    for (int i = 0; i < 6; i++)
        fiber_spawn(fiber_loop(), open_in_crowd, &crowd);
    while (crowd.left)
        assert_true(fiber_wait(&crowd.done, 60000, &err));
    fiber_sleep(50);
    for (int i = 1; i < 6; i++)
        assert_memory_equal(&crowd.keys[i], &crowd.keys[0], sizeof(crowd.keys[0]));
}

static void several_may_migrate_at_once(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(open_at_once, NULL);
    assert_string_equal(postgres_sql("select count(*) = max(number) from f_migration"), "t");
}

static void expect_refusal(void *context)
{
    struct store_config c = config();
    struct err err = {0};

    assert_null(store_open(fiber_loop(), &c, &err));
    assert_non_null(strstr(err.text, context));
}

static void open_and_close(void *context)
{
    (void)context;
    store_close(open_store());
}

static void a_migration_in_another_form_is_refused(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(open_and_close, NULL);
    postgres_sql("update f_migration set sha = sha || sha where number = 1");
    postgres_run(expect_refusal, (char[]){"in another form"});
}

static void a_database_of_a_newer_program_is_refused(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(open_and_close, NULL);
    postgres_sql("insert into f_migration (number, name, sha) select 99, name, sha from "
                 "f_migration where number = 1");
    postgres_run(expect_refusal, (char[]){"newer version"});
}

static void open_unsafe(void *context)
{
    struct store_config c = config();
    struct err err = {0};

    (void)context;
    c.unsafe_durability = true;
    struct store *store = store_open(fiber_loop(), &c, &err);
    assert_non_null(store);
    store_close(store);
}

static void a_database_that_would_lose_writes_is_refused(void **state)
{
    (void)state;
    postgres_database();
    char sql[128];
    snprintf(sql, sizeof(sql), "alter database test%u set synchronous_commit = off",
             postgres_databases);
    postgres_sql(sql);
    postgres_run(expect_refusal, (char[]){"synchronous_commit = off"});
    postgres_run(open_unsafe, NULL);
}

static void check_epoch(void *context)
{
    struct store *store = open_store();

    assert_int_equal(store->epoch, *(unsigned *)context);
    store_close(store);
}

static void the_epoch_rises_in_another_cluster(void **state)
{
    unsigned epoch = 1;

    (void)state;
    postgres_database();
    postgres_run(check_epoch, &epoch);
    postgres_sql("update f_meta set value = '12345' where key = 'cluster'");
    epoch = 2;
    postgres_run(check_epoch, &epoch);
    postgres_run(check_epoch, &epoch);
}

static void count_everything(void *context)
{
    struct store *first = open_store(), *second = open_store();
    struct buf out = {0};
    struct err err = {0};

    (void)context;
    assert_true(store_ping(first, &err) && store_ping(second, &err));
    first->counters.reads = 3;
    second->counters.reads = 4;
    store_write_metrics(second, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "\nisthmus_store_reads_total 7\n"));
    assert_non_null(strstr(text, "\nisthmus_store_transaction_connections 4\n"));
    assert_non_null(strstr(text, "\nisthmus_database_connections{lane=\"read\"} 2\n"));
    assert_non_null(strstr(text, "\nisthmus_database_connects_total{lane=\"transaction\"} 4\n"));
    store_close(first);
    buf_clear(&out);
    store_write_metrics(second, &out);
    assert_non_null(strstr(buf_text(&out), "\nisthmus_store_reads_total 4\n"));
    buf_release(&out);
    store_close(second);
}

static void metrics_are_of_all_stores_of_the_process(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(count_everything, NULL);
}

static void nobody_there(void *context)
{
    struct store_config c = config();
    struct err err = {0};

    (void)context;
    c.database = "host=/nowhere dbname=x";
    assert_null(store_open(fiber_loop(), &c, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "/nowhere"));
}

static void without_a_database_it_says_so(void **state)
{
    (void)state;
    postgres_run(nobody_there, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_is_migrated_once_and_keeps_its_key),
        cmocka_unit_test(several_may_migrate_at_once),
        cmocka_unit_test(a_migration_in_another_form_is_refused),
        cmocka_unit_test(a_database_of_a_newer_program_is_refused),
        cmocka_unit_test(a_database_that_would_lose_writes_is_refused),
        cmocka_unit_test(the_epoch_rises_in_another_cluster),
        cmocka_unit_test(metrics_are_of_all_stores_of_the_process),
        cmocka_unit_test(without_a_database_it_says_so),
    };

    return cmocka_run_group_tests(tests, postgres_start, postgres_stop);
}
