#include "storage/packages.h"

#include "base/arena.h"
#include "base/buf.h"
#include "postgres.h"

static struct packages *open_packages(void)
{
    struct err err = {0};
    struct packages *packages = packages_open(fiber_loop(), postgres_conninfo(), false, &err);

    if (!packages)
        fail_msg("%s", err.text);
    return packages;
}

/* `count` value sets whose names begin with `prefix`. */
static void install(struct packages *packages, const char *name, const char *version,
                    const char *prefix, int count)
{
    static const char *const dependencies[] = {"hl7.fhir.r4.core#4.0.1", "other#1", NULL};
    struct package package = {
        .name = name, .version = version, .title = "A title", .dependencies = dependencies};
    struct arena *arena = arena_new();
    struct package_definition *list = arena_many(arena, struct package_definition, (size_t)count);
    struct err err = {0};

    package.counts[PACKAGE_VALUE_SET] = count;
    for (int i = 0; i < count; i++)
        list[i] = (struct package_definition){
            .type = "ValueSet",
            .url = arena_printf(arena, "http://example.org/%s-%d", prefix, i),
            .version = version,
            .json = text_of(
                arena_printf(arena, "{\"resourceType\":\"ValueSet\",\"id\":\"%s-%d\"}", prefix, i)),
        };
    if (!packages_install(packages, &package, list, (size_t)count, &err))
        fail_msg("%s", err.text);
    arena_free(arena);
}

static void note(const struct package_definition *definition, const char *package, void *context)
{
    assert_string_equal(definition->type, "ValueSet");
    assert_null(definition->id);
    assert_int_equal(definition->json.data[0], '{');
    buf_printf(context, "%s %s\n", package, strrchr(definition->url, '/') + 1);
}

/* Everything installed, one a line; the caller does not free it. */
static const char *read_all(struct packages *packages, int64_t *epoch)
{
    static struct buf out;
    struct arena *arena = arena_new();
    struct err err = {0};

    buf_clear(&out);
    if (!packages_read(packages, arena, note, &out, epoch, &err))
        fail_msg("%s", err.text);
    arena_free(arena);
    return buf_text(&out);
}

static void reinstall(void *context)
{
    struct packages *packages = open_packages();
    int64_t epoch = -1, later = -1;

    (void)context;
    assert_string_equal(read_all(packages, &epoch), "");
    assert_int_equal(epoch, 0);
    install(packages, "a", "1", "old", 3);
    install(packages, "b", "1", "b", 1);
    install(packages, "a", "1", "new", 2);
    install(packages, "a", "2", "two", 1);
    assert_string_equal(read_all(packages, &later), "b#1 b-0\na#1 new-0\na#1 new-1\na#2 two-0\n");
    assert_int_equal(later, 4);
    packages_close(packages);
}

static void installing_again_replaces_the_same_version_only(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(reinstall, NULL);
}

static void list_and_remove(void *context)
{
    struct packages *packages = open_packages();
    struct arena *arena = arena_new();
    struct package *list;
    struct err err = {0};
    unsigned removed;
    size_t count;
    int64_t epoch;

    (void)context;
    install(packages, "a", "1", "x", 250); /* more than goes in one statement */
    install(packages, "a", "2", "x", 250);
    install(packages, "b", "1", "y", 1);
    assert_true(packages_list(packages, arena, &list, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(list[0].name, "a");
    assert_string_equal(list[1].version, "2");
    assert_string_equal(list[1].title, "A title");
    assert_null(list[1].canonical);
    assert_string_equal(list[0].dependencies[1], "other#1");
    assert_null(list[0].dependencies[2]);
    assert_int_equal(list[0].counts[PACKAGE_VALUE_SET], 250);
    assert_int_equal(list[0].counts[PACKAGE_PROFILE], 0);
    assert_int_equal(strlen(list[0].digest), 64);
    assert_string_equal(list[0].digest, list[1].digest);
    assert_string_not_equal(list[0].digest, list[2].digest);
    assert_true(list[2].installed > list[0].installed);

    assert_true(packages_remove(packages, "a", "3", &removed, &err));
    assert_int_equal(removed, 0);
    read_all(packages, &epoch);
    assert_int_equal(epoch, 3);
    assert_true(packages_remove(packages, "a", NULL, &removed, &err));
    assert_int_equal(removed, 2);
    assert_string_equal(read_all(packages, &epoch), "b#1 y-0\n");
    assert_int_equal(epoch, 4);
    assert_string_equal(postgres_sql("select count(*) from f_definition"), "1");
    arena_free(arena);
    packages_close(packages);
}

static void what_is_removed_leaves_nothing(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(list_and_remove, NULL);
}

struct watcher {
    struct packages *packages;
    int64_t seen; /* the epoch it knows */
    int changes;
    struct waiter changed, ended;
};

static void watch(void *context)
{
    struct watcher *watcher = context;

    while (packages_watch(watcher->packages, watcher->seen)) {
        read_all(watcher->packages, &watcher->seen);
        watcher->changes++;
        fiber_wake(&watcher->changed);
    }
    fiber_wake(&watcher->ended);
}

static void wait_for(struct watcher *watcher, int64_t epoch)
{
    struct err err = {0};

    while (watcher->seen < epoch)
        if (!fiber_wait(&watcher->changed, 60000, &err))
            fail_msg("epoch %lld was not noticed", (long long)epoch);
    assert_int_equal(watcher->seen, epoch);
}

static void watch_others(void *context)
{
    struct watcher watcher = {.packages = open_packages()};
    struct packages *other = open_packages();
    struct err err = {0};
    unsigned removed;

    (void)context;
    fiber_spawn(fiber_loop(), watch, &watcher);
    install(other, "a", "1", "x", 3);
    wait_for(&watcher, 1);
    assert_true(packages_remove(other, "a", "1", &removed, &err));
    wait_for(&watcher, 2);

    /* The connections that listen and write are lost, and both come back. */
    postgres_sql("select count(pg_terminate_backend(pid)) from pg_stat_activity"
                 " where application_name = 'isthmus/packages'");
    packages_close(other);
    other = open_packages();
    install(other, "a", "2", "x", 3);
    wait_for(&watcher, 3);
    packages_stop_watching(watcher.packages);
    assert_true(fiber_wait(&watcher.ended, 60000, &err));
    packages_close(watcher.packages);
    packages_close(other);
}

static void who_watches_learns_of_changes_by_others_also_after_a_lost_connection(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(watch_others, NULL);
}

static void fail_to_install(void *context)
{
    struct packages *packages = open_packages();
    struct package_definition definitions[201];
    struct package package = {.name = "a", .version = "1"};
    struct err err = {0};
    int64_t epoch;

    (void)context;
    install(packages, "a", "1", "x", 2);
    for (int i = 0; i < 201; i++)
        definitions[i] = (struct package_definition){.type = "ValueSet", .json = TEXT("{}")};
    definitions[200].url = "http://example.org/\xff"; /* no UTF-8: PostgreSQL refuses it */
    assert_false(packages_install(packages, &package, definitions, 201, &err));
    assert_string_equal(read_all(packages, &epoch), "a#1 x-0\na#1 x-1\n");
    assert_int_equal(epoch, 1);
    packages_close(packages);
}

static void an_installation_that_fails_halfway_changes_nothing(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(fail_to_install, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(installing_again_replaces_the_same_version_only),
        cmocka_unit_test(what_is_removed_leaves_nothing),
        cmocka_unit_test(who_watches_learns_of_changes_by_others_also_after_a_lost_connection),
        cmocka_unit_test(an_installation_that_fails_halfway_changes_nothing),
    };
    return cmocka_run_group_tests(tests, postgres_start, postgres_stop);
}
