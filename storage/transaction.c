/*
 * Transaction - all writes or none.
 */

#include "storage/transaction.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/random.h"
#include "fhir/node.h"

enum {
    ATTEMPTS = 8,
    OUTCOME_WAIT_MS = 50, /* between two looks at a commit whose answer was lost */
};

#define NUMBER_UNUSED "22023" /* pg_xact_status() of a number that PostgreSQL has yet to give */

typedef bool phase_fn(struct transaction *transaction, struct err *err);

enum attempt { ATTEMPT_FAILED, ATTEMPT_DONE, ATTEMPT_AGAIN };

static bool plan(struct transaction *transaction, struct store_write *writes, struct err *err);
static void plan_keys(struct transaction *transaction);
static bool check_urls(struct transaction *transaction, struct err *err);
static enum attempt attempt(struct transaction *transaction, unsigned number, struct err *err);
static bool begin(struct transaction *transaction, struct err *err);
static void forget_attempt(struct entry *entry, struct text name);
static int by_table_and_key(const void *a, const void *b);
static void copy_resources(struct transaction *transaction);
static enum attempt commit(struct transaction *transaction, struct err *err);
static bool read_xid(struct transaction *transaction, struct text *xid, struct err *err);
static enum attempt find_out(struct transaction *transaction, struct text xid, struct err *err);
static bool is_over(struct transaction *transaction, struct text xid, bool *over, bool *committed,
                    struct err *err);
static bool find_in_log(struct transaction *transaction, bool *written, struct err *err);
static void report(struct transaction *transaction);
static void report_same(struct entry *entry);

bool store_transaction(struct store *store, const struct access *access, struct store_write *writes,
                       size_t count, const struct store_condition *conditions,
                       size_t condition_count, struct arena *arena, struct err *err)
{
    struct transaction transaction = {
        .store = store,
        .access = access,
        .tokens = store_tokens(store, access),
        .entries = arena_many(arena, struct entry, count),
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
    if (!plan(&transaction, writes, err) || !check_urls(&transaction, err))
        return false;
    unsigned began = member_begin(store);
    transaction.scratch = arena_new();
    transaction.chunk = arena_new();
    for (int i = 0; outcome == ATTEMPT_AGAIN && i < ATTEMPTS; i++)
        outcome = attempt(&transaction, (unsigned)i, err);
    arena_free(transaction.chunk);
    arena_free(transaction.scratch);
    member_end(store, began);

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
        char id[UUID_SIZE];

        entry->write = &writes[i];
        entry->type = store_type(writes[i].type, err);
        if (!entry->type)
            return false;
        entry->table = table_of(entry->type);
        entry->resource = writes[i].resource;
        if (!writes[i].id || writes[i].action == STORE_CREATE)
            random_uuid(id);
        entry->spare = text_of(
            arena_printf(transaction->arena, "%s/%s", entry->type->name,
                         writes[i].id && writes[i].action != STORE_CREATE ? writes[i].id : id));
    }
    plan_keys(transaction);
    return true;
}

static void plan_keys(struct transaction *transaction)
{
    transaction->keys = arena_many(transaction->arena, struct key, transaction->count);
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];

        if (!entry->write->criteria)
            continue;
        entry->key = key_of(&transaction->tokens, entry->write->criteria, transaction->arena);
        transaction->keys[transaction->key_count++].key = entry->key;
    }
    transaction->key_count = key_sort(transaction->keys, transaction->key_count);
}

/* No full url may stand for two. */
static bool check_urls(struct transaction *transaction, struct err *err)
{
    struct link_map names = link_map_in(transaction->arena, transaction->count);

    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];
        struct text url = entry->write->full_url;
        struct text number = text_of(arena_printf(transaction->arena, "%zu", i));

        if (url.size > 0 && !link_map_add(&names, url, number))
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
        transaction_find,
        transaction_settle,
        transaction_read_targets,
        transaction_amend,
        transaction_link,
        transaction_resolve,
        transaction_write,
        transaction_take_keys,
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
    for (size_t i = 0; outcome == ATTEMPT_DONE && i < COUNT(phases); i++)
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
    transaction->more = NULL;
    transaction->more_count = 0;
    for (size_t i = 0; i < transaction->count; i++)
        forget_attempt(&transaction->entries[i], transaction->entries[i].spare);
    copy_resources(transaction);
    return true;
}

static void forget_attempt(struct entry *entry, struct text name)
{
    entry->action = entry->write->action;
    entry->idle = false;
    entry->must_be_new = false;
    entry->found = 0;
    entry->same = NULL;
    entry->values = NULL;
    entry->current = NULL;
    entry->writes = false;
    entry->write->outcome = STORE_CREATED;
    entry->write->version = (struct store_version){0};
    entry_name(entry, name);
}

bool transaction_settle(struct transaction *transaction, struct err *err)
{
    size_t count = 0;

    transaction->order = arena_many(transaction->arena, struct entry *,
                                    transaction->count + transaction->more_count);
    for (size_t i = 0; i < transaction->count; i++)
        if (!transaction->entries[i].idle)
            transaction->order[count++] = &transaction->entries[i];
    for (struct entry *more = transaction->more; more; more = more->next)
        transaction->order[count++] = more;
    for (size_t i = 0; i < count; i++)
        transaction->order[i]->rkey =
            token_rkey(&transaction->tokens, text_of(transaction->order[i]->type->name),
                       transaction->order[i]->id);
    qsort(transaction->order, count, sizeof(struct entry *), by_table_and_key);
    transaction->order_count = count;

    /* R4 http.html#trules: no resource may appear twice. */
    for (size_t i = 1; i < count; i++)
        if (text_equals(transaction->order[i]->name, transaction->order[i - 1]->name))
            return err_set(err, ERR_INVALID, entry_where(transaction->order[i]),
                           "Another entry of the transaction writes the same resource.");
    return true;
}

/* Of equals, the first in the Bundle first. */
static int by_table_and_key(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;

    if (left->table != right->table)
        return left->table->id < right->table->id ? -1 : 1;
    if (left->rkey != right->rkey)
        return left->rkey < right->rkey ? -1 : 1;
    return (left > right) - (left < right);
}

/* What a condition finds may change from one attempt to the next: then each rewrites the links of
 * fresh copies. */
static void copy_resources(struct transaction *transaction)
{
    bool conditional = transaction->condition_count > 0;

    for (size_t i = 0; i < transaction->count; i++)
        conditional |= transaction->entries[i].write->criteria != NULL;
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

/*
 * The transaction may still be on its way to the disk. What it did is certain once PostgreSQL says
 * that it is over, and then the log knows its write id. Its number alone proves
 * nothing: PostgreSQL that crashed gives a number that never reached the disk to another.
 */
static enum attempt find_out(struct transaction *transaction, struct text xid, struct err *err)
{
    int64_t deadline =
        clock_monotonic() + (int64_t)transaction->store->config.transaction_timeout_ms * 1000;

    if (!xid.data) /* nothing was written that could be lost */
        return ATTEMPT_DONE;
    while (clock_monotonic() < deadline) {
        struct err failure = {0};
        bool over, written;

        if (is_over(transaction, xid, &over, &written, &failure) && over &&
            find_in_log(transaction, &written, &failure)) {
            transaction->store->counters.unknown_resolved++;
            return written ? ATTEMPT_DONE : ATTEMPT_AGAIN;
        }
        fiber_sleep(OUTCOME_WAIT_MS);
    }
    err_set(err, ERR_UNKNOWN, NULL,
            "The connection to the database was lost during the commit, and whether it was made "
            "could not be found out. Read the resources before sending them again.");
    return ATTEMPT_FAILED;
}

static bool is_over(struct transaction *transaction, struct text xid, bool *over, bool *committed,
                    struct err *err)
{
    static const struct pg_statement statement = {"select pg_xact_status($1::text::xid8)"};
    struct pg_params params = pg_params_in(transaction->arena);
    struct pg_reply reply = {0};
    const struct pg_result *result;

    pg_add_text(&params, xid);
    pg_send(transaction->store->read, &statement, &params, transaction->arena, &reply);
    bool answered = pg_wait(&reply, &result, err);
    bool lost = !answered && strcmp(reply.sqlstate, NUMBER_UNUSED) == 0;
    *committed = answered && text_is(pg_text(result, 0, 0), "committed");
    *over = lost || (answered && !text_is(pg_text(result, 0, 0), "in progress"));
    return answered || lost;
}

/* Leaves `*written` as it is where no resource was to be written. */
static bool find_in_log(struct transaction *transaction, bool *written, struct err *err)
{
    static const struct pg_statement statement = {
        "select 1 from f_log where tenant = $1::int4 and rtype = $2::int2 and "
        "updated = $3::timestamptz and write_id = $4::int8"};
    const struct entry *entry = NULL;
    struct pg_params params = pg_params_in(transaction->arena);
    const struct pg_result *result;

    for (size_t i = 0; !entry && i < transaction->order_count; i++)
        if (transaction->order[i]->writes)
            entry = transaction->order[i];
    if (!entry)
        return true;
    pg_add_int4(&params, transaction->tokens.tenant);
    pg_add_int2(&params, (int16_t)entry->type->number);
    pg_add_timestamp(&params, entry->change.updated);
    pg_add_int8(&params, transaction->write_id);
    if (!pg_query(transaction->store->read, &statement, &params, transaction->arena, &result, err))
        return false;
    *written = pg_rows(result) > 0;
    return true;
}

/* It found what the other had created. */
static void report_same(struct entry *entry)
{
    const struct entry *same = entry->same;

    entry->write->outcome = STORE_EXISTS;
    entry->write->id = same->id.data;
    entry->write->version = same->write->version;
    entry->write->version.type = same->type->name;
    entry->write->version.id = same->id.data;
    entry->write->version.number = same->change.number;
    entry->write->version.last_updated = same->change.updated;
    entry->write->version.method = store_method_of(same->change.op);
}

bool transaction_refuse(struct entry *entry, enum store_outcome outcome, struct err *err)
{
    entry->write->outcome = outcome;
    if (entry->current)
        entry->write->version.number = entry->current->number;
    return store_refuse(entry->write, entry_where(entry), err);
}

static void report(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];
        struct store_write *write = entry->write;
        const struct change *change = &entry->change;

        write->resource = entry->resource;
        if (entry->same)
            report_same(entry);
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
