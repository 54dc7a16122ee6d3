#pragma once

/*
 * Push - sends what changes here to a partner, each resource to one copy there.
 *
 *     push_plan.c  change log -> ledger (storage/landing.h): what the partner is to get
 *     push.c       ledger -> partner: what is sent, in which order, and what came of it
 *     push_ask.c   what the partner holds already
 *     push_body.c  a resource of ours as the partner gets it
 *
 * One request for each resource: created once, on condition that there is no copy yet, then
 * updated under the id that it got there. What it refers to goes first. Every request is in the
 * ledger before it leaves; one whose outcome is not known is asked about before it is
 * repeated. A copy has one feeder: whoever created it keeps it up to date, and others who find it
 * leave it alone, so that no older version comes by a detour (docs/sync.md).
 */

#include "base/err.h"
#include "storage/landing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct log;
struct node;
struct partner;
struct talk;

struct push_counts {
    uint64_t planned, created, updated, deleted;
    uint64_t held;     /* there already, kept up to date by somebody else */
    uint64_t resolved; /* outcomes that were unknown and turned out to be good */
    uint64_t unknown, failed, postponed;
};

/* The first part is the caller's, and borrowed; the rest begins as zero. */
struct push {
    struct store *store;
    struct talk *talk;
    const struct partner *partner;
    int32_t number;       /* the partner's */
    struct access access; /* its tenant */
    struct text own_base; /* as resources name this server; absent: not known */
    const struct log *log;
    bool (*stop)(void *context); /* asked between requests; NULL: never */
    void *stop_context;

    bool introduced; /* the partner has said what it is */
    bool isthmus;    /* another Isthmus */
    char instance[LANDING_ID_SIZE];
    struct push_counts counts;
};

/*
 * Waits. Plans what has changed, and sends what can be sent now. `*next`: when there is something
 * to do again, besides new changes (clock_now(); INT64_MAX: never). False when the database
 * fails or the partner cannot be asked at all: go on later.
 */
bool push_run(struct push *push, int64_t *next, struct err *err);

/* The class of a dead letter for the `reason` of a push that failed: "remote_412", "remote_4xx",
 * "purged". Constant. */
const char *push_class(const char *reason);

/* ---- between the files of push ---- */

/* Waits. Moves the position to the end of the change log. */
bool push_plan(struct push *push, struct err *err);

/* A resource as it leaves. */
struct push_body {
    struct text json;
    struct text source; /* its address at its origin; absent: not known */
    struct text name;   /* "Type/id", of the identifier */
    uint64_t content;
    bool foreign;    /* it came from another server */
    bool waits;      /* refers to what is to be sent first */
    bool blocked;    /* and that cannot be sent now */
    bool incomplete; /* `force`: such references say only whom they mean */
    bool gone;       /* the version is not kept any more */
};

/* Waits. `remote_id` NULL: for a create. */
bool push_body_make(struct push *push, const struct landing_push *row, const char *remote_id,
                    bool force, struct arena *arena, struct push_body *body, struct err *err);

enum push_held {
    PUSH_NONE,   /* no copy there */
    PUSH_OURS,   /* a copy that we feed */
    PUSH_THEIRS, /* a copy that somebody else feeds */
    PUSH_MANY,
};

struct push_found {
    enum push_held held;
    const char *id, *version;
    uint64_t content;
};

/* "identifier=..." or "_source=...", encoded; NULL when nothing names a copy: then it is written
 * under an id that is computed, push_own_id(). */
const char *push_criterion(const struct push *push, const char *type, const struct push_body *body,
                           struct arena *arena);
const char *push_own_id(const struct push *push, const struct landing_push *row,
                        struct arena *arena);

/* Waits. Looks for a copy: under `id`, or by what names it when that is NULL. */
bool push_ask(struct push *push, const char *type, const struct push_body *body, const char *id,
              struct arena *arena, struct push_found *found, struct err *err);

/* Waits. What the partner is. */
bool push_introduce(struct push *push, struct err *err);

/* Whether a resource of ours came from another server, by a pull or a push. `*partner`: by which
 * of ours it was pulled; 0. */
bool push_origin(struct push *push, const char *type, const char *id, const struct node *resource,
                 struct arena *arena, bool *foreign, int32_t *partner, struct err *err);
