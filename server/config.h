#pragma once

/*
 * Configuration - what is in force, and where each value came from.
 *
 * Options are rows of one table in config_options.c, which the parser, --help,
 * `isthmus config` and docs/configuration.md (made by `isthmus config --reference`)
 * all walk. Later sources win: built-in value, configuration file
 * (`name = value` lines), environment (ISTHMUS_NAME), command line (--name VALUE).
 *
 * Filled once at start by config_load(), then immutable and shared by all threads.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

struct config {
    /* where */
    const char *data;
    const char *database;
    const char *listen;
    const char *listen_unauthenticated;
    const char *base_url;
    /* the embedded PostgreSQL */
    const char *postgres_bin;
    const char *postgres_user;
    bool unsafe_durability;
    /* limits */
    int64_t threads;
    int64_t body_size;
    int64_t json_depth;
    int64_t json_nodes;
    int64_t bundle_entries;
    int64_t query_parameters;
    int64_t chain_depth;
    int64_t page_size;
    int64_t page_size_max;
    int64_t include_max;
    int64_t requests;
    int64_t transaction_lanes;
    int64_t statement_timeout; /* this and the following: milliseconds */
    int64_t search_timeout;
    int64_t transaction_timeout;
    int64_t idle_timeout;
    int64_t read_timeout;
    int64_t drain_timeout;
    /* what is accepted */
    const char *validation;
    const char *profiles_required;
    const char *reference_check;
    const char *conditional_delete;
    bool result_status_rules;
    /* work behind answers */
    int64_t job_runners;
    int64_t jobs_waiting;
    int64_t job_keep; /* milliseconds */
    /* web */
    const char *cors_origins;
    /* log */
    const char *log_level;
    const char *log_format;
    const char *config_file;

    const char *sources[64]; /* per option: "default", "file", "environment", "flag" */
};

/*
 * Reads everything. `argv` holds what stands behind the command's name;
 * what is no option goes to `words` (at most `word_room`, NULL-ended). The
 * values live in `arena`. Errors name the option, its source and its range.
 */
bool config_load(struct config *config, struct arena *arena, int argc, char **argv,
                 const char **words, size_t word_room, struct err *err);

/* Whether the option with this name has a value from anywhere but the table. */
bool config_is_given(const struct config *config, const char *name);

/* Every option with its value and source, one per line; secrets masked. */
void config_print(const struct config *config, struct buf *out);

/* For --help: one paragraph an option. */
void config_print_help(struct buf *out);

/* The reference page of the documentation, in Markdown. */
void config_print_reference(struct buf *out);
