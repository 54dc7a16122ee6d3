#pragma once

/*
 * Write, inside - what the files write*.c share: one write outside of transactions, in attempts
 * that begin again when somebody else was first. Each function waits.
 */

#include "fhir/search_values.h"
#include "storage/change.h"
#include "storage/current.h"
#include "storage/key.h"
#include "storage/store_internal.h"

/* One write under way. */
struct writing {
    struct store *store;
    const struct access *access;
    struct tokens tokens;
    struct store_write *write;
    const struct type *type;
    const struct table *table;
    struct arena *arena;
    bool extracted;
    struct search_values values; /* of the resource, once extracted */
    struct key key;              /* of the criteria */
    const char *asked_id;        /* that the caller asked for */

    /* Of this attempt. */
    int64_t searched; /* when */
    int64_t found;    /* the version that the criteria found; 0: none, or there are no criteria */
    bool must_be_new; /* they found none */
    struct current current;
    struct change change;
};

/* What became of an attempt. */
enum attempt { ATTEMPT_FAILED, ATTEMPT_DONE, ATTEMPT_LOST };

/* What the criteria find decides what is written, if anything. `again`: an attempt was lost. */
enum attempt writing_search(struct writing *writing, bool again, struct err *err);

/* Does what the action says with the resource that the write names by now. */
enum attempt writing_act(struct writing *writing, enum store_action action, struct err *err);

/* Writes the change. Done means committed, lost means that nothing was written. */
enum attempt writing_send(struct writing *writing, struct err *err);

/* Fills the write's result. */
enum attempt writing_done(struct writing *writing, enum store_outcome outcome);
