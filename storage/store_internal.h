#pragma once

/*
 * Store, inside - what the files of storage/ share. A store belongs to one
 * thread and its loop; it has one connection or set of connections for each
 * kind of work, because answers on one come in order:
 *
 *   read          reads by key: short, many, pipelined
 *   search        searches and history
 *   write         writes that share commits
 *   transactions  interactive ones
 */

#include "fhir/type.h"
#include "storage/lane.h"
#include "storage/member.h"
#include "storage/pg.h"
#include "storage/pool.h"
#include "storage/store.h"
#include "storage/table.h"
#include "storage/token.h"

struct body_codec;
struct search_stats;

/* For /metrics; all uint64_t. */
struct store_counters {
    uint64_t reads, history_pages, feed_pages, feed_changes;
    uint64_t writes, unchanged, transactions, transaction_retries, unknown_resolved;
    uint64_t searches;
    uint64_t horizon_lag_us; /* of the feed: age of the oldest change it may not show yet */
};

struct store {
    struct loop *loop;
    struct store_config config; /* strings are the store's own */
    struct hash_key key;        /* of every hash, from f_meta */
    struct hash_key cursor_key; /* derived from it, signs cursors */
    uint32_t epoch;             /* of the feed */
    struct body_codec *codec;
    struct search_stats *search_stats;                     /* NULL until first used */
    void (*search_stats_free)(struct search_stats *stats); /* set by whoever makes them */
    struct pg *read;
    struct pg *search;
    struct lane *write;
    struct pool *transactions;
    struct member member;
    bool closing;
    bool removing_keys; /* a fiber is there for it (key.c) */
    struct waiter key_pause, keys_done;
    struct index_making *making_index; /* of search_without.c; NULL: none is being made */
    int64_t index_not_before;          /* clock_monotonic() */
    struct waiter index_made;

    struct store_counters counters;
};

static inline struct tokens store_tokens(const struct store *store, const struct access *access)
{
    return (struct tokens){.key = store->key, .tenant = access->tenant};
}

static inline enum store_method store_method_of(char op)
{
    return op == 'C' ? STORE_POST : op == 'D' ? STORE_DELETE : STORE_PUT;
}

/* A row of a main table or f_hist as a version: unpacks the body into the
 * arena. `body` absent or empty: a deletion. */
bool store_version_fill(struct store *store, struct store_version *version, const char *type,
                        const char *id, int64_t number, int64_t last_updated, char op,
                        struct text body, struct arena *arena, struct err *err);

/* `rtype` of a resource type by name; ERR_NOT_FOUND when R4 has no such type. */
const struct type *store_type(const char *type, struct err *err);

/* Whether a single write has to be a transaction, for what goes with it. */
static inline bool store_needs_transaction(const struct store *store, const struct access *access)
{
    return access->provenance || access->once || store->config.reference_base;
}

/* The stores that store_write_metrics() sums (store_metrics.c). */
void store_metrics_add(const struct store *store);
void store_metrics_remove(const struct store *store);
