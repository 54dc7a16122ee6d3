/*
 * Log - one line per event on standard error.
 */

#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

static enum log_level threshold = LOG_INFO;
static bool as_json;

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static void write_event(const struct log *log, enum log_level level, const char *event,
                        va_list args);
static void add_pair(struct buf *line, const char *key, const char *value);
static void add_json(struct buf *line, const char *value);
static void add_logfmt(struct buf *line, const char *value);
static void add_escaped(struct buf *line, const char *value);
static void write_line(const struct buf *line);

void log_setup(enum log_level level, bool json)
{
    threshold = level;
    as_json = json;
}

enum log_level log_level_of(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    for (unsigned i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

#define WRITE_EVENT(level)                                                                         \
    do {                                                                                           \
        va_list args;                                                                              \
        if (!log_enabled(level))                                                                   \
            return;                                                                                \
        va_start(args, event);                                                                     \
        write_event(log, level, event, args);                                                      \
        va_end(args);                                                                              \
    } while (0)

void log_error(const struct log *log, const char *event, ...)
{
    WRITE_EVENT(LOG_ERROR);
}

void log_warn(const struct log *log, const char *event, ...)
{
    WRITE_EVENT(LOG_WARN);
}

void log_info(const struct log *log, const char *event, ...)
{
    WRITE_EVENT(LOG_INFO);
}

void log_debug(const struct log *log, const char *event, ...)
{
    WRITE_EVENT(LOG_DEBUG);
}

static void write_event(const struct log *log, enum log_level level, const char *event,
                        va_list args)
{
    char now[CLOCK_INSTANT_SIZE];
    struct buf line = {0};
    const char *key;

    clock_format_instant(clock_now(), now);
    if (as_json)
        buf_add_char(&line, '{');
    add_pair(&line, "time", now);
    add_pair(&line, "level", level_names[level]);
    add_pair(&line, "event", event);
    for (size_t i = 0; log && i + 1 < COUNT(log->pairs); i += 2)
        if (log->pairs[i])
            add_pair(&line, log->pairs[i], log->pairs[i + 1]);
    while ((key = va_arg(args, const char *)))
        add_pair(&line, key, va_arg(args, const char *));
    buf_add_text(&line, as_json ? "}\n" : "\n");
    write_line(&line);
    buf_release(&line);
}

/* A key is ours, and needs no escapes. */
static void add_pair(struct buf *line, const char *key, const char *value)
{
    bool first = line->size <= (as_json ? 1 : 0);

    if (!value)
        value = "";
    if (as_json) {
        buf_printf(line, "%s\"%s\":", first ? "" : ",", key);
        add_json(line, value);
    } else {
        buf_printf(line, "%s%s=", first ? "" : " ", key);
        add_logfmt(line, value);
    }
}

static void add_json(struct buf *line, const char *value)
{
    buf_add_char(line, '"');
    add_escaped(line, value);
    buf_add_char(line, '"');
}

static void add_logfmt(struct buf *line, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.:/+*@#%?&,;()[]<>!$~^|";

    if (*value && value[strspn(value, plain)] == '\0')
        buf_add_text(line, value);
    else
        add_json(line, value);
}

/* JSON's escapes, which logfmt readers know as well. Bytes that are not UTF-8
 * are shown as U+FFFD, because a line of JSON has to stay one. */
static void add_escaped(struct buf *line, const char *value)
{
    struct text rest = text_of(value);

    while (rest.size > 0) {
        unsigned char c = (unsigned char)*rest.data;
        size_t size = 1;
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_add_text(line, "\\n");
        else if (c < ' ' || c == 0x7F)
            buf_printf(line, "\\u%04x", c);
        else if (c < 0x80)
            buf_add_char(line, (char)c);
        else if ((size = text_character(rest)) > 0)
            buf_add(line, rest.data, size);
        else {
            buf_add_text(line, "\xEF\xBF\xBD");
            size = 1;
        }
        rest = (struct text){rest.data + size, rest.size - size};
    }
}

/* One write a line, so that the lines of several threads do not mix. A log
 * that cannot be written must not stop the server. */
static void write_line(const struct buf *line)
{
    const char *at = line->data;
    size_t left = line->size;

    while (left > 0) {
        ssize_t written = write(STDERR_FILENO, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        at += written;
        left -= (size_t)written;
    }
}
