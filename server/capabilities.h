#pragma once

/*
 * Capabilities - the CapabilityStatement, made from the route table and the search
 * parameters once at start (R4 capabilitystatement.html).
 */

#include "base/text.h"

struct arena;
struct config;

/* The statement as compact JSON, in the arena. */
struct text capabilities_make(struct arena *arena, const struct config *config, const char *base);
