#pragma once

/*
 * Knowledge - what a server knows beyond R4 itself: the definitions of the
 * installed packages, and the CapabilityStatement that follows from them.
 * Immutable; held by counting, from any thread.
 */

#include "base/err.h"
#include "base/text.h"
#include "storage/packages.h"

#include <stdint.h>

struct config;
struct definitions;
struct issues;
struct package_source;
struct search_extender;

struct knowledge {
    const struct definitions *definitions;
    struct text capabilities; /* the CapabilityStatement, ready to send */
    int64_t epoch;            /* of what was installed when it was made */
};

/* Waits. From what is installed; held once. */
const struct knowledge *knowledge_read(struct packages *packages, const struct config *config,
                                       const char *base, struct err *err);

const struct knowledge *knowledge_hold(const struct knowledge *knowledge);
void knowledge_release(const struct knowledge *knowledge); /* NULL is a no-op */

/*
 * Definitions being gathered, from the database and from package files: also
 * for commands, which need no CapabilityStatement.
 *
 *     knowledge_gather(&gathering);
 *     knowledge_add_installed(...), knowledge_add_source(...), in any number
 *     definitions = definitions_finish(gathering.definitions, &issues);
 *     knowledge_forget(&gathering);
 */
struct knowledge_gathering {
    struct arena *arena; /* of documents and trees, which take far more than what is kept of them */
    struct search_extender *parameters; /* NULL: nobody asks for SearchParameters */
    struct definitions *definitions;
    const char *skipped; /* "name#version" that is not wanted although it is installed; or NULL */
    struct supported_profile *profiles; /* of resource types */
    int64_t epoch;                      /* of what is installed */
};

void knowledge_gather(struct knowledge_gathering *gathering);

/* Waits. */
bool knowledge_add_installed(struct knowledge_gathering *gathering, struct packages *packages,
                             struct err *err);

/* The source must live until all is finished. */
void knowledge_add_source(struct knowledge_gathering *gathering,
                          const struct package_source *source);

/* Frees what was gathered, but not the finished definitions. */
void knowledge_forget(struct knowledge_gathering *gathering);
