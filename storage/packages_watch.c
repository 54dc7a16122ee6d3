/*
 * Packages - how a process learns that others installed something, and does its share of what
 * follows.
 */

#include "base/arena.h"
#include "storage/packages_internal.h"
#include "storage/parameters.h"

enum {
    ASK_ANYWAY_MS = 30000,
    PROGRESS_MS = 1000, /* the same while parameters are being indexed */
    AFTER_FAILURE_MS = 200,
};

static const struct pg_statement listen_for_changes = {"listen isthmus_packages"};

static const struct pg_statement ask_epoch = {"select " PARAMETERS_EPOCH};

static bool look(struct packages *packages, int64_t *epoch);

bool packages_watch(struct packages *packages, int64_t epoch)
{
    int64_t current = epoch;

    while (!packages->stopped) {
        struct err late = {0};
        bool answered = look(packages, &current);

        if (answered && current != epoch)
            return true;
        int pause = parameters_unfinished() ? PROGRESS_MS : ASK_ANYWAY_MS;
        bool stirred = !packages->stopped &&
                       fiber_wait(&packages->stirred, answered ? pause : AFTER_FAILURE_MS, &late);
        (void)stirred; /* looks again in any case */
    }
    return false;
}

/* Listening again does no harm, and is needed after a new connection. What is
 * asked behind it cannot miss a change: the first has ended when the second begins. */
static bool look(struct packages *packages, int64_t *epoch)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;
    struct err err = {0};
    bool more;
    bool good = pg_query(packages->pg, &listen_for_changes, NULL, arena, &result, &err) &&
                pg_query(packages->pg, &ask_epoch, NULL, arena, &result, &err) &&
                parameters_learn(packages->pg, &err);

    if (good)
        *epoch = pg_int8(result, 0, 0);
    if (good && parameters_unfinished())
        good = parameters_sweep(packages->pg, &packages->key, &more, &err);
    arena_free(arena);
    return good;
}

bool packages_follow(struct packages *packages, int64_t *epoch, struct err *err)
{
    struct arena *arena = arena_new();
    const struct pg_result *result;
    bool good = pg_query(packages->pg, &ask_epoch, NULL, arena, &result, err) &&
                parameters_learn(packages->pg, err);

    if (good)
        *epoch = pg_int8(result, 0, 0);
    arena_free(arena);
    return good;
}

bool packages_sweep(struct packages *packages, bool *more, struct err *err)
{
    return parameters_sweep(packages->pg, &packages->key, more, err);
}

void packages_stop_watching(struct packages *packages)
{
    packages->stopped = true;
    fiber_wake(&packages->stirred);
}
