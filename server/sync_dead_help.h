#pragma once

/* What the classes of dead letters mean to whoever is called at night. */

struct dead_help {
    const char *class;
    const char *what;
    const char *matters; /* clinically */
    const char *remedy;
};

/* Never NULL: what is not known is said to be so. */
const struct dead_help *dead_help(const char *class);
