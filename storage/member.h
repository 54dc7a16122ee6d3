#pragma once

/*
 * Member - a store as one of those that write to the database: which search parameters all that
 * it has under way knows of. Said in f_member under a number that every connection of the
 * store has in its application_name ("isthmus/write #17"), so that who changes what
 * resources are indexed by can wait until everybody follows (storage/reindex.h).
 *
 * Search parameters are the process's (fhir/search_param.h), and change between two instructions.
 * An operation that extracts values, or looks for them, says when it begins and ends; only when all
 * those that began before a change have ended is it announced.
 */

#include "base/fiber.h"
#include "storage/pg.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

struct member {
    struct pg_member pg;
    unsigned under_way[2]; /* operations; one for those that began before the last change */
    unsigned now;          /* which of the two counts those that begin */
    bool announcing, closing;
    struct waiter drained, done;
    struct member *next;
};

/* Before the store's connections are made. */
void member_init(struct store *store);

/* Waits. When they are, and before anything is written. */
bool member_join(struct store *store, struct err *err);

/* Waits. Nothing may be under way. */
void member_leave(struct store *store);

/* Around whatever depends on the search parameters; does not wait. */
unsigned member_begin(struct store *store);
void member_end(struct store *store, unsigned began);

/* From any thread: the search parameters of the process are others now. */
void members_tell(void);
