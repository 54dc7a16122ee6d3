#pragma once

/* What the files of pull.h share. */

#include "base/text.h"
#include "storage/landing.h"
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
    int64_t rows;
    unsigned pages;
    int32_t units;
    char reason[300]; /* BROKEN, FATAL, LATER */
    char note[300];   /* what the partner said or did that makes the window less than whole */
    struct arena *arena;
};

/* Waits. `tag` tells the units of this attempt from those of earlier ones; NULL `from`: from the
 * first page on. */
enum chain_end chain_run(struct chain *chain, const char *from, int32_t tag, struct err *err);

/* Where the next window begins, when this one has landed. */
int64_t chain_next_since(const struct chain *chain);

/* pull.c: how long it may be then; 0: as long as it takes. */
int64_t pull_next_span(const struct chain *chain);
