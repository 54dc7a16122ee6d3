#pragma once

/*
 * Packages - definitions that were installed, in the database: profiles, value
 * sets, code systems, search parameters. They belong to the server as a
 * whole, whatever the tenant.
 *
 * Each change of what is installed raises an epoch and tells every process
 * that listens, so all servers on one database know the same. One connection,
 * for one fiber at a time; on failure a function returns false with `err` set.
 */

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct loop;
struct packages;

enum package_kind {
    PACKAGE_PROFILE,
    PACKAGE_EXTENSION,
    PACKAGE_VALUE_SET,
    PACKAGE_CODE_SYSTEM,
    PACKAGE_SEARCH_PARAMETER,
    PACKAGE_KINDS,
};

struct package {
    const char *name;
    const char *version;
    const char *canonical;           /* or NULL */
    const char *title;               /* or NULL */
    const char *const *dependencies; /* "name#version", NULL-ended */
    int32_t counts[PACKAGE_KINDS];
    /* The following are the database's: */
    int64_t installed;  /* microseconds since 1970 */
    const char *digest; /* sha256 of its definitions, hexadecimal */
};

struct package_definition {
    const char *type;    /* of the resource */
    const char *url;     /* this and the following: or NULL */
    const char *version; /* of the definition */
    const char *id;
    struct text json;
};

/* Waits. Connects, and applies missing migrations as store_open() does. */
struct packages *packages_open(struct loop *loop, const char *database, bool unsafe_durability,
                               struct err *err);

/* Nobody may wait. NULL is a no-op. */
void packages_close(struct packages *packages);

/* Waits. In one transaction: takes the place of the same name and version, if
 * that is installed, and tells the listeners. */
bool packages_install(struct packages *packages, const struct package *package,
                      const struct package_definition *definitions, size_t count, struct err *err);

/* Waits. `version` NULL: all of that name. */
bool packages_remove(struct packages *packages, const char *name, const char *version,
                     unsigned *removed, struct err *err);

/* Waits. In the order in which they were installed. */
bool packages_list(struct packages *packages, struct arena *arena, struct package **list,
                   size_t *count, struct err *err);

typedef void package_definition_fn(const struct package_definition *definition, const char *package,
                                   void *context);

/*
 * Waits. Everything that is installed, as of one moment, in the order in which
 * it was; `*epoch` is that moment's. `take` gets `package` as "name#version"; all
 * it gets lives in `arena`.
 */
bool packages_read(struct packages *packages, struct arena *arena, package_definition_fn *take,
                   void *context, int64_t *epoch, struct err *err);

/* A search parameter beyond R4's, as the database has it. */
struct package_parameter {
    const char *type, *code;
    char state;          /* of storage/parameters.h: B, R, G, D */
    int64_t done, total; /* resources, while it is being indexed; 0: nobody has begun */
};

/* Waits. Sorted by type and code; those of which nothing is left are not among them. */
bool packages_parameters(struct packages *packages, struct arena *arena,
                         struct package_parameter **list, size_t *count, struct err *err);

/* What an earlier version stored and has to be indexed anew. */
struct package_behind {
    unsigned types;      /* 0: nothing */
    const char *type;    /* being indexed now, or when it was stopped; NULL: none yet */
    int64_t done, total; /* resources of it */
};

/* Waits. */
bool packages_behind(struct packages *packages, struct arena *arena, struct package_behind *behind,
                     struct err *err);

/* Waits. What an operator chose under a name; absent: nothing. */
bool packages_choice(struct packages *packages, const char *name, struct arena *arena,
                     struct text *value, struct err *err);

/* Waits. Chooses, and tells the listeners. */
bool packages_choose(struct packages *packages, const char *name, struct text value,
                     struct err *err);

/* Waits. Refuses what is no text search configuration of the database, and says which there are. */
bool packages_know_language(struct packages *packages, struct text value, struct err *err);

/* Waits, as long as it takes. Makes the index by which parts of strings are found, beside servers
 * that run, or drops it. */
bool packages_keep_trigrams(struct packages *packages, bool wanted, struct err *err);

/* The same of the indexes by which resources of these types are sorted by their ids: names of types
 * with commas, all, or none. */
bool packages_keep_ids(struct packages *packages, struct text types, struct err *err);

/* Whether SearchParameter resources that are stored are search parameters of this server (isthmus
 * index parameters=stored), as this process knows. */
bool packages_take_resources(void);

/* Waits until something else is installed than at `epoch`; false after
 * packages_stop_watching(). Lost connections and failures are borne: it asks
 * again when the connection is back, and every half minute anyway. */
bool packages_watch(struct packages *packages, int64_t epoch);

/* Waits. The search parameters of the process as they are now; `*epoch` is that moment's. For those
 * who watch and need nothing else of what is installed. */
bool packages_follow(struct packages *packages, int64_t *epoch, struct err *err);

/* Waits. One step in removing what is stored by search parameters that are gone; who watches does
 * so besides. `*more` when some is left, which may have to wait for servers to follow. */
bool packages_sweep(struct packages *packages, bool *more, struct err *err);

/* From the loop's thread: ends the watching, now and for good. */
void packages_stop_watching(struct packages *packages);
