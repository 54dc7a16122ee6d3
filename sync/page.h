#pragma once

/*
 * Page - a Bundle of a search or a history as another server sent it, taken
 * apart without being read: each resource stays the bytes it came as, so that one
 * that is broken, or no resource at all, spoils no other.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct page_entry {
    struct text body; /* the resource's bytes; absent: there is none (a deletion in a history) */
    struct text type, id, version; /* of the resource, as far as it says; of a deletion too */
    int64_t updated;               /* microseconds since 1970; INT64_MIN: not said */
    bool include;                  /* not what was searched for, but along with it */
    bool outcome;                  /* an OperationOutcome about the answer */
    bool deletion;
    const char *refused, *rule; /* it could not be taken apart: class and rule of the dead letter
                                   that it becomes; NULL: it could */
};

/* What OperationOutcomes among the entries say, the worst of it. */
enum page_outcome {
    PAGE_SILENT,
    PAGE_REMARK, /* information */
    PAGE_DOUBT,  /* a warning, or nobody knows: there may be more than is shown */
    PAGE_ERROR,  /* which no answer of status 200 may have (R4 search.html#Outcome): it failed */
};

struct page {
    struct page_entry *entries; /* without the outcomes */
    size_t count, room;
    struct text self, next; /* links as written; absent */
    int64_t total;          /* -1: not said, or no number */
    unsigned outcomes;      /* among the entries */
    enum page_outcome outcome;
    struct text severity, code; /* of the issue that is the worst */
};

/*
 * Takes a page apart. False with ERR_INVALID when the bytes are no Bundle, or one that is
 * nothing: no entries, no link and no total. `err` says what came instead (never its content),
 * as far as can be told.
 */
bool page_read(struct text body, struct text content_type, struct arena *arena, struct page *page,
               struct err *err);

/*
 * For a page that page_read() refuses: the same, when every entry can be told from its neighbours
 * although some are broken. Those are refused with class "parse". False when that would be a guess:
 * where the bytes end too early, when there is no telling where a broken entry ends, or when it may
 * be a Bundle itself, with entries of its own.
 */
bool page_cut(struct text body, struct arena *arena, struct page *page);

/* What the beginning of a page shows, whatever follows. */
struct page_start {
    struct page page;        /* links and total, as far as they stand before the entries */
    bool linked;             /* the links do */
    struct page_entry first; /* its body: all of the entry, as far as it goes */
    bool whole;              /* to its end */
};

/* False when it shows no first entry, or not whose it is. */
bool page_read_start(struct text body, struct arena *arena, struct page_start *start);

/* Type, id, version and time of one resource. False when the bytes are no JSON object with a
 * resourceType. */
bool page_read_resource(struct text body, struct arena *arena, struct page_entry *entry);

/* The earliest instant that a lastUpdated can mean, whatever its precision, zone or leap second;
 * INT64_MIN when it is none. */
int64_t page_time(struct text text);
