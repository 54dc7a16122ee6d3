#include "writing.h"

static struct store_page history(struct store *store, struct store_history_query query,
                                 struct arena *arena)
{
    struct store_page page;
    struct err err = {0};

    if (!store_history(store, &us, &query, arena, &page, &err))
        fail_msg("%s", err.text);
    return page;
}

static const char *patient(struct arena *arena, const char *id, int n)
{
    return arena_printf(
        arena, "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"multipleBirthInteger\":%d}", id, n);
}

static void write_versions(struct store *store, const char *id, int count, struct arena *arena)
{
    for (int i = 1; i <= count; i++)
        put(store, "Patient", id, patient(arena, id, i), arena);
}

static void remove_one(struct store *store, const char *type, const char *id, struct arena *arena)
{
    struct store_write removal = {.action = STORE_REMOVE, .type = type, .id = id};

    assert_int_equal(do_write(store, removal, arena).outcome, STORE_REMOVED);
}

static void page_instance(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    struct store_history_query query = {
        .type = "Patient", .id = "a", .since = INT64_MIN, .count = 3};

    (void)context;
    write_versions(store, "a", 6, arena);
    write_versions(store, "b", 2, arena);
    remove_one(store, "Patient", "a", arena);

    struct store_page page = history(store, query, arena);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.entries[0].version.number, 7);
    assert_int_equal(page.entries[0].version.method, STORE_DELETE);
    assert_null(page.entries[0].version.json);
    assert_int_equal(page.entries[1].version.number, 6);
    assert_non_null(strstr(page.entries[1].version.json, "\"multipleBirthInteger\":6"));
    assert_non_null(page.next);

    query.cursor = page.next;
    page = history(store, query, arena);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.entries[0].version.number, 4);
    query.cursor = page.next;
    page = history(store, query, arena);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.entries[0].version.number, 1);
    assert_null(page.next);

    query = (struct store_history_query){
        .type = "Patient", .id = "none", .since = INT64_MIN, .count = 3};
    assert_int_equal(history(store, query, arena).count, 0);
    arena_free(arena);
    store_close(store);
}

static void the_history_of_a_resource_is_paged_newest_first(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(page_instance, NULL);
}

static void since_inclusive(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    struct store_history_query all = {
        .type = "Patient", .id = "a", .since = INT64_MIN, .count = 10};

    (void)context;
    write_versions(store, "a", 5, arena);
    struct store_page page = history(store, all, arena);
    for (size_t i = 0; i < page.count; i++) {
        struct store_history_query later = {.type = "Patient",
                                            .id = i % 2 ? "a" : NULL,
                                            .since = page.entries[i].version.last_updated,
                                            .count = 10};
        assert_int_equal(history(store, later, arena).count, i + 1);
        later.since++;
        assert_int_equal(history(store, later, arena).count, i);
    }
    arena_free(arena);
    store_close(store);
}

static void since_includes_its_own_moment(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(since_inclusive, NULL);
}

/* Pages through and returns how many; checks the order and that bodies fit. */
static size_t page_through(struct store *store, struct store_history_query query,
                           struct arena *arena)
{
    size_t count = 0;
    int64_t before = INT64_MAX;

    for (;;) {
        struct store_page page = history(store, query, arena);

        for (size_t i = 0; i < page.count; i++) {
            const struct store_version *version = &page.entries[i].version;

            assert_true(version->last_updated <= before);
            before = version->last_updated;
            assert_true((version->method == STORE_DELETE) == (version->json == NULL));
            if (version->json)
                assert_non_null(strstr(version->json, arena_printf(arena, "\"versionId\":\"%d\"",
                                                                   (int)version->number)));
        }
        count += page.count;
        if (!page.next)
            return count;
        assert_int_equal(page.count, query.count);
        query.cursor = page.next;
    }
}

static void page_types(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    struct store_history_query patients = {.type = "Patient", .since = INT64_MIN};
    struct store_history_query all = {.since = INT64_MIN};

    (void)context;
    write_versions(store, "a", 4, arena);
    write_versions(store, "b", 3, arena);
    remove_one(store, "Patient", "a", arena);
    for (int i = 0; i < 5; i++)
        post(store, "Basic", "{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"}}", arena);
    write_versions(store, "a", 1, arena);

    for (unsigned count = 1; count < 16; count++) {
        patients.count = all.count = count;
        assert_int_equal(page_through(store, patients, arena), 9);
        assert_int_equal(page_through(store, all, arena), 14);
    }
    arena_free(arena);
    store_close(store);
}

static void a_type_and_everything_are_paged_newest_first(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(page_types, NULL);
}

static void misuse_cursor(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    struct store_history_query query = {.type = "Patient", .since = INT64_MIN, .count = 1};
    const struct access others = {.tenant = 1};
    struct store_page page;
    struct err tenant = {0}, type = {0}, made_up = {0}, size = {0};

    (void)context;
    write_versions(store, "a", 3, arena);
    query.cursor = history(store, query, arena).next;
    assert_false(store_history(store, &others, &query, arena, &page, &tenant));
    assert_int_equal(tenant.kind, ERR_GONE);
    query.type = "Observation";
    assert_false(store_history(store, &us, &query, arena, &page, &type));
    assert_int_equal(type.kind, ERR_GONE);
    query.cursor = "AAAA";
    assert_false(store_history(store, &us, &query, arena, &page, &made_up));
    assert_int_equal(made_up.kind, ERR_GONE);
    query = (struct store_history_query){.count = 0};
    assert_false(store_history(store, &us, &query, arena, &page, &size));
    assert_int_equal(size.kind, ERR_INVALID);
    arena_free(arena);
    store_close(store);
}

static void a_cursor_serves_only_the_query_it_came_from(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(misuse_cursor, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_history_of_a_resource_is_paged_newest_first),
        cmocka_unit_test(since_includes_its_own_moment),
        cmocka_unit_test(a_type_and_everything_are_paged_newest_first),
        cmocka_unit_test(a_cursor_serves_only_the_query_it_came_from),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
