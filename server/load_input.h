#pragma once

/*
 * Load input - files of Bundles or NDJSON, plain or .gz, cut into units that
 * are sent one by one.
 *
 * A unit is a Bundle file (sent as it is), or up to LOAD_LINES lines of an
 * NDJSON file (sent as a transaction of updates), or a file with one resource.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct node;

#define LOAD_LINES 250
#define LOAD_BYTES (4U << 20) /* a unit of lines ends when it is larger */

struct load_entry {
    struct text json; /* one resource */
    const char *type; /* its type; NULL if it could not be parsed */
    struct text id;   /* absent if it has none */
};

struct load_unit {
    const char *file;
    unsigned number;            /* of the unit in its file, from 1 */
    uint64_t position;          /* bytes read so far, of all files, as stored */
    bool last;                  /* of its file */
    struct text bundle;         /* a Bundle file, or absent */
    bool repeatable;            /* sending it twice has the effect of sending it once */
    struct load_entry *entries; /* the resources: of the lines, or inside the Bundle */
    size_t count;
    const char *problem; /* why it cannot be sent, or NULL */
};

struct load_input;

/* Opens the first file when asked for the first unit. `files` is borrowed, NULL-ended. */
struct load_input *load_input_new(const char *const *files);
void load_input_free(struct load_input *input);

/* The next unit, in `arena`; NULL when there is none left or (err set) a file
 * cannot be read. */
struct load_unit *load_input_next(struct load_input *input, struct arena *arena, struct err *err);

/* The Bundle to send for some of a unit's lines. */
struct text load_unit_bundle(struct arena *arena, const struct load_unit *unit, size_t from,
                             size_t to);
