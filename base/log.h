#pragma once

/*
 * Log - one line per event on standard error, as logfmt or JSON: time, level,
 * event, then pairs of key and value.
 *
 *     log_info(log, "stored", "type", type, "id", id, NULL);
 *
 * Never log resource content, search values, tokens or connection strings:
 * this is health data. Ids that the server assigned may be logged.
 */

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Process-wide; call once, before threads start. */
void log_setup(enum log_level level, bool json);

bool log_enabled(enum log_level level);

/* By its name, "warn"; LOG_INFO when it is none. */
enum log_level log_level_of(const char *name);

/* A context that adds the same pairs to each of its lines. Embed it; zero is
 * a context without pairs. Values are borrowed. NULL in place of a context is fine. */
struct log {
    const char *pairs[8]; /* key, value, key, value, ... NULL where unused */
};

/* Pairs of strings, ended by NULL. A NULL value is printed as empty. */
void log_error(const struct log *log, const char *event, ...) __attribute__((sentinel));
void log_warn(const struct log *log, const char *event, ...) __attribute__((sentinel));
void log_info(const struct log *log, const char *event, ...) __attribute__((sentinel));
void log_debug(const struct log *log, const char *event, ...) __attribute__((sentinel));
