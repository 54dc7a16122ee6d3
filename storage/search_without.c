/*
 * Search without - see search_without.h.
 *
 * The names of the indexes say which tokens they are for: f_observation_without_0123456789abcdef.
 */

#include "storage/search_without.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "storage/search_link.h"
#include "storage/search_stats.h"

#include <inttypes.h>

enum {
    ROWS_MIN = 10000, /* of a table in which rows are not just all looked at */
    INDEXES_MAX = 8,  /* of a table */
    MAKING_MAX_MS = 3600 * 1000,
};

static const double nearly_all = 0.98;

/* After one that was not made: somebody else makes one, or there are enough. Every try takes a new
 * connection. */
static const int64_t pause_us = 10 * INT64_C(1000000);

/* An index to be made. */
struct index_making {
    struct store *store;
    const struct table *table;
    int64_t token;
    struct pg *pg;
    bool under_way; /* the statement that takes long */
};

static bool common_token(const struct search_plan *plan, int i, int64_t *token);
static void want(struct store *store, const struct table *table, int64_t token);
static void make(void *context);
static bool make_index(struct index_making *making, struct arena *arena, struct err *err);
static bool may_be_made(struct index_making *making, const char *name, struct arena *arena,
                        struct err *err);

bool search_without_index(const struct search_plan *plan, int i, int64_t *token)
{
    return common_token(plan, i, token) &&
           search_stats_has_without(plan->store, plan->table, *token);
}

/* Of several, one is enough: who has none of them lacks this one. */
static bool common_token(const struct search_plan *plan, int i, int64_t *token)
{
    const struct search_term *term = &plan->terms[i];
    double rows = search_stats_rows(plan->store, plan->table);

    if (!term->negated || term->link_count > 0 || plan->table != table_of(plan->type) ||
        plan->table->shared)
        return false;
    for (size_t k = 0; k < term->atom_count; k++) {
        const struct search_atom *atom = &term->atoms[k];

        for (size_t n = 0; atom->kind == ATOM_TOKENS && n < atom->hash_count; n++) {
            *token = atom->hashes[n];
            if (search_stats_token(plan->store, plan->table, *token) >= nearly_all * rows)
                return true;
        }
    }
    return false;
}

void search_without_condition(struct search_sql *sql, int64_t token)
{
    sql_add(sql, "not (t.toks @> '{%" PRId64 "}'::int8[])", token);
}

void search_without_want(const struct search_plan *plan)
{
    int64_t token;

    for (int i = 0; i < (int)plan->term_count; i++) {
        for (size_t k = 0; k < plan->terms[i].link_count; k++)
            search_without_want(plan->terms[i].links[k].plan);
        if (common_token(plan, i, &token) &&
            search_stats_rows(plan->store, plan->table) >= ROWS_MIN &&
            !search_stats_has_without(plan->store, plan->table, token))
            want(plan->store, plan->table, token);
    }
}

/* One at a time: the next search that wants another will say so again. */
static void want(struct store *store, const struct table *table, int64_t token)
{
    struct index_making *making;

    if (store->making_index || store->closing || clock_monotonic() < store->index_not_before)
        return;
    making = calloc(1, sizeof(*making));
    if (!making)
        abort();
    *making = (struct index_making){.store = store, .table = table, .token = token};
    store->making_index = making;
    fiber_spawn(store->loop, make, making);
}

static void make(void *context)
{
    struct index_making *making = context;
    struct store *store = making->store;
    struct arena *arena = arena_new();
    struct err err = {0};
    const struct pg_config config = {.conninfo = store->config.database,
                                     .lane = "index",
                                     .timeout_ms = MAKING_MAX_MS,
                                     .mode = PG_SHARED};

    if (!store->closing) {
        making->pg = pg_new(store->loop, &config);
        if (make_index(making, arena, &err))
            search_stats_forget();
        else
            store->index_not_before = clock_monotonic() + pause_us;
        pg_free(making->pg); /* with it goes the lock */
    }
    arena_free(arena);
    store->making_index = NULL;
    fiber_wake(&store->index_made);
    free(making);
}

/* Of all servers and threads, one makes one. */
static bool make_index(struct index_making *making, struct arena *arena, struct err *err)
{
    static const struct pg_statement lock = {"select pg_try_advisory_lock(x'69737468'::int4, 2)"};
    const char *table = making->table->name;
    const char *name =
        arena_printf(arena, "%s_without_%016" PRIx64, table, (uint64_t)making->token);
    const struct pg_result *result;

    if (!pg_connect(making->pg, err) || !pg_query(making->pg, &lock, NULL, arena, &result, err) ||
        !pg_bool(result, 0, 0) || !may_be_made(making, name, arena, err))
        return false;
    making->under_way = true;
    return pg_query_sql(making->pg,
                        arena_printf(arena,
                                     "create index concurrently %s on %s (rkey) "
                                     "where not (toks @> '{%" PRId64 "}'::int8[])",
                                     name, table, making->token),
                        NULL, arena, &result, err);
}

/* One that was not finished, because the server was stopped, is in the way. */
static bool may_be_made(struct index_making *making, const char *name, struct arena *arena,
                        struct err *err)
{
    static const struct pg_statement look = {
        "select count(*) filter (where x.indisvalid), count(*) filter (where i.relname = $2::text "
        "and x.indisvalid), count(*) filter (where i.relname = $2::text and not x.indisvalid) "
        "from pg_index x join pg_class i on i.oid = x.indexrelid "
        "where x.indrelid = to_regclass($1::text) and i.relname like '%\\_without\\_%'"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(making->table->name));
    pg_add_text(&params, text_of(name));
    if (!pg_query(making->pg, &look, &params, arena, &result, err) ||
        pg_int8(result, 0, 0) >= INDEXES_MAX || pg_int8(result, 0, 1) > 0)
        return false;
    making->under_way = true;
    return pg_int8(result, 0, 2) == 0 ||
           pg_query_sql(making->pg, arena_printf(arena, "drop index concurrently %s", name), NULL,
                        arena, &result, err);
}

void search_without_stop(struct store *store)
{
    struct err err = {0};

    if (store->making_index && store->making_index->under_way) {
        pg_free(store->making_index->pg); /* which ends it */
        store->making_index->pg = NULL;
    }
    while (store->making_index)
        if (!fiber_wait(&store->index_made, -1, &err))
            break;
}
