#pragma once

/*
 * Capabilities - the CapabilityStatement, made from the route table, the search
 * parameters and the installed profiles (R4 capabilitystatement.html).
 */

#include "base/text.h"

struct arena;
struct config;

/* A profile that instances of the type can claim. */
struct supported_profile {
    const char *type;
    const char *url;
    struct supported_profile *next;
};

/* The statement as compact JSON, in the arena. */
struct text capabilities_make(struct arena *arena, const struct config *config, const char *base,
                              const struct supported_profile *profiles);
