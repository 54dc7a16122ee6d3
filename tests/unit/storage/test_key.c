/* Key. */

#include "storage/key.h"

#include "storage/pool.h"
#include "writing.h"

/* The time limits of open_store() are short: rows live for the least time, 15 minutes. */
static void check_removal(void *context)
{
    struct store *store = open_store();

    (void)context;
    postgres_sql("insert into f_key (key, holder, made) values"
                 " (1, 7, clock_timestamp() - interval '1 day'),"
                 " (2, 7, clock_timestamp() - interval '15 minutes 10 seconds'),"
                 " (3, 7, clock_timestamp() - interval '14 minutes'),"
                 " (4, 7, clock_timestamp());");
    assert_false(key_remove_old(store));
    assert_string_equal(postgres_sql("select string_agg(key::text, ',' order by key) from f_key"),
                        "3,4");
    store_close(store);
}

/* Who creates again what was created before makes the row young. */
static void check_held(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};
    struct key key = {.key = 5, .held = true, .holder = 7};
    char sqlstate[6];
    bool all = false;

    (void)context;
    postgres_sql("insert into f_key (key, holder, made) values"
                 " (5, 7, clock_timestamp() - interval '1 day')");
    struct pg *pg = pool_acquire(store->transactions, &err);
    assert_non_null(pg);
    pg_begin(pg);
    assert_true(key_take(pg, &key, 1, 8, arena, &all, sqlstate, &err));
    assert_true(all);
    assert_true(pg_commit(pg, &err));
    pool_release(store->transactions, pg);
    assert_false(key_remove_old(store));
    assert_string_equal(postgres_sql("select key, holder from f_key"), "5|8");
    store_close(store);
    arena_free(arena);
}

IN_DATABASE(old_rows_are_removed_and_younger_ones_stay, check_removal)
IN_DATABASE(a_row_that_is_taken_over_is_young_again, check_held)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_rows_are_removed_and_younger_ones_stay),
        cmocka_unit_test(a_row_that_is_taken_over_is_young_again),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
