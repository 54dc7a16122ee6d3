/* Write. */

#include "writing.h"

#include <glob.h>

#define ANN  "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Ann\"}],\"active\":true}"
#define BETH "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Beth\"}],\"active\":true}"

static void check_create(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    struct store_write write = post(store, "Patient",
                                    "{\"resourceType\":\"Patient\",\"id\":\"mine\",\"active\":true,"
                                    "\"meta\":{\"versionId\":\"9\",\"tag\":[{\"code\":\"t\"}]}}",
                                    arena);

    assert_int_equal(write.outcome, STORE_CREATED);
    assert_int_equal(strlen(write.id), 36);
    assert_int_equal(write.version.number, 1);
    assert_int_equal(write.version.method, STORE_POST);
    assert_true(store_read(store, &us, "Patient", write.id, arena, &found, &err));
    assert_non_null(found);
    assert_string_equal(found->json, write.version.json);
    assert_int_equal(found->last_updated, write.version.last_updated);
    assert_int_equal(found->last_updated % 1000, 0);

    char expected[300];
    snprintf(expected, sizeof(expected),
             "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"meta\":{\"versionId\":\"1\","
             "\"lastUpdated\":\"",
             write.id);
    assert_memory_equal(found->json, expected, strlen(expected));
    assert_non_null(strstr(found->json, "Z\",\"tag\":[{\"code\":\"t\"}]},\"active\":true}"));
    assert_string_equal(postgres_sql("select count(*), min(op::text), min(id) from f_log"),
                        arena_printf(arena, "1|C|%s", write.id));
    store_close(store);
    arena_free(arena);
}

static void check_versions(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    struct store_write first = put(store, "Patient", "p", ANN, arena);
    struct store_write second = put(store, "Patient", "p", BETH, arena);

    assert_int_equal(first.outcome, STORE_CREATED);
    assert_int_equal(first.version.method, STORE_PUT);
    assert_int_equal(second.outcome, STORE_UPDATED);
    assert_int_equal(second.version.number, 2);
    assert_true(second.version.last_updated > first.version.last_updated);
    assert_true(store_vread(store, &us, "Patient", "p", 1, arena, &found, &err));
    assert_string_equal(found->json, first.version.json);
    assert_true(store_read(store, &us, "Patient", "p", arena, &found, &err));
    assert_string_equal(found->json, second.version.json);
    assert_string_equal(postgres_sql("select string_agg(ver || op, ',' order by seq) from f_log"),
                        "1U,2U");
    store_close(store);
    arena_free(arena);
}

static void check_unchanged(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    struct store_write first = put(store, "Patient", "p", ANN, arena);
    /* The same content, in another order, with another stamp. */
    struct store_write again =
        put(store, "Patient", "p",
            "{\"name\":[{\"family\":\"Ann\"}],\"active\":true,"
            "\"meta\":{\"lastUpdated\":\"2001-01-01T00:00:00Z\","
            "\"versionId\":\"7\"},\"id\":\"p\",\"resourceType\":\"Patient\"}",
            arena);

    assert_int_equal(again.outcome, STORE_UNCHANGED);
    assert_int_equal(again.version.number, 1);
    assert_int_equal(again.version.last_updated, first.version.last_updated);
    assert_string_equal(again.version.json, first.version.json);
    assert_string_equal(postgres_sql("select count(*) from f_log"), "1");

    /* A decimal's digits are content. */
    put(store, "Observation", "o",
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
        "\"valueQuantity\":{\"value\":1.5}}",
        arena);
    assert_int_equal(put(store, "Observation", "o",
                         "{\"resourceType\":\"Observation\",\"status\":\"final\","
                         "\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"value\":1.50}}",
                         arena)
                         .outcome,
                     STORE_UPDATED);
    store_close(store);
    arena_free(arena);
}

static void check_removal(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    assert_int_equal(take_out(store, "Patient", "p", arena).outcome, STORE_NOTHING_TO_REMOVE);
    put(store, "Patient", "p", ANN, arena);
    struct store_write removal = take_out(store, "Patient", "p", arena);
    assert_int_equal(removal.outcome, STORE_REMOVED);
    assert_int_equal(removal.version.number, 2);
    assert_int_equal(removal.version.method, STORE_DELETE);
    assert_null(removal.version.json);
    assert_true(store_read(store, &us, "Patient", "p", arena, &found, &err));
    assert_non_null(found);
    assert_null(found->json);
    assert_int_equal(found->number, 2);
    assert_true(store_vread(store, &us, "Patient", "p", 1, arena, &found, &err));
    assert_non_null(found->json);
    assert_string_equal(postgres_sql(SQL_ROWS), "0");
    assert_int_equal(take_out(store, "Patient", "p", arena).outcome, STORE_NOTHING_TO_REMOVE);

    struct store_write back = put(store, "Patient", "p", BETH, arena);
    assert_int_equal(back.outcome, STORE_CREATED);
    assert_int_equal(back.version.number, 3);
    assert_true(back.version.last_updated > removal.version.last_updated);
    assert_string_equal(postgres_sql("select string_agg(ver || op, ',' order by seq) from f_log"),
                        "1U,2D,3U");
    assert_string_equal(postgres_sql("select string_agg(ver || op, ',' order by ver) from f_hist"),
                        "1U,2D");
    store_close(store);
    arena_free(arena);
}

static void check_if_match(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write write = {.action = STORE_UPDATE,
                                .type = "Patient",
                                .id = "p",
                                .resource = parse(arena, BETH),
                                .if_match = 1};

    (void)context;
    assert_int_equal(do_write(store, write, arena).outcome, STORE_VERSION_MISMATCH);
    put(store, "Patient", "p", ANN, arena);
    assert_int_equal(do_write(store, write, arena).outcome, STORE_UPDATED);
    struct store_write late = do_write(store, write, arena);
    assert_int_equal(late.outcome, STORE_VERSION_MISMATCH);
    assert_int_equal(late.version.number, 2);

    struct store_write removal = {
        .action = STORE_REMOVE, .type = "Patient", .id = "p", .if_match = 1};
    assert_int_equal(do_write(store, removal, arena).outcome, STORE_VERSION_MISMATCH);
    removal.if_match = 2;
    assert_int_equal(do_write(store, removal, arena).outcome, STORE_REMOVED);
    store_close(store);
    arena_free(arena);
}

static void check_side_rows(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    put(store, "Patient", "p",
        "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"One\",\"given\":[\"Two\"]}],"
        "\"deceasedDateTime\":\"2020-01-01\"}",
        arena);
    postgres_sql("create table before as select ctid as place, * from f_str");
    put(store, "Patient", "p",
        "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"One\",\"given\":[\"Three\"]}]}",
        arena);
    /* Only what changed was touched. */
    assert_string_equal(
        postgres_sql("select string_agg(distinct norm, ',' order by norm) from f_str"),
        "one,three");
    assert_string_equal(postgres_sql("select bool_and(s.ctid = b.place) from before b left join "
                                     "f_str s using (h, norm, rkey) where b.norm = 'one'"),
                        "t");
    assert_string_equal(postgres_sql("select count(*) from f_date"), "0");

    put(store, "Patient", "q", "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Other\"}]}",
        arena);
    take_out(store, "Patient", "p", arena);
    assert_string_equal(
        postgres_sql("select string_agg(distinct norm, ',' order by norm) from f_str"), "other");
    store_close(store);
    arena_free(arena);
}

static void check_hot(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();

    (void)context;
    put(store, "Patient", "p",
        "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"One\"}],\"contact\":[{\"gender\":"
        "\"male\"}]}",
        arena);
    for (int i = 0; i < 5; i++)
        put(store, "Patient", "p",
            arena_printf(arena,
                         "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"One\"}],"
                         "\"contact\":[{\"organization\":{\"display\":\"%d\"}}]}",
                         i),
            arena);
    store_close(store);
    /* Backends hand in their numbers when they end. */
    postgres_until("select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables "
                   "where relname = 'f_patient'",
                   "5|5");
    arena_free(arena);
}

struct crowd {
    struct store *store;
    struct waiter done;
    unsigned left, written, lost, finished;
    const char *id; /* NULL: creates */
    int64_t if_match;
};

static void write_in_crowd(void *context)
{
    struct crowd *crowd = context;
    struct arena *arena = arena_new();
    struct store_write write = {
        .action = crowd->id ? STORE_UPDATE : STORE_CREATE,
        .type = "Patient",
        .id = crowd->id,
        .resource = parse(arena, arena_printf(arena,
                                              "{\"resourceType\":\"Patient\",\"name\":[{"
                                              "\"family\":\"N%u\"}]}",
                                              crowd->left)),
        .if_match = crowd->if_match,
    };
    struct err err = {0};

    crowd->left--;
    if (store_write(crowd->store, &us, &write, arena, &err))
        crowd->written += write.outcome == STORE_CREATED || write.outcome == STORE_UPDATED;
    else
        crowd->lost++;
    arena_free(arena);
    crowd->finished++;
    fiber_wake(&crowd->done);
}

static void run_crowd(struct crowd *crowd, unsigned count)
{
    struct err err = {0};

    crowd->left = count;
    crowd->written = crowd->lost = crowd->finished = 0;
    for (unsigned i = 0; i < count; i++)
        fiber_spawn(fiber_loop(), write_in_crowd, crowd);
    while (crowd->finished < count)
        assert_true(fiber_wait(&crowd->done, 30000, &err));
}

static void check_shared_commits(void *context)
{
    struct crowd crowd = {.store = open_store()};
    struct lane_counters counters;
    struct pg_counters connection;

    (void)context;
    run_crowd(&crowd, 64);
    assert_int_equal(crowd.written, 64);
    assert_string_equal(postgres_sql("select count(*), count(distinct id) from f_patient"),
                        "64|64");
    lane_count(crowd.store->write, &counters, &connection);
    assert_in_range(counters.batches, 1, 32);
    store_close(crowd.store);
}

/* Everybody reads version n and wants n + 1: all get there, one behind the other. */
static void check_rivals(void *context)
{
    struct crowd crowd = {.store = open_store(), .id = "p"};

    (void)context;
    run_crowd(&crowd, 12);
    assert_int_equal(crowd.written + crowd.lost, 12);
    assert_true(crowd.written > 0);
    assert_string_equal(
        postgres_sql("select count(*) = max(ver) and count(*) = count(distinct ver) "
                     "from f_log"),
        "t");

    crowd.if_match = atoll_of(postgres_sql("select ver from f_patient"));
    run_crowd(&crowd, 12);
    assert_int_equal(crowd.written, 1);
    store_close(crowd.store);
}

/* A row that violates a rule of the table fails alone. */
static void check_guilty_neighbour(void *context)
{
    struct crowd crowd = {.store = open_store()};

    (void)context;
    postgres_sql("create function refuse() returns trigger language plpgsql as 'begin if "
                 "random() < 0.1 then raise exception ''no''; end if; return new; end'; "
                 "create trigger t before insert on f_patient for each row execute function "
                 "refuse()");
    run_crowd(&crowd, 64);
    assert_int_equal(crowd.written + crowd.lost, 64);
    assert_true(crowd.written > 0);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_patient")), crowd.written);
    assert_int_equal(atoll_of(postgres_sql("select count(*) from f_log")), crowd.written);
    store_close(crowd.store);
}

/* Whatever happens to connections, what was acknowledged is there once and what failed is not. */
static void check_killed_backends(void *context)
{
    struct crowd crowd = {.store = open_store()};

    (void)context;
    for (int round = 0; round < 2; round++) {
        unsigned before = (unsigned)atoll_of(postgres_sql("select count(*) from f_patient"));

        postgres_sql(
            "create or replace function kill_me() returns trigger language plpgsql as '"
            "begin if random() < 0.05 then perform pg_terminate_backend(pg_backend_pid()); "
            "end if; return new; end'; create "
            "constraint trigger k after insert on f_log deferrable initially deferred "
            "for each row execute function kill_me()");
        run_crowd(&crowd, 40);
        postgres_sql("drop trigger k on f_log");
        assert_int_equal(crowd.written + crowd.lost, 40);
        assert_int_equal(atoll_of(postgres_sql("select count(*) from f_patient")),
                         before + crowd.written);
    }
    store_close(crowd.store);
}

/* A resource file as it is; NULL when it is none. */
static struct node *read_example(struct arena *arena, const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    struct issues issues;
    struct err err = {0};

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    char *json = arena_alloc_raw(arena, (size_t)status.st_size);
    size_t size = fread(json, 1, (size_t)status.st_size, file);
    fclose(file);
    issues_init(&issues, arena, 10);
    struct node *node = json_read(arena, json, size, &json_default_limits, &issues, &err);
    return node && node->type && node_value(node, "id").data ? node : NULL;
}

/* Side rows are deleted by their exact values, worked out from what was stored: if they came out
 * differently than when they were written, some would stay behind. */
static void check_examples(void *context)
{
    const glob_t *files = context;
    struct arena *arena = arena_new();
    struct store *store = open_store();
    unsigned written = 0;

    for (int removing = 0; removing < 2; removing++) {
        for (size_t i = 0; i < files->gl_pathc; i++) {
            struct node *node = read_example(arena, files->gl_pathv[i]);

            if (node) {
                struct store_write write = {.action = removing ? STORE_REMOVE : STORE_UPDATE,
                                            .type = node->type->name,
                                            .id = text_dup(arena, node_value(node, "id")),
                                            .resource = removing ? NULL : node};

                do_write(store, write, arena);
                written++;
            }
            arena_reset(arena);
        }
        if (!removing)
            assert_true(atoll_of(postgres_sql(SQL_ROWS)) > 0);
    }
    assert_true(written > 0);
    assert_string_equal(postgres_sql(SQL_ROWS), "0");
    assert_string_equal(postgres_sql("select count(*) from f_other"), "0");
    store_close(store);
    arena_free(arena);
}

static void of_the_examples_of_r4_nothing_stays_behind_when_removed(void **state)
{
    const char *data = getenv("ISTHMUS_TEST_DATA");
    char pattern[512];
    glob_t files;

    (void)state;
    snprintf(pattern, sizeof(pattern), "%s/r4-examples/*.json", data ? data : "../shared/data");
    if (glob(pattern, 0, NULL, &files) != 0) {
        print_message("skipped 1: no r4-examples (set ISTHMUS_TEST_DATA)\n");
        skip();
    }
    postgres_database();
    postgres_run(check_examples, &files);
    globfree(&files);
}

static void check_unknown_type(void *context)
{
    struct arena *arena = arena_new();
    struct store *store = open_store();
    struct store_write write = {.action = STORE_REMOVE, .type = "Patience", .id = "p"};
    struct err err = {0};

    (void)context;
    assert_false(store_write(store, &us, &write, arena, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    store_close(store);
    arena_free(arena);
}

IN_DATABASE(a_created_resource_has_an_id_of_ours_and_a_stamp, check_create)
IN_DATABASE(an_update_supersedes_and_keeps_the_version_before, check_versions)
IN_DATABASE(an_update_that_changes_nothing_writes_nothing, check_unchanged)
IN_DATABASE(versions_go_on_behind_a_removal, check_removal)
IN_DATABASE(if_match_must_name_the_current_version, check_if_match)
IN_DATABASE(side_rows_follow_their_resource, check_side_rows)
IN_DATABASE(an_update_of_the_body_alone_touches_no_index, check_hot)
IN_DATABASE(writes_of_one_moment_share_commits, check_shared_commits)
IN_DATABASE(rivals_for_one_resource_come_one_behind_the_other, check_rivals)
IN_DATABASE(a_neighbour_that_fails_takes_nobody_along, check_guilty_neighbour)
IN_DATABASE(what_was_acknowledged_survives_lost_connections, check_killed_backends)
IN_DATABASE(a_type_that_does_not_exist_is_not_found, check_unknown_type)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_created_resource_has_an_id_of_ours_and_a_stamp),
        cmocka_unit_test(an_update_supersedes_and_keeps_the_version_before),
        cmocka_unit_test(an_update_that_changes_nothing_writes_nothing),
        cmocka_unit_test(versions_go_on_behind_a_removal),
        cmocka_unit_test(if_match_must_name_the_current_version),
        cmocka_unit_test(side_rows_follow_their_resource),
        cmocka_unit_test(an_update_of_the_body_alone_touches_no_index),
        cmocka_unit_test(writes_of_one_moment_share_commits),
        cmocka_unit_test(rivals_for_one_resource_come_one_behind_the_other),
        cmocka_unit_test(a_neighbour_that_fails_takes_nobody_along),
        cmocka_unit_test(what_was_acknowledged_survives_lost_connections),
        cmocka_unit_test(of_the_examples_of_r4_nothing_stays_behind_when_removed),
        cmocka_unit_test(a_type_that_does_not_exist_is_not_found),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
