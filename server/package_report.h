#pragma once

/*
 * Package report - what `isthmus package` prints: for people, or as JSON.
 */

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct issues;
struct package;
struct package_source;

struct package_report {
    const struct package_source *sources; /* what was installed just now */
    size_t source_count;
    const struct package *installed; /* everything that is */
    size_t installed_count;
    const struct issues *issues; /* what cannot be used of all that */
};

/* Standard output. */
void package_report_print(const struct package_report *report, bool json, struct arena *arena);
void package_list_print(const struct package *installed, size_t count, bool json,
                        struct arena *arena);
