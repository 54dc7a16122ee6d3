/*
 * Write - one create, update or removal, in a commit that it may share.
 *
 * Nothing here holds a lock between reading and writing: the version read is
 * named in the statement that supersedes it, and who comes second reads again.
 */

#include "storage/write.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/random.h"
#include "storage/body.h"
#include "storage/row.h"
#include "storage/stamp.h"
#include "storage/version.h"

#include <assert.h>

enum {
    ATTEMPTS = 64, /* lost races against other writers before we say so */
    PATIENCE = 3,  /* of them before we step back for a moment */
};

static enum attempt try(struct writing *writing, bool again, struct err *err);
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
static bool write_one(struct store *store, const struct access *access, struct store_write *write,
                      struct arena *arena, struct err *err);

bool store_write(struct store *store, const struct access *access, struct store_write *write,
                 struct arena *arena, struct err *err)
{
    unsigned began = member_begin(store);
    bool good = write_one(store, access, write, arena, err);

    member_end(store, began);
    return good;
}

static bool write_one(struct store *store, const struct access *access, struct store_write *write,
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

enum attempt writing_act(struct writing *writing, enum store_action action, struct err *err)
{
    static enum attempt (*const actions[])(struct writing *, struct err *) = {
        [STORE_CREATE] = create,
        [STORE_UPDATE] = update,
        [STORE_REMOVE] = take_out,
        [STORE_AMEND] = amend,
    };

    return actions[action](writing, err);
}

static enum attempt try(struct writing *writing, bool again, struct err *err)
{
    writing->found = 0;
    writing->must_be_new = false;
    writing->write->id = writing->asked_id;
    return writing->write->criteria ? writing_search(writing, again, err)
                                    : writing_act(writing, writing->write->action, err);
}

/* An id that is taken, or whose key is, is lost like a race: another is drawn. */
static enum attempt create(struct writing *writing, struct err *err)
{
    char *id = arena_alloc_raw(writing->arena, UUID_SIZE);

    random_uuid(id);
    writing->write->id = id;
    begin_change(writing, CHANGE_INSERT, 'C', 1, version_time(0));
    fill_body(writing);

    enum attempt attempt = writing_send(writing, err);
    return attempt == ATTEMPT_DONE ? writing_done(writing, STORE_CREATED) : attempt;
}

static enum attempt update(struct writing *writing, struct err *err)
{
    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
    if (is_lost(writing))
        return ATTEMPT_LOST;
    if (is_mismatch(writing))
        return writing_done(writing, STORE_VERSION_MISMATCH);
    if (writing->must_be_new && writing->current.exists)
        return writing_done(writing, STORE_ID_TAKEN);
    return writing->current.exists ? supersede(writing, err) : insert(writing, err);
}

static enum attempt take_out(struct writing *writing, struct err *err)
{
    struct current *current = &writing->current;

    if (!read_current(writing, err))
        return ATTEMPT_FAILED;
    if (is_lost(writing))
        return ATTEMPT_LOST;
    if (!current->exists)
        return writing_done(writing, STORE_NOTHING_TO_REMOVE);
    if (is_mismatch(writing))
        return writing_done(writing, STORE_VERSION_MISMATCH);

    begin_change(writing, CHANGE_REMOVE, 'D', current->number + 1, version_time(current->updated));
    if (!current_unpack(writing->store, &writing->tokens, writing->type, current, writing->arena,
                        NULL, &writing->change.old_row, err))
        return ATTEMPT_FAILED;
    writing->change.row = writing->change.old_row;

    enum attempt attempt = writing_send(writing, err);
    return attempt == ATTEMPT_DONE ? writing_done(writing, STORE_REMOVED) : attempt;
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
        return writing_done(writing, STORE_NOT_FOUND);
    if (is_mismatch(writing))
        return writing_done(writing, STORE_VERSION_MISMATCH);
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

    enum attempt attempt = writing_send(writing, err);
    return attempt == ATTEMPT_DONE ? writing_done(writing, STORE_CREATED) : attempt;
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
        return writing_done(writing, STORE_UNCHANGED);
    }

    begin_change(writing, CHANGE_ALL, 'U', current->number + 1, version_time(current->updated));
    if (!current_unpack(writing->store, &writing->tokens, writing->type, current, writing->arena,
                        NULL, &change->old_row, err))
        return ATTEMPT_FAILED;
    fill_body(writing);
    if (row_equals(change->row, change->old_row))
        change->kind = CHANGE_BODY;

    enum attempt attempt = writing_send(writing, err);
    return attempt == ATTEMPT_DONE ? writing_done(writing, STORE_UPDATED) : attempt;
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

    change->body = stamp_pack(writing->store->codec, write->resource, write->id, change->number,
                              change->updated, writing->arena, writing->arena,
                              write->no_content ? NULL : &write->version);
    /* Only now: most updates of a sync change nothing and never come here. */
    if (!writing->extracted)
        search_values_extract(write->resource, writing->arena, &writing->values, NULL);
    writing->extracted = true;
    change->row = row_make(&writing->tokens, writing->type, text_of(write->id), &writing->values,
                           writing->arena);
}

enum attempt writing_done(struct writing *writing, enum store_outcome outcome)
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
