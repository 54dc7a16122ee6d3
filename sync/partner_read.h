#pragma once

/*
 * Partner, reading - for the files of partner.h: a document is described by tables of keys;
 * reading, checking, and naming the nearest key for a misspelt one follow from them.
 *
 *     partner.c        the keys, defaults, what concerns several of them
 *     partner_read.c   values of each kind             partner_time.c   durations and hours
 *     partner_query.c  queries, types, what is pushed
 */

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

enum { PARTNER_LIST_MAX = 100 };

struct partner_reading {
    struct arena *arena;
    struct err *err;
    const char *where; /* path of what is being read */
};

struct partner_key;
typedef bool partner_read_fn(struct partner_reading *reading, const struct partner_key *key,
                             json_t *value, void *field);

struct partner_key {
    const char *name;
    partner_read_fn *read;
    size_t offset;   /* of the field, in what the table describes */
    double min, max; /* numbers, durations in milliseconds; max: of a text, its size */
    const struct partner_key *inner; /* of an object: its keys */
    bool required;
};

/* All members of an object, into what `base` points to. */
bool partner_read_keys(struct partner_reading *reading, const struct partner_key *keys,
                       json_t *object, void *base);

/* "[where] must be [must].", false. */
bool partner_refuse(struct partner_reading *reading, const char *must);

/* "within.name", in the arena. */
const char *partner_path(struct partner_reading *reading, const char *within, const char *name);

/* partner_read.c. For most the field is that of the key; `networks` wants a struct partner, `quiet`
 * a struct partner_limits. `later` refuses; `note` keeps nothing. */
partner_read_fn partner_read_text, partner_read_id, partner_read_flag, partner_read_number,
    partner_read_big, partner_read_real, partner_read_duration, partner_read_url, partner_read_urls,
    partner_read_forwards, partner_read_file, partner_read_networks, partner_read_headers,
    partner_read_validation, partner_read_quiet, partner_read_object, partner_read_note,
    partner_read_later;

/* partner_query.c. Into a struct partner_schedule, or a struct partner_push. */
partner_read_fn partner_read_schedule, partner_read_queries, partner_read_types;
partner_read_fn partner_read_push, partner_read_push_queries, partner_read_push_types;
partner_read_fn partner_read_patients; /* a const char ** of ids */
