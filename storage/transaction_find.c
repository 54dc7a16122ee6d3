/*
 * Transaction, criteria - which resources conditional writes are about (R4
 * http.html#ccreate, #cond-update), and what keeps others from answering the same
 * question at the same time.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/query.h"
#include "storage/row_set.h"
#include "storage/search.h"
#include "storage/transaction.h"

enum {
    STRIPES = 64,
    REMOVED_MAX = 10000, /* by one conditional delete */
};

static bool lock_stripes(struct transaction *transaction, struct err *err);
static size_t add_stripes(struct transaction *transaction, int64_t *stripes);
static bool find(struct transaction *transaction, struct entry *entry, struct err *err);
static bool find_removals(struct transaction *transaction, struct entry *entry, struct err *err);
static void add_removal(struct transaction *transaction, const struct entry *entry,
                        const struct store_version *found);
static bool with_match(struct entry *entry, const struct store_version *found, struct arena *arena,
                       struct err *err);
static bool find_same(struct transaction *transaction, struct err *err);
static int by_key(const void *a, const void *b);
static bool is_removed(const struct transaction *transaction, const struct store_version *hit,
                       bool updates);
static bool is_about(const struct entry *entry, const struct store_version *hit, bool updates);

bool transaction_lock(struct transaction *transaction, struct err *err)
{
    if (transaction->attempt == 0)
        return true;
    return lock_stripes(transaction, err) &&
           (transaction->key_count == 0 ||
            key_read(transaction->pg, transaction->keys, transaction->key_count, transaction->arena,
                     transaction->sqlstate, err));
}

/* Who lost a race for a resource takes a lock for it before he looks again. Such locks are few,
 * because PostgreSQL has room for few: resources share them. */
static bool lock_stripes(struct transaction *transaction, struct err *err)
{
    static const struct pg_statement statement = {
        "select pg_advisory_xact_lock(key) from unnest($1::int8[]) as x(key)"};
    int64_t *stripes = arena_many(transaction->arena, int64_t, transaction->order_count);
    struct pg_params params = pg_params_in(transaction->arena);
    struct pg_reply reply = {0};
    size_t count = add_stripes(transaction, stripes);

    if (count == 0)
        return true;
    count = row_sort_set(stripes, count); /* in the same order everywhere: no deadlock */
    pg_add_int8_array(&params, stripes, NULL, count);
    pg_send(transaction->pg, &statement, &params, transaction->arena, &reply);
    bool ok = pg_wait(&reply, NULL, err);
    memcpy(transaction->sqlstate, reply.sqlstate, sizeof(reply.sqlstate));
    return ok;
}

/* Those of the attempt that lost. */
static size_t add_stripes(struct transaction *transaction, int64_t *stripes)
{
    struct hash_state state;
    int64_t first;
    size_t count = 0;

    hash_init(&state, &transaction->tokens.key);
    hash_part(&state, "stripes", 7);
    first = (int64_t)(hash_done(&state) / 2);
    for (size_t i = 0; i < transaction->order_count; i++) {
        const struct entry *entry = transaction->order[i];

        if (entry->action != STORE_CREATE)
            stripes[count++] = first + (int64_t)((uint64_t)entry->rkey % STRIPES);
    }
    return count;
}

/* R4 http.html#trules: removals come first, so what they remove is not there for the others; what
 * the transaction creates and updates comes later. */
bool transaction_find(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        if (entry->write->criteria && entry->action == STORE_REMOVE &&
            !find_removals(transaction, entry, err))
            return false;
    }
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        if (entry->write->criteria && entry->action != STORE_REMOVE &&
            !find(transaction, entry, err))
            return false;
    }
    return find_same(transaction, err);
}

static bool find_removals(struct transaction *transaction, struct entry *entry, struct err *err)
{
    size_t limit = entry->write->multiple ? REMOVED_MAX + 1 : 2, count;
    struct store_version *found = arena_many(transaction->arena, struct store_version, limit);

    if (!search_find(transaction->store, transaction->pg, transaction->access,
                     entry->write->criteria, limit, transaction->arena, found, &count, err))
        return false;
    if (count > 1 && (!entry->write->multiple || count > REMOVED_MAX))
        return transaction_refuse(entry, STORE_MANY_MATCHES, err);
    if (count == 0) {
        entry->idle = true;
        entry->write->outcome = STORE_NOTHING_TO_REMOVE;
        return true;
    }
    for (size_t i = 1; i < count; i++)
        add_removal(transaction, entry, &found[i]);
    return with_match(entry, &found[0], transaction->arena, err);
}

/* As if the client had sent an entry for each. */
static void add_removal(struct transaction *transaction, const struct entry *entry,
                        const struct store_version *found)
{
    struct entry *more = arena_one(transaction->arena, struct entry);
    struct err err = {0};

    more->write = arena_one(transaction->arena, struct store_write);
    more->write->action = STORE_REMOVE;
    more->write->where = entry->write->where;
    more->type = entry->type;
    more->table = entry->table;
    more->action = STORE_REMOVE;
    more->next = transaction->more;
    transaction->more = more;
    transaction->more_count++;
    (void)with_match(more, found, transaction->arena, &err);
}

static bool find(struct transaction *transaction, struct entry *entry, struct err *err)
{
    struct store_version found[2];
    size_t count;

    if (!transaction_search(transaction, entry->write->criteria, 2, false, found, &count, err))
        return false;
    if (count > 1)
        return transaction_refuse(entry, STORE_MANY_MATCHES, err);
    if (count == 1)
        return with_match(entry, &found[0], transaction->arena, err);
    if (entry->action == STORE_AMEND)
        return transaction_refuse(entry, STORE_NOT_FOUND, err);
    if (entry->write->if_match > 0 || entry->write->if_match == STORE_ANY_VERSION)
        return transaction_refuse(entry, STORE_VERSION_MISMATCH, err);
    entry->must_be_new = true;
    if (!entry->write->id)
        entry->action = STORE_CREATE;
    return true;
}

static bool with_match(struct entry *entry, const struct store_version *found, struct arena *arena,
                       struct err *err)
{
    struct store_write *write = entry->write;

    if (entry->action == STORE_UPDATE && write->id && strcmp(write->id, found->id) != 0)
        return transaction_refuse(entry, STORE_OTHER_ID, err);
    entry_name(entry, text_of(arena_printf(arena, "%s/%s", entry->type->name, found->id)));
    entry->found = found->number;
    if (entry->action == STORE_CREATE) {
        entry->idle = true;
        write->outcome = STORE_EXISTS;
        write->id = found->id;
        write->version = *found;
    }
    return true;
}

/* Several creates with the same criteria make one resource, which the others find. */
static bool find_same(struct transaction *transaction, struct err *err)
{
    struct entry **creates = arena_many(transaction->arena, struct entry *, transaction->count);
    size_t count = 0;

    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->entries[i].must_be_new)
            creates[count++] = &transaction->entries[i];
    qsort(creates, count, sizeof(struct entry *), by_key);
    for (size_t i = 1; i < count; i++) {
        struct entry *first = creates[i - 1]->same ? creates[i - 1]->same : creates[i - 1];

        if (creates[i]->key != first->key)
            continue;
        if (first->write->action != STORE_CREATE || creates[i]->write->action != STORE_CREATE)
            return err_set(err, ERR_INVALID, entry_where(creates[i]),
                           "Another entry of the transaction has the same criteria.");
        creates[i]->same = first;
        creates[i]->idle = true;
        entry_name(creates[i], first->name);
    }
    return true;
}

/* Of equals, the first in the Bundle first. */
static int by_key(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left > right) - (left < right);
}

/* Those that do not count must not crowd out those that do. */
bool transaction_search(struct transaction *transaction, const struct query *query, size_t limit,
                        bool updates, struct store_version *found, size_t *count, struct err *err)
{
    size_t room = limit + transaction->more_count, hit_count;

    for (size_t i = 0; i < transaction->count; i++)
        room += transaction->entries[i].action != STORE_CREATE &&
                strcmp(transaction->entries[i].type->name, query->type) == 0;

    struct store_version *hits = arena_many(transaction->arena, struct store_version, room);
    if (!search_find(transaction->store, transaction->pg, transaction->access, query, room,
                     transaction->arena, hits, &hit_count, err))
        return false;
    *count = 0;
    for (size_t i = 0; i < hit_count && *count < limit; i++)
        if (!is_removed(transaction, &hits[i], updates))
            found[(*count)++] = hits[i];
    return true;
}

/* Whether an entry says what becomes of the hit. */
static bool is_removed(const struct transaction *transaction, const struct store_version *hit,
                       bool updates)
{
    for (size_t i = 0; i < transaction->count; i++)
        if (is_about(&transaction->entries[i], hit, updates))
            return true;
    for (const struct entry *more = transaction->more; more; more = more->next)
        if (is_about(more, hit, updates))
            return true;
    return false;
}

static bool is_about(const struct entry *entry, const struct store_version *hit, bool updates)
{
    if (entry->action != STORE_REMOVE && (!updates || entry->action == STORE_CREATE))
        return false;
    return !entry->idle && strcmp(entry->type->name, hit->type) == 0 && text_is(entry->id, hit->id);
}

bool transaction_take_keys(struct transaction *transaction, struct err *err)
{
    struct key *wanted = arena_many(transaction->arena, struct key, transaction->key_count);
    size_t count = 0;
    bool all;

    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];

        if (entry->must_be_new && !entry->same)
            wanted[count++] = *key_find(transaction->keys, transaction->key_count, entry->key);
    }
    if (count == 0)
        return true;
    if (!key_take(transaction->pg, wanted, count, transaction->write_id, transaction->arena, &all,
                  transaction->sqlstate, err))
        return false;
    transaction->raced = !all;
    return all;
}
