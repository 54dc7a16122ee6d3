#pragma once

/*
 * Arguments - the options that are a command's own. They are taken out of the
 * command line; what is left is for config_load().
 */

#include "base/err.h"

struct arena;

struct argument {
    const char *name;    /* without the dashes */
    bool takes_value;    /* "--name VALUE" or "--name=VALUE" */
    unsigned count;      /* how often it was there */
    const char **values; /* NULL-ended; never NULL after arguments_take() */
};

/* `arguments` ends with a row without a name. Shortens argv. ERR_INVALID when a value is missing.
 */
bool arguments_take(struct argument *arguments, int *argc, char **argv, struct arena *arena,
                    struct err *err);
