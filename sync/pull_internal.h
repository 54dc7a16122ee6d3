#pragma once

/* What the files of pull.h share. */

#include "base/fiber.h"
#include "base/text.h"
#include "storage/landing.h"
#include "sync/fetch.h"
#include "sync/page.h"
#include "sync/pull.h"

struct arena;

/* What part of a type's resources a window is of, by the partner's clock; microseconds. */
struct pull_range {
    int64_t since; /* INT64_MIN: from the beginning */
    int64_t until; /* exclusive; INT64_MAX: none */
};

/* Where a cursor stands. */
struct pull_position {
    int64_t since;
    int64_t span; /* windows are no longer than this, because longer ones failed; 0: no limit */
};

/* pull_query.c */

struct landing_cursor_key pull_key(const struct pull *pull);
struct pull_position pull_position_read(struct text value);
struct text pull_position_text(struct arena *arena, const struct pull_position *position);
struct pull_range pull_range_read(struct text value);
struct text pull_range_text(struct arena *arena, const struct pull_range *range);

/* How many resources a page is to have; 0: as many as the partner likes. */
unsigned pull_page_size(const struct pull *pull);

/* The first URL of a window; `*form` is the body of a POST when it would be too long for a URL. */
const char *pull_first_url(const struct pull *pull, const struct pull_range *range,
                           struct arena *arena, struct text *form);

/* Whether windows can be made shorter. */
bool pull_has_range(const struct pull *pull);

/* Whether the self link shows that a parameter we sent was ignored; its name, or NULL. */
const char *pull_ignored(const struct pull *pull, const struct pull_range *range, struct text self,
                         struct arena *arena);

/* The URL of the next page, of the one that was asked for as `page_url` and answered by
 * `answered` after redirects. NULL with a reason when it leads to where we do not go. */
const char *pull_next_url(const struct pull *pull, const char *page_url, const char *answered,
                          struct text next, struct arena *arena, const char **reason);

/* Whether a window may go on at a next link that is remembered. `changed`: it was begun by another
 * document, which may have named another server, or another place on it. */
bool pull_may_go_on(const struct pull *pull, const char *url, bool changed);

/* pull_sheet.c */

/* One page under way. */
struct sheet {
    const struct pull *pull;
    struct arena *arena;
    const char *url;
    struct text form; /* absent: a GET */
    bool hasty;       /* not asked for again and again when it is broken */
    struct fetch_response response;
    struct page page;
    bool good, finished;
    unsigned tries;     /* that brought a broken page */
    struct text broken; /* bytes of the last such; absent: none came */
    struct err err;
    struct waiter waiter;
};

/* Asks for it, in a fiber of its own. */
struct sheet *sheet_begin(const struct pull *pull, const char *url, struct text form, bool hasty);

/* Waits. */
void sheet_await(struct sheet *sheet);

/* Waits, since the fiber that fetches it uses it. NULL is a no-op. */
void sheet_end(struct sheet *sheet);

/* pull_chain.c */

enum chain_end {
    CHAIN_LANDED, /* the window is landed, the cursor moved */
    CHAIN_BROKEN, /* worth beginning again */
    CHAIN_FATAL,  /* not */
    CHAIN_LATER,  /* the partner is not to be asked now, or we are stopping */
    CHAIN_FAILED, /* the database; `err` is set */
};

struct chain {
    const struct pull *pull;
    struct landing_window window;
    struct landing_cursor cursor;
    struct pull_range range;
    int64_t floor; /* where the cursor stands */
    int64_t t0;    /* the partner's time of the first answer; INT64_MIN: none yet */
    int64_t seen;  /* the latest lastUpdated, of what was not from the future; INT64_MIN */
    int64_t first; /* the earliest */
    bool undated;  /* a row had none */
    bool astray;   /* BROKEN by where a link leads: smaller windows are no remedy */
    bool widen;    /* pages became small because of what is behind us now */
    bool counted;  /* a smaller page had as many resources as were asked for, and others followed */
    int64_t rows;
    unsigned pages;
    int32_t units;
    char reason[300]; /* BROKEN, FATAL, LATER */
    char note[300];   /* what the partner said or did that is to be known of the window */
    bool partial;     /* it says itself that there is more */
    int noted;        /* how much of both the window has: 1 the note, 2 that it is partial too */
    struct arena *arena;
};

/* Waits. `tag` tells the units of this attempt from those of earlier ones; NULL `from`: from the
 * first page on. */
enum chain_end chain_run(struct chain *chain, const char *from, int32_t tag, struct err *err);

/* pull_narrow.c: pages that are too large, or broken. */

/* Whether it is asked for in the size of all pages. */
bool sheet_is_full(const struct sheet *sheet);

/* Waits. A smaller page in place of one that came and cannot be used: asked for with half of the
 * _count, and half of that, until it is good, or has one resource only, which then is refused in
 * it. The same sheet when that cannot be done without a doubt; its `err` says why. */
struct sheet *sheet_narrow(struct chain *chain, struct sheet *sheet);

/* Waits. The page of full size in place of a small one, when both begin with the same resource. */
struct sheet *sheet_widen(struct chain *chain, struct sheet *sheet);

/* pull.c: how long it may be then; 0: as long as it takes. */
int64_t pull_next_span(const struct chain *chain);
