#include "storage/jobs.h"

#include "writing.h"

#include <inttypes.h>

enum { STALE_MS = 60000 };

static const char *add(struct store *store, const char *payload, struct arena *arena)
{
    struct err err = {0};
    const char *name;

    if (!jobs_add(store, &us, "test", text_of(payload), 100, arena, &name, &err))
        fail_msg("%s", err.text);
    return name;
}

static struct job *take(struct store *store, int64_t runner, int64_t stale_ms, struct arena *arena)
{
    struct err err = {0};
    struct job *job;

    if (!jobs_take(store, runner, stale_ms, arena, &job, &err))
        fail_msg("%s", err.text);
    return job;
}

static struct job *find(struct store *store, const char *name, struct arena *arena)
{
    struct err err = {0};
    struct job *job;

    if (!jobs_find(store, &us, name, arena, &job, &err))
        fail_msg("%s", err.text);
    return job;
}

static void remove_all(struct store *store, struct arena *arena)
{
    struct job *job;
    struct err err = {0};
    bool removed;

    while ((job = take(store, 99, -1000, arena)))
        assert_true(jobs_remove(store, &us, job->name, arena, &removed, &err) && removed);
}

static void run_a_job_is_taken_once_and_its_result_is_kept(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};
    const char *name = add(store, "what to do", arena);

    assert_int_equal(find(store, name, arena)->state, JOB_WAITING);
    struct job *job = take(store, 7, STALE_MS, arena);
    assert_string_equal(job->name, name);
    assert_string_equal(job->kind, "test");
    assert_string_equal(job->payload.data, "what to do");
    assert_int_equal(job->takes, 1);
    assert_null(take(store, 8, STALE_MS, arena));
    assert_int_equal(find(store, name, arena)->state, JOB_RUNNING);

    assert_true(jobs_finish(store, job, TEXT("done"), 60000, &err));
    job = find(store, name, arena);
    assert_int_equal(job->state, JOB_DONE);
    assert_string_equal(job->result.data, "done");
    assert_true(job->expires > job->created);
    assert_null(take(store, 8, STALE_MS, arena));
    store_close(store);
    arena_free(arena);
}

static void run_whose_heartbeat_stops_loses_the_job(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};
    bool mine = false;

    add(store, "x", arena);
    struct job *first = take(store, 7, STALE_MS, arena);
    assert_true(jobs_beat(store, first, "half", &mine, &err));
    assert_true(mine);
    struct job *second = take(store, 8, -1000, arena); /* as if a long time had passed */
    assert_string_equal(second->name, first->name);
    assert_string_equal(second->progress, "half");
    assert_int_equal(second->takes, 2);

    assert_true(jobs_beat(store, first, NULL, &mine, &err));
    assert_false(mine);
    assert_true(jobs_finish(store, first, TEXT("too late"), 60000, &err));
    assert_int_equal(find(store, first->name, arena)->state, JOB_RUNNING);

    struct access old = us, new = us;
    const struct store_once lost = {first->number, 7, NULL}, held = {second->number, 8, NULL};
    old.once = &lost;
    new.once = &held;
    struct store_write write = {.action = STORE_CREATE,
                                .type = "Patient",
                                .resource = parse(arena, "{\"resourceType\":\"Patient\"}")};
    assert_false(store_write(store, &old, &write, arena, &err));
    assert_int_equal(err.kind, ERR_GONE);
    err = (struct err){0};
    if (!store_write(store, &new, &write, arena, &err))
        fail_msg("%s", err.text);
    assert_int_equal(find(store, first->name, arena)->steps, 1);
    remove_all(store, arena);
    store_close(store);
    arena_free(arena);
}

static void run_a_step_is_done_once(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct access access = us;
    struct err err = {0};
    char id[3][64];

    add(store, "x", arena);
    struct job *job = take(store, 7, STALE_MS, arena);
    const struct store_once once = {job->number, 7, NULL};
    access.once = &once;
    for (int i = 0; i < 3; i++) {
        struct store_write write = {.action = STORE_CREATE,
                                    .type = "Patient",
                                    .resource = parse(arena, "{\"resourceType\":\"Patient\"}")};
        access.step = i == 2 ? 5 : 4;
        if (!store_write(store, &access, &write, arena, &err))
            fail_msg("%s", err.text);
        assert_int_equal(write.outcome, STORE_CREATED);
        assert_int_equal(write.version.number, 1);
        assert_true(write.version.json_size > 0);
        snprintf(id[i], sizeof(id[i]), "%s", write.id);
    }
    assert_string_equal(id[0], id[1]);
    assert_string_not_equal(id[0], id[2]);
    remove_all(store, arena);
    store_close(store);
    arena_free(arena);
}

static void run_what_is_not_written_is_no_step(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct access access = us;
    struct err err = {0};
    bool recalled;

    add(store, "x", arena);
    struct job *job = take(store, 7, STALE_MS, arena);
    const struct store_once once = {job->number, 7, NULL};
    access.once = &once;
    struct store_write write = {
        .action = STORE_UPDATE,
        .type = "Patient",
        .id = "mismatch",
        .if_match = 4,
        .resource = parse(arena, "{\"resourceType\":\"Patient\",\"id\":\"mismatch\"}")};
    assert_false(store_write(store, &access, &write, arena, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    err = (struct err){0};
    assert_true(store_once_recall(store, &access, 0, &write, 1, arena, &recalled, &err));
    assert_false(recalled);
    remove_all(store, arena);
    store_close(store);
    arena_free(arena);
}

static void run_others_do_not_find_it(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    const struct access them = {.tenant = us.tenant, .client = "another"};
    const struct access elsewhere = {.tenant = us.tenant + 1, .client = us.client};
    const char *name = add(store, "x", arena);
    struct err err = {0};
    struct job *job;
    bool removed;

    assert_true(jobs_find(store, &them, name, arena, &job, &err));
    assert_null(job);
    assert_true(jobs_find(store, &elsewhere, name, arena, &job, &err));
    assert_null(job);
    assert_true(jobs_remove(store, &them, name, arena, &removed, &err));
    assert_false(removed);
    remove_all(store, arena);
    store_close(store);
    arena_free(arena);
}

static void run_so_many_may_wait_and_no_more(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};
    const char *name;

    assert_true(jobs_add(store, &us, "few", TEXT("x"), 1, arena, &name, &err));
    assert_false(jobs_add(store, &us, "few", TEXT("x"), 1, arena, &name, &err));
    assert_int_equal(err.kind, ERR_THROTTLED);
    remove_all(store, arena);
    store_close(store);
    arena_free(arena);
}

static void run_results_are_forgotten_in_time(void *context)
{
    (void)context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct err err = {0};
    const char *soon = add(store, "x", arena), *late = add(store, "y", arena);

    assert_true(jobs_finish(store, take(store, 7, STALE_MS, arena), TEXT("1"), -1000, &err));
    assert_true(jobs_finish(store, take(store, 7, STALE_MS, arena), TEXT("2"), 60000, &err));
    assert_true(jobs_expire(store, &err));
    assert_null(find(store, soon, arena));
    assert_non_null(find(store, late, arena));
    store_close(store);
    arena_free(arena);
}

#define IN_A_DATABASE(name)                                                                        \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        postgres_database();                                                                       \
        postgres_run(run_##name, NULL);                                                            \
    }

IN_A_DATABASE(a_job_is_taken_once_and_its_result_is_kept)
IN_A_DATABASE(whose_heartbeat_stops_loses_the_job)
IN_A_DATABASE(a_step_is_done_once)
IN_A_DATABASE(what_is_not_written_is_no_step)
IN_A_DATABASE(others_do_not_find_it)
IN_A_DATABASE(so_many_may_wait_and_no_more)
IN_A_DATABASE(results_are_forgotten_in_time)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_taken_once_and_its_result_is_kept),
        cmocka_unit_test(whose_heartbeat_stops_loses_the_job),
        cmocka_unit_test(a_step_is_done_once),
        cmocka_unit_test(what_is_not_written_is_no_step),
        cmocka_unit_test(others_do_not_find_it),
        cmocka_unit_test(so_many_may_wait_and_no_more),
        cmocka_unit_test(results_are_forgotten_in_time),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
