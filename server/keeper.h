#pragma once

/*
 * Keeper - the thread that keeps a server's knowledge up to date: reads what
 * is installed, makes definitions of it, and does so again whenever any
 * process on the same database installs or removes a package. Making them may take
 * seconds, so no thread that serves does it.
 */

#include "base/err.h"

struct config;
struct keeper;
struct knowledge;
struct loop;

struct keeper_config {
    const struct config *config;
    const char *base;
    struct loop *main_loop;
    /* Both are called in the main loop. `learned` gets knowledge that it holds from now on; the
     * first one, and one for every change. `failed` comes in place of the first. */
    void (*learned)(const struct knowledge *knowledge, void *context);
    void (*failed)(const struct err *err, void *context);
    void *context;
};

/* What the configuration points to is borrowed. */
struct keeper *keeper_start(const struct keeper_config *config);

/* When the main loop has stopped: waits for the thread's end (blocking) and frees. NULL is a no-op.
 */
void keeper_end(struct keeper *keeper);
