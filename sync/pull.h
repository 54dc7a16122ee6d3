#pragma once

/*
 * Pull - gets what is new at a partner and lands it (storage/landing.h): by
 * search, by history, or all of it as a snapshot.
 *
 * A pull is one window after the other until the present is reached; mostly
 * one. A window is a chain of pages, and only a chain that ends with a page
 * without a next link moves the cursor. Whatever else happens leaves the window
 * open (to go on with it later) or incomplete with a reason.
 *
 *     pull.c         windows and cursors          pull_chain.c   the pages of a window
 *     pull_query.c   what is asked for, when      pull_hydrate.c what is referred to
 */

#include "base/err.h"
#include "sync/attachment.h"
#include "sync/tried.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct landing_cursor_key;
struct log;
struct partner;
struct partner_query;
struct store;
struct talk;

enum pull_mode { PULL_SEARCH, PULL_HISTORY, PULL_SNAPSHOT, PULL_MODES };

extern const char *const pull_mode_names[PULL_MODES]; /* as in cursor keys */
#define PULL_HYDRATE "hydrate"                        /* beside them, of pull_hydrate() */

/* What a pull is of, and by whom. All borrowed. */
struct pull {
    struct store *store;
    struct talk *talk;
    const struct partner *partner;
    int32_t number; /* the partner's */
    int32_t tenant;
    int64_t configured; /* when its document came, microseconds since 1970 */
    enum pull_mode mode;
    const struct partner_query *query;          /* NULL: history of the whole system */
    void (*landed)(void *context, size_t rows); /* after each unit; may be NULL */
    void *context;
    const struct log *log;
};

enum pull_outcome {
    PULL_COMPLETE,   /* the present is reached */
    PULL_LATER,      /* the window is open, to go on when the partner may be asked again */
    PULL_INCOMPLETE, /* the window was given up, `reason` says why */
};

struct pull_result {
    enum pull_outcome outcome;
    int64_t rows; /* landed */
    unsigned pages, windows, restarts;
    char reason[400];
};

/* Waits. False only when the database fails; what the partner does is in the result. */
bool pull_run(const struct pull *pull, struct pull_result *result, struct err *err);

/* Resources that were referred to and have been asked for; and what documents say of the Binary
 * resources that they show. */
struct hydration {
    struct tried tried;
    struct attachments attachments;
};

void hydration_release(struct hydration *hydration);

/* Waits. Fetches resources that others refer to and that have not come, of this type (NULL: any),
 * those that were not tried yet or failed an hour ago, at most `most`; `*fetched` gets how many
 * came. Ends when the partner fails again and again. They land in a window of mode "hydrate". */
bool pull_hydrate(const struct pull *pull, struct hydration *hydration, const char *type,
                  unsigned most, unsigned *fetched, struct err *err);

/* One query of one mode of a document. */
struct pull_plan {
    enum pull_mode mode;
    const struct partner_query *query; /* NULL: history of the whole system */
    int64_t every;                     /* milliseconds */
};

/* All that are on. Borrows from the partner. */
size_t pull_list(const struct partner *partner, struct arena *arena, struct pull_plan **plans);

/* Whether the windows and the cursor of the pull have this key. */
bool pull_has_key(enum pull_mode mode, const struct partner_query *query,
                  const struct landing_cursor_key *key);
