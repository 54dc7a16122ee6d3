/*
 * Keys - see key.h.
 */

#include "storage/key.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fiber.h"
#include "fhir/query.h"
#include "storage/pool.h"
#include "storage/store_internal.h"

#include <assert.h>

enum {
    LIFE_MIN_S = 900,
    PAUSE_MS = 30000,
    REMOVED_AT_ONCE = 20000, /* so that no transaction is long */
};

static int compare_texts(const void *a, const void *b);
static void send_inserts(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
                         struct arena *arena, struct pg_reply *reply, size_t *wanted);
static void send_updates(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
                         struct arena *arena, struct pg_reply *reply, size_t *wanted);
static void remove_old(void *context);

int64_t key_of(const struct tokens *tokens, const struct query *query, struct arena *arena)
{
    struct buf identity = buf_in(arena);
    struct text rest, *parts;
    struct hash_state state;
    size_t count = 0;

    query_write_identity(query, &identity);
    rest = (struct text){identity.data, identity.size};
    parts = arena_many(arena, struct text, query->used_count + 1);
    while (count <= query->used_count && text_next(&rest, '&', &parts[count]))
        count++;
    qsort(parts, count, sizeof(*parts), compare_texts);

    hash_init(&state, &tokens->key);
    hash_part(&state, "condition", 9);
    hash_number(&state, (uint64_t)tokens->tenant);
    for (size_t i = 0; i < count; i++)
        hash_part(&state, parts[i].data, parts[i].size);
    return (int64_t)hash_done(&state);
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *left = a, *right = b;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = size ? memcmp(left->data, right->data, size) : 0;

    return order ? order : (left->size > right->size) - (left->size < right->size);
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *left = a, *right = b;

    return (left->key > right->key) - (left->key < right->key);
}

size_t key_sort(struct key *keys, size_t count)
{
    size_t kept = 0;

    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || keys[kept - 1].key != keys[i].key)
            keys[kept++] = keys[i];
    return kept;
}

struct key *key_find(struct key *keys, size_t count, int64_t key)
{
    struct key wanted = {.key = key};
    struct key *found = bsearch(&wanted, keys, count, sizeof(*keys), compare_keys);

    assert(found);
    return found;
}

bool key_read(struct pg *pg, struct key *keys, size_t count, struct arena *arena, char sqlstate[6],
              struct err *err)
{
    static const struct pg_statement statement = {
        "select k.key, k.holder from f_key k where k.key = any($1::int8[])"};
    struct pg_params params = pg_params_in(arena);
    int64_t *wanted = arena_many(arena, int64_t, count);
    struct pg_reply reply = {0};
    const struct pg_result *result;

    for (size_t i = 0; i < count; i++)
        wanted[i] = keys[i].key;
    pg_add_int8_array(&params, wanted, NULL, count);
    pg_send(pg, &statement, &params, arena, &reply);
    bool ok = pg_wait(&reply, &result, err);
    if (sqlstate)
        memcpy(sqlstate, reply.sqlstate, sizeof(reply.sqlstate));
    if (!ok)
        return false;

    for (size_t i = 0; i < count; i++)
        keys[i].held = false;
    for (int row = 0; row < pg_rows(result); row++) {
        struct key *key = key_find(keys, count, pg_int8(result, row, 0));

        key->held = true;
        key->holder = pg_int8(result, row, 1);
    }
    return true;
}

bool key_take(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
              struct arena *arena, bool *all, char sqlstate[6], struct err *err)
{
    struct pg_reply inserts = {0}, updates = {0};
    size_t insert_count, update_count;
    const struct pg_result *result;

    send_inserts(pg, keys, count, holder, arena, &inserts, &insert_count);
    send_updates(pg, keys, count, holder, arena, &updates, &update_count);
    *all = true;
    if (!pg_wait(&inserts, &result, err)) {
        memcpy(sqlstate, inserts.sqlstate, sizeof(inserts.sqlstate));
        pg_drop(&updates);
        return false;
    }
    *all = *all && (size_t)pg_affected(result) == insert_count;
    if (!pg_wait(&updates, &result, err)) {
        memcpy(sqlstate, updates.sqlstate, sizeof(updates.sqlstate));
        return false;
    }
    *all = *all && (size_t)pg_affected(result) == update_count;
    return true;
}

/* In the order of the keys, as everywhere: rivals wait for each other and do not deadlock. */
static void send_inserts(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
                         struct arena *arena, struct pg_reply *reply, size_t *wanted)
{
    static const struct pg_statement statement = {
        "insert into f_key (key, holder) select x.key, $2::int8 from unnest($1::int8[]) as x(key) "
        "order by x.key on conflict (key) do nothing"};
    struct pg_params *params = arena_one(arena, struct pg_params);
    int64_t *free_keys = arena_many(arena, int64_t, count);

    *wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (!keys[i].held)
            free_keys[(*wanted)++] = keys[i].key;
    *params = pg_params_in(arena);
    pg_add_int8_array(params, free_keys, NULL, *wanted);
    pg_add_int8(params, holder);
    pg_send(pg, &statement, params, arena, reply);
}

static void send_updates(struct pg *pg, const struct key *keys, size_t count, int64_t holder,
                         struct arena *arena, struct pg_reply *reply, size_t *wanted)
{
    static const struct pg_statement statement = {
        "update f_key k set holder = $3::int8, made = clock_timestamp() "
        "from unnest($1::int8[], $2::int8[]) as x(key, holder) "
        "where k.key = x.key and k.holder = x.holder"};
    struct pg_params *params = arena_one(arena, struct pg_params);
    int64_t *held = arena_many(arena, int64_t, count);
    int64_t *holders = arena_many(arena, int64_t, count);

    *wanted = 0;
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].held)
            continue;
        held[*wanted] = keys[i].key;
        holders[(*wanted)++] = keys[i].holder;
    }
    *params = pg_params_in(arena);
    pg_add_int8_array(params, held, NULL, *wanted);
    pg_add_int8_array(params, holders, NULL, *wanted);
    pg_add_int8(params, holder);
    pg_send(pg, &statement, params, arena, reply);
}

void key_start_removal(struct store *store)
{
    store->removing_keys = true;
    fiber_spawn(store->loop, remove_old, store);
}

/* Never in a hurry: what is not removed now is removed the next time. */
static void remove_old(void *context)
{
    struct store *store = context;
    struct err err = {0};

    while (!store->closing) {
        if (fiber_wait(&store->key_pause, PAUSE_MS, &err))
            break; /* the store is being closed */
        err = (struct err){0};
        while (key_remove_old(store) && !store->closing)
            ;
    }
    store->removing_keys = false;
    fiber_wake(&store->keys_done);
}

/*
 * Everybody who searched before a row was there has written or given up when it has reached this
 * age: searches, transactions and repeated writes have time limits, and what a search
 * found is not trusted for longer than KEY_TRUST_S. Of many servers and threads one does it.
 */
bool key_remove_old(struct store *store)
{
    static const struct pg_statement statement = {
        "delete from f_key where (select pg_try_advisory_xact_lock(1836016491)) and key = "
        "any(array(select key from f_key where made < now() - make_interval(secs => $1::float8) "
        "limit $2::int4))"};
    const struct store_config *config = &store->config;
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    struct err err = {0};
    const struct pg_result *result;
    double life = ((double)config->search_timeout_ms + config->transaction_timeout_ms +
                   config->statement_timeout_ms * 4.0) /
                      1000 +
                  2 * KEY_TRUST_S;
    bool more = false;

    pg_add_float8(&params, life < LIFE_MIN_S ? LIFE_MIN_S : life);
    pg_add_int4(&params, REMOVED_AT_ONCE);
    struct pg *pg = pool_acquire(store->transactions, &err);
    if (pg) {
        pg_begin(pg);
        more = pg_query(pg, &statement, &params, arena, &result, &err) && pg_commit(pg, &err) &&
               pg_affected(result) == REMOVED_AT_ONCE;
        pool_release(store->transactions, pg);
    }
    arena_free(arena);
    return more;
}
