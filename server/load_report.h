#pragma once

/*
 * Load report - progress on a terminal, failures as they happen, and at the
 * end the counts per type.
 */

#include "server/load_input.h"

#include <stdbool.h>

struct load_report;

/* `files` NULL-ended; their sizes are the whole of the work. */
struct load_report *load_report_new(const char *const *files);

void load_report_done(struct load_report *report, const struct load_unit *unit, size_t from,
                      size_t to);
void load_report_skipped(struct load_report *report, const struct load_unit *unit);

/* `unit` may be NULL: then `why` is the whole sentence. `index`: the first entry concerned. */
void load_report_failure(struct load_report *report, const struct load_unit *unit, size_t index,
                         const char *why);

/* After every unit. */
void load_report_progress(struct load_report *report, const struct load_unit *unit);

/* Prints the counts and frees the report; false if anything failed. */
bool load_report_finish(struct load_report *report);
