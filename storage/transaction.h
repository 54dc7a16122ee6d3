#pragma once

/*
 * Transaction, inside - what the files transaction*.c share: one attempt at a
 * transaction, as phases that run in the order of these declarations. Each
 * waits; each leaves the attempt as the next one needs it.
 */

#include "storage/bulk.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/key.h"
#include "storage/link_map.h"
#include "storage/store_internal.h"

/* One write of the transaction. */
struct entry {
    struct store_write *write;
    const struct type *type;
    const struct table *table;
    struct text spare; /* "Type/id" for what has no id yet: always the same, because a commit that
                          was repeated after its answer was lost would otherwise make two */
    int64_t key;       /* of the criteria */

    /* Of this attempt. */
    enum store_action action; /* that follows from the criteria: an update may be a create */
    bool idle;                /* nothing is to be written */
    bool must_be_new;         /* the criteria found nothing: there may be no such resource */
    int64_t found;            /* the version that they found */
    struct entry *same;       /* another entry with the same criteria, which creates */
    int64_t rkey;
    struct text name; /* "Type/id" it has, or will have */
    struct text id;
    struct node *resource;        /* to be written: the write's own, or a copy when links may change
                                     from one attempt to the next */
    struct current *current;      /* UPDATE, REMOVE, AMEND */
    struct search_values *values; /* of the resource, when a condition asked for them */
    struct change change;
    bool writes;        /* the change is to be made */
    struct entry *next; /* in transaction.more */
};

struct transaction {
    struct store *store;
    const struct access *access;
    struct tokens tokens;
    struct entry *entries;
    size_t count;
    struct key *keys; /* of all criteria, sorted, each once */
    size_t key_count;
    const struct store_condition *conditions;
    size_t condition_count;
    struct arena *arena; /* results */
    int64_t write_id;

    /* Of this attempt. */
    unsigned attempt;     /* 0: the first */
    struct entry **order; /* those that are not idle by table and key: who writes in the same order
                             waits and does not deadlock */
    size_t order_count;
    struct entry *more; /* further ones that multiple removals found */
    size_t more_count;
    struct pg *pg;
    struct link_map links;
    struct arena *scratch; /* reset for each resource */
    struct arena *chunk;   /* what is sent, until it is */
    char sqlstate[6];      /* of the failure */
    bool raced;            /* somebody else was first: begin again */
};

/* After the first attempt: takes locks for what rivals fight for, and learns who
 * holds the keys. In statements of their own: the searches that follow see what others have
 * committed before. */
bool transaction_lock(struct transaction *transaction, struct err *err);

/* What the criteria of writes mean: what is there already is not created, what is to be updated
 * gets its id. */
bool transaction_find(struct transaction *transaction, struct err *err);

/* Says what each entry writes, in which order; no resource may be written twice. */
bool transaction_settle(struct transaction *transaction, struct err *err);

/* Reads what is superseded, and checks versions. */
bool transaction_read_targets(struct transaction *transaction, struct err *err);

/* Makes the content that follows from what was read. */
bool transaction_amend(struct transaction *transaction, struct err *err);

/* Says what the links between entries become. */
bool transaction_link(struct transaction *transaction, struct err *err);

/* Finds what the references by search refer to. */
bool transaction_resolve(struct transaction *transaction, struct err *err);

/* Puts links in place, works out every change and sends it. */
bool transaction_write(struct transaction *transaction, struct err *err);

/* Takes the keys of criteria that found nothing. Last, because whoever wants one of them waits
 * from now on until the commit. */
bool transaction_take_keys(struct transaction *transaction, struct err *err);

/* For transaction_find() and transaction_resolve(): what a query matches, as many as are needed to
 * know that one is not alone. */
struct matches {
    size_t count;
    struct text id;               /* of the first */
    struct store_version *stored; /* the first, when it is no entry */
};

/* Waits. `limit` of what the tables have, less what the transaction removes, and with
 * `updates` also less what it updates. */
bool transaction_search(struct transaction *transaction, const struct query *query, size_t limit,
                        bool updates, struct store_version *found, size_t *count, struct err *err);

/* The search values of the entry's resource alone, as it will be stored: its links are rewritten,
 * and are not looked for among the other entries of the Bundle. */
void transaction_extract(struct entry *entry, struct arena *arena, struct search_values *values);

/* A link as it will be stored; for bundle_rewrite_links(), whose context is the transaction. */
struct text transaction_replace_link(struct text link, void *context);

/* Names the outcome that fails the transaction. */
bool transaction_refuse(struct entry *entry, enum store_outcome outcome, struct err *err);

/* What goes with the writes, when the store or the access says so; each does nothing otherwise.
 * By now every row of the transaction is there (aside.c, once.c). */
bool transaction_check_references(struct transaction *transaction, struct err *err);
bool transaction_add_provenance(struct transaction *transaction, struct err *err);
bool transaction_mark_once(struct transaction *transaction, struct err *err);

/* "Bundle.entry[n]", or NULL. */
static inline const char *entry_where(const struct entry *entry)
{
    return entry->write->where;
}

/* The entry is about this resource. */
static inline void entry_name(struct entry *entry, struct text name)
{
    size_t type_size = strlen(entry->type->name) + 1;

    entry->name = name;
    entry->id = (struct text){name.data + type_size, name.size - type_size};
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
