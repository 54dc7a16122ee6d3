#pragma once

/*
 * Load journal - which units of which files a server has already taken, so
 * that `isthmus load` can be stopped and started again. A text file with a line a unit,
 * appended when its answer has come.
 */

#include "base/err.h"

#include <stdbool.h>

struct load_journal;

/* `path` empty: remembers nothing. `again`: reads nothing back. */
struct load_journal *load_journal_open(const char *path, const char *base, bool again,
                                       struct err *err);
void load_journal_close(struct load_journal *journal);

bool load_journal_has(const struct load_journal *journal, const char *file, unsigned unit);
void load_journal_add(struct load_journal *journal, const char *file, unsigned unit);
