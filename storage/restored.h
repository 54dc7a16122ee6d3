#pragma once

/*
 * Restored - what a restore must ask before it and say after it. Both block:
 * they are for commands, outside of any loop.
 */

#include "base/err.h"

/* True when the database has none of our tables; else ERR_CONFLICT. */
bool store_is_empty(const char *database, struct err *err);

/* After the tables were filled from a backup: the feed begins a new epoch when the store is opened
 * next, also when it is the same cluster as before. */
bool store_mark_restored(const char *database, struct err *err);
