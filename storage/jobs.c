/*
 * Jobs - see jobs.h. All times are the database's: clocks of processes differ.
 */

#include "storage/jobs.h"

#include "base/arena.h"
#include "base/random.h"
#include "storage/body.h"
#include "storage/store_internal.h"

static bool fill(struct store *store, const struct pg_result *result, struct arena *arena,
                 struct job **job, struct err *err);

bool jobs_add(struct store *store, const struct access *access, const char *kind,
              struct text payload, int64_t most, struct arena *arena, const char **name,
              struct err *err)
{
    static const struct pg_statement add = {
        "insert into f_job (name, tenant, client, kind, payload)"
        " select $1::text, $2::int4, $3::text, $4::text, $5::bytea"
        " where (select count(*) from f_job where state <> 'D' and kind = $4::text) < $6::int8"};
    /* Where one is the most, those who add one look one after the other. */
    static const struct pg_statement take_turn = {
        "select pg_advisory_xact_lock(x'69737468'::int4, 14)::text"};
    struct text packed = body_pack(store->codec, payload, arena);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;
    char *chosen = arena_alloc_raw(arena, UUID_SIZE);

    random_uuid(chosen);
    pg_add_text(&params, text_of(chosen));
    pg_add_int4(&params, access->tenant);
    pg_add_text(&params, text_of(access->client));
    pg_add_text(&params, text_of(kind));
    pg_add_bytea(&params, packed.data, packed.size);
    pg_add_int8(&params, most);
    if (!pool_run(store->transactions, most == 1 ? &take_turn : NULL, &add, &params, arena, &result,
                  err))
        return false;
    *name = chosen;
    return pg_affected(result) == 1 ||
           err_set(err, ERR_THROTTLED, NULL,
                   "Too many asynchronous requests wait already. Try again later.");
}

#define COLUMNS                                                                                    \
    "j.number, j.name, j.kind, j.tenant, j.client, j.state, j.progress,"                           \
    " (select count(*) from f_job_step s where s.job = j.number), j.created, j.expires, j.runner," \
    " j.takes"

bool jobs_find(struct store *store, const struct access *access, const char *name,
               struct arena *arena, struct job **job, struct err *err)
{
    static const struct pg_statement find = {
        "select " COLUMNS ", null::bytea, j.result from f_job j"
        " where j.name = $1::text and j.tenant = $2::int4 and j.client = $3::text"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(name));
    pg_add_int4(&params, access->tenant);
    pg_add_text(&params, text_of(access->client));
    return pool_run(store->transactions, NULL, &find, &params, arena, &result, err) &&
           fill(store, result, arena, job, err);
}

bool jobs_remove(struct store *store, const struct access *access, const char *name,
                 struct arena *arena, bool *removed, struct err *err)
{
    static const struct pg_statement forget = {
        "delete from f_job where name = $1::text and tenant = $2::int4 and client = $3::text"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&params, text_of(name));
    pg_add_int4(&params, access->tenant);
    pg_add_text(&params, text_of(access->client));
    if (!pool_run(store->transactions, NULL, &forget, &params, arena, &result, err))
        return false;
    *removed = pg_affected(result) == 1;
    return true;
}

bool jobs_take(struct store *store, int64_t runner, int64_t stale_ms, struct arena *arena,
               struct job **job, struct err *err)
{
    static const struct pg_statement take = {
        "with next as materialized (select number from f_job where state = 'Q' or (state = 'R'"
        " and heartbeat < clock_timestamp() - $2::int8 * interval '1 millisecond')"
        " order by created limit 1 for update skip locked)"
        " update f_job j set state = 'R', runner = $1::int8, takes = j.takes + 1,"
        " started = coalesce(j.started, clock_timestamp()), heartbeat = clock_timestamp()"
        " from next where j.number = next.number"
        " returning " COLUMNS ", j.payload, null::bytea"};
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, runner);
    pg_add_int8(&params, stale_ms);
    return pool_run(store->transactions, NULL, &take, &params, arena, &result, err) &&
           fill(store, result, arena, job, err);
}

bool jobs_beat(struct store *store, const struct job *job, const char *progress, bool *mine,
               struct err *err)
{
    static const struct pg_statement beat = {
        "update f_job set heartbeat = clock_timestamp(), progress = coalesce($3::text, progress)"
        " where number = $1::int8 and runner = $2::int8 and state = 'R'"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, job->number);
    pg_add_int8(&params, job->runner);
    pg_add_text(&params, text_of(progress));
    bool good = pool_run(store->transactions, NULL, &beat, &params, arena, &result, err);
    *mine = good && pg_affected(result) == 1;
    arena_free(arena);
    return good;
}

bool jobs_release(struct store *store, const struct job *job, struct err *err)
{
    static const struct pg_statement release = {
        "update f_job set state = 'Q', runner = null"
        " where number = $1::int8 and runner = $2::int8 and state = 'R'"};
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_int8(&params, job->number);
    pg_add_int8(&params, job->runner);
    bool good = pool_run(store->transactions, NULL, &release, &params, arena, &result, err);
    arena_free(arena);
    return good;
}

/* The request is needed no longer, and neither are the steps. */
bool jobs_finish(struct store *store, const struct job *job, struct text result, int64_t keep_ms,
                 struct err *err)
{
    static const struct pg_statement finish = {
        "with done as (update f_job set state = 'D', finished = clock_timestamp(), runner = null,"
        " payload = null, progress = null, result = $3::bytea,"
        " expires = clock_timestamp() + $4::int8 * interval '1 millisecond'"
        " where number = $1::int8 and runner = $2::int8 and state = 'R' returning number)"
        " delete from f_job_step s using done where s.job = done.number"};
    struct arena *arena = arena_new();
    struct text packed = body_pack(store->codec, result, arena);
    struct pg_params params = pg_params_in(arena);
    const struct pg_result *done;

    pg_add_int8(&params, job->number);
    pg_add_int8(&params, job->runner);
    pg_add_bytea(&params, packed.data, packed.size);
    pg_add_int8(&params, keep_ms);
    bool good = pool_run(store->transactions, NULL, &finish, &params, arena, &done, err);
    arena_free(arena);
    return good;
}

bool jobs_expire(struct store *store, struct err *err)
{
    static const struct pg_statement expire = {
        "delete from f_job where state = 'D' and expires < clock_timestamp()"};
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = pool_run(store->transactions, NULL, &expire, NULL, arena, &result, err);

    arena_free(arena);
    return good;
}

static bool unpack(struct store *store, struct text packed, struct arena *arena, struct text *plain,
                   struct err *err)
{
    struct store_version version;

    if (!packed.size)
        return true;
    if (!store_version_fill(store, &version, NULL, NULL, 0, 0, 'C', packed, arena, err))
        return false;
    *plain = (struct text){version.json, version.json_size};
    return true;
}

static bool fill(struct store *store, const struct pg_result *result, struct arena *arena,
                 struct job **job, struct err *err)
{
    *job = NULL;
    if (pg_rows(result) == 0)
        return true;
    struct job *found = arena_one(arena, struct job);
    char state = pg_char(result, 0, 5);
    *found = (struct job){
        .number = pg_int8(result, 0, 0),
        .name = pg_text(result, 0, 1).data,
        .kind = pg_text(result, 0, 2).data,
        .access = {.tenant = pg_int4(result, 0, 3), .client = pg_text(result, 0, 4).data},
        .state = state == 'Q'   ? JOB_WAITING
                 : state == 'R' ? JOB_RUNNING
                                : JOB_DONE,
        .progress = pg_text(result, 0, 6).data,
        .steps = pg_int8(result, 0, 7),
        .created = pg_timestamp(result, 0, 8),
        .expires = pg_is_null(result, 0, 9) ? 0 : pg_timestamp(result, 0, 9),
        .runner = pg_is_null(result, 0, 10) ? 0 : pg_int8(result, 0, 10),
        .takes = pg_int4(result, 0, 11),
    };
    *job = found;
    return unpack(store, pg_bytea(result, 0, 12), arena, &found->payload, err) &&
           unpack(store, pg_bytea(result, 0, 13), arena, &found->result, err);
}
