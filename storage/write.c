/*
 * Write - one create, update or removal, in a commit that it may share.
 *
 * Nothing here holds a lock between reading and writing: the version read is
 * named in the statement that supersedes it, and who comes second reads again.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "fhir/search_values.h"
#include "storage/body.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/stamp.h"
#include "storage/store_internal.h"
#include "storage/version.h"

#include <assert.h>

enum {
    ATTEMPTS = 16,      /* lost races against other writers before we say so */
    LOOK_AGAIN_MS = 50, /* while the database is away and an outcome unknown */
};

/* One write under way. */
struct writing {
    struct store *store;
    struct tokens tokens;
    struct store_write *write;
    const struct type *type;
    const struct table *table;
    struct arena *arena;
    bool extracted;
    struct search_values values; /* of the resource, once extracted */
    struct current current;
    struct change change;
};

/* What became of an attempt. */
enum attempt { ATTEMPT_FAILED, ATTEMPT_DONE, ATTEMPT_LOST };

static enum attempt create(struct writing *writing, struct err *err);
static enum attempt update(struct writing *writing, struct err *err);
static enum attempt take_out(struct writing *writing, struct err *err);
static bool read_current(struct writing *writing, struct err *err);
static bool is_mismatch(struct writing *writing);
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
    static enum attempt (*const actions[])(struct writing *, struct err *) = {
        [STORE_CREATE] = create,
        [STORE_UPDATE] = update,
        [STORE_REMOVE] = take_out,
    };
    struct writing writing = {
        .store = store,
        .tokens = store_tokens(store, access),
        .write = write,
        .type = store_type(write->type, err),
        .arena = arena,
    };

    assert(!write->if_none_exist);
    if (!writing.type)
        return false;
    if (store_needs_transaction(store, access))
        return store_transaction(store, access, write, 1, NULL, 0, arena, err);
    writing.table = table_of(writing.type);

    for (int i = 0; i < ATTEMPTS; i++) {
        enum attempt attempt = actions[write->action](&writing, err);

        if (attempt != ATTEMPT_LOST)
            return attempt == ATTEMPT_DONE;
    }
    return err_set(err, ERR_CONFLICT, NULL, "Others write this resource all the time; try again.");
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
    if (is_mismatch(writing))
        return done(writing, STORE_VERSION_MISMATCH);
    return writing->current.exists ? supersede(writing, err) : insert(writing, err);
}

static enum attempt take_out(struct writing *writing, struct err *err)
{
    struct current *current = &writing->current;
    struct text json;

    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
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
    int64_t wanted = writing->write->if_match;

    return wanted && !(writing->current.exists && writing->current.number == wanted);
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
