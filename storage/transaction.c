/*
 * Transaction - all writes or none.
 */

#include "storage/transaction.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "fhir/node.h"

enum {
    ATTEMPTS = 8,
    OUTCOME_WAIT_MS = 50, /* between two looks at a commit whose answer was lost */
};

typedef bool phase_fn(struct transaction *transaction, struct err *err);

enum attempt { ATTEMPT_FAILED, ATTEMPT_DONE, ATTEMPT_AGAIN };

static bool plan(struct transaction *transaction, struct store_write *writes, struct err *err);
static int by_table_and_key(const void *a, const void *b);
static void choose_id(struct transaction *transaction, struct entry *entry);
static bool check_overlap(struct transaction *transaction, struct err *err);
static enum attempt attempt(struct transaction *transaction, unsigned number, struct err *err);
static bool begin(struct transaction *transaction, struct err *err);
static void copy_resources(struct transaction *transaction);
static enum attempt commit(struct transaction *transaction, struct err *err);
static bool read_xid(struct transaction *transaction, struct text *xid, struct err *err);
static enum attempt find_out(struct transaction *transaction, struct text xid, struct err *err);
static void report(struct transaction *transaction);

bool store_transaction(struct store *store, const struct access *access, struct store_write *writes,
                       size_t count, const struct store_condition *conditions,
                       size_t condition_count, struct arena *arena, struct err *err)
{
    struct transaction transaction = {
        .store = store,
        .access = access,
        .tokens = store_tokens(store, access),
        .entries = arena_many(arena, struct entry, count),
        .order = arena_many(arena, struct entry *, count),
        .count = count,
        .conditions = conditions,
        .condition_count = condition_count,
        .arena = arena,
        .write_id = (int64_t)random_number(),
    };
    enum attempt outcome = ATTEMPT_AGAIN;
    bool recalled = false;

    if (access->once &&
        !store_once_recall(store, access, access->step, writes, count, arena, &recalled, err))
        return false;
    if (recalled)
        return true;
    if (!plan(&transaction, writes, err) || !check_overlap(&transaction, err))
        return false;
    transaction.scratch = arena_new();
    for (int i = 0; outcome == ATTEMPT_AGAIN && i < ATTEMPTS; i++)
        outcome = attempt(&transaction, (unsigned)i, err);
    arena_free(transaction.scratch);

    if (outcome == ATTEMPT_AGAIN)
        return err_set(err, ERR_CONFLICT, NULL,
                       "Others write the same resources all the time; try again.");
    if (outcome == ATTEMPT_FAILED)
        return false;
    report(&transaction);
    return true;
}

static bool plan(struct transaction *transaction, struct store_write *writes, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        entry->write = &writes[i];
        entry->type = store_type(writes[i].type, err);
        if (!entry->type)
            return false;
        entry->table = table_of(entry->type);
        entry->resource = writes[i].resource;
        choose_id(transaction, entry);
        entry->rkey = token_rkey(&transaction->tokens, text_of(entry->type->name), entry->id);
        transaction->order[i] = entry;
    }
    qsort(transaction->order, transaction->count, sizeof(struct entry *), by_table_and_key);
    return true;
}

static int by_table_and_key(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;

    if (left->table != right->table)
        return left->table->id < right->table->id ? -1 : 1;
    return left->rkey < right->rkey ? -1 : left->rkey > right->rkey;
}

/* Once, not in each attempt: a commit that was repeated after its answer was
 * lost would otherwise make two. */
static void choose_id(struct transaction *transaction, struct entry *entry)
{
    size_t type_size = strlen(entry->type->name);
    char *name;

    if (entry->write->action == STORE_CREATE) {
        name = arena_alloc_raw(transaction->arena, type_size + 1 + RANDOM_UUID_SIZE);
        random_uuid(name + type_size + 1);
    } else {
        name = arena_alloc_raw(transaction->arena, type_size + 2 + strlen(entry->write->id));
        memcpy(name + type_size + 1, entry->write->id, strlen(entry->write->id) + 1);
    }
    memcpy(name, entry->type->name, type_size);
    name[type_size] = '/';
    entry->name = text_of(name);
    entry->id = text_of(name + type_size + 1);
}

/* R4 http.html#trules: no resource may appear twice, and no full url stand for two. */
static bool check_overlap(struct transaction *transaction, struct err *err)
{
    struct link_map names = link_map_in(transaction->arena, transaction->count * 2);

    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];
        struct text url = entry->write->full_url;

        if (link_map_find(&names, entry->name).data)
            return err_set(err, ERR_INVALID, entry_where(entry),
                           "Another entry of the transaction writes the same resource.");
        link_map_add(&names, entry->name, entry->name);
        if (url.size > 0 && !link_map_add(&names, url, entry->name))
            return err_set(err, ERR_INVALID, entry_where(entry),
                           "Another entry of the transaction has the same fullUrl.");
    }
    return true;
}

static enum attempt attempt(struct transaction *transaction, unsigned number, struct err *err)
{
    static phase_fn *const phases[] = {
        begin,
        transaction_lock,
        transaction_find_existing,
        transaction_read_targets,
        transaction_link,
        transaction_resolve,
        transaction_write,
        transaction_check_references,
        transaction_add_provenance,
        transaction_mark_once,
    };
    struct err failure = {0};
    enum attempt outcome = ATTEMPT_DONE;

    transaction->attempt = number;
    transaction->raced = false;
    transaction->sqlstate[0] = '\0';
    transaction->pg = pool_acquire(transaction->store->transactions, err);
    if (!transaction->pg)
        return ATTEMPT_FAILED;
    for (size_t i = 0; outcome == ATTEMPT_DONE && i < sizeof(phases) / sizeof(phases[0]); i++)
        if (!phases[i](transaction, &failure))
            outcome = ATTEMPT_FAILED;
    if (outcome == ATTEMPT_DONE)
        outcome = commit(transaction, &failure);
    pool_release(transaction->store->transactions, transaction->pg);

    if (outcome == ATTEMPT_FAILED &&
        (transaction->raced || pg_is_retryable(transaction->sqlstate))) {
        transaction->store->counters.transaction_retries++;
        return ATTEMPT_AGAIN;
    }
    if (outcome == ATTEMPT_FAILED && !err->kind)
        *err = failure;
    return outcome;
}

static bool begin(struct transaction *transaction, struct err *err)
{
    (void)err;
    pg_begin(transaction->pg);
    transaction->links =
        link_map_in(transaction->arena, transaction->count * 2 + transaction->condition_count);
    for (size_t i = 0; i < transaction->count; i++) {
        transaction->entries[i].existing = (struct text){0};
        transaction->entries[i].write->outcome = STORE_CREATED;
    }
    copy_resources(transaction);
    return true;
}

/* What a condition finds may change from one attempt to the next: then each rewrites the links of
 * fresh copies. */
static void copy_resources(struct transaction *transaction)
{
    bool conditional = transaction->condition_count > 0;

    for (size_t i = 0; i < transaction->count; i++)
        conditional |= transaction->entries[i].write->if_none_exist != NULL;
    for (size_t i = 0; conditional && i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        if (entry->write->resource)
            entry->resource = node_copy(transaction->arena, entry->write->resource);
    }
}

static enum attempt commit(struct transaction *transaction, struct err *err)
{
    struct text xid;
    struct err failure = {0};

    if (!read_xid(transaction, &xid, err))
        return ATTEMPT_FAILED;
    if (pg_commit(transaction->pg, &failure))
        return ATTEMPT_DONE;
    if (failure.kind == ERR_UNKNOWN)
        return find_out(transaction, xid, err);
    *err = failure;
    return ATTEMPT_FAILED;
}

/* Its number, by which PostgreSQL tells later what became of it. */
static bool read_xid(struct transaction *transaction, struct text *xid, struct err *err)
{
    static const struct pg_statement statement = {"select pg_current_xact_id_if_assigned()::text"};
    const struct pg_result *result;

    if (!pg_query(transaction->pg, &statement, NULL, transaction->arena, &result, err))
        return false;
    *xid = pg_text(result, 0, 0);
    return true;
}

/* The transaction may still be on its way to the disk. What it did is certain
 * once PostgreSQL says that it is over. */
static enum attempt find_out(struct transaction *transaction, struct text xid, struct err *err)
{
    static const struct pg_statement statement = {"select pg_xact_status($1::text::xid8)"};
    int64_t deadline =
        clock_monotonic() + (int64_t)transaction->store->config.transaction_timeout_ms * 1000;

    if (!xid.data) /* nothing was written that could be lost */
        return ATTEMPT_DONE;
    while (clock_monotonic() < deadline) {
        struct pg_params params = pg_params_in(transaction->arena);
        const struct pg_result *result;
        struct err failure = {0};

        pg_add_text(&params, xid);
        if (pg_query(transaction->store->read, &statement, &params, transaction->arena, &result,
                     &failure) &&
            !text_is(pg_text(result, 0, 0), "in progress")) {
            transaction->store->counters.unknown_resolved++;
            return text_is(pg_text(result, 0, 0), "committed") ? ATTEMPT_DONE : ATTEMPT_AGAIN;
        }
        fiber_sleep(OUTCOME_WAIT_MS);
    }
    err_set(err, ERR_UNKNOWN, NULL,
            "The connection to the database was lost during the commit, and whether it was made "
            "could not be found out. Read the resources before sending them again.");
    return ATTEMPT_FAILED;
}

static void report(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];
        struct store_write *write = entry->write;
        const struct change *change = &entry->change;

        write->resource = entry->resource;
        if (!entry->writes)
            continue;
        write->id = entry->id.data;
        write->version.type = entry->type->name;
        write->version.id = entry->id.data;
        write->version.number = change->number;
        write->version.last_updated = change->updated;
        write->version.method = store_method_of(change->op);
        transaction->store->counters.writes++;
    }
    transaction->store->counters.transactions++;
}
