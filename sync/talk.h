#pragma once

/*
 * Talk - the conversation with one partner: every request to it goes through here, so
 * that its limits hold for all of them together. Keeps to requests a second,
 * requests at once and a day, waits as long as the partner asks for (and
 * remembers that over restarts), and asks again what may be answered another time.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct fetch_response;
struct fetcher;
struct landing_partner;
struct partner;
struct store;
struct talk;

/* By what came of requests. */
enum talk_class {
    TALK_GOOD,
    TALK_THROTTLED, /* 429, and 503 with Retry-After */
    TALK_CLIENT,    /* other 4xx */
    TALK_SERVER,    /* 5xx */
    TALK_BROKEN,    /* cut, timeout, unreachable */
    TALK_STRANGE,   /* 200 with what was not asked for */
    TALK_CLASSES
};

extern const char *const talk_class_names[TALK_CLASSES];

struct talk_counts {
    uint64_t answers[TALK_CLASSES];
    uint64_t bytes;   /* of bodies, as on the wire */
    int64_t slept_ms; /* because the partner asked for it */
    int64_t skew_ms;  /* its clock minus ours, of the last answer */
    bool skew_known;
};

/* `partner` is borrowed; `landed` says until when it is not to be asked. */
struct talk *talk_new(struct store *store, struct fetcher *fetcher, const struct partner *partner,
                      const struct landing_partner *landed);

/* No request may be under way. NULL is a no-op. */
void talk_free(struct talk *talk);

/* Waits for it end at once. */
void talk_stop(struct talk *talk);

struct talk_request {
    const char *method; /* "GET", "POST" */
    const char *url;
    struct text form;           /* of a POST: application/x-www-form-urlencoded */
    struct text body;           /* in place of a form: a resource */
    unsigned tries;             /* in place of retry.tries; 0: not said */
    size_t most;                /* bytes of the answer, when less than pageBytes; 0: not said */
    const char *const *headers; /* more of them, "Name: value", NULL-ended; NULL: none */
    /* A write, whose effect is not known when no answer comes: one attempt, and any status is an
     * answer. What the partner asks for with Retry-After is kept all the same. */
    bool once;
    /* Judges a 2xx answer: false with `err` when it is not what was asked for, and
     * then it is asked for again. */
    bool (*accept)(void *context, const struct fetch_response *response, struct arena *arena,
                   struct err *err);
    void *context;
};

/*
 * Waits: for its turn, for the answer, and between attempts. True with an answer of status 2xx that
 * was accepted, or of any 3xx or 4xx that asking again does not change: look at the
 * status. `err` otherwise, with what went wrong last:
 * ERR_THROTTLED  the partner is not to be asked for longer than is worth waiting; go on later
 * ERR_BUSY       stopped, or no database: go on later
 * ERR_FORBIDDEN  an address or redirect that may not be followed
 * ERR_UNKNOWN    the tries are used up
 * With `once`, other kinds are those of fetch().
 */
bool talk(struct talk *talk, const struct talk_request *request, struct arena *arena,
          struct fetch_response *response, struct err *err);

const struct talk_counts *talk_counts(const struct talk *talk);

/* Waits, for what a partner's work asks of a database that is busy (ERR_BUSY): true, and `err` is
 * cleared, when it is worth trying again. */
bool talk_wait_for_database(struct talk *talk, struct err *err);

/* How far ahead of our clock a time that the partner gives may be, in microseconds: as far as its
 * own clock, and ten seconds. 0: its clock is not known. */
int64_t talk_ahead(const struct talk *talk);

/* Until when it is not to be asked; INT64_MIN. */
int64_t talk_not_before(const struct talk *talk);
