/*
 * Peer push - sending one partner what changes here, again and again.
 */

#include "base/clock.h"
#include "sync/peer.h"

#include <inttypes.h>

#define FAILED_US (2 * INT64_C(1000000)) /* until it is tried again */

static bool is_stopping(void *context)
{
    const struct peer *peer = context;

    return peer->stopping || peer->paused;
}

void peer_prepare_push(struct peer *peer)
{
    peer->push = (struct push){
        .store = peer->config->store,
        .talk = peer->talk,
        .partner = &peer->partner,
        .number = peer->landed->number,
        .access = {.tenant = peer->config->tenant},
        .own_base = peer->config->own_base,
        .log = &peer->log,
        .stop = is_stopping,
        .stop_context = peer,
    };
}

static const char *number(char out[24], uint64_t value)
{
    snprintf(out, 24, "%" PRIu64, value);
    return out;
}

static void report(const struct peer *peer, const struct push_counts *before)
{
    const struct push_counts *now = &peer->push.counts;
    char created[24], updated[24], deleted[24], held[24], failed[24];
    uint64_t done = now->created + now->updated + now->deleted + now->held + now->failed;

    if (done == before->created + before->updated + before->deleted + before->held + before->failed)
        return;
    log_info(&peer->log, "pushed", "created", number(created, now->created - before->created),
             "updated", number(updated, now->updated - before->updated), "deleted",
             number(deleted, now->deleted - before->deleted), "held",
             number(held, now->held - before->held), "failed",
             number(failed, now->failed - before->failed), NULL);
}

void peer_run_push(void *context)
{
    struct peer *peer = context;
    const struct push_counts before = peer->push.counts;
    int64_t next = INT64_MAX, now;
    struct err err = {0};
    const bool good = push_run(&peer->push, &next, &err);

    now = clock_now();
    peer->push_due = now + peer->partner.push.every * 1000;
    if (!good) {
        if (!peer->stopping)
            log_warn(&peer->log, "cannot push", "why", err.text, "remedy", "tried again", NULL);
        peer->push_due = now + FAILED_US;
        peer->failed = true;
    }
    if (next != INT64_MAX)
        peer->failed = peer->failed || peer->config->once;
    report(peer, &before);
    peer->pushed = true;
    peer->pushing = false;
    fiber_wake(&peer->tend);
}
