/*
 * Once - a step of a job is done in the transaction that also says so. Who
 * takes the job again after a crash finds what came of the step, and does not
 * do it again.
 */

#include "base/buf.h"
#include "storage/transaction.h"

#include <inttypes.h>

static struct text describe(const struct transaction *transaction);
static bool take_write(struct text line, struct store_write *write, struct arena *arena);

/* The update makes sure that the job is still ours: who takes a job over, or removes it, changes
 * the row, and one of the two transactions waits for the other. */
bool transaction_mark_once(struct transaction *transaction, struct err *err)
{
    static const struct pg_statement mark = {
        "with mine as (update f_job set heartbeat = clock_timestamp()"
        " where number = $1::int8 and runner = $2::int8 and state = 'R' returning number)"
        " insert into f_job_step (job, step, outcome)"
        " select number, $3::int4, $4::text from mine"};
    const struct store_once *once = transaction->access->once;
    struct pg_params params = pg_params_in(transaction->arena);
    const struct pg_result *result;

    if (!once)
        return true;
    pg_add_int8(&params, once->job);
    pg_add_int8(&params, once->runner);
    pg_add_int4(&params, transaction->access->step);
    pg_add_text(&params, describe(transaction));
    if (!pg_query(transaction->pg, &mark, &params, transaction->arena, &result, err))
        return false;
    return pg_affected(result) == 1 ||
           err_set(err, ERR_GONE, NULL,
                   "The job was cancelled, or another process has taken it over.");
}

/* One line a write: outcome, method, version, time, type and id. */
static struct text describe(const struct transaction *transaction)
{
    struct buf out = buf_in(transaction->arena);

    for (size_t i = 0; i < transaction->count; i++) {
        const struct entry *entry = &transaction->entries[i];
        const struct store_version *version = &entry->write->version;
        bool fresh = entry->writes;

        buf_printf(&out, "%d %d %" PRId64 " %" PRId64 " %s %s\n", (int)entry->write->outcome,
                   (int)(fresh ? store_method_of(entry->change.op) : version->method),
                   fresh ? entry->change.number : version->number,
                   fresh ? entry->change.updated : version->last_updated, entry->type->name,
                   fresh || !version->id ? entry->id.data : version->id);
    }
    return (struct text){buf_text(&out), out.size};
}

bool store_once_recall(struct store *store, const struct access *access, int32_t step,
                       struct store_write *writes, size_t count, struct arena *arena,
                       bool *recalled, struct err *err)
{
    static const struct pg_statement ask = {
        "select outcome from f_job_step where job = $1::int8 and step = $2::int4"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    struct text rest, line;

    *recalled = false;
    pg_add_int8(&params, access->once->job);
    pg_add_int4(&params, step);
    if (!pg_query(store->read, &ask, &params, arena, &result, err))
        return false;
    if (pg_rows(result) == 0)
        return true;
    rest = pg_text(result, 0, 0);
    for (size_t i = 0; i < count; i++) {
        const struct store_version *version;
        struct store_write *write = &writes[i];

        if (!text_next(&rest, '\n', &line) || !take_write(line, write, arena))
            return err_set(err, ERR_INTERNAL, NULL, "What this job has done cannot be read.");
        if (write->version.number == 0 || write->outcome == STORE_REMOVED)
            continue;
        if (!store_vread(store, access, write->version.type, write->id, write->version.number,
                         arena, &version, err))
            return false;
        if (version)
            write->version = *version;
    }
    *recalled = true;
    return true;
}

static bool take_number(struct text *rest, int64_t *number)
{
    struct text word;

    return text_next(rest, ' ', &word) && text_to_int64(word, 0, INT64_MAX, number);
}

static bool take_write(struct text line, struct store_write *write, struct arena *arena)
{
    int64_t outcome, method;
    struct store_version *version = &write->version;
    struct text type;

    *version = (struct store_version){0};
    if (!take_number(&line, &outcome) || !take_number(&line, &method) ||
        !take_number(&line, &version->number) || !take_number(&line, &version->last_updated) ||
        !text_next(&line, ' ', &type))
        return false;
    write->outcome = (enum store_outcome)outcome;
    version->method = (enum store_method)method;
    version->type = text_dup(arena, type);
    version->id = write->id = text_dup(arena, line);
    return true;
}
