/*
 * Transaction, writing - what is superseded, links, changes.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/bundle.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/stamp.h"
#include "storage/transaction.h"
#include "storage/version.h"

enum {
    CHUNK = 256, /* resources worked out and sent while PostgreSQL works on those before */
    TURN = 16,   /* of them before others may run */
    FEW = 4,     /* inserts that are cheaper one by one */
};

static bool check_target(struct transaction *transaction, struct entry *entry, struct err *err);
static void add_old_name(struct transaction *transaction, const struct entry *entry);
static bool make_change(struct transaction *transaction, struct entry *entry, struct err *err);
static void begin_change(struct transaction *transaction, struct entry *entry,
                         enum change_kind kind, char op);
static void make_insert(struct transaction *transaction, struct entry *entry, char op);
static bool make_update(struct transaction *transaction, struct entry *entry, struct err *err);
static bool make_removal(struct transaction *transaction, struct entry *entry, struct err *err);
static void make_row_and_body(struct transaction *transaction, struct entry *entry);
static void send_changes(struct transaction *transaction, struct bulk *bulk, struct entry **entries,
                         size_t count);
static void forget_chunk(struct transaction *transaction, struct entry **entries, size_t count);

bool transaction_read_targets(struct transaction *transaction, struct err *err)
{
    struct current *currents =
        arena_many(transaction->arena, struct current, transaction->order_count);
    size_t count = 0;

    for (size_t i = 0; i < transaction->order_count; i++) {
        const struct entry *entry = transaction->order[i];

        if (entry->action != STORE_CREATE)
            currents[count++] = (struct current){.table = entry->table, .rkey = entry->rkey};
    }
    if (count == 0)
        return true;
    if (!current_read_many(transaction->pg, currents, count, transaction->arena,
                           transaction->sqlstate, err))
        return false;
    for (size_t i = 0; i < transaction->order_count; i++) {
        struct entry *entry = transaction->order[i];

        if (entry->action == STORE_CREATE)
            continue;
        entry->current = current_find(currents, count, entry->rkey);
        if (!check_target(transaction, entry, err))
            return false;
    }
    return true;
}

static bool check_target(struct transaction *transaction, struct entry *entry, struct err *err)
{
    const struct current *current = entry->current;

    if (!version_same_id(current, entry->id, entry_where(entry), err))
        return false;
    if (entry->found && !(current->exists && current->number == entry->found)) {
        transaction->raced = true;
        return err_set(err, ERR_CONFLICT, entry_where(entry), "It changed since it was found.");
    }
    if (entry->action == STORE_AMEND && !current->exists)
        return transaction_refuse(entry, STORE_NOT_FOUND, err);
    if (version_is_other(current, entry->write->if_match))
        return transaction_refuse(entry, STORE_VERSION_MISMATCH, err);
    return !(entry->must_be_new && current->exists) ||
           transaction_refuse(entry, STORE_ID_TAKEN, err);
}

bool transaction_amend(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];
        struct store_write *write = entry->write;
        struct text json;

        if (entry->action != STORE_AMEND)
            continue;
        if (!body_unpack(transaction->store->codec, entry->current->body, transaction->arena, &json,
                         err))
            return false;
        if (!write->amend(write->amend_context, json, transaction->arena, &entry->resource, err)) {
            snprintf(err->where, sizeof(err->where), "%s", entry_where(entry));
            return false;
        }
    }
    return true;
}

bool transaction_write(struct transaction *transaction, struct err *err)
{
    struct bulk bulk = bulk_in(transaction->pg, transaction->arena, transaction->chunk);
    size_t total = transaction->order_count;

    for (size_t first = 0; first < total; first += CHUNK) {
        size_t count = total - first < CHUNK ? total - first : (size_t)CHUNK;
        size_t before = bulk.count;

        for (size_t i = first; i < first + count; i++) {
            if (!make_change(transaction, transaction->order[i], err)) {
                bulk_drop(&bulk);
                return false;
            }
            if (i % TURN == TURN - 1)
                fiber_sleep(0);
        }
        send_changes(transaction, &bulk, transaction->order + first, count);
        forget_chunk(transaction, transaction->order + first, count);
        if (!bulk_wait_for_room(&bulk, bulk.count - before, &transaction->raced,
                                transaction->sqlstate, err) ||
            transaction->raced)
            return false;
        if (first + count < total)
            fiber_sleep(0); /* others run, and what was sent leaves */
    }
    return bulk_wait(&bulk, &transaction->raced, transaction->sqlstate, err) && !transaction->raced;
}

/* R4 http.html#trules and bundle.html#references: a link to an entry's full url becomes a link to
 * what the entry became; so does a relative one, when the full url is that of
 * a resource on another server. */
bool transaction_link(struct transaction *transaction, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];
        struct text url = entry->write->full_url;

        if (url.size == 0 || entry->action == STORE_REMOVE)
            continue;
        link_map_add(&transaction->links, url, entry->name);
        if (entry->action == STORE_CREATE || entry->write->criteria)
            add_old_name(transaction, entry);
    }
    return true;
}

static void add_old_name(struct transaction *transaction, const struct entry *entry)
{
    struct text base, type, id, version;

    if (!reference_split(entry->write->full_url, &base, &type, &id, &version) || !base.data)
        return;
    struct text name = {type.data, (size_t)(id.data + id.size - type.data)};
    link_map_add(&transaction->links, name, entry->name);
}

static bool make_change(struct transaction *transaction, struct entry *entry, struct err *err)
{
    /* Links are in place already where a condition looked at the resource. */
    if (entry->action != STORE_REMOVE && !entry->values && transaction->links.count > 0)
        bundle_rewrite_links(transaction->arena, entry->resource, transaction_replace_link,
                             transaction);
    switch (entry->action) {
    case STORE_CREATE:
        make_insert(transaction, entry, 'C');
        return true;
    case STORE_UPDATE:
    case STORE_AMEND:
        if (entry->current->exists)
            return make_update(transaction, entry, err);
        make_insert(transaction, entry, 'U');
        return true;
    case STORE_REMOVE:
        if (entry->current->exists)
            return make_removal(transaction, entry, err);
        entry->write->outcome = STORE_NOTHING_TO_REMOVE;
        entry_fill_version(entry, entry->current, entry->id);
        return true;
    }
    return true;
}

static void begin_change(struct transaction *transaction, struct entry *entry,
                         enum change_kind kind, char op)
{
    static const struct current nothing = {0};
    const struct current *current = entry->current ? entry->current : &nothing;

    entry->writes = true;
    entry->change = (struct change){
        .kind = kind,
        .op = op,
        .tenant = transaction->tokens.tenant,
        .write_id = transaction->write_id,
        .table = entry->table,
        .number = current->number + 1,
        .updated = version_time(current->updated),
        .old_number = current->number,
        .old_updated = current->updated,
        .old_op = current->op,
        .old_body = current->body,
    };
}

static void make_insert(struct transaction *transaction, struct entry *entry, char op)
{
    begin_change(transaction, entry, CHANGE_INSERT, op);
    make_row_and_body(transaction, entry);
    entry->write->outcome = STORE_CREATED;
}

static bool make_update(struct transaction *transaction, struct entry *entry, struct err *err)
{
    struct change *change = &entry->change;
    struct store_write *write = entry->write;
    struct text json;
    bool same;

    if (!version_compare(transaction->store, entry->current, entry->resource, transaction->arena,
                         &json, &same, err))
        return false;
    if (same) {
        write->outcome = STORE_UNCHANGED;
        write->version.json = json.data;
        write->version.json_size = json.size;
        entry_fill_version(entry, entry->current, entry->id);
        transaction->store->counters.unchanged++;
        return true;
    }
    begin_change(transaction, entry, CHANGE_ALL, 'U');
    if (!current_unpack(transaction->store, &transaction->tokens, entry->type, entry->current,
                        transaction->arena, NULL, &change->old_row, err))
        return false;
    make_row_and_body(transaction, entry);
    if (row_equals(change->row, change->old_row))
        change->kind = CHANGE_BODY;
    write->outcome = STORE_UPDATED;
    return true;
}

static bool make_removal(struct transaction *transaction, struct entry *entry, struct err *err)
{
    begin_change(transaction, entry, CHANGE_REMOVE, 'D');
    if (!current_unpack(transaction->store, &transaction->tokens, entry->type, entry->current,
                        transaction->arena, NULL, &entry->change.old_row, err))
        return false;
    entry->change.row = entry->change.old_row;
    entry->write->outcome = STORE_REMOVED;
    return true;
}

/* Search values are many and short-lived: in an arena of their own they stay in the cache. What is
 * sent, and a content that nobody wants to see, goes with its chunk. */
static void make_row_and_body(struct transaction *transaction, struct entry *entry)
{
    struct change *change = &entry->change;
    struct store_write *write = entry->write;
    struct search_values values;

    /* The tree is needed again when the transaction is. */
    change->body = stamp_pack(transaction->store->codec, entry->resource, entry->id.data,
                              change->number, change->updated, transaction->arena,
                              transaction->chunk, write->no_content ? NULL : &write->version);

    arena_reset(transaction->scratch);
    transaction_extract(entry, transaction->scratch, &values);
    change->row =
        row_make(&transaction->tokens, entry->type, entry->id, &values, transaction->chunk);
}

/* Inserts go together; the rest one by one. */
static void send_changes(struct transaction *transaction, struct bulk *bulk, struct entry **entries,
                         size_t count)
{
    struct change **inserts = arena_many(transaction->arena, struct change *, count);
    size_t insert_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entries[i];

        if (entry->writes && entry->change.kind == CHANGE_INSERT)
            inserts[insert_count++] = &entry->change;
        else if (entry->writes)
            bulk_change(bulk, &entry->change);
    }
    if (insert_count > FEW) {
        bulk_insert(bulk, inserts, insert_count);
        return;
    }
    for (size_t i = 0; i < insert_count; i++)
        bulk_change(bulk, inserts[i]);
}

/* Sent is copied: with thousands of entries, none of this may stay until the end. */
static void forget_chunk(struct transaction *transaction, struct entry **entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i]->change.row = NULL;
        entries[i]->change.body = (struct text){0};
    }
    arena_reset(transaction->chunk);
}
