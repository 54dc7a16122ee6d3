/*
 * Transaction, conditions - what ifNoneExist and references by search stand for
 * (R4 http.html#ccreate, #trules).
 *
 * What counts is the database behind the transaction's own removals, creates and
 * updates. They are not made yet, so both are asked: the tables, less what the
 * transaction writes, and the entries themselves.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "fhir/bundle.h"
#include "fhir/query.h"
#include "fhir/query_match.h"
#include "fhir/search_values.h"
#include "storage/row_set.h"
#include "storage/search.h"
#include "storage/transaction.h"

enum { STRIPES = 64 };

/* What a condition matched: as many as are needed to know that one is not alone. */
struct matches {
    size_t count;
    struct text id;               /* of the first */
    struct store_version *stored; /* the first, when it is no entry */
};

static size_t add_stripes(struct transaction *transaction, int64_t *keys);
static int64_t lock_key(struct transaction *transaction, const struct query *query);
static bool find_existing(struct transaction *transaction, struct entry *entry, struct err *err);
static bool find(struct transaction *transaction, const struct query *query, bool with_entries,
                 struct matches *matches, struct err *err);
static bool is_written(const struct transaction *transaction, const struct store_version *hit,
                       bool with_entries);
static void add_entry(struct transaction *transaction, const struct query *query,
                      struct entry *entry, struct matches *matches);
static struct text replace_link(struct text link, void *context);

bool transaction_lock(struct transaction *transaction, struct err *err)
{
    static const struct pg_statement statement = {
        "select pg_advisory_xact_lock(key) from unnest($1::int8[]) as x(key)"};
    int64_t *keys = arena_many(transaction->arena, int64_t, transaction->count * 2);
    struct pg_params params = pg_params_in(transaction->arena);
    struct pg_reply reply = {0};
    size_t count = 0;

    for (size_t i = 0; i < transaction->count; i++) {
        const struct query *query = transaction->entries[i].write->if_none_exist;

        if (query)
            keys[count++] = lock_key(transaction, query);
    }
    if (row_sort_set(keys, count) < count)
        return err_set(err, ERR_INVALID, NULL,
                       "Two entries of the transaction have the same ifNoneExist. Send the "
                       "resource once.");
    if (transaction->attempt > 0)
        count += add_stripes(transaction, keys + count);
    count = row_sort_set(keys, count); /* in the same order everywhere: no deadlock */
    if (count == 0)
        return true;

    pg_add_int8_array(&params, keys, NULL, count);
    pg_send(transaction->pg, &statement, &params, transaction->arena, &reply);
    bool ok = pg_wait(&reply, NULL, err);
    memcpy(transaction->sqlstate, reply.sqlstate, sizeof(reply.sqlstate));
    return ok;
}

/* Who lost a race for a resource takes a lock for it before he looks again. Such locks are few,
 * because PostgreSQL has room for few: resources share them. */
static size_t add_stripes(struct transaction *transaction, int64_t *keys)
{
    struct hash_state state;
    int64_t first;
    size_t count = 0;

    hash_init(&state, &transaction->tokens.key);
    hash_part(&state, "stripes", 7);
    first = (int64_t)(hash_done(&state) / 2);
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = transaction->order[i];

        if (entry->write->action != STORE_CREATE)
            keys[count++] = first + (int64_t)((uint64_t)entry->rkey % STRIPES);
    }
    return count;
}

/* Equal criteria, equal key. Others that fall on the same key only wait. */
static int64_t lock_key(struct transaction *transaction, const struct query *query)
{
    struct buf identity = buf_in(transaction->arena);
    struct hash_state state;

    query_write_identity(query, &identity);
    hash_init(&state, &transaction->tokens.key);
    hash_part(&state, "condition", 9);
    hash_number(&state, (uint64_t)transaction->tokens.tenant);
    hash_part(&state, query->type, strlen(query->type));
    hash_part(&state, identity.data, identity.size);
    return (int64_t)hash_done(&state);
}

bool transaction_find_existing(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        if (entry->write->if_none_exist && !find_existing(transaction, entry, err))
            return false;
    }
    return true;
}

/* Removals come first (R4 http.html#trules), so what the transaction removes
 * is not there; what it creates and updates comes later. */
static bool find_existing(struct transaction *transaction, struct entry *entry, struct err *err)
{
    struct store_write *write = entry->write;
    struct matches matches = {0};

    if (!find(transaction, write->if_none_exist, false, &matches, err))
        return false;
    if (matches.count == 0)
        return true;
    if (matches.count > 1) {
        write->outcome = STORE_MANY_MATCHES;
        return err_set(err, ERR_PRECONDITION, entry_where(entry),
                       "Several resources match ifNoneExist. Name one more exactly.");
    }

    write->outcome = STORE_EXISTS;
    write->id = matches.id.data;
    write->version = *matches.stored;
    entry->existing = matches.id;
    return true;
}

bool transaction_resolve(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->condition_count; i++) {
        const struct store_condition *condition = &transaction->conditions[i];
        struct matches matches = {0};

        if (!find(transaction, condition->query, true, &matches, err))
            return false;
        if (matches.count != 1)
            return err_set(err, ERR_PRECONDITION, condition->where,
                           matches.count == 0
                               ? "No resource matches this conditional reference."
                               : "Several resources match this conditional reference.");
        link_map_add(&transaction->links, condition->reference,
                     text_of(arena_printf(transaction->arena, "%s/%.*s", condition->query->type,
                                          TEXT_ARGS(matches.id))));
    }
    return true;
}

/* With entries: as it will be behind the transaction; without: behind its removals only. */
static bool find(struct transaction *transaction, const struct query *query, bool with_entries,
                 struct matches *matches, struct err *err)
{
    size_t limit = 2, hit_count;

    /* Those that do not count must not crowd out those that do. */
    for (size_t i = 0; i < transaction->count; i++)
        limit += transaction->entries[i].write->action != STORE_CREATE &&
                 strcmp(transaction->entries[i].type->name, query->type) == 0;

    struct store_version *hits = arena_many(transaction->arena, struct store_version, limit);
    if (!search_find(transaction->store, transaction->pg, transaction->access, query, limit,
                     transaction->arena, hits, &hit_count, err))
        return false;
    for (size_t i = 0; i < hit_count && matches->count < 2; i++) {
        if (is_written(transaction, &hits[i], with_entries) || matches->count++ > 0)
            continue;
        matches->id = text_of(hits[i].id);
        matches->stored = &hits[i];
    }
    for (size_t i = 0; with_entries && i < transaction->count && matches->count < 2; i++)
        add_entry(transaction, query, &transaction->entries[i], matches);
    return true;
}

/* Whether an entry says what becomes of the hit. */
static bool is_written(const struct transaction *transaction, const struct store_version *hit,
                       bool with_entries)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];
        enum store_action action = entry->write->action;

        if ((action == STORE_REMOVE || (action == STORE_UPDATE && with_entries)) &&
            strcmp(entry->type->name, hit->type) == 0 && text_is(entry->id, hit->id))
            return true;
    }
    return false;
}

/* Links between entries are rewritten first: the condition may speak of them. */
static void add_entry(struct transaction *transaction, const struct query *query,
                      struct entry *entry, struct matches *matches)
{
    struct query_candidate candidate = {.type = query->type, .id = entry->id.data};
    struct search_values values;

    if (entry->write->action == STORE_REMOVE || entry->write->outcome == STORE_EXISTS ||
        strcmp(entry->type->name, query->type) != 0)
        return;
    bundle_rewrite_links(transaction->arena, entry->resource, replace_link, transaction);
    search_values_extract(entry->resource, transaction->arena, &values, NULL);
    candidate.values = &values;
    candidate.last_updated = INT64_MAX; /* later than all that is stored */
    if (query_matches(query, &candidate, transaction->arena) && matches->count++ == 0)
        matches->id = entry->id;
}

static struct text replace_link(struct text link, void *context)
{
    const struct transaction *transaction = context;

    return link_map_find(&transaction->links, link);
}
