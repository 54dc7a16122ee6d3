#pragma once

/*
 * Options - what can be configured, as data: one row per option, so that it exists everywhere or
 * nowhere. config.c reads their values, config_print.c shows them.
 */

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_SIZE,     /* bytes; k, M and G multiply by 1,024 */
    OPTION_DURATION, /* kept in milliseconds; ms, s, min, h */
    OPTION_FLAG,     /* true or false; on the command line the bare name is true */
    OPTION_SECRET,   /* text that is never printed */
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset; /* in struct config: const char * of texts, bool of flags, int64_t of the rest */
    int64_t min, max;
    const char *fallback;
    const char *help;
};

extern const struct option options[];
extern const size_t option_count;

/* NULL when there is no such option. */
const struct option *option_find(struct text name);
