#pragma once

/*
 * Definitions - everything validation knows beyond the tables of R4: profiles
 * and extensions (fhir/profile.h), value sets and code systems
 * (fhir/terminology.h). The ones R4 publishes are built in; packages add more.
 *
 * Built once, then immutable and shared by all threads; held by counting. A
 * change makes a new one, and whoever holds the old one goes on with it to
 * the end of his work.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct definitions;
struct issues;
struct node;
struct profile;
struct type;

/* What R4 itself publishes, and nothing else. Built at the first call (any
 * thread), kept for the life of the process. Not to be released. */
const struct definitions *definitions_base(void);

/* Starts a set that has everything of definitions_base(), by reference. */
struct definitions *definitions_new(void);

/*
 * Adds a StructureDefinition, ValueSet or CodeSystem; resources of other types
 * are ignored. The tree and its texts must live until definitions_finish(), which copies what
 * it keeps. A later one with the same url and version replaces the earlier;
 * one with another version stands beside it, and the highest version answers
 * to the bare url. `package` ("hl7.fhir.us.core#6.1.0") is for messages; copied.
 */
void definitions_add(struct definitions *definitions, const struct node *resource,
                     const char *package);

/* Generates snapshots, compiles invariants, resolves what profiles say of each
 * other. What cannot be used is reported in `issues` (which url, why) and
 * left out; asking for it later gives "unknown". Returns the finished set,
 * held once. */
const struct definitions *definitions_finish(struct definitions *definitions,
                                             struct issues *issues);

/* One more holder; one holder less, the last frees. Any thread. The base set ignores both. */
const struct definitions *definitions_hold(const struct definitions *definitions);
void definitions_release(const struct definitions *definitions);

/* The profile or extension with this canonical ("url" or "url|version"), or
 * NULL. A resource or datatype of R4 itself ("http://hl7.org/fhir/StructureDefinition/Patient")
 * is found too: a profile that adds no rules. */
const struct profile *definitions_profile(const struct definitions *definitions,
                                          struct text canonical);

/* Bytes this set takes, without the built-in one. */
size_t definitions_memory(const struct definitions *definitions);
