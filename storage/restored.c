/*
 * Restored - see restored.h.
 */

#include "storage/restored.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "storage/pg.h"

#define TIMEOUT_MS 600000

/* One statement in a loop of its own. */
struct question {
    const char *database;
    const char *sql;
    struct loop *loop;
    struct err *err;
    bool yes; /* the first column of the first row */
    bool answered;
};

static void ask(void *context)
{
    struct question *question = context;
    struct pg_config config = {
        .conninfo = question->database,
        .lane = "restore",
        .timeout_ms = TIMEOUT_MS,
        .mode = PG_EXCLUSIVE,
    };
    struct pg *pg = pg_new(question->loop, &config);
    struct arena *arena = arena_new();
    const struct pg_result *result;

    if (pg_connect(pg, question->err) &&
        pg_query_sql(pg, question->sql, NULL, arena, &result, question->err)) {
        question->answered = true;
        question->yes = pg_rows(result) > 0 && pg_bool(result, 0, 0);
    }
    pg_free(pg);
    arena_free(arena);
    loop_stop(question->loop);
}

static bool run(struct question *question)
{
    question->loop = loop_new();
    fiber_spawn(question->loop, ask, question);
    loop_run(question->loop);
    loop_free(question->loop);
    return question->answered;
}

bool store_is_empty(const char *database, struct err *err)
{
    struct question question = {
        .database = database,
        .sql = "select to_regclass('f_meta') is null",
        .err = err,
    };

    if (!run(&question))
        return false;
    return question.yes ||
           err_set(
               err, ERR_CONFLICT, NULL,
               "The database is not empty; restore into a new data folder or an empty database.");
}

bool store_mark_restored(const char *database, struct err *err)
{
    struct question question = {
        .database = database,
        .sql = "update f_meta set value = 'restored' where key = 'cluster' returning true",
        .err = err,
    };

    return run(&question);
}
