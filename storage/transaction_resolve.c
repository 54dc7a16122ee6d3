/*
 * Transaction, references by search - what they stand for (R4 http.html#trules).
 *
 * What counts is the database behind the transaction's own removals, creates and
 * updates. They are not made yet, so both are asked: the tables, less what the
 * transaction writes, and the entries themselves.
 */

#include "base/arena.h"
#include "base/err.h"
#include "fhir/bundle.h"
#include "fhir/node.h"
#include "fhir/query.h"
#include "fhir/query_match.h"
#include "fhir/search_values.h"
#include "storage/transaction.h"

static bool find_one(struct transaction *transaction, const struct store_condition *condition,
                     struct text *id, struct err *err);
static bool check_creates(struct transaction *transaction, struct err *err);
static bool matches(struct transaction *transaction, struct entry *entry,
                    const struct query *query);

bool transaction_resolve(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->condition_count; i++) {
        const struct store_condition *condition = &transaction->conditions[i];
        struct text id = {0};

        if (!find_one(transaction, condition, &id, err))
            return false;
        link_map_add(&transaction->links, condition->reference,
                     text_of(arena_printf(transaction->arena, "%s/%.*s", condition->query->type,
                                          TEXT_ARGS(id))));
    }
    return check_creates(transaction, err);
}

static bool find_one(struct transaction *transaction, const struct store_condition *condition,
                     struct text *id, struct err *err)
{
    struct store_version found[2];
    size_t count;

    if (!transaction_search(transaction, condition->query, 2, true, found, &count, err))
        return false;
    if (count > 0)
        *id = text_of(found[0].id);
    for (size_t i = 0; i < transaction->count && count < 2; i++) {
        struct entry *entry = &transaction->entries[i];

        if (matches(transaction, entry, condition->query) && count++ == 0)
            *id = entry->id;
    }
    return count == 1 ||
           err_set(err, ERR_PRECONDITION, condition->where,
                   count == 0 ? "No resource matches this conditional reference."
                              : "Several resources match this conditional reference.");
}

/* R4 http.html#trules: identities overlap also when the criteria of an update find what the same
 * transaction creates. */
static bool check_creates(struct transaction *transaction, struct err *err)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *update = &transaction->entries[i];

        if (!update->write->criteria ||
            (update->write->action != STORE_UPDATE && update->write->action != STORE_AMEND))
            continue;
        for (size_t k = 0; k < transaction->count; k++) {
            struct entry *create = &transaction->entries[k];

            if (create->write->action == STORE_CREATE &&
                matches(transaction, create, update->write->criteria))
                return err_set(err, ERR_INVALID, entry_where(update),
                               "The criteria select what another entry of the transaction "
                               "creates.");
        }
    }
    return true;
}

/* Whether the entry's resource is what the query asks for. Links between entries are rewritten
 * first: the condition may speak of them. */
static bool matches(struct transaction *transaction, struct entry *entry, const struct query *query)
{
    struct query_candidate candidate = {.type = query->type};

    if (entry->idle || entry->action == STORE_REMOVE || strcmp(entry->type->name, query->type) != 0)
        return false;
    if (!entry->values) {
        entry->values = arena_one(transaction->arena, struct search_values);
        bundle_rewrite_links(transaction->arena, entry->resource, transaction_replace_link,
                             transaction);
        transaction_extract(entry, transaction->arena, entry->values);
    }
    candidate.id = text_dup(transaction->arena, entry->id);
    candidate.values = entry->values;
    candidate.last_updated = INT64_MAX; /* later than all that is stored */
    return query_matches(query, &candidate, transaction->arena);
}

void transaction_extract(struct entry *entry, struct arena *arena, struct search_values *values)
{
    struct node *parent = entry->resource->parent;

    entry->resource->parent = NULL;
    search_values_extract(entry->resource, arena, values, NULL);
    entry->resource->parent = parent;
}

struct text transaction_replace_link(struct text link, void *context)
{
    const struct transaction *transaction = context;

    return link_map_find(&transaction->links, link);
}
