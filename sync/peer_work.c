/*
 * Peer work - the pulls of one partner, and applying what they land.
 */

#include "sync/peer.h"

#include "base/arena.h"
#include "base/clock.h"
#include "sync/echo.h"
#include "sync/forwards.h"

#include <inttypes.h>

#define ATTACHMENTS 1000 /* fetched after one pull, when no number is configured */
#define TICK_MS     500
#define CALM_MS     2000
#define TURNS       2 /* partners that are applied at once */
#define TIDY_US     (INT64_C(3600) * 1000000)

/* Tasks. */

static const char *number(char out[24], int64_t value)
{
    snprintf(out, 24, "%" PRId64, value);
    return out;
}

static void report(struct task *task, const struct pull_result *result)
{
    static const char *const events[] = {"pulled", "to be gone on with", "incomplete"};
    const struct log *log = &task->peer->log;
    char rows[24], pages[24], restarts[24];
    const char *mode = pull_mode_names[task->pull.mode];
    const char *type = task->pull.query ? task->pull.query->type : "all";

    if (result->outcome == PULL_INCOMPLETE)
        log_warn(log, events[result->outcome], "mode", mode, "type", type, "why", result->reason,
                 "rows", number(rows, result->rows), "pages", number(pages, result->pages), NULL);
    else
        log_info(log, events[result->outcome], "mode", mode, "type", type, "rows",
                 number(rows, result->rows), "pages", number(pages, result->pages), "restarts",
                 number(restarts, result->restarts), result->reason[0] ? "remark" : NULL,
                 result->reason, NULL);
}

void peer_run_task(void *context)
{
    struct task *task = context;
    struct peer *peer = task->peer;
    struct pull_result result;
    struct err err = {0};

    if (!pull_run(&task->pull, &result, &err)) {
        log_error(&peer->log, "cannot land", "why", err.text, NULL);
        peer->failed = true;
        task->due = clock_now() + CALM_MS * INT64_C(1000);
    } else {
        report(task, &result);
        if (result.outcome == PULL_COMPLETE)
            task->complete = clock_now();
        if (result.outcome == PULL_INCOMPLETE)
            task->incomplete++;
        if (result.outcome != PULL_COMPLETE)
            peer->failed = true;
        peer->fresh = true;
    }
    task->done = true;
    task->running = false;
    peer->running--;
    fiber_wake(&peer->tend);
}

/* Applying. */

static bool is_stopping(void *context)
{
    const struct peer *peer = context;

    return peer->stopping;
}

static void add_result(struct peer *peer, const struct landing_result *result)
{
    char applied[24], unchanged[24], older[24], dead[24];
    const struct landing_counts *counts = &result->counts;

    peer->counts.applied += counts->applied;
    peer->counts.unchanged += counts->unchanged;
    peer->counts.older += counts->older;
    peer->counts.dead += counts->dead;
    peer->counts.waiting = counts->waiting;
    peer->linked += result->linked;
    peer->deleted += result->deleted;
    peer->findings += result->findings;
    if (result->critical)
        log_error(&peer->log, "critical results could not be applied", "number",
                  number(dead, result->critical), "remedy",
                  "isthmus sync dead list shows them first", NULL);
    if (counts->applied + counts->unchanged + counts->older + counts->dead == 0)
        return;
    peer->fresh |= !peer->following; /* what was followed is not followed again */
    log_info(&peer->log, "applied", "applied", number(applied, counts->applied), "unchanged",
             number(unchanged, counts->unchanged), "older", number(older, counts->older), "dead",
             number(dead, counts->dead), NULL);
}

/* Anew each time: who is passed on may have another address by now. */
static bool read_forwards(const struct peer *peer, struct arena *arena, struct apply_config *config,
                          struct err *err)
{
    const struct access access = {.tenant = peer->config->tenant};
    struct forwards forwards;

    if (!forwards_read(peer->config->store, &access, &peer->partner, arena, &forwards, err))
        return false;
    config->others = forwards.partners;
    config->other_count = forwards.count;
    return true;
}

static void apply_once(struct peer *peer)
{
    struct arena *arena = arena_new();
    struct apply_config config =
        partner_apply_config(&peer->partner, peer->landed->number, &peer->config->own_base,
                             peer->config->definitions, arena);
    struct landing_result result = {0};
    struct err err = {0};
    struct landing_apply apply = {
        .access = {.tenant = peer->config->tenant},
        .stop = is_stopping,
        .stop_context = peer,
    };

    config.own_system = echo_system(peer->config->store, arena);
    config.ahead = talk_ahead(peer->talk);
    config.content = peer->partner.push.on ? echo_content : NULL;
    config.attachments = peer->partner.hydrate_attachments ? &peer->hydration.attachments : NULL;
    peer->dirty = false;
    peer->applying = true;
    while (peer->config->turns->applying >= TURNS)
        fiber_sleep(5);
    peer->config->turns->applying++;
    bool good = read_forwards(peer, arena, &config, &err) &&
                apply_landed(peer->config->store, &config, &apply, &result, &err);
    peer->config->turns->applying--;
    add_result(peer, &result);
    arena_free(arena);
    if (!good && talk_wait_for_database(peer->talk, &err)) {
        peer->dirty = true;
    } else if (!good && !peer->stopping) {
        log_error(&peer->log, "cannot apply", "why", err.text, "remedy", "tried again", NULL);
        struct err ignored = {0};
        (void)!fiber_wait(&peer->apply, CALM_MS, &ignored);
        peer->dirty = true;
    }
    peer->applying = false;
    fiber_wake(&peer->tend);
}

void peer_apply(void *context)
{
    struct peer *peer = context;
    struct err ignored;

    while (!peer->over) {
        if (peer->dirty && peer->held && !peer->stopping) {
            apply_once(peer);
            continue;
        }
        ignored = (struct err){0};
        (void)!fiber_wait(&peer->apply, TICK_MS, &ignored);
    }
    peer->ended = true;
}

/* After pulls. */

static bool reconcile(struct peer *peer, const struct landing_window *window, struct err *err)
{
    const struct partner *partner = &peer->partner;
    struct landing_reconciled result = {0};
    struct err refused = {0};
    char missing[24], gone[24];

    if (landing_reconcile(peer->config->store, window->number, partner->guard_percent,
                          partner->guard_number, &result, &refused)) {
        if (result.missing + result.gone)
            log_warn(&peer->log, "absent from the snapshot", "type", window->key.type, "once",
                     number(missing, result.missing), "twice", number(gone, result.gone), NULL);
        return true;
    }
    if (refused.kind != ERR_CONFLICT) {
        *err = refused;
        return false;
    }
    if (result.guard_trips)
        peer->failed = true;
    if (result.guard_trips && window->number > peer->tripped) { /* it is said once */
        peer->tripped = window->number;
        peer->guard_trips++;
        log_warn(&peer->log, "snapshot refused", "type", window->key.type, "why",
                 "more would disappear at once than the guard allows; nothing was noted", NULL);
    }
    return true;
}

/* The oldest first: two in a row make a disappearance. */
static bool reconcile_all(struct peer *peer, struct err *err)
{
    struct arena *arena = arena_new();
    struct landing_window *windows;
    size_t count;
    bool good = landing_window_snapshots(peer->config->store, peer->landed->number, arena, &windows,
                                         &count, err);

    for (size_t i = 0; good && i < count; i++)
        good = reconcile(peer, &windows[i], err);
    arena_free(arena);
    return good;
}

/* One round; `*left` and `*fetched` get how many it may be yet, and were. Applied, too. */
static bool hydrate_round(struct peer *peer, const char *type, unsigned *left, unsigned *fetched,
                          struct err *err)
{
    struct pull pull = peer->task_count ? peer->tasks[0].pull : (struct pull){0};
    char came[24];

    *fetched = 0;
    if (peer->stopping || !pull.store)
        return true;
    if (!pull_hydrate(&pull, &peer->hydration, type, *left, fetched, err))
        return false;
    *left -= *fetched;
    if (*fetched)
        log_info(&peer->log, "followed references", "came", number(came, *fetched), NULL);
    while ((peer->dirty || peer->applying) && !peer->stopping)
        fiber_sleep(10);
    return true;
}

/* Rounds of references: what one brings refers to more. Then what documents show. */
static bool hydrate(struct peer *peer, struct err *err)
{
    const struct partner *partner = &peer->partner;
    unsigned left = partner->hydrate_number, fetched = 1;

    for (unsigned depth = 0; depth < partner->hydrate_depth && left && fetched; depth++)
        if (!hydrate_round(peer, NULL, &left, &fetched, err))
            return false;
    left = partner->hydrate_number ? partner->hydrate_number : ATTACHMENTS;
    return !partner->hydrate_attachments || hydrate_round(peer, "Binary", &left, &fetched, err);
}

/* One that is paused is not asked, though what landed before may still be applied. */
static bool follow(struct peer *peer, struct err *err)
{
    bool active = !peer->paused && peer->partner.enabled;
    bool snapshots = peer->partner.snapshot.on && peer->partner.snapshot.reconcile;

    return (!active || hydrate(peer, err)) && (!snapshots || reconcile_all(peer, err));
}

void peer_follow(void *context)
{
    struct peer *peer = context;
    struct err err = {0};

    if (!follow(peer, &err) && !peer->stopping) {
        log_error(&peer->log, "cannot follow references", "why", err.text, NULL);
        peer->failed = true;
        peer->fresh |= !peer->config->once;
        fiber_sleep(CALM_MS);
    }
    peer->following = false;
    fiber_wake(&peer->tend);
}

/* A failure is a matter of the database, and no reason to stop pulling. */
void peer_tidy(struct peer *peer)
{
    struct err err = {0};
    bool more = false;

    if (peer->tidy_due > clock_now())
        return;
    if (!landing_tidy(peer->config->store, peer->landed->number, peer->partner.keep * 1000, &more,
                      &err) &&
        err.kind != ERR_BUSY)
        log_warn(&peer->log, "cannot tidy up", "why", err.text, "remedy", "tried again", NULL);
    peer->tidy_due = more ? 0 : clock_now() + TIDY_US;
}
