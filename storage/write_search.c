/*
 * Write, criteria - which resource a conditional write is about (R4 http.html#ccreate,
 * #cond-update).
 */

#include "base/clock.h"
#include "base/err.h"
#include "fhir/query.h"
#include "storage/search.h"
#include "storage/write.h"

static struct pg *connection_for(struct writing *writing);
static enum attempt with_match(struct writing *writing, const struct store_version *match,
                               struct err *err);
static enum attempt without_match(struct writing *writing, struct err *err);
static enum attempt nothing_written(struct writing *writing, enum store_outcome outcome);

/* Who lost a race learns who holds the key, and only then searches: whoever creates behind our
 * search replaces the holder, and ours is not written. */
enum attempt writing_search(struct writing *writing, bool again, struct err *err)
{
    struct store *store = writing->store;
    struct store_version matches[2];
    size_t count;

    if (again && !key_read(store->read, &writing->key, 1, writing->arena, NULL, err))
        return ATTEMPT_FAILED;
    writing->searched = clock_monotonic();
    if (!search_find(store, connection_for(writing), writing->access, writing->write->criteria, 2,
                     writing->arena, matches, &count, err))
        return ATTEMPT_FAILED;
    if (count == 0)
        return without_match(writing, err);
    return count == 1 ? with_match(writing, &matches[0], err)
                      : nothing_written(writing, STORE_MANY_MATCHES);
}

/* Answers on a connection come in order, so what may take long goes with the searches. */
static struct pg *connection_for(struct writing *writing)
{
    const struct query *query = writing->write->criteria;

    for (size_t i = 0; i < query->param_count; i++) {
        const struct query_param *param = &query->params[i];
        bool by_id = param->subject == QUERY_ID;
        bool by_token = param->subject == QUERY_VALUE && param->modifier == MODIFIER_NONE &&
                        param->param->search_type == SEARCH_TOKEN;

        if (by_id || (by_token && strcmp(param->param->code, "identifier") == 0))
            return writing->store->read;
    }
    return writing->store->search;
}

/* What was found is written only in the version that was found: another may not match any more. */
static enum attempt with_match(struct writing *writing, const struct store_version *match,
                               struct err *err)
{
    struct store_write *write = writing->write;

    if (write->action == STORE_CREATE) {
        write->outcome = STORE_EXISTS;
        write->id = match->id;
        write->version = *match;
        return ATTEMPT_DONE;
    }
    if (write->action == STORE_UPDATE && write->id && strcmp(write->id, match->id) != 0)
        return nothing_written(writing, STORE_OTHER_ID);
    write->id = match->id;
    writing->found = match->number;
    return writing_act(writing, write->action, err);
}

static enum attempt without_match(struct writing *writing, struct err *err)
{
    struct store_write *write = writing->write;

    switch (write->action) {
    case STORE_REMOVE:
        return nothing_written(writing, STORE_NOTHING_TO_REMOVE);
    case STORE_AMEND:
        return nothing_written(writing, STORE_NOT_FOUND);
    default:
        writing->must_be_new = true;
    }
    /* There is no version that could be the current one (R4 http.html#cond-update). */
    if (write->if_match > 0 || write->if_match == STORE_ANY_VERSION)
        return nothing_written(writing, STORE_VERSION_MISMATCH);
    return writing_act(writing, write->id ? STORE_UPDATE : STORE_CREATE, err);
}

static enum attempt nothing_written(struct writing *writing, enum store_outcome outcome)
{
    writing->current = (struct current){0};
    return writing_done(writing, outcome);
}
