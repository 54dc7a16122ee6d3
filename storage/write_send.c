/*
 * Write, sending - a change goes into a commit that others share, and when the answer to that was
 * lost, it is found out what became of it.
 */

#include "base/clock.h"
#include "base/err.h"
#include "storage/write.h"

enum { LOOK_AGAIN_MS = 50 }; /* while the database is away and an outcome unknown */

static enum attempt send_once(struct writing *writing, bool unknown, struct err *err);
static bool find_out(struct writing *writing, bool *written, struct err *err);

/*
 * When the answer to a commit was lost, the same change is sent again: if it
 * was made, it cannot be made twice, and the log knows its write id; if
 * it is being made, the second waits for the first; if it never came, it is made now.
 */
enum attempt writing_send(struct writing *writing, struct err *err)
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
