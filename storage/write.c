/*
 * Write - one create, update or removal, in a commit that it may share.
 *
 * Nothing here holds a lock between reading and writing: the version read is
 * named in the statement that supersedes it, and who comes second reads again.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "fhir/query.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/search.h"
#include "storage/stamp.h"
#include "storage/store_internal.h"
#include "storage/version.h"

#include <assert.h>

enum {
    ATTEMPTS = 64,      /* lost races against other writers before we say so */
    PATIENCE = 3,       /* of them before we step back for a moment */
    LOOK_AGAIN_MS = 50, /* while the database is away and an outcome unknown */
};

/* One write under way. */
struct writing {
    struct store *store;
    const struct access *access;
    struct tokens tokens;
    struct store_write *write;
    const struct type *type;
    const struct table *table;
    struct arena *arena;
    bool extracted;
    struct search_values values; /* of the resource, once extracted */
    struct key key;              /* of the criteria */
    const char *asked_id;        /* that the caller asked for */

    /* Of this attempt. */
    int64_t searched; /* when */
    int64_t found;    /* the version that the criteria found; 0: none, or there are no criteria */
    bool must_be_new; /* they found none */
    struct current current;
    struct change change;
};

/* What became of an attempt. */
enum attempt { ATTEMPT_FAILED, ATTEMPT_DONE, ATTEMPT_LOST };

static enum attempt try(struct writing *writing, bool again, struct err *err);
static enum attempt search(struct writing *writing, bool again, struct err *err);
static struct pg *connection_for(struct writing *writing);
static enum attempt with_match(struct writing *writing, const struct store_version *match,
                               struct err *err);
static enum attempt without_match(struct writing *writing, struct err *err);
static enum attempt nothing_written(struct writing *writing, enum store_outcome outcome);
static enum attempt create(struct writing *writing, struct err *err);
static enum attempt update(struct writing *writing, struct err *err);
static enum attempt take_out(struct writing *writing, struct err *err);
static enum attempt amend(struct writing *writing, struct err *err);
static bool read_current(struct writing *writing, struct err *err);
static bool is_mismatch(struct writing *writing);
static bool is_lost(const struct writing *writing);
static enum attempt insert(struct writing *writing, struct err *err);
static enum attempt supersede(struct writing *writing, struct err *err);
static void begin_change(struct writing *writing, enum change_kind kind, char op, int64_t number,
                         int64_t updated);
static void fill_body(struct writing *writing);
static enum attempt send(struct writing *writing, struct err *err);
static enum attempt send_once(struct writing *writing, bool unknown, struct err *err);
static bool find_out(struct writing *writing, bool *written, struct err *err);
static enum attempt done(struct writing *writing, enum store_outcome outcome);

bool store_write(struct store *store, const struct access *access, struct store_write *write,
                 struct arena *arena, struct err *err)
{
    struct writing writing = {
        .store = store,
        .access = access,
        .tokens = store_tokens(store, access),
        .write = write,
        .type = store_type(write->type, err),
        .arena = arena,
        .asked_id = write->id,
    };

    assert(!write->multiple);
    if (!writing.type)
        return false;
    if (store_needs_transaction(store, access))
        return store_transaction(store, access, write, 1, NULL, 0, arena, err);
    writing.table = table_of(writing.type);
    if (write->criteria)
        writing.key.key = key_of(&writing.tokens, write->criteria, arena);

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        if (i > PATIENCE)
            fiber_sleep((int)(random_number() % i));
        enum attempt attempt = try(&writing, i > 0, err);
        if (attempt != ATTEMPT_LOST)
            return attempt == ATTEMPT_DONE;
    }
    return err_set(err, ERR_CONFLICT, NULL, "Others write this resource all the time; try again.");
}

static enum attempt act(struct writing *writing, struct err *err)
{
    static enum attempt (*const actions[])(struct writing *, struct err *) = {
        [STORE_CREATE] = create,
        [STORE_UPDATE] = update,
        [STORE_REMOVE] = take_out,
        [STORE_AMEND] = amend,
    };

    return actions[writing->write->action](writing, err);
}

static enum attempt try(struct writing *writing, bool again, struct err *err)
{
    writing->found = 0;
    writing->must_be_new = false;
    writing->write->id = writing->asked_id;
    return writing->write->criteria ? search(writing, again, err) : act(writing, err);
}

/* Who lost a race learns who holds the key, and only then searches: whoever creates behind our
 * search replaces the holder, and ours is not written. */
static enum attempt search(struct writing *writing, bool again, struct err *err)
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
    return act(writing, err);
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
    return write->id ? update(writing, err) : create(writing, err);
}

static enum attempt nothing_written(struct writing *writing, enum store_outcome outcome)
{
    writing->current = (struct current){0};
    return done(writing, outcome);
}

/* An id that is taken, or whose key is, is lost like a race: another is drawn. */
static enum attempt create(struct writing *writing, struct err *err)
{
    char *id = arena_alloc_raw(writing->arena, RANDOM_UUID_SIZE);

    random_uuid(id);
    writing->write->id = id;
    begin_change(writing, CHANGE_INSERT, 'C', 1, version_time(0));
    fill_body(writing);

    enum attempt attempt = send(writing, err);
    return attempt == ATTEMPT_DONE ? done(writing, STORE_CREATED) : attempt;
}

static enum attempt update(struct writing *writing, struct err *err)
{
    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
    if (is_lost(writing))
        return ATTEMPT_LOST;
    if (is_mismatch(writing))
        return done(writing, STORE_VERSION_MISMATCH);
    if (writing->must_be_new && writing->current.exists)
        return done(writing, STORE_ID_TAKEN);
    return writing->current.exists ? supersede(writing, err) : insert(writing, err);
}

static enum attempt take_out(struct writing *writing, struct err *err)
{
    struct current *current = &writing->current;
    struct text json;

    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
    if (is_lost(writing))
        return ATTEMPT_LOST;
    if (!current->exists)
        return done(writing, STORE_NOTHING_TO_REMOVE);
    if (is_mismatch(writing))
        return done(writing, STORE_VERSION_MISMATCH);

    begin_change(writing, CHANGE_REMOVE, 'D', current->number + 1, version_time(current->updated));
    if (!current_unpack(writing->store, &writing->tokens, writing->type, current, writing->arena,
                        &json, &writing->change.old_row, err))
        return ATTEMPT_FAILED;
    writing->change.row = writing->change.old_row;

    enum attempt attempt = send(writing, err);
    return attempt == ATTEMPT_DONE ? done(writing, STORE_REMOVED) : attempt;
}

/* The new content follows from the version that is superseded. */
static enum attempt amend(struct writing *writing, struct err *err)
{
    struct store_write *write = writing->write;
    struct text json;

    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
    if (is_lost(writing))
        return ATTEMPT_LOST;
    if (!writing->current.exists)
        return done(writing, STORE_NOT_FOUND);
    if (is_mismatch(writing))
        return done(writing, STORE_VERSION_MISMATCH);
    if (!body_unpack(writing->store->codec, writing->current.body, writing->arena, &json, err) ||
        !write->amend(write->amend_context, json, writing->arena, &write->resource, err))
        return ATTEMPT_FAILED;
    writing->extracted = false;
    return supersede(writing, err);
}

static bool read_current(struct writing *writing, struct err *err)
{
    struct text id = text_of(writing->write->id);
    struct current *current = &writing->current;
    int64_t rkey = token_rkey(&writing->tokens, text_of(writing->type->name), id);

    if (!current_read(writing->store->read, writing->table, rkey, writing->arena, current, err))
        return false;
    return version_same_id(current, id, NULL, err);
}

static bool is_mismatch(struct writing *writing)
{
    return version_is_other(&writing->current, writing->write->if_match);
}

/* Whether what the criteria found has changed since. */
static bool is_lost(const struct writing *writing)
{
    return writing->found &&
           !(writing->current.exists && writing->current.number == writing->found);
}

/* An update of what does not exist (R4 http.html#upsert); after a deletion
 * its versions go on. */
static enum attempt insert(struct writing *writing, struct err *err)
{
    const struct current *current = &writing->current;

    begin_change(writing, CHANGE_INSERT, 'U', current->number + 1, version_time(current->updated));
    fill_body(writing);

    enum attempt attempt = send(writing, err);
    return attempt == ATTEMPT_DONE ? done(writing, STORE_CREATED) : attempt;
}

static enum attempt supersede(struct writing *writing, struct err *err)
{
    const struct current *current = &writing->current;
    struct change *change = &writing->change;
    struct text json;
    bool same;

    if (!version_compare(writing->store, current, writing->write->resource, writing->arena, &json,
                         &same, err))
        return ATTEMPT_FAILED;
    if (same) {
        writing->write->version.json = json.data;
        writing->write->version.json_size = json.size;
        return done(writing, STORE_UNCHANGED);
    }

    begin_change(writing, CHANGE_ALL, 'U', current->number + 1, version_time(current->updated));
    if (!current_unpack(writing->store, &writing->tokens, writing->type, current, writing->arena,
                        &json, &change->old_row, err))
        return ATTEMPT_FAILED;
    fill_body(writing);
    if (row_equals(change->row, change->old_row))
        change->kind = CHANGE_BODY;

    enum attempt attempt = send(writing, err);
    return attempt == ATTEMPT_DONE ? done(writing, STORE_UPDATED) : attempt;
}

static void begin_change(struct writing *writing, enum change_kind kind, char op, int64_t number,
                         int64_t updated)
{
    writing->change = (struct change){
        .kind = kind,
        .op = op,
        .tenant = writing->tokens.tenant,
        .write_id = (int64_t)random_number(),
        .table = writing->table,
        .number = number,
        .updated = updated,
        .key = writing->must_be_new ? &writing->key : NULL,
    };
    if (kind != CHANGE_INSERT) {
        writing->change.old_number = writing->current.number;
        writing->change.old_updated = writing->current.updated;
        writing->change.old_op = writing->current.op;
        writing->change.old_body = writing->current.body;
    }
}

static void fill_body(struct writing *writing)
{
    struct store_write *write = writing->write;
    struct change *change = &writing->change;
    struct text json =
        stamp(write->resource, write->id, change->number, change->updated, writing->arena);

    /* Only now: most updates of a sync change nothing and never come here. */
    if (!writing->extracted)
        search_values_extract(write->resource, writing->arena, &writing->values, NULL);
    writing->extracted = true;
    write->version.json = json.data;
    write->version.json_size = json.size;
    change->body = body_pack(writing->store->codec, json, writing->arena);
    change->row = row_make(&writing->tokens, writing->type, text_of(write->id), &writing->values,
                           writing->arena);
}

/*
 * When the answer to a commit was lost, the same change is sent again: if it
 * was made, it cannot be made twice, and the log knows its write id; if
 * it is being made, the second waits for the first; if it never came, it is made now.
 */
static enum attempt send(struct writing *writing, struct err *err)
{
    int64_t deadline =
        clock_monotonic() + (int64_t)writing->store->config.statement_timeout_ms * 2 * 1000;
    bool unknown = false;

    if (writing->must_be_new &&
        clock_monotonic() - writing->searched > (int64_t)KEY_TRUST_S * 1000000)
        return ATTEMPT_LOST;
    for (;;) {
        struct err failure = {0};
        enum attempt attempt = send_once(writing, unknown, &failure);

        if (attempt != ATTEMPT_FAILED) {
            writing->store->counters.unknown_resolved += unknown;
            return attempt;
        }
        unknown |= failure.kind == ERR_UNKNOWN;
        if (!unknown) {
            *err = err->kind ? *err : failure;
            return ATTEMPT_FAILED;
        }
        if (clock_monotonic() > deadline) {
            err_set(err, ERR_UNKNOWN, NULL,
                    "The connection to the database was lost during the write, and whether it was "
                    "made could not be found out. Read the resource before sending it again.");
            return ATTEMPT_FAILED;
        }
        fiber_sleep(LOOK_AGAIN_MS);
    }
}

static enum attempt send_once(struct writing *writing, bool unknown, struct err *err)
{
    const struct change *change = &writing->change;
    struct pg_params params, check_params;
    struct lane_call calls[2] = {{.params = &params}, {.params = &check_params}};
    char sqlstate[6];
    size_t count = 1;

    calls[0].statement = change_statement(change, writing->arena, &params);
    calls[0].contested = change->key ? change->key->key : change->row->rkey;
    if (change->kind == CHANGE_INSERT && change->op == 'U') {
        calls[1].statement = change_check(change, writing->arena, &check_params);
        count = 2;
    }
    if (lane_write(writing->store->write, calls, count, writing->arena, sqlstate, err)) {
        if (pg_rows(calls[0].result) > 0)
            return ATTEMPT_DONE;
    } else if (strcmp(sqlstate, CHANGE_STALE) == 0) {
        *err = (struct err){0};
    } else {
        return ATTEMPT_FAILED;
    }

    bool written = false;
    if (unknown && !find_out(writing, &written, err))
        return ATTEMPT_FAILED;
    return written ? ATTEMPT_DONE : ATTEMPT_LOST;
}

/* Whether the log has the write: it must be looked for only after a second attempt
 * found nothing to do, since before the first may still be under way. */
static bool find_out(struct writing *writing, bool *written, struct err *err)
{
    static const struct pg_statement statement = {
        "select 1 from f_log where tenant = $1::int4 and rtype = $2::int2 and "
        "updated = $3::timestamptz and write_id = $4::int8"};
    const struct change *change = &writing->change;
    struct pg_params params = pg_params_in(writing->arena);
    const struct pg_result *result;

    pg_add_int4(&params, change->tenant);
    pg_add_int2(&params, (int16_t)writing->type->number);
    pg_add_timestamp(&params, change->updated);
    pg_add_int8(&params, change->write_id);
    if (!pg_query(writing->store->read, &statement, &params, writing->arena, &result, err))
        return false;
    *written = pg_rows(result) > 0;
    return true;
}

static enum attempt done(struct writing *writing, enum store_outcome outcome)
{
    struct store_write *write = writing->write;
    const struct change *change = &writing->change;
    const struct current *current = &writing->current;
    bool written = outcome == STORE_CREATED || outcome == STORE_UPDATED || outcome == STORE_REMOVED;

    write->outcome = outcome;
    write->version.type = writing->type->name;
    write->version.id = write->id;
    write->version.number = written ? change->number : current->number;
    write->version.last_updated = written ? change->updated : current->updated;
    write->version.method = store_method_of(written ? change->op : current->op);
    writing->store->counters.writes += written;
    writing->store->counters.unchanged += outcome == STORE_UNCHANGED;
    return ATTEMPT_DONE;
}
