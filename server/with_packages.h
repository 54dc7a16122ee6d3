#pragma once

/*
 * With packages - a command's work on what is installed in the database that
 * the configuration names: a given one, or that of the data folder, which
 * is started for the time unless a server runs on it already.
 */

#include "base/err.h"

struct config;
struct packages;

typedef bool packages_work_fn(struct packages *packages, void *context, struct err *err);

/* Runs `work` in a fiber of its own; blocks until it is done. */
bool with_packages(const struct config *config, packages_work_fn *work, void *context,
                   struct err *err);
