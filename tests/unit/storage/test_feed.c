#include "writing.h"

#include "base/random.h"

enum { WRITERS = 8, SHARED = 4, ROUNDS = 12, SEEN_MAX = 4096 };

/* What the reader knows: the last version of each resource it has seen. */
struct seen {
    char key[80];
    int64_t version;
};

struct scene {
    struct store *stores[WRITERS];
    struct pool *pool;
    unsigned started, left;
    unsigned committed; /* log rows that must appear */
    unsigned shown;
    unsigned early;    /* versions shown before their predecessor */
    unsigned repeated; /* or again */
    struct seen seen[SEEN_MAX];
    unsigned seen_count;
    struct waiter done;
};

/* Writers by SQL, that commit late. Their versions are in a table of the test's own. */

static const struct pg_statement read_version = {"select ver from v where k = $1::int8"};
static const struct pg_statement log_private = {
    "insert into f_log (rkey, updated, write_id, tenant, ver, rtype, op, patients, id) values"
    " ($1::int8, clock_timestamp(), 0, 0, 1, 0, 'C', '{}', 'private-' || $1::int8)"};
static const struct pg_statement doze = {"select pg_sleep($1::float8)::text"};
static const struct pg_statement log_shared = {
    "with up as (update v set ver = ver + 1 where k = $1::int8 and ver = $2::int4 returning ver)"
    " insert into f_log (rkey, updated, write_id, tenant, ver, rtype, op, patients, id)"
    " select $1::int8, clock_timestamp(), 0, 0, ver, 0, 'U', '{}', 'shared-' || $1::int8 from up"};

static bool run(struct pg *pg, const struct pg_statement *statement, struct pg_params *params,
                const struct pg_result **r)
{
    struct err err = {0};
    bool ok = pg_query(pg, statement, params, params->arena, r, &err);

    if (!ok)
        fail_msg("%s", err.text);
    return ok;
}

/* A private row first, so that the transaction has its id long before it writes the shared one,
 * whose version it has read before. */
static unsigned write_late(struct pg *pg, int64_t private, struct arena *arena)
{
    struct pg_params key = pg_params_in(arena), own = pg_params_in(arena), ms = pg_params_in(arena),
                     shared = pg_params_in(arena);
    int64_t k = (int64_t)(random_number() % SHARED);
    const struct pg_result *r;
    struct err err = {0};

    pg_add_int8(&key, k);
    run(pg, &read_version, &key, &r);
    int32_t version = pg_int4(r, 0, 0);
    pg_begin(pg);
    pg_add_int8(&own, private);
    run(pg, &log_private, &own, &r);
    pg_add_float8(&ms, (double)(random_number() % 30) / 1000);
    run(pg, &doze, &ms, &r);
    pg_add_int8(&shared, k);
    pg_add_int4(&shared, version);
    run(pg, &log_shared, &shared, &r);
    unsigned written = 1 + (unsigned)pg_affected(r);
    run(pg, &doze, &ms, &r);
    if (!pg_commit(pg, &err))
        fail_msg("%s", err.text);
    return written;
}

static void leave(struct scene *scene)
{
    if (--scene->left == 0)
        fiber_wake(&scene->done);
}

static void write_late_often(void *context)
{
    struct scene *scene = context;
    struct err err = {0};
    struct pg *pg = pool_acquire(scene->pool, &err);
    int64_t private = (int64_t)(random_number() >> 2);

    for (int i = 0; i < ROUNDS; i++) {
        struct arena *arena = arena_new();

        scene->committed += write_late(pg, private + i, arena);
        arena_free(arena);
    }
    pool_release(scene->pool, pg);
    leave(scene);
}

/* Writers as the server has them. */

static struct store_write a_write(struct arena *arena, unsigned id)
{
    const char *name = arena_printf(arena, "p%u", id);
    const char *json =
        arena_printf(arena, "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"language\":\"x%llu\"}",
                     name, (unsigned long long)random_number());

    if (random_number() % 4 == 0)
        return (struct store_write){.action = STORE_REMOVE, .type = "Patient", .id = name};
    return (struct store_write){
        .action = STORE_UPDATE, .type = "Patient", .id = name, .resource = parse(arena, json)};
}

static unsigned is_new(const struct store_write *write)
{
    return write->outcome != STORE_UNCHANGED && write->outcome != STORE_NOTHING_TO_REMOVE;
}

static void write_single(struct store *store, struct scene *scene, struct arena *arena)
{
    struct store_write write = a_write(arena, (unsigned)(random_number() % SHARED));
    struct err err = {0};

    if (store_write(store, &us, &write, arena, &err))
        scene->committed += is_new(&write);
    else if (err.kind != ERR_CONFLICT)
        fail_msg("%s", err.text);
}

static void write_together(struct store *store, struct scene *scene, struct arena *arena)
{
    unsigned first = (unsigned)(random_number() % SHARED);
    struct store_write writes[] = {a_write(arena, first), a_write(arena, (first + 1) % SHARED),
                                   a_write(arena, (first + 2) % SHARED)};
    struct err err = {0};

    if (store_transaction(store, &us, writes, 3, NULL, 0, arena, &err))
        scene->committed += is_new(&writes[0]) + is_new(&writes[1]) + is_new(&writes[2]);
    else if (err.kind != ERR_CONFLICT && err.kind != ERR_BUSY)
        fail_msg("%s", err.text);
}

static void write_often(void *context)
{
    struct scene *scene = context;
    struct store *store = scene->stores[scene->started++];

    for (int i = 0; i < ROUNDS * 3; i++) {
        struct arena *arena = arena_new();

        if (random_number() % 2)
            write_single(store, scene, arena);
        else
            write_together(store, scene, arena);
        arena_free(arena);
        fiber_sleep((int)(random_number() % 4));
    }
    leave(scene);
}

/* The reader */

static void note(struct scene *scene, const struct store_change *change)
{
    char key[80];

    snprintf(key, sizeof(key), "%s/%s", change->type, change->id);
    for (unsigned i = 0; i < scene->seen_count; i++) {
        struct seen *seen = &scene->seen[i];

        if (strcmp(seen->key, key) != 0)
            continue;
        scene->repeated += change->version <= seen->version;
        scene->early += change->version > seen->version + 1;
        seen->version = change->version;
        return;
    }
    assert_true(scene->seen_count < SEEN_MAX);
    struct seen *seen = &scene->seen[scene->seen_count++];
    snprintf(seen->key, sizeof(seen->key), "%s", key);
    seen->version = change->version;
    scene->early += change->version != 1;
}

/* All that can be seen now, in pages of a few. */
static void follow(struct scene *scene, struct store_feed_position *position)
{
    size_t count = 0;

    do {
        struct arena *arena = arena_new();
        struct store_change *changes;
        struct err err = {0};

        if (!store_feed(scene->stores[0], &us, position, 7, arena, &changes, &count, &err))
            fail_msg("%s", err.text);
        for (size_t i = 0; i < count; i++)
            note(scene, &changes[i]);
        if (count)
            *position = changes[count - 1].position;
        scene->shown += (unsigned)count;
        arena_free(arena);
    } while (count);
}

static void follow_writers(struct scene *scene, void (*write)(void *context))
{
    struct store_feed_position position = {0};

    scene->left = 0;
    for (int i = 0; i < WRITERS; i++) {
        scene->left++;
        fiber_spawn(fiber_loop(), write, scene);
    }
    while (scene->left) {
        follow(scene, &position);
        fiber_sleep(3);
    }
    /* The horizon waits for whoever else runs in the cluster, such as autovacuum. */
    for (int i = 0; i < 6000 && scene->shown < scene->committed; i++) {
        fiber_sleep(10);
        follow(scene, &position);
    }
    assert_int_equal(scene->early, 0);
    assert_int_equal(scene->repeated, 0);
    assert_int_equal(scene->shown, scene->committed);
}

static void follow_late_commits(void *context)
{
    struct scene *scene = context;

    scene->stores[0] = open_store();
    postgres_sql("create table v (k int8 primary key, ver int4 not null);"
                 "insert into v select n, 0 from generate_series(0, 7) n");
    scene->pool = pool_new(fiber_loop(), postgres_conninfo(), "test", WRITERS, 0, 60000, NULL);
    follow_writers(scene, write_late_often);
    pool_free(scene->pool);
    store_close(scene->stores[0]);
}

static void a_follower_sees_writes_that_commit_late_once_and_in_order(void **state)
{
    static struct scene scene;

    (void)state;
    scene = (struct scene){0};
    postgres_database();
    postgres_run(follow_late_commits, &scene);
    assert_true(scene.committed > WRITERS * ROUNDS);
}

static void follow_real_writers(void *context)
{
    struct scene *scene = context;

    for (int i = 0; i < WRITERS; i++)
        scene->stores[i] = open_store();
    follow_writers(scene, write_often);
    for (int i = 0; i < WRITERS; i++)
        store_close(scene->stores[i]);
}

static void a_follower_sees_single_writes_and_transactions_in_order(void **state)
{
    static struct scene scene;

    (void)state;
    scene = (struct scene){0};
    postgres_database();
    postgres_run(follow_real_writers, &scene);
    assert_true(scene.committed > WRITERS * ROUNDS);
}

/* Positions */

static void hold_back(void *context)
{
    struct store *store = open_store();
    struct pool *pool = pool_new(fiber_loop(), postgres_conninfo(), "test", 1, 0, 60000, NULL);
    struct arena *arena = arena_new();
    struct store_feed_position start_of_feed = {0};
    struct store_change *changes;
    struct pg_params own = pg_params_in(arena);
    const struct pg_result *r;
    struct err err = {0};
    size_t count;

    (void)context;
    struct pg *pg = pool_acquire(pool, &err);
    pg_begin(pg);
    pg_add_int8(&own, 77);
    run(pg, &log_private, &own, &r);
    post(store, "Basic", "{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"}}", arena);
    assert_true(store_feed(store, &us, &start_of_feed, 10, arena, &changes, &count, &err));
    assert_int_equal(count, 0);
    assert_true(store->counters.horizon_lag_us > 0);

    assert_true(pg_commit(pg, &err));
    for (int i = 0; i < 6000 && count < 2; i++) {
        assert_true(store_feed(store, &us, &start_of_feed, 10, arena, &changes, &count, &err));
        fiber_sleep(10);
    }
    assert_int_equal(count, 2);
    assert_string_equal(changes[0].id, "private-77");
    assert_string_equal(changes[1].type, "Basic");
    assert_int_equal(changes[1].method, STORE_POST);
    assert_int_equal(changes[1].version, 1);

    const struct access others = {.tenant = 3};
    assert_true(store_feed(store, &others, &start_of_feed, 10, arena, &changes, &count, &err));
    assert_int_equal(count, 0);
    struct store_feed_position elsewhere = {.epoch = 9, .transaction = 1, .sequence = 1};
    assert_false(store_feed(store, &us, &elsewhere, 10, arena, &changes, &count, &err));
    assert_int_equal(err.kind, ERR_GONE);
    pool_release(pool, pg);
    pool_free(pool);
    arena_free(arena);
    store_close(store);
}

static void what_an_open_transaction_may_precede_is_held_back(void **state)
{
    (void)state;
    postgres_database();
    postgres_run(hold_back, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_open_transaction_may_precede_is_held_back),
        cmocka_unit_test(a_follower_sees_writes_that_commit_late_once_and_in_order),
        cmocka_unit_test(a_follower_sees_single_writes_and_transactions_in_order),
    };

    return cmocka_run_group_tests(tests, start, postgres_stop);
}
