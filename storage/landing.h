#pragma once

/*
 * Landing - what came from partners and what went to them: the exactly-once part of
 * synchronization, as tables and transactions. It knows nothing of HTTP, URLs or schedules.
 *
 *     partner ── window ── unit ── rows          one window is one pull, from `since` to its end
 *        │                          │            one unit is one page or file of it
 *        │                     landing_apply     a row is one resource, or one deletion, as it came
 *        │                          │
 *        └── identity ◄─────────────┴──► resources of ours, or a dead letter
 *
 * Raw bytes are durable before anything is done with them, and a cursor moves only in the
 * transaction that lands the last unit. Applying is a stage of its own; it may be killed at any
 * point and begun again, and its result is the same. At every moment, in every window
 *
 *     landed = applied + unchanged + older + dead + waiting
 *
 * Ids of ours are computed from partner, type and the partner's id, never looked up: a reference
 * to what has not come yet is right from the beginning (docs/decisions/0016).
 *
 * The rules of store.h hold for every function here: it waits, unless its comment says otherwise;
 * false means that `err` is set and that nothing was changed; results live in the arena.
 */

#include "base/err.h"
#include "base/text.h"
#include "base/uuid.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;

/* ---- Partners ---------------------------------------------------------------------------- */

struct landing_partner {
    int32_t number; /* the key of everything below; never used again */
    const char *name;
    int32_t tenant;
    int32_t version;    /* of the configuration: 1, 2, ... */
    struct text config; /* a JSON document, opaque here */
    int64_t configured; /* when this version came, microseconds since 1970 */
    bool paused;
    const char *pause_reason; /* NULL: none */
    int64_t not_before; /* no request before this time, because the partner said so; INT64_MIN */
};

/* Adds the partner, or a version of its configuration; the same text again adds nothing.
 * `expected`: the version that must be current (0: there is no such partner; -1: any), else
 * ERR_CONFLICT. Earlier versions are kept. */
bool landing_partner_put(struct store *store, const struct access *access, const char *name,
                         struct text config, int32_t expected, struct arena *arena,
                         struct landing_partner *partner, struct err *err);

/* `*partner` NULL: there is none of that name. `version` 0: the current configuration. */
bool landing_partner_get(struct store *store, const struct access *access, const char *name,
                         int32_t version, struct arena *arena, struct landing_partner **partner,
                         struct err *err);

/* By name. */
bool landing_partner_list(struct store *store, const struct access *access, struct arena *arena,
                          struct landing_partner **partners, size_t *count, struct err *err);

/* `reason` NULL: none. A paused partner is neither pulled from nor pushed to; what has landed may
 * still be applied. */
bool landing_partner_pause(struct store *store, int32_t partner, const char *reason,
                           struct err *err);
bool landing_partner_resume(struct store *store, int32_t partner, struct err *err);

/* Survives restarts. INT64_MIN: no limit. */
bool landing_partner_not_before(struct store *store, int32_t partner, int64_t time,
                                struct err *err);

/* ---- Cursors ----------------------------------------------------------------------------- */

/* Editing the query makes another cursor: it never goes on where another query stood. */
struct landing_cursor_key {
    int32_t partner;
    const char *mode;  /* "search", "history", "snapshot", ... */
    const char *type;  /* "" for the system */
    struct text query; /* may be empty */
};

struct landing_cursor {
    struct landing_cursor_key key;
    int64_t revision;  /* 0: there was none yet */
    struct text value; /* opaque here; absent when there is none */
    int64_t moved;     /* when; INT64_MIN: never */
};

/* One that never moved is revision 0 without a value. */
bool landing_cursor_get(struct store *store, const struct landing_cursor_key *key,
                        struct arena *arena, struct landing_cursor *cursor, struct err *err);

/* Sets the value when the revision is still that of `cursor`; `*moved` false: somebody else was
 * first. For what is no pull: landing_land() moves cursors of pulls. */
bool landing_cursor_set(struct store *store, const struct landing_cursor *cursor, bool *moved,
                        struct err *err);

bool landing_cursor_list(struct store *store, int32_t partner, struct arena *arena,
                         struct landing_cursor **cursors, size_t *count, struct err *err);

/* ---- Windows and units ------------------------------------------------------------------- */

enum landing_window_state {
    LANDING_OPEN,       /* units come */
    LANDING_LANDED,     /* the last unit is there; rows wait to be applied */
    LANDING_COMPLETE,   /* landed, and none waits */
    LANDING_INCOMPLETE, /* given up, with a reason; the cursor did not move */
};

/* Rows, by what became of them. */
struct landing_counts {
    int64_t expected; /* that the partner gave, as far as was counted */
    int64_t landed;   /* = the sum of the following */
    int64_t applied;
    int64_t unchanged; /* nothing new in them, or they are ours */
    int64_t older;     /* than what was applied before; kept here only */
    int64_t dead;
    int64_t waiting;
};

struct landing_window {
    int64_t number;
    struct landing_cursor_key key;
    enum landing_window_state state;
    const char *reason; /* INCOMPLETE; or what the partner said about a gap in it. NULL: none */
    struct text since;  /* opaque here, for people: where it began */
    int64_t opened;
    int64_t closed; /* INT64_MIN: not yet */
    bool snapshot;  /* it names everything the partner has of the type */
    bool partial;   /* but the partner says itself that there is more */
    int32_t units;
    struct text next; /* where the unit that landed last said to go on; absent: nowhere */
    struct landing_counts counts;
};

/* Opens a window, or returns the one of this key that is open: a worker that was killed goes on
 * with it, at `next` when there is one. `since` and `snapshot` count for a new one only. */
bool landing_window_open(struct store *store, const struct landing_cursor_key *key,
                         struct text since, bool snapshot, struct arena *arena,
                         struct landing_window *window, struct err *err);

/* Gives it up: what has landed of it stays and is applied. A window that is landed already is left
 * alone. */
bool landing_window_give_up(struct store *store, int64_t window, const char *reason,
                            struct err *err);

/* Something that is to be known of it: the reason of the window, whatever its state. `partial`: the
 * partner said that it is less than the whole ("may not contain the entire record"). */
bool landing_window_note(struct store *store, int64_t window, const char *reason, bool partial,
                         struct err *err);

/* The newest first, at most `limit`. `incomplete`: only those that were given up or are partial. */
bool landing_window_list(struct store *store, int32_t partner, bool incomplete, unsigned limit,
                         struct arena *arena, struct landing_window **windows, size_t *count,
                         struct err *err);

/* Those that are open, at most one of each key. */
bool landing_window_list_open(struct store *store, int32_t partner, struct arena *arena,
                              struct landing_window **windows, size_t *count, struct err *err);

/* Snapshots that are complete and whole and were not compared with what is known
 * (landing_reconcile()), the oldest first; without those that are older than one that was. */
bool landing_window_snapshots(struct store *store, int32_t partner, struct arena *arena,
                              struct landing_window **windows, size_t *count, struct err *err);

/* One row, as it came. */
struct landing_row {
    struct text body; /* the resource's bytes, whatever they are; absent: a deletion, of: */
    struct text type, id;
    struct text version; /* of the deletion; absent: not said */
    int64_t updated;     /* the same; INT64_MIN */
    /* Class and rule of the dead letter that it is without being looked at: it was broken or too
     * large on its way, and `body` is as much of it as there is. Absent: it is to be applied. */
    struct text refused, rule;
};

struct landing_unit {
    int64_t window;
    struct text url;  /* of the page or file: what has landed under it once does not land again */
    struct text next; /* of the following page, absent on the last: for landing_window.next */
    const struct landing_row *rows; /* may be none */
    size_t count;
    int64_t expected; /* rows the partner said it has, or that were counted in it */
    bool last;        /* the window is landed with it */
    /* With `last`: moves in the same transaction, when its revision is still that; otherwise
     * ERR_CONFLICT, and nothing lands. NULL: there is none. */
    const struct landing_cursor *cursor;
};

/* Rows of one unit; larger pages and files are landed as several, with urls that differ ("#2"),
 * of at most some 16 MiB unless one row is larger. */
enum { LANDING_UNIT_MAX = 100000 };

/* Makes a unit durable. `*already`: it was landed before, and nothing was done (the window is
 * landed with `last` all the same). ERR_CONFLICT when the window is not open. */
bool landing_land(struct store *store, const struct landing_unit *unit, bool *already,
                  struct err *err);

/* For snapshots that name ids only: the partner has these. Counts no rows. */
bool landing_seen(struct store *store, int64_t window, const char *type, const struct text *ids,
                  size_t count, struct err *err);

/* What a snapshot shows to be gone. Absent from one: noted; from two in a row: disappeared, which
 * is reported and deletes nothing. */
struct landing_reconciled {
    int64_t known;    /* present before */
    int64_t missing;  /* for the first time */
    int64_t gone;     /* for the second: disappeared from now on */
    bool guard_trips; /* more than the guard allows: nothing was noted */
};

/* Compares a snapshot window that is complete with what is known of its partner and type. Refused
 * with ERR_CONFLICT when it is not complete and whole, or when more than max(`most_percent` of
 * known, `most`) would be missing or gone: then guard_trips. Once for each window: again is a
 * no-op. */
bool landing_reconcile(struct store *store, int64_t window, unsigned most_percent, int64_t most,
                       struct landing_reconciled *reconciled, struct err *err);

/* ---- Identities -------------------------------------------------------------------------- */

enum { LANDING_ID_SIZE = UUID_SIZE, LANDING_SOURCE_ID_MAX = 1024 };

/* Does not wait. The id of ours for type/id of the partner: always the same, a UUID (version 8)
 * made of a keyed hash. `id` is any text of 1 to LANDING_SOURCE_ID_MAX bytes. */
void landing_local_id(const struct store *store, int32_t partner, struct text type, struct text id,
                      char local[LANDING_ID_SIZE]);

enum landing_presence {
    LANDING_MENTIONED, /* referred to; has not come yet */
    LANDING_PRESENT,
    LANDING_MISSING,   /* from the last complete snapshot */
    LANDING_GONE,      /* from the last two */
    LANDING_DELETED,   /* the partner said so */
    LANDING_FORWARDED, /* has not come; what is here another partner has passed on */
};

struct landing_identity {
    int32_t partner;
    const char *type;
    const char *id;      /* at the partner */
    const char *local;   /* of ours */
    bool linked;         /* the resource is not from there: it came back, or came from elsewhere */
    const char *version; /* at the partner; NULL: not known */
    int64_t updated;     /* at the partner; INT64_MIN */
    enum landing_presence presence;
};

/* Many at once, by the partner's ids; `identities[i]` NULL where nothing is known of it. */
bool landing_identity_read(struct store *store, int32_t partner, const char *type,
                           const struct text *ids, size_t count, struct arena *arena,
                           struct landing_identity **identities, struct err *err);

/* Many at once, by ids of ours: where a resource came from, or NULL when it is our own. What
 * partners hold of our own resources is not among them: see landing_push_read(). */
bool landing_identity_origin(struct store *store, const char *type, const struct text *locals,
                             size_t count, struct arena *arena,
                             struct landing_identity **identities, struct err *err);

/* Of one resource of ours: where it came from, and what partners have that is the same. */
bool landing_identity_all(struct store *store, const char *type, const char *id,
                          struct arena *arena, struct landing_identity **identities, size_t *count,
                          struct err *err);

/* Of one partner, at most `limit`, in no order, without what came once and was another attachment
 * than is shown. `type` NULL: all. */
bool landing_identity_list(struct store *store, int32_t partner, enum landing_presence presence,
                           const char *type, unsigned limit, struct arena *arena,
                           struct landing_identity **identities, size_t *count, struct err *err);

/* ---- Applying ---------------------------------------------------------------------------- */

struct landing_batch;

/* What a row turned out to be: filled by the converter. A row has either `resource` and `type`,
 * `id` and what follows them, or `refused`. */
struct landing_converted {
    struct node *resource;  /* as it will be stored, references rewritten; its id is set later */
    struct text type, id;   /* at the partner */
    struct text version;    /* meta.versionId; absent */
    int64_t updated;        /* meta.lastUpdated; INT64_MIN */
    struct text local;      /* "Type/id" of ours that it says it is a copy of; absent: none. It is
                               believed when that has been pushed to somebody, or is `certain` */
    bool certain;           /* it says so by our own address */
    struct text origin;     /* "[base]/Type/id" where it says it came from, if not from there */
    int32_t origin_partner; /* whose address that is, of those whose records this partner passes
                               on; 0: of none */
    struct text origin_id;  /* with origin_partner: its id there */
    uint64_t content;       /* hash of the content, as landing_push.content; 0: not asked for */
    uint64_t person;        /* Patient: hashes of birth date and family name, 32 bits each, 0 where
                               there is none: when both change, it is somebody else */
    unsigned findings;      /* of validation, that did not refuse it */

    const char *refused; /* class of the dead letter: "parse", "utf8", "not_fhir", "no_id", ...;
                            constant */
    const char *rule;    /* constant, or in the arena; never a value of the resource */
    const char *where;   /* FHIRPath, or NULL */
};

/* Makes a resource out of a row. Called more than once for the same row when need be; it does not
 * wait. The type that the window asked for is `wanted` ("" when any). */
typedef void landing_convert_fn(void *context, struct landing_batch *batch, struct text body,
                                const char *wanted, struct arena *arena,
                                struct landing_converted *converted);

/* For converters: type/id of the partner is mentioned. Its id at ours. */
struct text landing_mention(struct landing_batch *batch, struct text type, struct text id);

struct landing_apply {
    int32_t partner;
    struct access access; /* the partner's tenant */
    landing_convert_fn *convert;
    void *context;
    /* Whether this partner passes on records of that one (docs/decisions/0028); with `context`.
     * NULL: of nobody. */
    bool (*passes_on)(void *context, int32_t partner);
    bool contents;  /* the converter hashes contents, for partners that are pushed to */
    unsigned batch; /* rows in a transaction; 0: 500 */
    size_t bytes;   /* raw bytes in one, unless one row has more; 0: 2 MiB */
    size_t most;    /* stop after so many rows; 0: when none waits */
    bool (*stop)(void *context); /* asked between batches, with stop_context; NULL: never */
    void *stop_context;
};

struct landing_result {
    struct landing_counts counts; /* of this call; waiting: left at its end */
    int64_t linked;               /* in unchanged: copies of resources we have */
    int64_t deleted;              /* in applied */
    int64_t critical;             /* in dead: those that may be critical results */
    int64_t findings;
    unsigned batches;
};

/*
 * Applies what waits of one partner, in the order in which it landed, in batches of one transaction
 * each, of which several may be under way (docs/decisions/0026). A row that cannot be applied
 * becomes a dead letter, and the rest goes on; a failure that is not the row's (no database, time)
 * ends it: what was done until then is durable and counted in `result`. One at a time for each
 * partner: others wait.
 */
bool landing_apply(struct store *store, const struct landing_apply *apply,
                   struct landing_result *result, struct err *err);

/* ---- Dead letters ------------------------------------------------------------------------ */

struct landing_dead {
    int64_t number;
    int32_t partner;
    int64_t window;
    const char *class; /* "parse", "utf8", "structural", "identity_conflict", ... */
    const char *rule;
    const char *where; /* FHIRPath, or NULL */
    const char *type;  /* NULL: not known */
    const char *id;    /* at the partner: health data. NULL: not known */
    int64_t first;     /* when it died first */
    int32_t tries;
    bool critical;       /* it may be a result that somebody has to act on (fhir/critical.h) */
    const char *decided; /* NULL: open; "replayed", "discarded" */
    const char *decider, *reason;
    int64_t decided_at; /* INT64_MIN: not yet */
};

struct landing_dead_filter {
    int32_t partner;
    int64_t number;    /* 0: any */
    const char *class; /* NULL: any */
    int64_t since;     /* that died first then or later; 0: any */
    int64_t until;     /* and then or before; 0: any */
    int64_t window;    /* that landed in this one; 0: any */
    bool decided;      /* list only: those that are decided too */
};

/* Open critical ones first, then the oldest, at most `limit`. */
bool landing_dead_list(struct store *store, const struct landing_dead_filter *filter,
                       unsigned limit, struct arena *arena, struct landing_dead **dead,
                       size_t *count, struct err *err);

struct landing_dead_class {
    const char *class;
    const char *rule;
    int64_t count;
    int64_t critical; /* of these */
    int64_t oldest;
};

/* Open ones of a partner, the most first. */
bool landing_dead_classes(struct store *store, int32_t partner, struct arena *arena,
                          struct landing_dead_class **classes, size_t *count, struct err *err);

/* Open ones that are a resource of ours or refer to it, of all partners: the oldest first, at most
 * `limit`. */
bool landing_dead_about(struct store *store, const char *type, const char *id, unsigned limit,
                        struct arena *arena, struct landing_dead **dead, size_t *count,
                        struct err *err);

/* How many open ones of a partner nobody can read: they may be about anything. */
bool landing_dead_unread(struct store *store, int32_t partner, int64_t *count, struct err *err);

/* The row as it came; absent for a deletion. ERR_NOT_FOUND. */
bool landing_dead_body(struct store *store, int32_t partner, int64_t number, struct arena *arena,
                       struct text *body, struct err *err);

/* What a replay does, or with `dry_run` would do. */
struct landing_replayed {
    int64_t number;
    char outcome;      /* 'a' applied, 'u' unchanged, 'o' older, 'd' still dead */
    const char *class; /* 'd' */
    const char *rule;
    const char *where;
    const char *type, *local;  /* of ours; NULL when it is dead */
    struct text before, after; /* the resource's JSON; absent: there is none */
};

/* Applies open dead letters again, as landing_apply() would; a version that was applied meanwhile
 * wins. `took` gets each of them, borrowed. With `dry_run` nothing is changed. */
bool landing_dead_replay(struct store *store, const struct landing_apply *apply,
                         const struct landing_dead_filter *filter, bool dry_run,
                         void (*took)(void *context, const struct landing_replayed *replayed),
                         void *took_context, struct landing_result *result, struct err *err);

/* They stay dead in all accounts, but are open no longer. */
bool landing_dead_discard(struct store *store, const struct landing_dead_filter *filter,
                          const char *decider, const char *reason, int64_t *discarded,
                          struct err *err);

/* ---- The push ledger --------------------------------------------------------------------- */

enum landing_push_state {
    LANDING_PLANNED,
    LANDING_SENT,      /* the request is on its way; after a crash: as unknown */
    LANDING_UNKNOWN,   /* no answer: ask before sending again */
    LANDING_CONFIRMED, /* the partner has this version */
    LANDING_FAILED,    /* for good, until it is planned again */
};

/* One for each partner and resource of ours: its newest version. */
struct landing_push {
    int32_t partner;
    const char *type;
    const char *id;  /* of ours */
    int64_t version; /* to be sent; of a deletion the deletion's */
    bool deletion;
    enum landing_push_state state;
    int64_t confirmed;     /* the version the partner has; 0: none */
    uint64_t content;      /* hash of what was sent last; 0: nothing yet */
    const char *remote_id; /* at the partner; NULL: not known */
    const char *remote_version;
    int32_t attempts; /* since it was planned */
    int64_t not_before;
    const char *reason; /* UNKNOWN, FAILED, or of the last attempt; never content. NULL: none */
};

/* How far the change log was planned. `*position` zero: nothing yet. */
bool landing_push_position(struct store *store, int32_t partner,
                           struct store_feed_position *position, struct err *err);

/* Plans versions (type, id, version and deletion count), and moves the position, all in one
 * transaction. A version that is not newer than what is planned or confirmed is passed over. One
 * under way is planned again when that ends. `*moved` false: somebody else was at it, and nothing
 * was planned. */
bool landing_push_plan(struct store *store, int32_t partner, const struct landing_push *pushes,
                       size_t count, const struct store_feed_position *from,
                       const struct store_feed_position *to, bool *moved, struct err *err);

/* Those that are to be sent (PLANNED) or asked about (SENT, UNKNOWN) now, the oldest plan first. */
bool landing_push_due(struct store *store, int32_t partner, unsigned limit, struct arena *arena,
                      struct landing_push **pushes, size_t *count, struct err *err);

/* When the next one is due; INT64_MAX: none is planned. */
bool landing_push_next(struct store *store, int32_t partner, int64_t *time, struct err *err);

/* By ids of ours; `pushes[i]` NULL where there is none. */
bool landing_push_read(struct store *store, int32_t partner, const char *type,
                       const struct text *ids, size_t count, struct arena *arena,
                       struct landing_push **pushes, struct err *err);

/*
 * Writes down what became of them: state, content, remote_id, remote_version (NULL: as before),
 * not_before and reason of each, for the version it names. PLANNED puts it back, for not_before.
 * CONFIRMED also links the partner's id to ours, so that what comes back under it is no news.
 * SENT counts an attempt, and must be durable before the request leaves. One transaction.
 */
bool landing_push_mark(struct store *store, const struct landing_push *pushes, size_t count,
                       struct err *err);

/* Not confirmed, by state: filter as landing_push_due(), whatever the time. `state` -1: all. */
bool landing_push_list(struct store *store, int32_t partner, int state, unsigned limit,
                       struct arena *arena, struct landing_push **pushes, size_t *count,
                       struct err *err);

/* ---- Accounts ---------------------------------------------------------------------------- */

struct landing_account {
    struct landing_cursor_key key;
    struct landing_counts counts;
    int32_t open, landed, complete, incomplete; /* windows */
    int32_t gaps;       /* incomplete ones since the last that landed: what they lack is missing */
    int32_t partial;    /* landed, but less than the whole, and no snapshot of the type since was */
    int64_t completed;  /* when the last one was; INT64_MIN: none */
    const char *reason; /* of the newest window, when it has one */
    int64_t opened;     /* the newest window; INT64_MIN: none is kept */
};

struct landing_presences {
    const char *type;
    int64_t mentioned, present, missing, gone, deleted, forwarded, linked;
};

struct landing_pushed {
    int64_t planned, sent, unknown, confirmed, failed;
    int64_t oldest; /* plan that is not at its end; INT64_MAX: none */
};

/* The balance of a partner: by mode, type and query; by type; of pushes. `accounts` sorted by key,
 * `presences` by type. */
bool landing_accounts(struct store *store, int32_t partner, struct arena *arena,
                      struct landing_account **accounts, size_t *account_count,
                      struct landing_presences **presences, size_t *presence_count,
                      struct landing_pushed *pushed, int64_t *dead_open, struct err *err);

/* Of pushes, and how many dead letters are open. */
bool landing_ledger(struct store *store, int32_t partner, struct arena *arena,
                    struct landing_pushed *pushed, int64_t *dead_open, struct err *err);

/* The same without what takes time for a partner who has much: only accounts. */
bool landing_pulls(struct store *store, int32_t partner, struct arena *arena,
                   struct landing_account **accounts, size_t *count, struct err *err);

/* Removes windows that were closed more than `age` microseconds ago, and those in which nothing
 * came, with the raw bytes of their rows, at most some hundred (`*more`: there are others);
 * accounts go on to count them. Whatever waits or died stays. */
bool landing_tidy(struct store *store, int32_t partner, int64_t age, bool *more, struct err *err);
