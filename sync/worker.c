/*
 * Sync worker - see worker.h.
 */

#include "sync/worker.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"
#include "sync/fetch.h"
#include "sync/peer.h"

#define LOOK_MS 1000                    /* how often partners are looked up */
#define LATELY  (30 * INT64_C(1000000)) /* they were */

/* A version of a document that cannot be used: it is said once. */
struct refusal {
    int32_t partner, version;
    struct refusal *next;
};

struct sync_worker {
    struct sync_config config;
    struct sync_turns turns;
    struct peer *peers;
    struct peer *leaving; /* another version, or none, takes their place */
    struct waiter waiter;
    struct refusal *refusals; /* one for each partner that ever had such a document */
    int64_t looked_up;        /* clock_monotonic() of the last time; 0: not yet */
    bool stopping, failed, looked;
};

static void supervise(void *context);

struct sync_worker *sync_worker_start(const struct sync_config *config)
{
    struct sync_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        abort();
    worker->config = *config;
    worker->config.turns = &worker->turns;
    fiber_spawn(config->loop, supervise, worker);
    return worker;
}

void sync_worker_stop(struct sync_worker *worker)
{
    worker->stopping = true;
    fetcher_stop(worker->config.fetcher);
    for (struct peer *peer = worker->peers; peer; peer = peer->next)
        peer_stop(peer);
    fiber_wake(&worker->waiter);
}

bool sync_worker_is_good(const struct sync_worker *worker)
{
    return !worker->failed;
}

bool sync_worker_is_ready(const struct sync_worker *worker)
{
    return !worker->stopping && worker->looked_up && clock_monotonic() - worker->looked_up < LATELY;
}

void sync_worker_free(struct sync_worker *worker)
{
    for (struct refusal *refusal = worker->refusals, *next; refusal; refusal = next) {
        next = refusal->next;
        free(refusal);
    }
    free(worker);
}

void sync_worker_write_metrics(const struct sync_worker *worker, struct buf *out)
{
    peer_write_metrics(worker->peers, out);
}

/* Takes those that have ended out of a list, and frees them. */
static void bury(struct sync_worker *worker, struct peer **list)
{
    while (*list) {
        struct peer *peer = *list;
        if (!peer->ended) {
            list = &peer->next;
            continue;
        }
        *list = peer->next;
        worker->failed = worker->failed || peer->failed;
        peer_free(peer);
    }
}

static struct peer **find(struct sync_worker *worker, int32_t number)
{
    struct peer **at = &worker->peers;

    while (*at && (*at)->landed->number != number)
        at = &(*at)->next;
    return at;
}

static bool is_leaving(const struct sync_worker *worker, int32_t number)
{
    for (const struct peer *peer = worker->leaving; peer; peer = peer->next)
        if (peer->landed->number == number)
            return true;
    return false;
}

static struct refusal *refusal_of(struct sync_worker *worker, int32_t partner)
{
    struct refusal *refusal = worker->refusals;

    while (refusal && refusal->partner != partner)
        refusal = refusal->next;
    if (refusal)
        return refusal;
    refusal = calloc(1, sizeof(*refusal));
    if (!refusal)
        abort();
    *refusal = (struct refusal){.partner = partner, .next = worker->refusals};
    worker->refusals = refusal;
    return refusal;
}

static void refuse(struct sync_worker *worker, const struct landing_partner *landed,
                   const struct err *why)
{
    struct refusal *refusal = refusal_of(worker, landed->number);

    if (refusal->version == landed->version)
        return;
    refusal->version = landed->version;
    worker->failed = true;
    log_error(NULL, "partner refused", "partner", landed->name, "why", why->text, NULL);
}

static void start(struct sync_worker *worker, const struct landing_partner *landed)
{
    struct err err = {0};
    struct peer *peer = peer_start(&worker->config, landed, &err);

    if (peer) {
        peer->next = worker->peers;
        worker->peers = peer;
    } else {
        refuse(worker, landed, &err);
    }
}

/* One that changed stops, and begins again with what is new when it has. */
static void update(struct sync_worker *worker, const struct landing_partner *landed)
{
    struct peer **at = find(worker, landed->number), *peer = *at;

    if (peer && !peer_is_current(peer, landed)) {
        *at = peer->next;
        peer->next = worker->leaving;
        worker->leaving = peer;
        peer_stop(peer);
    } else if (!peer && !is_leaving(worker, landed->number)) {
        start(worker, landed);
    }
}

static bool look_up(struct sync_worker *worker, struct err *err)
{
    const struct access access = {.tenant = worker->config.tenant};
    struct arena *arena = arena_new();
    struct landing_partner *partners;
    size_t count;
    bool found = false;
    bool good = landing_partner_list(worker->config.store, &access, arena, &partners, &count, err);

    for (size_t i = 0; good && !worker->stopping && i < count; i++)
        if (!worker->config.partner || strcmp(worker->config.partner, partners[i].name) == 0) {
            found = true;
            update(worker, &partners[i]);
        }
    if (good && worker->config.partner && !found)
        good = err_set(err, ERR_NOT_FOUND, NULL, "There is no partner %s.", worker->config.partner);
    arena_free(arena);
    return good;
}

static bool is_over(const struct sync_worker *worker)
{
    bool none = !worker->peers && !worker->leaving;

    return none && (worker->stopping || (worker->config.once && worker->looked));
}

/* Partners that come later than a run with `once` began are not its business. */
static void supervise(void *context)
{
    struct sync_worker *worker = context;
    struct err ignored;

    while (!is_over(worker)) {
        struct err err = {0};
        if (!worker->stopping && !(worker->config.once && worker->looked)) {
            if (look_up(worker, &err)) {
                worker->looked_up = clock_monotonic();
            } else {
                log_error(NULL, "cannot look up partners", "why", err.text, NULL);
                worker->failed = true;
            }
            worker->looked = true;
        }
        ignored = (struct err){0};
        if (!is_over(worker))
            (void)!fiber_wait(&worker->waiter, worker->config.once ? 20 : LOOK_MS / 2, &ignored);
        bury(worker, &worker->peers);
        bury(worker, &worker->leaving);
    }
    worker->config.ended(worker->config.context);
}
