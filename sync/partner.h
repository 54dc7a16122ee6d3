#pragma once

/*
 * Partners - what the operator has said about another server: one JSON document,
 * checked to the last key, kept with all its versions by storage/landing.h.
 *
 * A key that is not known is refused, with the nearest one that is: a limit
 * that is misspelt must not be no limit. docs/sync.md describes every key.
 */

#include "base/err.h"
#include "base/text.h"
#include "fhir/validate.h"
#include "sync/apply.h"
#include "sync/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct definitions;
struct network;
struct secret_header;

/* By which clock a search asks for what is new. */
enum partner_clock {
    PARTNER_LAST_UPDATED, /* _lastUpdated */
    PARTNER_CLINICAL,     /* a date of the content, some days back: updates of older ones are not
                             seen between snapshots */
};

/* What is asked for of one type. */
struct partner_query {
    const char *type;
    const char *q; /* further criteria as in a URL, already encoded; "" for none */
    enum partner_clock clock;
    const char *parameter; /* CLINICAL: the search parameter */
    int lookback_days;     /* CLINICAL */
    const char *key;       /* CLINICAL: q and parameter, which tell its windows from others */
};

/* How often, and of what. All times in milliseconds. */
struct partner_schedule {
    bool on;
    int64_t every; /* between the beginnings of two pulls */
    int64_t overlap;
    unsigned page_size; /* _count; 0: the partner's own */
    struct partner_query *queries;
    size_t count;
    bool reconcile; /* snapshot: what is absent twice is reported as gone */
    bool system;    /* history: of the system, in one window, instead of by type */
};

/* What it is sent of ours, as it changes. */
struct partner_push {
    bool on;
    int64_t every;                 /* how often the change log is looked at */
    struct partner_query *queries; /* what it gets: all of a type, or what meets criteria */
    size_t count;
    const char **patients; /* ids of ours: only what belongs to one of them; NULL: all */
    bool forward;          /* also what came from other servers */
    bool deletes;          /* deletions too */
};

struct partner_limits {
    double rps;                 /* requests a second */
    unsigned concurrency;       /* requests at once */
    int window_from, window_to; /* minutes of the day, UTC, within which is pulled; equal: always */
    int64_t daily_requests;     /* 0: no limit */
    int64_t page_bytes;         /* largest answer */
    int64_t timeout;
};

struct partner_retry {
    int64_t first; /* the first pause; doubled after each */
    int64_t longest;
    unsigned tries; /* of one page, then its window is incomplete */
};

struct partner {
    const char *id;
    const char *name;
    bool enabled;
    const char *base;         /* without a slash at the end */
    const char **aliases;     /* other bases of the same server, NULL-ended */
    const char **forwards;    /* ids or bases of partners whose records it passes on, NULL-ended */
    bool link_rewrite;        /* next links elsewhere are asked for at `base`'s host */
    struct network *networks; /* allowed besides the public ones */
    size_t network_count;
    struct secret_header *headers; /* the last has no name */
    struct fetch_tls tls;
    enum validation_level validation;
    unsigned hydrate_depth;      /* how far from what was pulled; 0: references are not followed */
    int64_t hydrate_attachments; /* bytes of a Binary that a document shows, at most; 0: such are
                                    not fetched */
    unsigned hydrate_number;     /* most resources fetched that way after one pull */
    unsigned guard_percent;      /* of a snapshot: more may not disappear at once than the larger */
    int64_t guard_number;        /* of both */
    int64_t keep; /* milliseconds: windows that are older, and their rows as they came,
                     are kept no longer */
    struct partner_limits limits;
    struct partner_retry retry;
    struct partner_schedule search, history, snapshot;
    struct partner_push push;
    struct fetch_guard guard; /* the networks, for fetch.h */
};

/*
 * Reads and checks a document. Everything lives in `arena`. ERR_INVALID names
 * the key in `where` and says in one sentence what it must be.
 */
bool partner_parse(struct text document, struct arena *arena, struct partner *partner,
                   struct err *err);

/* Whether the partner is to be found at this address, or calls itself by it. */
bool partner_has_address(const struct partner *partner, struct text base);

/* Its number and addresses, for apply.h. */
struct apply_partner partner_addresses(const struct partner *partner, int32_t number,
                                       struct arena *arena);

/* How what landed from the partner is applied (apply.h). `own_base` absent: not known. */
struct apply_config partner_apply_config(const struct partner *partner, int32_t number,
                                         const struct text *own_base,
                                         const struct definitions *definitions,
                                         struct arena *arena);

/* An ISO 8601 duration without years and months, in milliseconds: P1D, PT5M, PT0.2S. */
bool partner_duration(struct text text, int64_t *milliseconds);

/* How long a pull may be behind the present without a reason to worry, in microseconds: three times
 * the time between two (`every`, milliseconds), and a day where hours are kept. */
int64_t partner_patience(const struct partner *partner, int64_t every);

/* Whether pulling is allowed at this time (microseconds since 1970); if not, `*opens` says when. */
bool partner_window_is_open(const struct partner *partner, int64_t time, int64_t *opens);
