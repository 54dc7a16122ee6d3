/*
 * Reindex - see reindex.h. Why this is right beside concurrent writers is said in
 * docs/decisions/0017-search-parameters-of-packages.md.
 */

#include "storage/reindex.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "storage/extraction.h"
#include "storage/parameters.h"
#include "storage/parameters_rows.h"
#include "storage/reindex_batch.h"
#include "storage/store_internal.h"
#include "storage/words.h"

#include <inttypes.h>

enum {
    LOOK_MS = 500,       /* between two looks for processes of before */
    PAUSE_MAX_MS = 1000, /* after a batch; it pauses as long as the batch took */
};

struct run {
    struct store *store;
    const struct access *access;
    reindex_tell_fn *tell;
    void *context;
    struct reindex_progress progress;
    int64_t number; /* of the parameters that will be ready */
    bool cleaned;
    struct reindex_batch batch;
};

#define PENDING                                                                                    \
    "(select coalesce(max(number), 0) from f_parameter where type = $1::text and state = 'B')"

/* Goes on with what is under way for all that is pending, or begins. */
static const struct pg_statement begin_type = {
    "insert into f_reindex as r (type, number, total, extraction) values ($1::text, (select"
    " coalesce(max(number), 0) from f_parameter), $2::int8, " EXTRACTION ") on conflict (type)"
    " do update set number = excluded.number, extraction = excluded.extraction, total = "
    "excluded.total, done = 0, last = null, cleaned = false,"
    " finished = null where r.finished is not null or r.number < " PENDING
    " or r.extraction < " EXTRACTION};
static const struct pg_statement fence = {
    "update f_parameter set fenced = true where type = $1::text and state = 'B' and not fenced"};
static const struct pg_statement select_run = {"select number, cleaned, last, done, total, " PENDING
                                               " from f_reindex where type = $1::text"};

static const struct pg_statement count_others = {PARAMETERS_COUNT_OTHERS};

static const struct pg_statement select_pending = {
    "select code, version from f_parameter where type = $1::text and state = 'B'"
    " and number <= $2::int8"};
static const struct pg_statement set_cleaned = {
    "update f_reindex set cleaned = true where type = $1::text and number = $2::int8"
    " and finished is null"};

static const struct pg_statement finish_run = {
    "update f_reindex set finished = clock_timestamp() where type = $1::text and number = $2::int8"
    " and finished is null and extraction = " EXTRACTION};
static const struct pg_statement set_extracted = {
    "insert into f_extraction as x (type, number) values ($1::text, " EXTRACTION ")"
    " on conflict (type) do update set number = excluded.number where x.number < excluded.number"};
static const struct pg_statement set_ready = {
    "update f_parameter set state = 'R' where type = $1::text and number <= $2::int8"
    " and state = 'B'"};
static const struct pg_statement raise_epoch = {PARAMETERS_RAISE_EPOCH};
static const struct pg_statement tell_servers = {PARAMETERS_TELL};

static bool reindex_type(struct run *run, const struct type *type, struct err *err);
static bool look_again(struct store *store, struct err *err);
static bool begin(struct run *run, struct arena *arena, struct err *err);
static bool wait_for_others(struct run *run, int64_t pending, struct err *err);
static bool clean(struct run *run, struct err *err);
static bool go_through(struct run *run, struct err *err);
static bool finish(struct run *run, struct err *err);

bool store_reindex(struct store *store, const struct access *access, const char *type,
                   reindex_tell_fn *tell, void *context, int64_t *rewritten, struct err *err)
{
    struct run run = {.store = store, .access = access, .tell = tell, .context = context};
    bool behind = type && strcmp(type, REINDEX_BEHIND) == 0;
    const struct type *only = type && !behind ? store_type(type, err) : NULL;
    bool good = !type || behind || only;

    run.batch.store = store;
    for (unsigned i = 0; good && i < resource_type_count(); i++)
        if (behind ? extraction_is_behind(type_at(i)) : !only || only == type_at(i))
            good = reindex_type(&run, type_at(i), err);
    *rewritten = run.batch.rewritten;
    return good && (!extraction_any_behind() || look_again(store, err));
}

bool reindex_is_needed(void)
{
    return extraction_any_behind();
}

static bool say(struct run *run, struct err *err)
{
    return run->tell(run->context, &run->progress) ||
           err_set(err, ERR_BUSY, NULL, "Reindexing was stopped; the next one goes on from there.");
}

/* Who watches does so too, a moment later. */
static bool look_again(struct store *store, struct err *err)
{
    struct arena *arena = arena_new();
    bool good = extraction_learn(store->search, arena, err);

    arena_free(arena);
    return good;
}

static bool reindex_type(struct run *run, const struct type *type, struct err *err)
{
    struct arena *arena = arena_new();

    run->progress = (struct reindex_progress){.type = type->name};
    run->batch.type = type;
    run->batch.table = table_of(type);
    bool good = begin(run, arena, err) && (run->cleaned || clean(run, err)) &&
                go_through(run, err) && finish(run, err);
    arena_free(arena);
    return good;
}

static bool begin(struct run *run, struct arena *arena, struct err *err)
{
    struct pg_params params = pg_params_in(arena), of_type = pg_params_in(arena);
    const struct pg_result *result;
    struct pg *pg = pool_acquire(run->store->transactions, err);

    if (!pg)
        return false;
    pg_add_text(&of_type, text_of(run->progress.type));
    pg_add_text(&params, text_of(run->progress.type));
    bool good = reindex_count(&run->batch, pg, arena, &run->progress.total, err);
    pg_add_int8(&params, run->progress.total);
    pg_begin(pg);
    good = good && pg_query(pg, &begin_type, &params, arena, &result, err) &&
           pg_query(pg, &fence, &of_type, arena, &result, err) &&
           pg_query(pg, &select_run, &of_type, arena, &result, err) && pg_commit(pg, err);
    pool_release(run->store->transactions, pg);
    if (!good)
        return false;
    run->number = pg_int8(result, 0, 0);
    run->cleaned = pg_bool(result, 0, 1);
    run->batch.last = pg_is_null(result, 0, 2) ? INT64_MIN : pg_int8(result, 0, 2);
    run->progress.done = pg_int8(result, 0, 3);
    run->progress.total = pg_int8(result, 0, 4);
    return wait_for_others(run, pg_int8(result, 0, 5), err) && say(run, err);
}

/* Until nobody writes any more who does not know what is pending: what such a one writes behind our
 * back would not be found. From the fence on no new one comes. */
static bool wait_for_others(struct run *run, int64_t pending, struct err *err)
{
    for (;;) {
        struct arena *arena = arena_new();
        struct pg_params params = pg_params_in(arena);
        const struct pg_result *result;

        pg_add_int8(&params, pending);
        bool good = pg_query(run->store->search, &count_others, &params, arena, &result, err);
        run->progress.waiting = good ? pg_int8(result, 0, 0) : 0;
        arena_free(arena);
        if (!good || run->progress.waiting == 0)
            return good;
        if (!say(run, err))
            return false;
        fiber_sleep(LOOK_MS);
    }
}

/* Side rows by what is pending: those of writers who knew it while others did not may be out of
 * date, and nobody could tell which. Now everybody knows it. */
static bool clean(struct run *run, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_params params = pg_params_in(arena);
    struct tokens tokens = store_tokens(run->store, run->access);
    const struct pg_result *result;
    struct pg *pg = pool_acquire(run->store->transactions, err);
    bool good = pg != NULL;

    pg_add_text(&params, text_of(run->progress.type));
    pg_add_int8(&params, run->number);
    good = good && pg_query(pg, &select_pending, &params, arena, &result, err);
    size_t count = good ? (size_t)pg_rows(result) : 0;
    int64_t *h = arena_many(arena, int64_t, count);
    bool more = count > 0;
    for (size_t i = 0; i < count; i++)
        h[i] = token_param_named(&tokens, run->progress.type, pg_text(result, (int)i, 0).data,
                                 (uint64_t)pg_int8(result, (int)i, 1));
    while (good && more)
        good = parameters_delete_rows(pg, h, count, &more, err);
    more = count > 0;
    while (good && more)
        good = words_delete(pg, run->batch.table, h, count, &more, err);
    good = good && pg_query(pg, &set_cleaned, &params, arena, &result, err);
    if (pg)
        pool_release(run->store->transactions, pg);
    arena_free(arena);
    return good;
}

static bool go_through(struct run *run, struct err *err)
{
    bool more = true;

    while (more) {
        int64_t before = clock_monotonic();

        unsigned began = member_begin(run->store);
        bool good = reindex_batch(&run->batch, run->number, &more, err);
        member_end(run->store, began);
        if (!good)
            return false;
        run->progress.done += run->batch.taken;
        if (!say(run, err))
            return false;
        int64_t took = (clock_monotonic() - before) / 1000;
        if (more)
            fiber_sleep((int)(took < PAUSE_MAX_MS ? took : PAUSE_MAX_MS));
    }
    return true;
}

static bool mark(struct run *run, struct pg *pg, struct arena *arena, struct err *err)
{
    struct pg_params params = pg_params_in(arena), of_type = pg_params_in(arena);
    const struct pg_result *result;

    pg_add_text(&of_type, text_of(run->progress.type));
    pg_add_text(&params, text_of(run->progress.type));
    pg_add_int8(&params, run->number);
    if (!pg_query(pg, &finish_run, &params, arena, &result, err))
        return false;
    if (pg_affected(result) == 0)
        return err_set(err, ERR_CONFLICT, NULL, REINDEX_OVERTAKEN);
    if (!pg_query(pg, &set_extracted, &of_type, arena, &result, err))
        return false;
    bool news = pg_affected(result) > 0 && extraction_holds(run->batch.type);
    if (!pg_query(pg, &set_ready, &params, arena, &result, err))
        return false;
    return (!news && pg_affected(result) == 0) ||
           (pg_query(pg, &raise_epoch, NULL, arena, &result, err) &&
            pg_query(pg, &tell_servers, NULL, arena, &result, err));
}

static bool finish(struct run *run, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg *pg = pool_acquire(run->store->transactions, err);
    bool good = pg != NULL;

    if (good) {
        pg_begin(pg);
        good = mark(run, pg, arena, err) && pg_commit(pg, err);
        pool_release(run->store->transactions, pg);
    }
    arena_free(arena);
    return good;
}
