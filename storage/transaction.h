#pragma once

/*
 * Transaction, inside - what the files transaction*.c share: one attempt at a
 * transaction, as phases that run in the order of these declarations. Each
 * waits; each leaves the attempt as the next one needs it.
 */

#include "storage/bulk.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/link_map.h"
#include "storage/store_internal.h"

/* One write of the transaction. */
struct entry {
    struct store_write *write;
    const struct type *type;
    const struct table *table;
    int64_t rkey;
    struct text name; /* "Type/id" it has, or will have */
    struct text id;
    struct text existing;    /* what ifNoneExist found instead; else absent */
    struct node *resource;   /* to be written: the write's own, or a copy when links may change
                                from one attempt to the next */
    struct current *current; /* UPDATE, REMOVE */
    struct change change;
    bool writes; /* the change is to be made */
};

struct transaction {
    struct store *store;
    const struct access *access;
    struct tokens tokens;
    struct entry *entries;
    struct entry **order; /* by table and key: who writes in the same order waits and does not
                             deadlock */
    size_t count;
    const struct store_condition *conditions;
    size_t condition_count;
    struct arena *arena; /* results */
    int64_t write_id;

    /* Of this attempt. */
    unsigned attempt; /* 0: the first */
    struct pg *pg;
    struct link_map links;
    struct arena *scratch; /* reset for each resource */
    char sqlstate[6];      /* of the failure */
    bool raced;            /* somebody else was first: begin again */
};

/* Locks what could make a condition true, in a statement of its own: the searches that
 * follow see what those before us have committed. After the first attempt also what
 * rivals fight for. */
bool transaction_lock(struct transaction *transaction, struct err *err);

/* ifNoneExist: what is there already is not created. */
bool transaction_find_existing(struct transaction *transaction, struct err *err);

/* Reads what updates and removals supersede, and checks versions. */
bool transaction_read_targets(struct transaction *transaction, struct err *err);

/* Says what the links between entries become. */
bool transaction_link(struct transaction *transaction, struct err *err);

/* Finds what the references by search refer to. */
bool transaction_resolve(struct transaction *transaction, struct err *err);

/* Puts links in place, works out every change and sends it. */
bool transaction_write(struct transaction *transaction, struct err *err);

/* What goes with the writes, when the store or the access says so; each does nothing otherwise.
 * By now every row of the transaction is there. */
bool transaction_check_references(struct transaction *transaction, struct err *err);
bool transaction_add_provenance(struct transaction *transaction, struct err *err);
bool transaction_mark_once(struct transaction *transaction, struct err *err);

/* "Bundle.entry[n]", or NULL. */
static inline const char *entry_where(const struct entry *entry)
{
    return entry->write->where;
}

/* The answer is the version that is stored. */
static inline void entry_fill_version(struct entry *entry, const struct current *current,
                                      struct text id)
{
    struct store_version *version = &entry->write->version;

    entry->write->id = id.data;
    version->type = entry->type->name;
    version->id = id.data;
    version->number = current->number;
    version->last_updated = current->updated;
    version->method = store_method_of(current->op);
}
