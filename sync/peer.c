/*
 * Peer - see peer.h: which task runs when.
 */

#include "sync/peer.h"

#include "base/arena.h"
#include "base/clock.h"
#include "storage/hold.h"

#define TICK_MS 500 /* how late a stop, or a partner that became free, may be noticed */

static void tend(void *context);

static void on_landed(void *context, size_t rows)
{
    struct peer *peer = context;

    peer->landed_rows += (int64_t)rows;
    if (rows) {
        peer->dirty = true;
        fiber_wake(&peer->apply);
    }
}

static void add_task(struct peer *peer, const struct pull_plan *plan)
{
    struct task *task = &peer->tasks[peer->task_count++];

    *task = (struct task){
        .peer = peer,
        .every = plan->every * 1000,
        .complete = INT64_MIN,
        .pull = {.store = peer->config->store,
                 .talk = peer->talk,
                 .partner = &peer->partner,
                 .number = peer->landed->number,
                 .tenant = peer->config->tenant,
                 .configured = peer->landed->configured,
                 .mode = plan->mode,
                 .query = plan->query,
                 .landed = on_landed,
                 .context = peer,
                 .log = &peer->log},
    };
}

static void add_tasks(struct peer *peer)
{
    struct pull_plan *plans;
    size_t count = pull_list(&peer->partner, peer->arena, &plans);

    peer->tasks = arena_many(peer->arena, struct task, count);
    for (size_t i = 0; i < count; i++)
        add_task(peer, &plans[i]);
}

/* It would get a copy of everything it has. */
static bool is_ourselves(const struct peer *peer, struct err *err)
{
    struct text own = peer->config->own_base;

    if (own.size == 0 || !partner_has_address(&peer->partner, own))
        return false;
    err_set(err, ERR_INVALID, "base",
            "%.*s is the address of this server; a partner is another one.", TEXT_ARGS(own));
    return true;
}

struct peer *peer_start(const struct sync_config *config, const struct landing_partner *landed,
                        struct err *err)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    if (!peer)
        abort();
    peer->config = config;
    peer->arena = arena_new();
    peer->landed = arena_one(peer->arena, struct landing_partner);
    *peer->landed = *landed;
    peer->landed->name = arena_strdup(peer->arena, landed->name);
    peer->landed->config =
        (struct text){text_dup(peer->arena, landed->config), landed->config.size};
    if (!partner_parse(peer->landed->config, peer->arena, &peer->partner, err) ||
        is_ourselves(peer, err)) {
        arena_free(peer->arena);
        free(peer);
        return NULL;
    }
    peer->paused = landed->paused;
    peer->talk = talk_new(config->store, config->fetcher, &peer->partner, peer->landed);
    peer->log = (struct log){{"partner", peer->landed->name}};
    peer->dirty = true; /* what an earlier run has left */
    add_tasks(peer);
    peer_prepare_push(peer);
    fiber_spawn(config->loop, tend, peer);
    fiber_spawn(config->loop, peer_apply, peer);
    return peer;
}

void peer_stop(struct peer *peer)
{
    peer->stopping = true;
    talk_stop(peer->talk);
    fiber_wake(&peer->tend);
    fiber_wake(&peer->apply);
}

void peer_free(struct peer *peer)
{
    hydration_release(&peer->hydration);
    peer_forget_books(peer);
    talk_free(peer->talk);
    arena_free(peer->arena);
    free(peer);
}

bool peer_is_current(const struct peer *peer, const struct landing_partner *landed)
{
    return peer->landed->version == landed->version && peer->paused == landed->paused;
}

/* Tending. */

/* Tasks that ran before this process go on with their rhythm. */
static bool read_rhythm(struct peer *peer, struct err *err)
{
    struct landing_cursor *cursors;
    struct arena *arena = arena_new();
    size_t count;
    bool good = landing_cursor_list(peer->config->store, peer->landed->number, arena, &cursors,
                                    &count, err);

    for (size_t i = 0; good && i < peer->task_count; i++)
        for (size_t j = 0; j < count; j++) {
            struct task *task = &peer->tasks[i];
            if (!pull_has_key(task->pull.mode, task->pull.query, &cursors[j].key) ||
                cursors[j].moved == INT64_MIN)
                continue;
            task->complete = cursors[j].moved;
            if (!peer->config->once)
                task->due = cursors[j].moved + task->every;
        }
    arena_free(arena);
    return good;
}

bool peer_asks_for(const struct peer *peer, const struct landing_cursor_key *key)
{
    for (size_t i = 0; i < peer->task_count; i++)
        if (pull_has_key(peer->tasks[i].pull.mode, peer->tasks[i].pull.query, key))
            return true;
    return false;
}

static bool is_left_over(const struct peer *peer, const struct landing_window *window)
{
    return strcmp(window->key.mode, PULL_HYDRATE) != 0 && !peer_asks_for(peer, &window->key);
}

/* Windows of queries that another document had would stay open for nobody. */
static void give_up_others(const struct peer *peer)
{
    struct store *store = peer->config->store;
    struct landing_window *windows;
    struct arena *arena = arena_new();
    struct err err = {0};
    size_t count;
    bool good =
        landing_window_list_open(store, peer->landed->number, arena, &windows, &count, &err);

    for (size_t i = 0; good && i < count; i++)
        if (is_left_over(peer, &windows[i]))
            good = landing_window_give_up(store, windows[i].number, "It is not asked for any more.",
                                          &err);
    if (!good)
        log_warn(&peer->log, "cannot close windows of earlier documents", "why", err.text, NULL);
    arena_free(arena);
}

/* Waits a moment, or until something has ended. */
static void rest(struct peer *peer, int ms)
{
    struct err ignored = {0};

    (void)!fiber_wait(&peer->tend, ms, &ignored);
}

static bool take(struct peer *peer)
{
    struct err err = {0};
    bool before = peer->held;

    if (!hold_take(peer->config->hold, peer->landed->number, &peer->held, &err))
        peer->held = false;
    if (peer->held == before || !peer->held)
        return peer->held;
    log_info(&peer->log, "in charge", "asks",
             peer->paused            ? "nothing, it is paused"
             : peer->partner.enabled ? "as configured"
                                     : "nothing, it is not enabled",
             NULL);
    give_up_others(peer);
    return true;
}

static void start_due(struct peer *peer)
{
    int64_t now = clock_now();

    for (size_t i = 0; i < peer->task_count; i++) {
        struct task *task = &peer->tasks[i];
        if (peer->running >= peer->partner.limits.concurrency)
            return;
        if (task->running || task->due > now || (peer->config->once && task->done))
            continue;
        task->running = true;
        task->due = now + task->every;
        peer->running++;
        fiber_spawn(peer->config->loop, peer_run_task, task);
    }
}

/* What was pulled goes on as it is applied; with `once`, after all of it. */
static void start_push(struct peer *peer, bool calm)
{
    if (!peer->partner.push.on || peer->pushing || peer->push_due > clock_now() ||
        (peer->config->once && (!calm || peer->pushed)))
        return;
    peer->pushing = true;
    fiber_spawn(peer->config->loop, peer_run_push, peer);
}

static void start_following(struct peer *peer)
{
    peer->fresh = false;
    peer->following = true;
    fiber_spawn(peer->config->loop, peer_follow, peer);
}

static bool all_done(const struct peer *peer)
{
    for (size_t i = 0; i < peer->task_count; i++)
        if (!peer->tasks[i].done)
            return false;
    return peer->running == 0;
}

static bool is_active(const struct peer *peer)
{
    return !peer->paused && peer->partner.enabled;
}

/* With `once`, a partner that somebody else works for is left to him. */
static bool is_over(const struct peer *peer)
{
    if (peer->following)
        return false;
    if (peer->stopping)
        return peer->running == 0 && !peer->pushing;
    if (!peer->config->once)
        return false;
    if (!is_active(peer))
        return !peer->dirty && !peer->applying && !peer->fresh;
    return all_done(peer) && !peer->dirty && !peer->applying && !peer->fresh &&
           (!peer->partner.push.on || peer->pushed);
}

static void tend(void *context)
{
    struct peer *peer = context;
    struct err err = {0};
    bool rhythm = read_rhythm(peer, &err);

    while (rhythm && !is_over(peer)) {
        err = (struct err){0};
        if (!peer->stopping && !take(peer)) {
            if (peer->config->once) {
                log_warn(&peer->log, "another worker is in charge", NULL);
                peer->failed = true;
                peer_stop(peer); /* waits for what is under way */
                continue;
            }
            peer_forget_books(peer);
            rest(peer, TICK_MS);
            continue;
        }
        if (!peer->stopping)
            peer_tidy(peer);
        if (!peer->stopping && is_active(peer))
            start_due(peer);
        bool calm = peer->running == 0 && !peer->dirty && !peer->applying;
        if (!peer->stopping && is_active(peer))
            start_push(peer, calm && !peer->fresh && !peer->following && all_done(peer));
        if (calm && peer->fresh && !peer->following && !peer->stopping)
            start_following(peer);
        if (!peer->stopping)
            peer_look(peer);
        if (!is_over(peer))
            rest(peer, TICK_MS);
    }
    if (!rhythm) {
        log_error(&peer->log, "cannot begin", "why", err.text, NULL);
        peer->failed = true;
    }
    peer->over = true;
    fiber_wake(&peer->apply);
}
