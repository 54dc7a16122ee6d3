#pragma once

/*
 * With store - for commands that work on the database itself, also while
 * servers run on it: opens it (the embedded one is started unless it
 * runs), does the work in a fiber, and closes it.
 */

#include "base/err.h"

#include <stdbool.h>

struct config;
struct loop;
struct store;

struct store_site {
    struct loop *loop;
    struct store *store;
    const char *database; /* libpq connection string */
    const struct config *config;
};

/* Waits. */
typedef bool store_work_fn(const struct store_site *site, void *context, struct err *err);

/* Blocks until the work is done. */
bool with_store(const struct config *config, store_work_fn *work, void *context, struct err *err);
