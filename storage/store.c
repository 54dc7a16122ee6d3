/*
 * Store - opening, closing, and what reads of all kinds share.
 */

#include "base/arena.h"
#include "storage/body.h"
#include "storage/dictionaries.h"
#include "storage/key.h"
#include "storage/migrate.h"
#include "storage/search_without.h"
#include "storage/store_internal.h"

enum {
    TRANSACTION_QUEUE = 200,
    DRAIN_POLL_MS = 5,
};

static bool connect_lanes(struct store *store, struct err *err);
static bool connect_transactions(struct store *store, struct err *err);
static void stop_removal(struct store *store);
static bool is_busy(const struct store *store);

struct store *store_open(struct loop *loop, const struct store_config *config, struct err *err)
{
    struct migrated migrated;

    if (!migrate(loop, config->database, config->unsafe_durability, &migrated, err))
        return NULL;

    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        abort();
    store->loop = loop;
    store->config = *config;
    store->config.database = strdup(config->database);
    store->key = migrated.key;
    store->cursor_key = (struct hash_key){hash_bytes(&migrated.key, "cursor", 6),
                                          hash_bytes(&migrated.key, "rosruc", 6)};
    store->epoch = migrated.epoch;
    store->codec = body_codec_new();
    member_init(store);
    if (connect_lanes(store, err) && dictionaries_load(store->read, store->codec, err) &&
        member_join(store, err)) {
        store_metrics_add(store);
        key_start_removal(store);
        return store;
    }
    store_close(store);
    return NULL;
}

static bool connect_lanes(struct store *store, struct err *err)
{
    const struct store_config *config = &store->config;
    struct pg_config read = {.conninfo = config->database,
                             .lane = "read",
                             .timeout_ms = config->statement_timeout_ms,
                             .mode = PG_SHARED,
                             .member = &store->member.pg};
    struct pg_config search = {.conninfo = config->database,
                               .lane = "search",
                               .timeout_ms = config->search_timeout_ms,
                               .mode = PG_SHARED,
                               .member = &store->member.pg};
    unsigned transactions = config->transaction_lanes ? config->transaction_lanes : 1;

    store->read = pg_new(store->loop, &read);
    store->search = pg_new(store->loop, &search);
    store->write =
        lane_new(store->loop, config->database, config->statement_timeout_ms, &store->member.pg);
    store->transactions =
        pool_new(store->loop, config->database, "transaction", transactions, TRANSACTION_QUEUE,
                 config->transaction_timeout_ms, &store->member.pg);
    return pg_connect(store->read, err) && pg_connect(store->search, err) &&
           lane_connect(store->write, err) && connect_transactions(store, err);
}

/* All of them: a limit of connections that is too low shows now, not under load. */
static bool connect_transactions(struct store *store, struct err *err)
{
    struct pool_counters counters;
    struct pg_counters connections;

    pool_count(store->transactions, &counters, &connections);
    struct pg **taken = calloc(counters.size, sizeof(struct pg *));
    if (!taken)
        abort();
    unsigned count = 0;
    while (count < counters.size && (taken[count] = pool_acquire(store->transactions, err)))
        count++;
    bool all = count == counters.size;
    while (count)
        pool_release(store->transactions, taken[--count]);
    free(taken);
    return all;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store->closing = true;
    stop_removal(store);
    search_without_stop(store);
    store_metrics_remove(store);
    while (is_busy(store))
        fiber_sleep(DRAIN_POLL_MS);
    member_leave(store);
    lane_free(store->write);
    pool_free(store->transactions);
    pg_free(store->search);
    pg_free(store->read);
    if (store->search_stats)
        store->search_stats_free(store->search_stats);
    body_codec_free(store->codec);
    free((char *)store->config.database);
    free(store);
}

static void stop_removal(struct store *store)
{
    struct err err = {0};

    fiber_wake(&store->key_pause);
    while (store->removing_keys)
        if (!fiber_wait(&store->keys_done, -1, &err))
            break;
}

/* Operations give up at their deadlines, so this ends. */
static bool is_busy(const struct store *store)
{
    struct pool_counters pool;
    struct pg_counters one;
    uint64_t under_way = 0;

    pg_count(store->read, &one);
    under_way += one.under_way;
    pg_count(store->search, &one);
    under_way += one.under_way;
    pool_count(store->transactions, &pool, &one);
    return under_way + pool.taken + pool.waiting > 0;
}

bool store_ping(struct store *store, struct err *err)
{
    static const struct pg_statement statement = {"select 1"};
    struct arena *arena = arena_new();
    const struct pg_result *r;
    bool ok = pg_query(store->read, &statement, NULL, arena, &r, err);

    arena_free(arena);
    return ok;
}

const struct type *store_type(const char *type, struct err *err)
{
    const struct type *found = resource_type_find(text_of(type));

    if (!found)
        err_set(err, ERR_NOT_FOUND, NULL, "R4 has no resource type of this name");
    return found;
}

bool store_version_fill(struct store *store, struct store_version *version, const char *type,
                        const char *id, int64_t number, int64_t last_updated, char op,
                        struct text body, struct arena *arena, struct err *err)
{
    struct text json = {0};

    if (body.size && op != 'D') {
        /* Another process may have begun to use a new dictionary. */
        if (!body_codec_has(store->codec, (uint8_t)body.data[0]) &&
            !dictionaries_load(store->read, store->codec, err))
            return false;
        if (!body_unpack(store->codec, body, arena, &json, err))
            return false;
    }
    *version = (struct store_version){
        .type = type,
        .id = id,
        .number = number,
        .last_updated = last_updated,
        .method = store_method_of(op),
        .json = json.data,
        .json_size = json.size,
    };
    return true;
}
