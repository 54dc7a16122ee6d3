/*
 * Landing batch, writing - the resources, by the phases of transactions (transaction.h). What
 * those say about races holds here too; the batch is begun again then.
 */

#include "base/arena.h"
#include "base/count.h"
#include "base/random.h"
#include "fhir/type.h"
#include "storage/body.h"
#include "storage/landing_batch.h"
#include "storage/transaction.h"

static bool make_entries(struct transaction *transaction, struct landing_batch *batch,
                         struct err *err);
static bool take_outcomes(struct transaction *transaction, struct landing_batch *batch,
                          struct err *err);

bool batch_write(struct landing_batch *batch, struct err *err)
{
    static bool (*const phases[])(struct transaction *, struct err *) = {
        transaction_settle,
        transaction_read_targets,
        transaction_write,
    };
    struct transaction transaction = {
        .store = batch->store,
        .access = &batch->apply->access,
        .tokens = store_tokens(batch->store, &batch->apply->access),
        .count = batch->write_count,
        .arena = batch->arena,
        .write_id = (int64_t)random_number(),
        .pg = batch->pg,
        .links = link_map_in(batch->arena, 0),
        .scratch = arena_new(),
        .chunk = arena_new(),
    };
    bool good = make_entries(&transaction, batch, err);

    for (size_t i = 0; good && i < COUNT(phases); i++)
        good = phases[i](&transaction, err);
    memcpy(batch->sqlstate, transaction.sqlstate, sizeof(batch->sqlstate));
    batch->raced = transaction.raced;
    arena_free(transaction.chunk);
    arena_free(transaction.scratch);
    return good && take_outcomes(&transaction, batch, err);
}

static bool make_entries(struct transaction *transaction, struct landing_batch *batch,
                         struct err *err)
{
    transaction->entries = arena_many(batch->arena, struct entry, transaction->count);
    for (size_t i = 0; i < transaction->count; i++) {
        struct entry *entry = &transaction->entries[i];
        struct store_write *write = &batch->writes[i];

        entry->write = write;
        entry->type = store_type(write->type, err);
        if (!entry->type)
            return false;
        entry->table = table_of(entry->type);
        entry->action = write->action;
        entry->resource = write->resource;
        entry_name(entry, text_of(arena_printf(batch->arena, "%s/%s", write->type, write->id)));
    }
    return true;
}

static bool take_outcomes(struct transaction *transaction, struct landing_batch *batch,
                          struct err *err)
{
    for (size_t i = 0; i < batch->write_count; i++) {
        struct landed *landed = batch->written[i];
        enum store_outcome outcome = batch->writes[i].outcome;

        if (outcome == STORE_UNCHANGED || outcome == STORE_NOTHING_TO_REMOVE)
            landed->after = 'u';
        else
            batch->store->counters.writes++;
        landed->deleted = outcome == STORE_REMOVED;
        const struct current *current = transaction->entries[i].current;
        if (landed->dead && current && current->exists &&
            !body_unpack(batch->store->codec, current->body, batch->arena, &landed->stored, err))
            return false;
    }
    return true;
}
