#include "writing.h"

static const char anna[] =
    "{\"resourceType\":\"Patient\",\"id\":\"anna\",\"name\":[{\"family\":\"M\xc3\xbcller\"}]}";
static const char anna2[] =
    "{\"resourceType\":\"Patient\",\"id\":\"anna\",\"name\":[{\"family\":\"Meier\"}]}";

static const struct store_version *read_one(struct store *store, const struct access *access,
                                            const char *type, const char *id, struct arena *arena)
{
    const struct store_version *found;
    struct err err = {0};

    if (!store_read(store, access, type, id, arena, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static const struct store_version *vread_one(struct store *store, const char *id, int64_t number,
                                             struct arena *arena)
{
    const struct store_version *found;
    struct err err = {0};

    if (!store_vread(store, &us, "Patient", id, number, arena, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static void remove_one(struct store *store, const char *type, const char *id, struct arena *arena)
{
    struct store_write removal = {.action = STORE_REMOVE, .type = type, .id = id};

    assert_int_equal(do_write(store, removal, arena).outcome, STORE_REMOVED);
}

static void live_and_die(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();

    (void)context;
    assert_null(read_one(store, &us, "Patient", "anna", arena));
    assert_null(vread_one(store, "anna", 1, arena));
    put(store, "Patient", "anna", anna, arena);
    put(store, "Patient", "anna", anna2, arena);

    const struct store_version *now = read_one(store, &us, "Patient", "anna", arena);
    assert_int_equal(now->number, 2);
    assert_int_equal(now->method, STORE_PUT);
    assert_string_equal(now->type, "Patient");
    assert_string_equal(now->id, "anna");
    assert_int_equal(now->json_size, strlen(now->json));
    assert_non_null(strstr(now->json, "Meier"));

    remove_one(store, "Patient", "anna", arena);
    const struct store_version *gone = read_one(store, &us, "Patient", "anna", arena);
    assert_int_equal(gone->number, 3);
    assert_int_equal(gone->method, STORE_DELETE);
    assert_null(gone->json);
    assert_true(gone->last_updated > now->last_updated);

    assert_non_null(strstr(vread_one(store, "anna", 1, arena)->json, "M\xc3\xbcller"));
    assert_non_null(strstr(vread_one(store, "anna", 2, arena)->json, "Meier"));
    assert_null(vread_one(store, "anna", 3, arena)->json);
    assert_int_equal(vread_one(store, "anna", 3, arena)->method, STORE_DELETE);
    assert_null(vread_one(store, "anna", 4, arena));
    assert_null(vread_one(store, "anna", 0, arena));
    assert_null(vread_one(store, "anna", INT64_MAX, arena));

    put(store, "Patient", "anna", anna, arena);
    assert_int_equal(read_one(store, &us, "Patient", "anna", arena)->number, 4);
    arena_free(arena);
    store_close(store);
}

static void versions_are_read_through_life_and_death(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(live_and_die, NULL);
}

static void look_elsewhere(void *context)
{
    const struct access others = {.tenant = 1};
    struct store *store = open_store();
    struct arena *arena = arena_new();
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    put(store, "Patient", "anna", anna, arena);
    assert_null(read_one(store, &others, "Patient", "anna", arena));
    assert_null(read_one(store, &us, "Observation", "anna", arena));
    assert_null(read_one(store, &us, "Basic", "anna", arena));
    assert_null(read_one(store, &us, "Patient", "Anna", arena));
    assert_false(store_read(store, &us, "Pationt", "anna", arena, &found, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    arena_free(arena);
    store_close(store);
}

static void another_tenant_type_or_id_is_something_else(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(look_elsewhere, NULL);
}

static void read_collision(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();

    (void)context;
    put(store, "Patient", "anna", anna, arena);
    postgres_sql("update f_patient set id = 'berta'");
    assert_null(read_one(store, &us, "Patient", "anna", arena));
    assert_null(vread_one(store, "anna", 1, arena));
    arena_free(arena);
    store_close(store);
}

static void a_row_with_the_same_key_but_another_id_is_not_shown(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(read_collision, NULL);
}

static void read_damage(void *context)
{
    struct store *store = open_store();
    struct arena *arena = arena_new();
    const struct store_version *found;
    struct err err = {0};

    (void)context;
    put(store, "Patient", "anna", anna, arena);
    postgres_sql("update f_patient set body = substr(body, 1, length(body) - 4)");
    assert_false(store_read(store, &us, "Patient", "anna", arena, &found, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
    arena_free(arena);
    store_close(store);
}

static void a_damaged_body_is_our_fault_and_not_the_client_s(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(read_damage, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read_through_life_and_death),
        cmocka_unit_test(another_tenant_type_or_id_is_something_else),
        cmocka_unit_test(a_row_with_the_same_key_but_another_id_is_not_shown),
        cmocka_unit_test(a_damaged_body_is_our_fault_and_not_the_client_s),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
