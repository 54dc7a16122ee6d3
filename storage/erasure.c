/*
 * Erasure - see erasure.h.
 *
 * First the resource is removed as any other, by the indexes that know its rows; then
 * its history, to which that has added, goes too.
 */

#include "storage/erasure.h"

#include "base/arena.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/row.h"
#include "storage/store_internal.h"
#include "storage/version.h"

enum { ATTEMPTS = 10 };

/* One attempt. */
struct erasing {
    struct store *store;
    struct tokens tokens;
    const struct type *type;
    int64_t rkey;
    struct pg *pg;
    struct arena *arena;
    struct erasure *erasure;
    bool raced;
};

static bool erase(struct store *store, const struct access *access, struct erasure *erasure,
                  struct arena *arena, struct err *err);
static bool attempt(struct erasing *erasing, struct err *err);
static bool remove_current(struct erasing *erasing, const struct current *current, struct err *err);
static bool remove_log(struct erasing *erasing, struct err *err);
static bool remove_history(struct erasing *erasing, struct err *err);
static bool note(struct erasing *erasing, struct err *err);

bool store_erase(struct store *store, const struct access *access, struct erasure *erasure,
                 struct arena *arena, struct err *err)
{
    unsigned began = member_begin(store);
    bool good = erase(store, access, erasure, arena, err);

    member_end(store, began);
    return good;
}

static bool erase(struct store *store, const struct access *access, struct erasure *erasure,
                  struct arena *arena, struct err *err)
{
    struct erasing erasing = {
        .store = store,
        .tokens = store_tokens(store, access),
        .type = store_type(erasure->type, err),
        .arena = arena,
        .erasure = erasure,
    };
    bool good = false;

    if (!erasing.type)
        return false;
    erasing.rkey = token_rkey(&erasing.tokens, text_of(erasing.type->name), text_of(erasure->id));
    for (int i = 0; i < ATTEMPTS && !good; i++) {
        erasing.raced = false;
        erasing.pg = pool_acquire(store->transactions, err);
        if (!erasing.pg)
            return false;
        pg_begin(erasing.pg);
        good = attempt(&erasing, err) && pg_commit(erasing.pg, err);
        pool_release(store->transactions, erasing.pg);
        if (!good && !erasing.raced)
            return false;
    }
    return good || err_set(err, ERR_CONFLICT, NULL,
                           "Others write this resource all the time; stop them and try again.");
}

static bool attempt(struct erasing *erasing, struct err *err)
{
    struct current *current = arena_one(erasing->arena, struct current);
    struct erasure *erasure = erasing->erasure;

    erasure->versions = erasure->index_rows = erasure->log_lines = 0;
    if (!current_read(erasing->pg, table_of(erasing->type), erasing->rkey, erasing->arena, current,
                      err) ||
        !version_same_id(current, text_of(erasure->id), NULL, err))
        return false;
    if (!current->exists && !current->deleted)
        return true;
    return (!current->exists || remove_current(erasing, current, err)) &&
           remove_log(erasing, err) && remove_history(erasing, err) && note(erasing, err);
}

static bool remove_current(struct erasing *erasing, const struct current *current, struct err *err)
{
    struct change *change = arena_one(erasing->arena, struct change);
    struct erasure *erasure = erasing->erasure;
    const struct pg_result *result;
    struct pg_params params;
    struct text json;

    *change = (struct change){
        .kind = CHANGE_REMOVE,
        .op = 'D',
        .tenant = erasing->tokens.tenant,
        .table = table_of(erasing->type),
        .number = current->number + 1,
        .updated = version_time(current->updated),
        .old_number = current->number,
        .old_updated = current->updated,
        .old_op = current->op,
        .old_body = current->body,
    };
    if (!current_unpack(erasing->store, &erasing->tokens, erasing->type, current, erasing->arena,
                        &json, &change->old_row, err))
        return false;
    change->row = change->old_row;
    const struct pg_statement *statement = change_statement(change, erasing->arena, &params);
    if (!pg_query(erasing->pg, statement, &params, erasing->arena, &result, err))
        return false;
    erasing->raced = pg_rows(result) == 0;
    erasure->index_rows =
        (int64_t)(change->row->tok_count + change->row->string_count + change->row->date_count +
                  change->row->quantity_count + change->row->words_count);
    /* The deletion that was just made is none of its versions. */
    erasure->versions = erasure->log_lines = -1;
    return !erasing->raced;
}

static bool remove_log(struct erasing *erasing, struct err *err)
{
    static const struct pg_statement statement = {
        "delete from f_log l using f_hist h where h.rkey = $1::int8 and l.tenant = $2::int4"
        " and l.rtype = $3::int2 and l.updated = h.updated and l.rkey = h.rkey"};
    struct pg_params params = pg_params_in(erasing->arena);
    const struct pg_result *result;

    pg_add_int8(&params, erasing->rkey);
    pg_add_int4(&params, erasing->tokens.tenant);
    pg_add_int2(&params, (int16_t)erasing->type->number);
    if (!pg_query(erasing->pg, &statement, &params, erasing->arena, &result, err))
        return false;
    erasing->erasure->log_lines += pg_affected(result);
    return true;
}

static bool remove_history(struct erasing *erasing, struct err *err)
{
    static const struct pg_statement statement = {"delete from f_hist where rkey = $1::int8"};
    struct pg_params params = pg_params_in(erasing->arena);
    const struct pg_result *result;

    pg_add_int8(&params, erasing->rkey);
    if (!pg_query(erasing->pg, &statement, &params, erasing->arena, &result, err))
        return false;
    erasing->erasure->versions += pg_affected(result);
    return true;
}

/* The row's key is the hash: keyed with what only this database has. */
static bool note(struct erasing *erasing, struct err *err)
{
    static const struct pg_statement statement = {
        "with noted as (insert into f_erasure (account, type, id_hash, reason, versions)"
        " values ($1::text, $2::text, int8send($3::int8), $4::text, $5::int4) returning 1)"
        " select (select count(*) from f_job where state = 'D'), (select count(*) from noted)"};
    struct erasure *erasure = erasing->erasure;
    struct pg_params params = pg_params_in(erasing->arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(erasure->account));
    pg_add_text(&params, text_of(erasing->type->name));
    pg_add_int8(&params, erasing->rkey);
    pg_add_text(&params, text_of(erasure->reason));
    pg_add_int4(&params, (int32_t)erasure->versions);
    if (!pg_query(erasing->pg, &statement, &params, erasing->arena, &result, err))
        return false;
    erasure->answers = pg_int8(result, 0, 0);
    return true;
}
